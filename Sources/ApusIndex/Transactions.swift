// LMDB's transactions and cursors, each with one owner. A read transaction is kept and renewed; a write transaction ends with
// its owner, and is undone unless it was committed.
//
// LMDB is entered inside of the environment's region alone: a page that makes it crash leaves the index suspect. Every call enters by itself
// but `get`, which is made often enough for a nanosecond to count.

import ApusBytes
import ApusSystem
import CLMDB

/// What a search answered.
struct Found {
  var code: Int32
  var key = Place()
  var value = Place()
}

/// A snapshot, taken and given back many times without an allocation. Owned by the thread of its reader.
@safe
struct ReadTransaction: ~Copyable {
  let environment: Environment
  private let region: CrashRegion
  private let handle: OpaquePointer
  private let cursor: OpaquePointer
  /// Says which snapshot is the newest; held for no longer than that.
  private let second: OpaquePointer
  private var isLive = false

  /// LMDB's transactions in one of these.
  static let handles = 2

  /// Takes two slots for readers, and gives the snapshot back at once.
  init(_ environment: Environment) throws(IndexError) {
    let region = environment.region
    let begun = try Begun(environment, UInt32(bitPattern: MDB_RDONLY))
    region.inside { unsafe mdb_txn_reset(begun.handle) }
    do throws(IndexError) {
      let other = try Begun(environment, UInt32(bitPattern: MDB_RDONLY))
      region.inside {
        unsafe mdb_cursor_close(other.cursor)
        unsafe mdb_txn_reset(other.handle)
      }
      unsafe second = other.handle
    } catch {
      region.inside {
        unsafe mdb_cursor_close(begun.cursor)
        unsafe mdb_txn_abort(begun.handle)
      }
      throw error
    }
    self.environment = environment
    self.region = region
    unsafe handle = begun.handle
    unsafe cursor = begun.cursor
  }

  deinit {
    region.inside {
      unsafe mdb_cursor_close(cursor)
      unsafe mdb_txn_abort(handle)
      unsafe mdb_txn_abort(second)
    }
  }

  /// Takes the newest snapshot.
  ///
  /// LMDB 0.9.24 notes the snapshot's number and then copies its trees from the meta page that the second commit after it writes over.
  /// Whoever is interrupted in between has the trees of a later snapshot under the number of an earlier one; so the snapshot is taken
  /// again, until it is still the newest afterwards. To be removed when LMDB looks itself.
  mutating func renew() throws(IndexError) {
    precondition(!isLive, "a snapshot is given back before another is taken")
    while true {
      try LMDB.check("mdb_txn_renew", region.inside { unsafe mdb_txn_renew(handle) })
      if try isNewest() { break }
      region.inside { unsafe mdb_txn_reset(handle) }
    }
    isLive = true
  }

  /// Whether no later commit has ended, so that none can have begun to write over the meta page of this snapshot.
  ///
  /// A commit's meta page is seen as soon as it is written; the commit ends when the page is synced, milliseconds later. Until then
  /// readers go on with the snapshot before it, and only a second transaction can tell that they still do.
  borrowing func isNewest() throws(IndexError) -> Bool {
    if environment.newest.transaction == id { return true }
    let before = region.enter()
    defer { region.leave(before) }
    try LMDB.check("mdb_txn_renew", unsafe mdb_txn_renew(second))
    defer { unsafe mdb_txn_reset(second) }
    return unsafe mdb_txn_id(second) == mdb_txn_id(handle)
  }

  /// Gives the snapshot back, if there is one.
  mutating func reset() {
    guard isLive else { return }
    region.inside { unsafe mdb_txn_reset(handle) }
    isLive = false
  }

  /// Binds the cursor to the snapshot of now.
  mutating func renewCursor() throws(IndexError) {
    precondition(isLive, "an index is read between renew and reset")
    try LMDB.check("mdb_cursor_renew", region.inside { unsafe mdb_cursor_renew(handle, cursor) })
  }

  /// A trap between two snapshots, when pages may be written over.
  @inline(__always)
  borrowing func checkIsLive() { precondition(isLive, "an index is read between renew and reset") }

  var id: UInt64 { UInt64(truncatingIfNeeded: unsafe mdb_txn_id(handle)) }

  // C's sizes are signed here, and a damaged meta page may say anything.
  var entries: UInt64 { UInt64(truncatingIfNeeded: stat(LMDB.main).ms_entries) }

  /// Pages of a tree, as LMDB counts them.
  func pages(_ database: MDB_dbi) -> UInt64 {
    let stat = stat(database)
    return UInt64(truncatingIfNeeded: stat.ms_branch_pages &+ stat.ms_leaf_pages &+ stat.ms_overflow_pages)
  }

  func branchPages(_ database: MDB_dbi) -> UInt64 {
    UInt64(truncatingIfNeeded: stat(database).ms_branch_pages)
  }

  private func stat(_ database: MDB_dbi) -> MDB_stat {
    var stat = MDB_stat()
    unsafe _ = mdb_stat(handle, database, &stat)
    return stat
  }

  /// The caller is inside of the region: it goes on to read what was found.
  @inline(__always)
  func get(_ key: RawSpan) -> Found {
    precondition(isLive, "an index is read between renew and reset")
    var value = unsafe MDB_val()
    let code = unsafe LMDB.lend(key) { unsafe mdb_get(handle, LMDB.main, &$0, &value) }
    return unsafe Found(code: code, value: Place(value))
  }

  func seek(atOrAfter key: RawSpan) -> Found {
    unsafe LMDB.lend(key) { key in
      region.inside { unsafe Cursors.move(cursor, MDB_SET_RANGE, &key) }
    }
  }

