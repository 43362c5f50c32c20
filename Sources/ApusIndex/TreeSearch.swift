// Many keys sought in a tree at once, in lockstep: level by level through the branches, and on the leaves probe by probe. Each step of a search asks memory
// for what its next step looks at, and before that step all other searches make theirs: so they wait for memory together, and not one after
// another. A search alone makes the same steps.
//
// Branches are few, and mostly in the cache; a leaf mostly is not, and nor is the way that the processor finds where its page lies.
//
// The tree is that of the caller's snapshot, whose pages nobody writes to. A page that is not what the tree says is damage.

import ApusBytes

/// How far the search for one key is.
struct TreeSearch {
  /// Where the key lies in `SoughtKeys`.
  let keyAt: Int
  /// The end of what the rows of the same entity's key begin with.
  let prefixEnd: Int
  let keyEnd: Int
  /// About how many rows from there on are still wanted.
  var rows: Int
  /// The page where the search is; at its end the leaf.
  var page = 0
  /// Nodes of the leaf; 0 until its head was read.
  var count = 0
  /// The first node of the leaf that is not before the key is one of `low...high`; at the end it is `low`, and may be behind the last one.
  var low = 0
  var high = 0
  var isDone = false
  /// Whether `low` has the key itself.
  var isFound = false

  init(keyAt: Int, prefixEnd: Int, keyEnd: Int, rows: Int) {
    self.keyAt = keyAt
    self.prefixEnd = prefixEnd
    self.keyEnd = keyEnd
    self.rows = rows
  }

  /// As before the first step, at the root.
  mutating func begin(_ root: Int) {
    (page, count, low, high) = (root, 0, 0, 0)
    (isDone, isFound) = (false, false)
  }
}

/// A branch on the way to a leaf, and the node that the way went.
struct TreeBranch {
  var page = 0
  var count = 0
  var index = 0
}

/// One tree, and how to go through it.
struct Tree: ~Escapable {
  let pages: TreePages
  let root: TreeRoot

  @_lifetime(copy pages)
  init(_ pages: TreePages, _ root: TreeRoot) {
    self.pages = pages
    self.root = root
  }

  /// Branches on every way to a leaf.
  var branchCount: Int { max(0, root.depth &- 1) }

  /// Seeks all keys.
  func seek(_ sought: inout SoughtKeys) throws(IndexError) {
    let count = sought.count
    guard let number = root.page else {
      for place in 0..<count { sought.searches[place].begin(0) }
      return
    }
    guard let first = pages.position(ofPage: number) else { throw .damaged(.page(number)) }
    while sought.branches.count < count * branchCount { sought.branches.append(TreeBranch()) }
    try sought.lend { (keys, searches, branches) throws(IndexError) in
      try Self.seek(self, first, &searches, &branches, keys)
    }
  }

  private static func seek(
    _ tree: Tree, _ first: Int, _ list: inout [TreeSearch], _ ways: inout [TreeBranch], _ keys: RawSpan
  ) throws(IndexError) {
    var searches = list.mutableSpan
    var branches = ways.mutableSpan
    for place in searches.indices { searches[place].begin(first) }
    for level in 0..<tree.branchCount {
      for place in searches.indices {
        let key = keys.extracting(searches[place].keyAt..<searches[place].keyEnd)
        let branch = try tree.branch(searches[place].page, key)
        branches[place &* tree.branchCount &+ level] = branch
        let page = try tree.child(of: branch)
        tree.pages.askHead(ofPageAt: page)
        searches[place].page = page
      }
    }
    for place in searches.indices { try tree.arrive(&searches[place]) }
    var left = searches.count
    while left > 0 {
      for place in searches.indices where !searches[place].isDone {
        let key = keys.extracting(searches[place].keyAt..<searches[place].keyEnd)
        if try tree.probe(&searches[place], key) { continue }
        left &-= 1
        let search = searches[place]
        if tree.branchCount > 0, search.rows > search.count &- search.low {
          tree.askLeaf(behind: branches[place &* tree.branchCount &+ tree.branchCount &- 1])
        }
      }
    }
  }

  /// The way through a branch: its last node that is not behind the key. The first has no key, and leads to what is before all others.
  @inline(__always)
  private func branch(_ page: Int, _ key: RawSpan) throws(IndexError) -> TreeBranch {
    guard let count = pages.nodeCount(ofPageAt: page, isLeaf: false), count > 0 else { throw damage(page) }
    var low = 1
    var high = count
    while low < high {
      let middle = (low &+ high) &>> 1
      let order = try compare(middle, page, key)
      low = order <= 0 ? middle &+ 1 : low
      high = order <= 0 ? high : middle
    }
    return TreeBranch(page: page, count: count, index: low &- 1)
  }

  /// Reads the head of a search's leaf.
  @inline(__always)
  private func arrive(_ search: inout TreeSearch) throws(IndexError) {
    guard let count = pages.nodeCount(ofPageAt: search.page, isLeaf: true) else { throw damage(search.page) }
    search.count = count
    search.high = count
    if count > 0 { pages.askNode(count &>> 1, ofPageAt: search.page) }
  }

