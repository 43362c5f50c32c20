// What the manifest knows of a ledger.

package import ApusBytes

package struct LedgerAttributes: Equatable, Sendable {
  /// The last LSN of the range; the first stands in the manifest's edit.
  package var last: LSN
  package var size: UInt64
  package var digest: SHA256.Digest
  package var frames: UInt64
  package var letters: UInt64

  package init(last: LSN, size: UInt64, digest: SHA256.Digest, frames: UInt64, letters: UInt64) {
    self.last = last
    self.size = size
    self.digest = digest
    self.frames = frames
    self.letters = letters
  }

  package var encoded: [UInt8] {
    var writer = ByteWriter(capacity: LedgerFormat.attributesByteCount)
    writer.write(LedgerFormat.version)
    writer.write(0 as UInt32)
    writer.write(last.rawValue)
    writer.write(size)
    writer.write(digest.bytes)
    writer.write(frames)
    writer.write(letters)
    return writer.bytes.copied()
  }

  /// Reads what `encoded` made. `path` is the file's, for the error.
  package init(_ bytes: RawSpan, path: String) throws(HistoryError) {
    var reader = HistoryFieldReader(attributes: bytes, path: path)
    try reader.version(LedgerFormat.version, byteCount: LedgerFormat.attributesByteCount)
    try reader.zero()
    last = LSN(try reader.read())
    size = try reader.read()
    digest = try reader.digest()
    frames = try reader.read()
    letters = try reader.read()
  }
}
