package import ApusBytes
import ApusSystem

/// Reads rows from one snapshot at a time. Owned by one thread, which renews it, reads, and resets it before it waits for anything.
///
/// Every row is checked against its key before it is lent, and lent only until the snapshot is given back: the compiler refuses whatever
/// would outlive it. A read allocates nothing. An error means that the index is suspect, unless it says otherwise.
package struct IndexReader: ~Copyable {
  private let index: Index
  private let seal: ValueSeal
  let region: CrashRegion
  private(set) var transaction: ReadTransaction
  private var bounds: FileBounds
  /// The snapshot that `progress` and `bounds` are of: reading them once a commit is enough.
  private var seen: UInt64 = 0
  private var progress = IndexProgress()
  private var root = TreeRoot()
  private let pageByteCount: Int
  private var bookmarks: Bookmarks
  /// Of the keys that were sought, those that were found where a bookmark said.
  package private(set) var keysByBookmark: UInt64 = 0

  init(of index: Index) throws(IndexError) {
    self.index = index
    seal = index.seal
    region = index.environment.region
    pageByteCount = Int(truncatingIfNeeded: index.environment.pageByteCount)
    transaction = try ReadTransaction(index.environment)
    bounds = index.bounds
    bookmarks = Bookmarks(index.bookmarks)
  }

  /// Takes the newest snapshot.
  package mutating func renew() throws(IndexError) {
    while true {
      try transaction.renew()
      if transaction.id == seen { return }
      do throws(IndexError) { if try look() { return } } catch {
        transaction.reset()
        throw error
      }
      transaction.reset()
    }
  }

  /// Gives the snapshot back, so that its pages can be used again.
  package mutating func reset() {
    transaction.reset()
  }

  /// Nothing later than this LSN is in any row of the snapshot.
  package var touched: LSN { progress.touched }
  /// Everything up to this LSN is in the snapshot's rows.
  package var complete: LSN { progress.complete }

  /// False when the snapshot may have lost its meta page to a later one meanwhile.
  private mutating func look() throws(IndexError) -> Bool {
    bounds = index.bounds
    let root = index.environment.root(of: transaction, mapStart: index.mapStart)
    guard try transaction.isNewest() else { return false }
    guard let root else { throw .damaged(.page(transaction.id % 2)) }
    let key = RecordKey.progress
    guard let found = try record(unsafe key.span.bytes, { IndexProgress.decode($0) }) else {
      throw .damaged(.record(key: key))
    }
    try found.check(against: transaction)
    progress = found
    self.root = root
    seen = transaction.id
    return true
  }

  // Who is asked for every row mutates: a reader that is only borrowed is copied for the call, word by word.

  /// The row of a whole key, or nil when there is none.
  @_lifetime(&self)
  package mutating func get(_ key: RawSpan) throws(IndexError) -> IndexRow? { try find(key) }

  @inline(__always) @_lifetime(borrow self)
  private func find(_ key: RawSpan) throws(IndexError) -> IndexRow? {
    let before = region.enter()
    defer { region.leave(before) }
    let found = transaction.get(key)
    if found.code == LMDB.notFound { return nil }
    try LMDB.check("mdb_get", found.code)
    return try verified(found.value, of: key)
  }

  /// Lends the store's note, which the last complete checkpoint wrote.
  package func note<T>(_ body: (RawSpan) -> T) throws(IndexError) -> T? {
    let key = RecordKey.note
    return try record(unsafe key.span.bytes) { .some(body($0)) }
  }

  /// How many keys a view version has.
  package func tally(of view: UInt32) throws(IndexError) -> IndexTally {
    let key = RecordKey.tally(of: view)
    return try record(unsafe key.span.bytes, { IndexTally.decode($0) }) ?? IndexTally()
  }

  /// Every view version's tally, for the writer.
  mutating func allTallies() throws(IndexError) -> [UInt32: IndexTally] {
    var tallies: [UInt32: IndexTally] = [:]
    let prefix = RecordKey.tallies
    try renewCursor()
    var found = transaction.seek(atOrAfter: unsafe prefix.span.bytes)
    while found.code == LMDB.success {
      let key = try key(at: found)
      guard let view = RecordKey.view(ofTally: key) else { throw .damaged(.key(key.copied())) }
      guard let tally = IndexTally.decode(try row(at: found.value, of: key).bytes) else {
        throw .damaged(.record(key: key.copied()))
      }
      tallies[view] = tally
      found = transaction.next()
    }
    guard found.code == LMDB.notFound else { throw LMDB.error("mdb_cursor_get", found.code) }
    return tallies
  }

  /// The snapshot's own words on how far it is.
  var allProgress: IndexProgress { progress }

  /// What LMDB alone answers, unchecked: how many bytes the value of a key is said to have. Only to measure what the checks cost.
  package func uncheckedByteCount(of key: RawSpan) -> Int? {
    let found = transaction.get(key)
    return found.code == LMDB.success ? found.value.byteCount : nil
  }

  /// Lets the cursor begin in this snapshot.
  mutating func renewCursor() throws(IndexError) { try transaction.renewCursor() }

  /// The key where a cursor stands, which lies inside of the file.
  @inline(__always) @_lifetime(borrow self)
  func key(at found: Found) throws(IndexError) -> RawSpan {
    guard bounds.holds(found.key) else { throw .damaged(.key([])) }
    return found.key.span(in: self)
  }

  @_lifetime(borrow self)
  func row(at place: Place, of key: RawSpan) throws(IndexError) -> IndexRow {
    let before = region.enter()
    defer { region.leave(before) }
    return try verified(place, of: key)
  }

  /// The tree of the snapshot.
  var tree: Tree {
    @inline(__always) @_lifetime(borrow self) get {
      Self.tree(transaction, bounds, pageByteCount, root, seen)
    }
  }

  /// The caller is inside of the region.
  @inline(__always)
  mutating func seekInside(_ sought: inout SoughtKeys) throws(IndexError) {
    let count = try Self.seek(&sought, transaction, bounds, pageByteCount, root, seen, &bookmarks)
    keysByBookmark &+= UInt64(truncatingIfNeeded: count)
  }

  // The bookmarks change while the tree is borrowed.
  @inline(__always)
  private static func seek(
    _ sought: inout SoughtKeys, _ transaction: borrowing ReadTransaction, _ bounds: FileBounds,
    _ pageByteCount: Int, _ root: TreeRoot, _ number: UInt64, _ bookmarks: inout Bookmarks
  ) throws(IndexError) -> Int {
    try tree(transaction, bounds, pageByteCount, root, number).seek(&sought, &bookmarks)
  }

  @inline(__always) @_lifetime(borrow transaction)
  private static func tree(
    _ transaction: borrowing ReadTransaction, _ bounds: FileBounds, _ pageByteCount: Int, _ root: TreeRoot,
    _ number: UInt64
  ) -> Tree {
    let file = Place(start: bounds.start, byteCount: Int(bitPattern: bounds.byteCount))
    return Tree(TreePages(file.span(in: transaction), pageByteCount: pageByteCount), root, number)
  }

  /// The caller is inside of the region.
  @inline(__always) @_lifetime(borrow self)
  private func verified(_ place: Place, of key: RawSpan) throws(IndexError) -> IndexRow {
    guard bounds.holds(place) else { throw .damaged(.value(key: key.copied(), .place)) }
    return try verified(place.span(in: self), of: key)
  }

  /// The same of a value that lies in the snapshot's file.
  @inline(__always) @_lifetime(copy value)
  func verified(_ value: RawSpan, of key: RawSpan) throws(IndexError) -> IndexRow {
    do throws(ValueFault) {
      return try seal.open(value, of: key, touched: progress.touched)
    } catch {
      throw .damaged(.value(key: key.copied(), error))
    }
  }

  /// Reads a record; nil when there is none. One that is there and cannot be decoded is damage.
  private func record<T>(_ key: RawSpan, _ body: (RawSpan) -> T?) throws(IndexError) -> T? {
    guard let row = try find(key) else { return nil }
    guard let record = body(row.bytes) else { throw .damaged(.record(key: key.copied())) }
    return record
  }
}

/// A snapshot belongs to the thread that took it.
@available(*, unavailable)
extension IndexReader: Sendable {}