  func first() -> Found { region.inside { unsafe Cursors.move(cursor, MDB_FIRST) } }

  // Once for every row of a walk: a closure would be called there.
  @inline(__always)
  func next() -> Found {
    let before = region.enter()
    defer { region.leave(before) }
    return unsafe Cursors.move(cursor, MDB_NEXT)
  }

  /// Lends each record of the list of free pages, which LMDB shows to transactions that read. `body` runs inside of the region: it reads pages.
  func forEachFreeRecord(_ body: (Place) -> Void) throws(IndexError) {
    try region.inside { () throws(IndexError) in try unsafe Cursors.forEachFreeRecord(of: handle, body) }
  }
}

/// The one transaction that writes, on the thread that began it.
@safe
struct WriteTransaction: ~Copyable {
  private let region: CrashRegion
  private let handle: OpaquePointer
  private let cursor: OpaquePointer

  init(_ environment: Environment) throws(IndexError) {
    let begun = try Begun(environment, 0)
    region = environment.region
    unsafe handle = begun.handle
    unsafe cursor = begun.cursor
  }

  // LMDB closes the cursor of a write transaction with it.
  deinit { region.inside { unsafe mdb_txn_abort(handle) } }

  var id: UInt64 { UInt64(truncatingIfNeeded: unsafe mdb_txn_id(handle)) }

  var entries: UInt64 {
    var stat = MDB_stat()
    unsafe _ = mdb_stat(handle, LMDB.main, &stat)
    return UInt64(truncatingIfNeeded: stat.ms_entries)
  }

  mutating func seek(atOrAfter key: RawSpan) -> Found {
    unsafe LMDB.lend(key) { key in
      region.inside { unsafe Cursors.move(cursor, MDB_SET_RANGE, &key) }
    }
  }

  mutating func previous() -> Found { region.inside { unsafe Cursors.move(cursor, MDB_PREV) } }

  mutating func first() -> Found { region.inside { unsafe Cursors.move(cursor, MDB_FIRST) } }

  /// Gives the key where the cursor stands another value.
  mutating func replace(_ key: RawSpan, _ value: RawSpan) throws(IndexError) {
    try put(key, value, MDB_CURRENT)
  }

  mutating func insert(_ key: RawSpan, _ value: RawSpan) throws(IndexError) {
    try put(key, value, 0)
  }

  /// Puts a key that comes after all others.
  mutating func append(_ key: RawSpan, _ value: RawSpan) throws(IndexError) {
    try put(key, value, MDB_APPEND)
  }

  /// Removes the key where the cursor stands.
  mutating func removeCurrent() throws(IndexError) {
    try LMDB.check("mdb_cursor_del", region.inside { unsafe mdb_cursor_del(cursor, 0) })
  }

  private mutating func put(_ key: RawSpan, _ value: RawSpan, _ flags: Int32) throws(IndexError) {
    let code = unsafe LMDB.lend(key) { key in
      unsafe LMDB.lend(value) { value in
        region.inside { unsafe mdb_cursor_put(cursor, &key, &value, UInt32(bitPattern: flags)) }
      }
    }
    try LMDB.check("mdb_cursor_put", code)
  }

  /// Ends the transaction, for good or not at all; the answer is LMDB's code.
  consuming func commit() -> Int32 {
    let (region, handle) = unsafe (region, handle)
    discard self
    return region.inside { unsafe mdb_txn_commit(handle) }
  }
}

/// A transaction that has just begun, and its cursor.
@safe
private struct Begun {
  let handle: OpaquePointer
  let cursor: OpaquePointer

  init(_ environment: Environment, _ flags: UInt32) throws(IndexError) {
    let region = environment.region
    let before = region.enter()
    defer { region.leave(before) }
    var handle: OpaquePointer?
    try LMDB.check("mdb_txn_begin", unsafe mdb_txn_begin(environment.handle, nil, flags, &handle))
    guard let handle = unsafe handle else { throw LMDB.error("mdb_txn_begin", MDB_PANIC) }
    var cursor: OpaquePointer?
    let code = unsafe mdb_cursor_open(handle, LMDB.main, &cursor)
    guard code == LMDB.success, let cursor = unsafe cursor else {
      unsafe mdb_txn_abort(handle)
      throw LMDB.error("mdb_cursor_open", code)
    }
    unsafe self.handle = handle
    unsafe self.cursor = cursor
  }
}

private enum Cursors {
  @inline(__always)
  static func move(_ cursor: OpaquePointer, _ how: MDB_cursor_op, _ key: inout MDB_val) -> Found {
    var value = unsafe MDB_val()
    let code = unsafe mdb_cursor_get(cursor, &key, &value, how)
    return unsafe Found(code: code, key: Place(key), value: Place(value))
  }

  static func move(_ cursor: OpaquePointer, _ how: MDB_cursor_op) -> Found {
    var key = unsafe MDB_val()
    return unsafe move(cursor, how, &key)
  }

  static func forEachFreeRecord(
    of transaction: OpaquePointer, _ body: (Place) -> Void
  ) throws(IndexError) {
    var cursor: OpaquePointer?
    try LMDB.check("mdb_cursor_open", unsafe mdb_cursor_open(transaction, LMDB.free, &cursor))
    guard let cursor = unsafe cursor else { return }
    defer { unsafe mdb_cursor_close(cursor) }
    var found = unsafe move(cursor, MDB_FIRST)
    while found.code == LMDB.success {
      body(found.value)
      found = unsafe move(cursor, MDB_NEXT)
    }
    guard found.code == LMDB.notFound else { throw LMDB.error("mdb_cursor_get", found.code) }
  }
}
