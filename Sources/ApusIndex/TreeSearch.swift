// Many keys sought in a tree at once, in lockstep: first where their bookmarks say, then level by level through the branches, and on the leaves probe by probe. Each step of a
// search asks memory for what its next step looks at, and before that step all other searches make theirs: so they wait for memory together, and not
// one after another. A search alone makes the same steps.
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
  /// Of the key, as bookmarks have it.
  var hash: UInt64 = 0
  /// The page where the search is; at its end the leaf.
  var page = 0
  /// Nodes of the leaf; 0 until its head was read.
  var count = 0
  /// The first node of the leaf that is not before the key is one of `low...high`; at the end it is `low`, and may be behind the last one.
  var low = 0
  var high = 0
  /// Where the node begins that was looked at last.
  var node = 0
  /// What led to the leaf, when that is known.
  var branch = TreeBranch()
  var isDone = false
  /// Whether `low` has the key itself, at `node`.
  var isFound = false
  /// How far the walk is that goes on from `low`; when it is at a row, that is at `node`, and `view` is its view version.
  var walk = TreeWalk.unbegun
  var view: UInt32 = 0

  init(keyAt: Int, prefixEnd: Int, keyEnd: Int, rows: Int) {
    self.keyAt = keyAt
    self.prefixEnd = prefixEnd
    self.keyEnd = keyEnd
    self.rows = rows
  }

  /// As before the first step, at the root.
  @inline(__always)
  mutating func begin(_ root: Int) {
    (page, count, low, high) = (root, 0, 0, 0)
    branch = TreeBranch()
    (isDone, isFound) = (false, false)
    walk = .unbegun
  }

  /// Whether more rows are wanted than the leaf has from there on.
  var isBeyondLeaf: Bool { rows > count &- low }
}

/// A walk over the rows of one entity's key.
enum TreeWalk {
  /// Nobody looked at a row yet.
  case unbegun
  case atRow
  /// Behind the last of the rows.
  case over
}

/// A branch on the way to a leaf, and the node that the way went. Without nodes, it is none.
struct TreeBranch {
  var page = 0
  var count = 0
  var index = 0
}

/// One tree, and how to go through it.
struct Tree: ~Escapable {
  let pages: TreePages
  let root: TreeRoot
  /// Whose tree it is.
  let transaction: UInt64

  @_lifetime(copy pages)
  init(_ pages: TreePages, _ root: TreeRoot, _ transaction: UInt64) {
    self.pages = pages
    self.root = root
    self.transaction = transaction
  }

  /// Branches on every way to a leaf.
  var branchCount: Int { max(0, root.depth &- 1) }

  /// Seeks all keys, and says how many were where their bookmarks said.
  func seek(_ sought: inout SoughtKeys, _ bookmarks: inout Bookmarks) throws(IndexError) -> Int {
    guard let number = root.page else {
      for place in 0..<sought.count { sought.searches[place].begin(0) }
      return 0
    }
    guard let first = pages.position(ofPage: number) else { throw .damaged(.page(number)) }
    return try sought.lend { (keys, searches) throws(IndexError) in
      try Self.seek(self, first, &searches, keys, &bookmarks)
    }
  }

  private static func seek(
    _ tree: Tree, _ first: Int, _ list: inout [TreeSearch], _ keys: RawSpan, _ bookmarks: inout Bookmarks
  ) throws(IndexError) -> Int {
    var searches = list.mutableSpan
    for place in searches.indices {
      let hash = Bookmarks.hash(keys.extracting(searches[place].keyAt..<searches[place].keyEnd))
      bookmarks.ask(hash)
      searches[place].hash = hash
    }
    for place in searches.indices {
      searches[place].begin(first)
      tree.follow(bookmarks.find(searches[place].hash, in: tree.transaction), &searches[place])
    }
    var left = 0
    for place in searches.indices {
      let key = keys.extracting(searches[place].keyAt..<searches[place].keyEnd)
      if searches[place].isFound, tree.arrive(at: key, &searches[place], bookmarks) { continue }
      searches[place].begin(first)
      left &+= 1
    }
    if left > 0 { try seekAnew(tree, left, &searches, keys, &bookmarks) }
    return searches.count &- left
  }

  /// Seeks those from the root whose bookmarks said nothing.
  private static func seekAnew(
    _ tree: Tree, _ count: Int, _ searches: inout MutableSpan<TreeSearch>, _ keys: RawSpan,
    _ bookmarks: inout Bookmarks
  ) throws(IndexError) {
    for _ in 0..<tree.branchCount {
      for place in searches.indices where !searches[place].isDone {
        let key = keys.extracting(searches[place].keyAt..<searches[place].keyEnd)
        let branch = try tree.branch(searches[place].page, key)
        let page = try tree.child(of: branch)
        tree.pages.askHead(ofPageAt: page)
        searches[place].branch = branch
        searches[place].page = page
      }
    }
    for place in searches.indices where !searches[place].isDone { try tree.arrive(&searches[place]) }
    var left = count
    while left > 0 {
      for place in searches.indices where !searches[place].isDone {
        let key = keys.extracting(searches[place].keyAt..<searches[place].keyEnd)
        if try tree.probe(&searches[place], key) { continue }
        left &-= 1
        tree.note(searches[place], &bookmarks)
        if searches[place].isBeyondLeaf { tree.askLeaf(behind: searches[place].branch) }
      }
    }
  }

