// From row to row on the leaves, from where a search ended. Rows of one entity's key lie side by side, in the order of view versions.

import ApusBytes

extension Tree {
  /// Goes to the first row, from where the search or its walk is, of a view version that is not before `wanted`; when there is none of the same
  /// entity's key, the walk is over. `prefix` is what keys of that begin with.
  @inline(__always)
  func walk(_ search: inout TreeSearch, to wanted: UInt32, prefix: RawSpan) throws(IndexError) {
    if search.walk == .unbegun { try look(&search, prefix: prefix) }
    while search.walk == .atRow, search.view < wanted {
      let last = search.view
      search.low &+= 1
      search.rows &-= 1
      try look(&search, prefix: prefix)
      // Views ascend, whatever pages say: so a walk ends.
      if search.walk == .atRow, search.view <= last { throw damage(search.page) }
    }
  }

  /// Looks at the row where a search is, or at the first on the next leaf when it is at the end of one.
  @inline(__always)
  private func look(_ search: inout TreeSearch, prefix: RawSpan) throws(IndexError) {
    search.walk = .over
    if search.low >= search.count {
      guard try nextLeaf(&search) else { return }
    }
    let page = search.page
    guard pages.holds(pageAt: page), let node = pages.node(search.low, ofPageAt: page),
      let key = pages.key(ofNodeAt: node, pageAt: page)
    else { throw damage(page) }
    guard key.begins(with: prefix) else { return }
    guard key.byteCount == prefix.byteCount &+ IndexFormat.viewByteCount, let view = key.viewOfKey
    else { throw .damaged(.key(key.copied())) }
    search.node = node
    search.view = view
    search.walk = .atRow
  }

  /// The row at `node` of a search.
  @inline(__always) @_lifetime(copy self)
  func row(_ search: TreeSearch) throws(IndexError) -> TreeNode {
    let page = search.page
    guard pages.holds(node: search.node, onPageAt: page),
      let key = pages.key(ofNodeAt: search.node, pageAt: page)
    else { throw damage(page) }
    guard let value = pages.value(ofNodeAt: search.node, key: key, pageAt: page) else {
      throw .damaged(.value(key: key.copied(), .place))
    }
    return TreeNode(key: key, value: unsafe pages.file.extracting(unchecked: value))
  }

  /// Goes to the first node of the leaf behind the one where a search is; false when that was the last.
  @inline(never)
  private func nextLeaf(_ search: inout TreeSearch) throws(IndexError) -> Bool {
    guard root.page != nil, branchCount > 0 else { return false }
    var branch = search.branch
    branch.index &+= 1
    if branch.index >= branch.count {
      guard let found = try self.branch(behind: search) else { return false }
      branch = found
    }
    let page = try child(of: branch)
    guard let count = pages.nodeCount(ofPageAt: page, isLeaf: true), count > 0 else { throw damage(page) }
    (search.branch, search.page, search.count, search.low) = (branch, page, count, 0)
    let rows = min(count, search.rows)
    if rows > 1 { pages.askNodes(0..<rows, ofPageAt: page) }
    return true
  }

  /// What leads to the leaf behind the one where a search is; nil when there is none.
  private func branch(behind search: TreeSearch) throws(IndexError) -> TreeBranch? {
    guard let number = root.page, let top = pages.position(ofPage: number), pages.holds(pageAt: search.page),
      search.count > 0, let last = pages.node(search.count &- 1, ofPageAt: search.page),
      let key = pages.key(ofNodeAt: last, pageAt: search.page)
    else { throw damage(search.page) }
    var page = top
    var fork: (branch: TreeBranch, level: Int)?
    for level in 0..<branchCount {
      let branch = try branch(page, key)
      if branch.index &+ 1 < branch.count { fork = (branch, level) }
      page = try child(of: branch)
    }
    guard page == search.page else { throw damage(search.page) }
    guard var (branch, level) = fork else { return nil }
    branch.index &+= 1
    while level &+ 1 < branchCount {
      level &+= 1
      let page = try child(of: branch)
      guard let count = pages.nodeCount(ofPageAt: page, isLeaf: false), count > 0 else { throw damage(page) }
      branch = TreeBranch(page: page, count: count, index: 0)
    }
    return branch
  }
}

/// A leaf's node, whose value is not checked yet.
struct TreeNode: ~Escapable {
  let key: RawSpan
  let value: RawSpan

  @_lifetime(copy key, copy value)
  init(key: RawSpan, value: RawSpan) {
    self.key = key
    self.value = value
  }
}
