// What the index says of itself, under keys that come after all rows. Each record has one length, and one that does not is damage.

import ApusBytes

enum RecordKey {
  /// What every record's key begins with: all of them come behind all rows.
  static let prefix: [UInt8] = [0xFF, 0xFF, 0xFF, 0xFF]
  static let identity = prefix + [1]
  static let progress = prefix + [2]
  static let note = prefix + [3]
  static let tallies = prefix + [4]

  static func tally(of view: UInt32) -> [UInt8] {
    tallies + (0..<4).map { UInt8(truncatingIfNeeded: view >> (24 - 8 * $0)) }
  }

  /// The view version in a tally's key; nil when it is none.
  static func view(ofTally key: RawSpan) -> UInt32? {
    guard key.byteCount == tallies.count + 4, key.starts(with: unsafe tallies.span.bytes) else { return nil }
    var reader = ByteReader(key.extracting(droppingFirst: tallies.count))
    return (try? reader.read(UInt32.self))?.byteSwapped
  }
}

/// Whose index this is, and of which format.
struct IdentityRecord: Equatable {
  var version = IndexFormat.version
  var required: UInt64 = IndexFormat.knownRequiredFeatures
  var optional: UInt64 = 0
  var storeID: [UInt8]

  func encode(into writer: inout ByteWriter) {
    writer.write(utf8: IndexFormat.magic)
    writer.write(version)
    writer.write(UInt32(0))
    writer.write(required)
    writer.write(optional)
    writer.write(storeID)
  }

  /// Nil when the bytes are no identity. A longer record may be one of the future: its first 48 bytes are the same.
  static func decode(_ bytes: RawSpan) -> IdentityRecord? {
    var reader = ByteReader(bytes)
    guard let magic = try? reader.readArray(IndexFormat.magic.utf8.count),
      magic == Array(IndexFormat.magic.utf8), let version = try? reader.read(UInt32.self),
      let _ = try? reader.read(UInt32.self), let required = try? reader.read(UInt64.self),
      let optional = try? reader.read(UInt64.self), let storeID = try? reader.readArray(16)
    else { return nil }
    return IdentityRecord(version: version, required: required, optional: optional, storeID: storeID)
  }
}

/// How far the index is.
struct IndexProgress: Equatable, Sendable {
  /// LMDB's number of the transaction that wrote this.
  var transaction: UInt64 = 0
  var touched: LSN = .none
  var complete: LSN = .none
  /// Rows and records in the tree.
  var entries: UInt64 = 0

  func encode(into writer: inout ByteWriter) {
    writer.write(transaction)
    writer.write(touched.rawValue)
    writer.write(complete.rawValue)
    writer.write(entries)
    writer.write(UInt64(0))
  }

  static func decode(_ bytes: RawSpan) -> IndexProgress? {
    guard bytes.byteCount == IndexFormat.progressByteCount else { return nil }
    var reader = ByteReader(bytes)
    guard let transaction = try? reader.read(UInt64.self), let touched = try? reader.read(UInt64.self),
      let complete = try? reader.read(UInt64.self), let entries = try? reader.read(UInt64.self),
      let zero = try? reader.read(UInt64.self), zero == 0, complete <= touched
    else { return nil }
    return IndexProgress(
      transaction: transaction, touched: LSN(touched), complete: LSN(complete), entries: entries)
  }
}

extension IndexTally {
  func encode(into writer: inout ByteWriter) {
    writer.write(count)
    writer.write(digest)
  }

  static func decode(_ bytes: RawSpan) -> IndexTally? {
    guard bytes.byteCount == IndexFormat.tallyByteCount else { return nil }
    var reader = ByteReader(bytes)
    guard let count = try? reader.read(UInt64.self), let digest = try? reader.read(UInt64.self) else {
      return nil
    }
    return IndexTally(count: count, digest: digest)
  }
}