  /// The way through a branch: its last node that is not behind the key. The first has no key, and leads to what is before all others.
  @inline(__always)
  func branch(_ page: Int, _ key: RawSpan) throws(IndexError) -> TreeBranch {
    guard let count = pages.nodeCount(ofPageAt: page, isLeaf: false), count > 0 else { throw damage(page) }
    var low = 1
    var high = count
    while low < high {
      let middle = (low &+ high) &>> 1
      guard let node = pages.node(middle, ofPageAt: page), let found = pages.key(ofNodeAt: node, pageAt: page)
      else { throw damage(page) }
      let order = found.order(against: key)
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
      guard let node = pages.node(middle, ofPageAt: search.page),
        let found = pages.key(ofNodeAt: node, pageAt: search.page)
      else { throw damage(search.page) }
      let order = found.order(against: key)
      if order == 0 {
        search.isFound = true
        search.node = node
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

  /// Where the page begins that a branch's node leads to.
  @inline(__always)
  func child(of branch: TreeBranch) throws(IndexError) -> Int {
    guard pages.holds(pageAt: branch.page), let node = pages.node(branch.index, ofPageAt: branch.page),
      let child = pages.position(ofPage: pages.child(ofNodeAt: node))
    else { throw damage(branch.page) }
    return child
  }

  // MARK: Bookmarks

  /// Goes where a bookmark says, and does not believe it yet.
  @inline(__always)
  private func follow(_ mark: Bookmark?, _ search: inout TreeSearch) {
    guard let mark, let page = pages.position(ofPage: mark.page),
      pages.holds(node: page &+ mark.offset, onPageAt: page)
    else { return }
    (search.page, search.node) = (page, page &+ mark.offset)
    (search.low, search.high) = (mark.index, mark.index)
    search.isFound = true
    pages.askRow(ofNodeAt: search.node)
    if search.rows > 1 { pages.askHead(ofPageAt: page) }
  }

  /// Whether the key is where its bookmark says, with all that is wanted from there on.
  @inline(__always)
  private func arrive(at key: RawSpan, _ search: inout TreeSearch, _ bookmarks: borrowing Bookmarks) -> Bool {
    guard let found = pages.key(ofNodeAt: search.node, pageAt: search.page),
      found.byteCount == key.byteCount, found.begins(with: key)
    else { return false }
    search.isDone = true
    return search.rows == 1 || isReady(&search, bookmarks)
  }

  /// Whether a walk can begin where a bookmark led.
  @inline(never)
  private func isReady(_ search: inout TreeSearch, _ bookmarks: borrowing Bookmarks) -> Bool {
    guard let count = pages.nodeCount(ofPageAt: search.page, isLeaf: true), search.low < count else {
      return false
    }
    search.count = count
    if search.isBeyondLeaf, branchCount > 0 {
      let hash = Bookmarks.hash(ofLeaf: pages.number(ofPageAt: search.page))
      guard let mark = bookmarks.find(hash, in: transaction), let page = pages.position(ofPage: mark.page),
        let count = pages.nodeCount(ofPageAt: page, isLeaf: false), mark.index < count
      else { return false }
      let branch = TreeBranch(page: page, count: count, index: mark.index)
      // A page has one branch that leads to it: this is the one.
      guard let child = try? child(of: branch), child == search.page else { return false }
      search.branch = branch
      askLeaf(behind: branch)
    }
    pages.askNodes(search.low..<min(count, search.low &+ search.rows), ofPageAt: search.page)
    return true
  }

  /// Notes where a search has ended.
  @inline(never)
  private func note(_ search: TreeSearch, _ bookmarks: inout Bookmarks) {
    guard search.isFound else { return }
    let page = pages.number(ofPageAt: search.page)
    let row = Bookmark(page: page, index: search.low, offset: search.node &- search.page)
    bookmarks.note(row, search.hash, in: transaction)
    guard search.isBeyondLeaf, search.branch.count > 0 else { return }
    let branch = Bookmark(
      page: pages.number(ofPageAt: search.branch.page), index: search.branch.index, offset: 0)
    bookmarks.note(branch, Bookmarks.hash(ofLeaf: page), in: transaction)
  }

  /// Asks for the head of the leaf behind the one that a branch led to, if it is under the same branch.
  private func askLeaf(behind branch: TreeBranch) {
    guard branch.index &+ 1 < branch.count,
      let next = try? child(of: TreeBranch(page: branch.page, count: branch.count, index: branch.index &+ 1))
    else { return }
    pages.askHead(ofPageAt: next)
  }

  func damage(_ page: Int) -> IndexError { .damaged(.page(pages.number(ofPageAt: page))) }
}

extension RawSpan {
  /// As `compare`, for keys of one entity: mostly of more than eight bytes, and equal up to the last ones.
  @inline(__always)
  func order(against other: RawSpan) -> Int {
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

  /// Whether these bytes begin with the other's.
  @inline(__always)
  func begins(with other: RawSpan) -> Bool {
    let count = other.byteCount
    guard byteCount >= count else { return false }
    guard count >= 8 else { return extracting(..<count).isEqual(to: other) }
    // No load passes `count`, which both have. The last eight bytes may overlap those that were found equal.
    var at = 0
    while at &+ 8 < count {
      if unsafe unsafeLoadUnaligned(fromUncheckedByteOffset: at, as: UInt64.self)
        != other.unsafeLoadUnaligned(fromUncheckedByteOffset: at, as: UInt64.self)
      {
        return false
      }
      at &+= 8
    }
    return unsafe unsafeLoadUnaligned(fromUncheckedByteOffset: count &- 8, as: UInt64.self)
      == other.unsafeLoadUnaligned(fromUncheckedByteOffset: count &- 8, as: UInt64.self)
  }
}
