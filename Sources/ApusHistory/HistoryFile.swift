// Which file of which store bytes belong to. Every checksum of history begins with this, so that a block of another
// store, another file or another place fails, though its own bytes are whole.

import ApusBytes

package struct HistoryFileID: Hashable, Sendable {
  /// The store's id, 16 bytes.
  package let store: [UInt8]
  /// The file's id, as the manifest gives it out.
  package let file: UInt64

  package init(store: [UInt8], file: UInt64) {
    precondition(store.count == Self.storeByteCount, "a store's id has \(Self.storeByteCount) bytes")
    self.store = store
    self.file = file
  }

  package static let storeByteCount = 16

  /// The checksum of store id and file id.
  package var seed: UInt32 {
    var writer = ByteWriter(capacity: Self.storeByteCount + 8)
    writer.write(store)
    writer.write(file)
    return CRC32C.checksum(writer.bytes)
  }

  /// The same with an offset behind them.
  package func seed(at offset: UInt64) -> UInt32 {
    var writer = ByteWriter(capacity: 8)
    writer.write(offset)
    return CRC32C.extend(seed, writer.bytes)
  }

  /// The store's id as people read it, 32 hexadecimal digits.
  package var storeText: String { store.map { HistoryText.hexadecimal(UInt64($0), digits: 2) }.joined() }
}

/// Numbers of fixed width, so that names sort as their numbers do.
enum HistoryText {
  static func decimal(_ value: UInt64, digits: Int) -> String { padded(String(value), to: digits) }
  static func hexadecimal(_ value: UInt64, digits: Int) -> String {
    padded(String(value, radix: 16), to: digits)
  }

  private static func padded(_ text: String, to count: Int) -> String {
    String(repeating: "0", count: max(0, count - text.utf8.count)) + text
  }
}
