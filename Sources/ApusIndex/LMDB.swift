// The bottom of the room: every call of LMDB stands in this file and in Transactions.swift.
//
// What LMDB answers is a code and addresses. Addresses leave as a `Place`, two numbers that nobody can read through, until
// somebody has checked that they lie inside of the file.

import ApusBytes
import ApusSystem
import CLMDB

/// Where LMDB says that bytes are; not yet believed.
struct Place: Equatable {
  var start: UInt
  var byteCount: Int

  init(start: UInt = 0, byteCount: Int = 0) {
    self.start = start
    self.byteCount = byteCount
  }

  init(_ value: MDB_val) {
    start = unsafe UInt(bitPattern: value.mv_data)
    byteCount = unsafe value.mv_size
  }

  /// The bytes, which the caller has checked to exist as long as `owner`, a transaction, stands where it does.
  @_lifetime(borrow owner)
  func span<Owner: ~Copyable>(in owner: borrowing Owner) -> RawSpan {
    let bytes = unsafe UnsafeRawBufferPointer(start: UnsafeRawPointer(bitPattern: start), count: byteCount)
    return unsafe _overrideLifetime(RawSpan(_unsafeBytes: bytes), borrowing: owner)
  }
}

/// The part of the map that the file fills: the only addresses that may be read.
struct FileBounds {
  let start: UInt
  let byteCount: UInt

  func holds(_ place: Place) -> Bool {
    let (offset, isBefore) = place.start.subtractingReportingOverflow(start)
    return !isBefore && offset <= byteCount && UInt(bitPattern: place.byteCount) <= byteCount - offset
  }
}

enum LMDB {
  /// The main database has this number in every environment.
  static let main: MDB_dbi = 1
  /// The list of free pages.
  static let free: MDB_dbi = 0

  static let success: Int32 = 0
  static let notFound: Int32 = MDB_NOTFOUND
  /// What LMDB itself says after a meta page failed.
  static let givenUp: Int32 = MDB_PANIC

  static func fault(_ call: StaticString, _ code: Int32) -> LMDBFault {
    LMDBFault(call: "\(call)", code: code, words: unsafe String(cString: mdb_strerror(code)))
  }

  static func error(_ call: StaticString, _ code: Int32) -> IndexError {
    let fault = fault(call, code)
    switch code {
    case MDB_MAP_FULL: return .full(.map)
    case MDB_PANIC: return .abandoned(fault)
    case MDB_READERS_FULL: return .tooManyReaders
    case MDB_CORRUPTED, MDB_PAGE_NOTFOUND, MDB_CURSOR_FULL, MDB_PAGE_FULL, MDB_INCOMPATIBLE, MDB_BAD_VALSIZE,
      MDB_BAD_TXN, MDB_INVALID:
      return .damaged(.tree(fault))
    case let code where code > 0 && Errno(rawValue: code).meansDiskFull: return .full(.disk(fault))
    default: return .lmdb(fault)
    }
  }

  static func check(_ call: StaticString, _ code: Int32) throws(IndexError) {
    if code != success { throw error(call, code) }
  }

  /// Lends LMDB the bytes of a span for one call; it keeps no pointer.
  @inline(__always)
  static func lend<T>(_ bytes: RawSpan, _ body: (inout MDB_val) -> T) -> T {
    unsafe bytes.withUnsafeBytes {
      var value = unsafe MDB_val(
        mv_size: $0.count, mv_data: UnsafeMutableRawPointer(mutating: $0.baseAddress))
      return unsafe body(&value)
    }
  }
}

/// LMDB's environment, open as long as anybody holds on to it: readers, the writer, the scrub. Closed before its lock is given back.
@safe
final class Environment: @unchecked Sendable {
  /// Immutable; what it points to is guarded by LMDB itself.
  let handle: OpaquePointer
  let file: any DiskFile
  private let lock: any FileLock
  let pageByteCount: UInt64
  /// Addresses of the map.
  let mapByteCount: UInt
  private let lastWords: LastWords
  private let mark: CrashMark?
  /// Where pages are read: a crash in here marks the folder suspect, unless it is one that is being built and read by nobody.
  let region: CrashRegion

