// A cursor over a file's attributes in the manifest. Their number of bytes is checked with their version, before a field is read.

import ApusBytes

struct AttributesReader: ~Escapable {
  private var reader: ByteReader
  private let path: String

  @_lifetime(copy bytes)
  init(_ bytes: RawSpan, path: String) {
    reader = ByteReader(bytes)
    self.path = path
  }

  /// That the first field is this version, and that there are as many bytes as it has.
  @_lifetime(self: copy self)
  mutating func version(_ known: UInt32, byteCount: Int) throws(HistoryError) {
    let found: UInt32 = try read()
    guard found == known else { throw .newer(path: path, "its attributes are of version \(found)") }
    guard reader.offset + reader.remaining == byteCount else {
      throw fault("\(reader.offset + reader.remaining) bytes, where there are \(byteCount)")
    }
  }

  @_lifetime(self: copy self)
  mutating func read<T: FixedWidthInteger & BitwiseCopyable>() throws(HistoryError) -> T {
    do throws(BytesError) { return try reader.read() } catch { throw fault("they end too early") }
  }

  @_lifetime(self: copy self)
  mutating func digest() throws(HistoryError) -> SHA256.Digest {
    let bytes: [UInt8]
    do throws(BytesError) { bytes = try reader.readArray(SHA256.Digest.byteCount) } catch {
      throw fault("they end too early")
    }
    guard let digest = SHA256.Digest(bytes) else { throw fault("they end too early") }
    return digest
  }

  func fault(_ what: String) -> HistoryError {
    .damaged(path: path, at: UInt64(reader.offset), "its attributes in the manifest: \(what)")
  }
}
