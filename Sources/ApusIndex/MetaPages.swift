// LMDB's two meta pages, judged before LMDB sees the file. LMDB believes them, so we must not.
//
// A page begins with its number (8 bytes), 2 bytes of padding and 2 of flags, 4 of bounds. Then the meta: magic, data version, address, map
// size; the free list's tree and the main tree (48 bytes each); last used page; transaction.

import ApusBytes
import ApusSystem

/// What both meta pages together say.
struct MetaPages: Equatable {
  var pageByteCount: UInt64
  var lastPage: UInt64
  var transaction: UInt64

  /// As much of a meta page as LMDB uses.
  static let byteCount = 152
  private static let metaFlag: UInt16 = 0x08
  private static let lmdbMagic: UInt32 = 0xBEEF_C0DE
  private static let dataVersion: UInt32 = 1
  /// The free list's keys are integers; that is LMDB's own doing, and the only flag.
  private static let freeFlags: UInt16 = 0x08
  private static let noPage = UInt64.max
  /// As deep as LMDB's cursors go.
  private static let depthMax: UInt16 = 32
  private static let pageByteCounts: [UInt64] = [4096, 8192, 16384, 32768]

  enum Fault: Error, Equatable {
    case tooShort(byteCount: UInt64, needed: UInt64)
    case malformed(page: Int, String)
    case dataVersion(UInt32)
    case system(SystemError)
  }

  static func judge(_ file: any DiskFile) throws(Fault) -> MetaPages {
    let size = try asking { () throws(SystemError) in try file.size() }
    let first = try Meta.read(file, page: 0, at: 0, size: size)
    guard pageByteCounts.contains(first.pageByteCount) else {
      throw .malformed(page: 0, "pages of \(first.pageByteCount) bytes")
    }
    guard size >= 2 * first.pageByteCount else {
      throw .tooShort(byteCount: size, needed: 2 * first.pageByteCount)
    }
    let second = try Meta.read(file, page: 1, at: first.pageByteCount, size: size)
    guard first.pageByteCount == second.pageByteCount else {
      throw .malformed(page: 1, "pages of \(second.pageByteCount) bytes")
    }
    let newer = first.transaction > second.transaction ? first : second
    let older = first.transaction > second.transaction ? second : first
    guard first.transaction % 2 == 0, second.transaction % 2 == 1,
      newer.transaction == older.transaction + 1
    else {
      throw .malformed(page: 0, "transactions \(first.transaction) and \(second.transaction)")
    }
    // Checked before the product, which then cannot overflow.
    guard newer.lastPage < size else { throw .tooShort(byteCount: size, needed: newer.lastPage) }
    let needed = (newer.lastPage + 1) * newer.pageByteCount
    guard size >= needed else { throw .tooShort(byteCount: size, needed: needed) }
    return MetaPages(
      pageByteCount: newer.pageByteCount, lastPage: newer.lastPage, transaction: newer.transaction)
  }

  private static func asking<T>(_ body: () throws(SystemError) -> T) throws(Fault) -> T {
    do throws(SystemError) { return try body() } catch { throw .system(error) }
  }

  /// One of the two.
  struct Meta {
    var pageByteCount: UInt64
    var lastPage: UInt64
    var transaction: UInt64
    /// Of the main tree.
    var root: TreeRoot

    private init(pageByteCount: UInt64, lastPage: UInt64, transaction: UInt64, root: TreeRoot) {
      self.pageByteCount = pageByteCount
      self.lastPage = lastPage
      self.transaction = transaction
      self.root = root
    }

    /// The meta page that begins with these bytes, if it is one.
    init?(_ bytes: RawSpan, page: Int) {
      guard case .success(let meta)? = try? Meta.parse(bytes, page: page) else { return nil }
      self = meta
    }

    fileprivate static func read(_ file: any DiskFile, page: Int, at offset: UInt64, size: UInt64)
      throws(Fault) -> Meta
    {
      var block = ByteBlock(byteCount: byteCount)
      let count = try asking { () throws(SystemError) in
        var target = block.mutableBytes
        return try file.readFully(into: &target, at: offset)
      }
      guard count == byteCount else { throw .tooShort(byteCount: size, needed: offset + UInt64(byteCount)) }
      let outcome: Result<Meta, Fault>
      do throws(BytesError) { outcome = try parse(block.bytes, page: page) } catch {
        outcome = .failure(.malformed(page: page, "\(error)"))
      }
      return try outcome.get()
    }

    private static func parse(_ bytes: RawSpan, page: Int) throws(BytesError) -> Result<Meta, Fault> {
      var reader = ByteReader(bytes)
      func malformed(_ what: String) -> Result<Meta, Fault> { .failure(.malformed(page: page, what)) }
      guard try reader.read(UInt64.self) == UInt64(page) else { return malformed("another page's number") }
      try reader.skip(2)
      guard try reader.read(UInt16.self) == metaFlag else { return malformed("no meta page") }
      try reader.skip(4)
      guard try reader.read(UInt32.self) == lmdbMagic else { return malformed("not LMDB's magic") }
      let version = try reader.read(UInt32.self)
      guard version == dataVersion else { return .failure(.dataVersion(version)) }
      guard try reader.read(UInt64.self) == 0 else { return malformed("a fixed address") }
      _ = try reader.read(UInt64.self)
      let free = try Tree(&reader)
      let main = try Tree(&reader)
      let lastPage = try reader.read(UInt64.self)
      let transaction = try reader.read(UInt64.self)
      guard free.flags == freeFlags, main.flags == 0, main.padding == 0 else { return malformed("flags") }
      guard free.isWithin(lastPage), main.isWithin(lastPage) else {
        return malformed("a root beyond the file")
      }
      return .success(
        Meta(
          pageByteCount: UInt64(free.padding), lastPage: lastPage, transaction: transaction,
          root: TreeRoot(page: main.root, depth: main.depth)))
    }
  }

  private struct Tree {
    /// LMDB keeps the size of pages in the free list's padding.
    let padding: UInt32
    let flags: UInt16
    let depth: UInt16
    let root: UInt64

    @_lifetime(reader: copy reader)
    init(_ reader: inout ByteReader) throws(BytesError) {
      padding = try reader.read()
      flags = try reader.read()
      depth = try reader.read()
      // Branch, leaf and overflow pages, entries.
      try reader.skip(4 * 8)
      root = try reader.read()
    }

    func isWithin(_ lastPage: UInt64) -> Bool {
      root == noPage ? depth == 0 : root > 1 && root <= lastPage && depth > 0 && depth <= depthMax
    }
  }
}