  /// Opens or makes `data.mdb`. The caller has judged what is there.
  init(_ folder: IndexFolder, path: String, lock: any FileLock, options: IndexOptions) throws(IndexError) {
    var mark: CrashMark?
    var region = CrashRegion.none
    if path == folder.path {
      let armed = try wrapping { () throws(SystemError) in try CrashMark(file: folder.marker) }
      region = armed.region
      mark = consume armed
    }
    let before = region.enter()
    defer { region.leave(before) }
    var handle: OpaquePointer?
    try LMDB.check("mdb_env_create", unsafe mdb_env_create(&handle))
    guard let handle = unsafe handle else { throw LMDB.error("mdb_env_create", MDB_PANIC) }
    let lastWords = LastWords(folder)
    do throws(IndexError) {
      try unsafe lastWords.listen(to: handle)
      try LMDB.check("mdb_env_set_mapsize", unsafe mdb_env_set_mapsize(handle, options.mapByteCountMax))
      let readers = UInt32(truncatingIfNeeded: options.readersMax * ReadTransaction.handles)
      try LMDB.check("mdb_env_set_maxreaders", unsafe mdb_env_set_maxreaders(handle, readers))
      let flags = UInt32(bitPattern: options.isReadOnly ? MDB_NOTLS | MDB_RDONLY : MDB_NOTLS)
      try LMDB.check("mdb_env_open", unsafe mdb_env_open(handle, path, flags, 0o600))
      file = try wrapping { () throws(SystemError) in
        try RealDisk().open(path + "/" + IndexFolder.dataName, options.isReadOnly ? .read : .readWrite)
      }
      var stat = MDB_stat()
      try LMDB.check("mdb_env_stat", unsafe mdb_env_stat(handle, &stat))
      pageByteCount = UInt64(stat.ms_psize)
      var info = unsafe MDB_envinfo()
      try LMDB.check("mdb_env_info", unsafe mdb_env_info(handle, &info))
      mapByteCount = UInt(unsafe info.me_mapsize)
      try unsafe Environment.prepare(handle)
    } catch {
      unsafe mdb_env_close(handle)
      throw error
    }
    unsafe self.handle = handle
    self.lock = lock
    self.lastWords = lastWords
    self.mark = mark
    self.region = region
    _ = try clearDeadReaders()
  }

  deinit {
    region.inside { unsafe mdb_env_close(handle) }
    file.close()
    lock.release()
  }

  /// Gives the main database its order of keys, which LMDB does not keep.
  private static func prepare(_ handle: OpaquePointer) throws(IndexError) {
    var transaction: OpaquePointer?
    let flags = UInt32(bitPattern: MDB_RDONLY)
    try LMDB.check("mdb_txn_begin", unsafe mdb_txn_begin(handle, nil, flags, &transaction))
    var number: MDB_dbi = 0
    let code = unsafe mdb_dbi_open(transaction, nil, 0, &number)
    unsafe mdb_txn_abort(transaction)
    try LMDB.check("mdb_dbi_open", code)
  }

  /// Frees the slots of readers whose process is gone; says how many.
  func clearDeadReaders() throws(IndexError) -> Int {
    var dead: Int32 = 0
    try LMDB.check("mdb_reader_check", region.inside { unsafe mdb_reader_check(handle, &dead) })
    return Int(dead)
  }

  /// Bytes up to the end of the last page that any transaction used.
  var usedByteCount: UInt64 { newest.byteCount }

  /// The newest transaction, and the bytes up to the last page that it used.
  var newest: (transaction: UInt64, byteCount: UInt64) {
    var info = unsafe MDB_envinfo()
    // It fails for nothing but a missing handle.
    _ = region.inside { unsafe mdb_env_info(handle, &info) }
    let last = UInt64(truncatingIfNeeded: unsafe info.me_last_pgno)
    return (UInt64(truncatingIfNeeded: unsafe info.me_last_txnid), byteCount(lastPage: last))
  }

  /// Bytes up to the last page that a snapshot, which is still the newest, or any before it used. LMDB says it of the newest meta page alone, whose
  /// commit may not have ended; nil when the snapshot's own meta page is damaged.
  func usedByteCount(of snapshot: borrowing ReadTransaction, mapStart: UInt) -> UInt64? {
    meta(of: snapshot, mapStart: mapStart).map { byteCount(lastPage: $0.lastPage) }
  }

  /// Where the tree of a snapshot begins, which is still the newest; LMDB does not say. Nil when the snapshot's own meta page is damaged.
  func root(of snapshot: borrowing ReadTransaction, mapStart: UInt) -> TreeRoot? {
    meta(of: snapshot, mapStart: mapStart)?.root
  }

  private func meta(of snapshot: borrowing ReadTransaction, mapStart: UInt) -> MetaPages.Meta? {
    region.inside {
      let number = snapshot.id % 2
      let place = Place(start: mapStart + UInt(number * pageByteCount), byteCount: MetaPages.byteCount)
      guard let meta = MetaPages.Meta(place.span(in: self), page: Int(number)),
        meta.transaction == snapshot.id
      else { return nil }
      return meta
    }
  }

  /// Never more than the map has, whatever a damaged meta page says.
  private func byteCount(lastPage: UInt64) -> UInt64 {
    (min(lastPage, max(1, UInt64(mapByteCount) / pageByteCount) - 1) &+ 1) &* pageByteCount
  }
}

/// LMDB ends the process when its tree contradicts itself. It says so first, and then the marker can say what LMDB said, which is more than the
/// signal does.
private final class LastWords: Sendable {
  private let folder: IndexFolder

  init(_ folder: IndexFolder) { self.folder = folder }

  /// The environment must not outlive this object.
  func listen(to handle: OpaquePointer) throws(IndexError) {
    let context = unsafe Unmanaged.passUnretained(self).toOpaque()
    try LMDB.check("mdb_env_set_userctx", unsafe mdb_env_set_userctx(handle, context))
    let code = unsafe mdb_env_set_assert(handle) { handle, words in
      guard let context = unsafe mdb_env_get_userctx(handle), let words = unsafe words else { return }
      let listener = unsafe Unmanaged<LastWords>.fromOpaque(context).takeUnretainedValue()
      try? listener.folder.markSuspect(unsafe String(cString: words))
    }
    try LMDB.check("mdb_env_set_assert", code)
  }
}
