// One section of a ledger, found by its head and not yet believed: `body` compares the checksum that covers both.

import ApusBytes
import ApusSystem

struct LedgerSection: Equatable, Sendable {
  let at: UInt64
  let rawTag: UInt32
  let entries: UInt32
  /// Of the body; inside of the file.
  let length: Int
  /// At most `sectionRawByteCountMax`.
  let rawByteCount: UInt64
  private let paddedLength: Int

  var tag: LedgerSectionTag? { LedgerSectionTag(rawValue: rawTag) }

  /// A section from its head, and where the next one begins. At least the head lies inside of the file's `size` bytes.
  static func read(
    _ head: RawSpan, at: UInt64, size: UInt64, path: String
  ) throws(HistoryError) -> (LedgerSection, next: UInt64) {
    var reader = HistoryFieldReader(head, path: path, at: at, "a section's head")
    let tag: UInt32 = try reader.read()
    let entries: UInt32 = try reader.read()
    let length: UInt64 = try reader.read()
    let raw: UInt64 = try reader.read()
    let room = size &- at &- UInt64(LedgerFormat.sectionHeaderByteCount)
    // Compared before it is rounded up, so that the sum cannot overflow.
    guard length <= room, let bytes = Int(exactly: length) else {
      throw reader.fault("its body ends behind the file")
    }
    let padded = (bytes &+ LedgerFormat.alignment &- 1) & ~(LedgerFormat.alignment &- 1)
    guard UInt64(padded) <= room else { throw reader.fault("its body ends behind the file") }
    guard raw <= UInt64(LedgerFormat.sectionRawByteCountMax) else {
      throw reader.fault("a section of \(raw) bytes is too large")
    }
    let section = LedgerSection(
      at: at, rawTag: tag, entries: entries, length: bytes, rawByteCount: raw, paddedLength: padded)
    return (section, at &+ UInt64(LedgerFormat.sectionHeaderByteCount) &+ UInt64(padded))
  }

  private init(
    at: UInt64, rawTag: UInt32, entries: UInt32, length: Int, rawByteCount: UInt64, paddedLength: Int
  ) {
    self.at = at
    self.rawTag = rawTag
    self.entries = entries
    self.length = length
    self.rawByteCount = rawByteCount
    self.paddedLength = paddedLength
  }

  /// The body's bytes, in a block of their own, once head and body match their checksum.
  func body(_ file: any DiskFile, _ id: HistoryFileID, path: String) throws(HistoryError) -> [UInt8] {
    let headByteCount = LedgerFormat.sectionHeaderByteCount
    let block = try file.block(headByteCount &+ paddedLength, at: at, path: path)
    let covered = block.bytes.extracting(..<LedgerFormat.sectionCRCAt)
    let body = block.bytes.extracting(headByteCount..<(headByteCount &+ length))
    var reader = ByteReader(block.bytes.extracting(LedgerFormat.sectionCRCAt..<headByteCount))
    guard let crc = try? reader.read(UInt32.self), let zero = try? reader.read(UInt32.self),
      crc == CRC32C.extend(CRC32C.extend(id.seed(at: at), covered), body)
    else { throw .damaged(path: path, at: at, "a section does not match its checksum") }
    var padding = ByteReader(block.bytes.extracting((headByteCount &+ length)...))
    var isZero = zero == 0
    while let byte = try? padding.read(UInt8.self) { if byte != 0 { isZero = false } }
    guard isZero else { throw .damaged(path: path, at: at, "what must be zero is not") }
    return body.copied()
  }
}