  /// Looks at one node of a search's leaf; false when the search has ended.
  @inline(__always)
  private func probe(_ search: inout TreeSearch, _ key: RawSpan) throws(IndexError) -> Bool {
    if search.low < search.high {
      let middle = (search.low &+ search.high) &>> 1
      let order = try compare(middle, search.page, key)
      if order == 0 {
        search.isFound = true
        search.low = middle
        search.high = middle
      } else {
        search.low = order < 0 ? middle &+ 1 : search.low
        search.high = order < 0 ? search.high : middle
      }
      if search.low < search.high {
        pages.askNode((search.low &+ search.high) &>> 1, ofPageAt: search.page)
        return true
      }
    }
    search.isDone = true
    if search.low < search.count {
      pages.askNodes(search.low..<min(search.count, search.low &+ search.rows), ofPageAt: search.page)
    }
    return false
  }

  /// Below, at or above zero: a node's key before, at or behind the key.
  @inline(__always)
  private func compare(_ index: Int, _ page: Int, _ key: RawSpan) throws(IndexError) -> Int {
    guard let node = pages.node(index, ofPageAt: page), let found = pages.key(ofNodeAt: node, pageAt: page)
    else { throw damage(page) }
    return found.order(against: key)
  }

  /// Where the page begins that a branch's node leads to.
  @inline(__always)
  private func child(of branch: TreeBranch) throws(IndexError) -> Int {
    guard pages.holds(pageAt: branch.page), let node = pages.node(branch.index, ofPageAt: branch.page),
      let child = pages.position(ofPage: pages.child(ofNodeAt: node))
    else { throw damage(branch.page) }
    return child
  }

  /// Asks for the head of the leaf behind the one that a branch led to, if it is under the same branch.
  private func askLeaf(behind branch: TreeBranch) {
    guard branch.index &+ 1 < branch.count,
      let next = try? child(of: TreeBranch(page: branch.page, count: branch.count, index: branch.index &+ 1))
    else { return }
    pages.askHead(ofPageAt: next)
  }

  private func damage(_ page: Int) -> IndexError { .damaged(.page(pages.number(ofPageAt: page))) }
}

// From node to node, behind a search.
extension Tree {
  /// The node where a search is, if there is one: at the end of a leaf the first of the next.
  @inline(__always) @_lifetime(copy self)
  func node(_ place: Int, _ sought: inout SoughtKeys) throws(IndexError) -> TreeNode? {
    if sought.searches[place].low >= sought.searches[place].count {
      guard try nextLeaf(place, &sought) else { return nil }
    }
    let (page, index) = (sought.searches[place].page, sought.searches[place].low)
    guard pages.holds(pageAt: page), let node = pages.node(index, ofPageAt: page),
      let key = pages.key(ofNodeAt: node, pageAt: page)
    else { throw damage(page) }
    guard let value = pages.value(ofNodeAt: node, key: key, pageAt: page) else {
      throw .damaged(.value(key: key.copied(), .place))
    }
    return TreeNode(key: key, value: unsafe pages.file.extracting(unchecked: value))
  }

  /// Goes to the first node of the leaf behind the one where a search is; false when that was the last.
  @inline(never)
  private func nextLeaf(_ place: Int, _ sought: inout SoughtKeys) throws(IndexError) -> Bool {
    guard root.page != nil else { return false }
    let way = place * branchCount
    var level = branchCount
    repeat {
      if level == 0 { return false }
      level -= 1
      sought.branches[way + level].index += 1
    } while sought.branches[way + level].index >= sought.branches[way + level].count
    var page = try child(of: sought.branches[way + level])
    while level + 1 < branchCount {
      level += 1
      guard let count = pages.nodeCount(ofPageAt: page, isLeaf: false), count > 0 else { throw damage(page) }
      sought.branches[way + level] = TreeBranch(page: page, count: count, index: 0)
      page = try child(of: sought.branches[way + level])
    }
    guard let count = pages.nodeCount(ofPageAt: page, isLeaf: true), count > 0 else { throw damage(page) }
    sought.searches[place].page = page
    sought.searches[place].count = count
    sought.searches[place].low = 0
    let rows = min(count, sought.searches[place].rows)
    if rows > 1 { pages.askNodes(0..<rows, ofPageAt: page) }
    return true
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

extension RawSpan {
  /// As `compare`, for keys of one entity: mostly of more than eight bytes, and equal up to the last ones.
  @inline(__always)
  fileprivate func order(against other: RawSpan) -> Int {
    let shared = Swift.min(byteCount, other.byteCount)
    guard shared >= 8 else { return compare(to: other) }
    var at = 0
    // No load passes `shared`, which both have. The last eight bytes may overlap those that were found equal.
    while true {
      let a = UInt64(bigEndian: unsafe unsafeLoadUnaligned(fromUncheckedByteOffset: at, as: UInt64.self))
      let b = UInt64(
        bigEndian: unsafe other.unsafeLoadUnaligned(fromUncheckedByteOffset: at, as: UInt64.self))
      if a != b { return a < b ? -1 : 1 }
      if at &+ 8 >= shared { break }
      at = Swift.min(at &+ 8, shared &- 8)
    }
    return (byteCount > other.byteCount ? 1 : 0) - (byteCount < other.byteCount ? 1 : 0)
  }
}
