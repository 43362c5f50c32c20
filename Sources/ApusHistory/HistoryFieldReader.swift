// A cursor over fields of a file of history, or of its attributes in the manifest: every field is there, or the file is damaged, and
// the error says where what was read begins.

import ApusBytes

struct HistoryFieldReader: ~Escapable {
  private var reader: ByteReader
  let path: String
  /// What is read, and where it begins in the file.
  let what: String
  let at: UInt64

  @_lifetime(copy bytes)
  init(_ bytes: RawSpan, path: String, at: UInt64, _ what: String) {
    reader = ByteReader(bytes)
    self.path = path
    self.what = what
    self.at = at
  }

  @_lifetime(copy bytes)
  init(attributes bytes: RawSpan, path: String) {
    self.init(bytes, path: path, at: 0, "its attributes in the manifest")
  }

  /// That the first field is this version, and that there are as many bytes as it has.
  @_lifetime(self: copy self)
  mutating func version(_ known: UInt32, byteCount: Int) throws(HistoryError) {
    let found: UInt32 = try read()
    guard found == known else { throw .newer(path: path, "its attributes are of version \(found)") }
    // Both are parts of one span.
    let all = reader.offset &+ reader.remaining
    guard all == byteCount else { throw fault("\(all) bytes, where there are \(byteCount)") }
  }

  @_lifetime(self: copy self)
  mutating func read<T: FixedWidthInteger & BitwiseCopyable>(
    _ type: T.Type = T.self
  ) throws(HistoryError) -> T {
    do throws(BytesError) { return try reader.read() } catch { throw cut }
  }

  @_lifetime(self: copy self)
  mutating func varint() throws(HistoryError) -> UInt64 {
    do throws(BytesError) { return try reader.readVarint() } catch { throw cut }
  }

  @_lifetime(self: copy self)
  mutating func signedVarint() throws(HistoryError) -> Int64 {
    do throws(BytesError) { return try reader.readSignedVarint() } catch { throw cut }
  }

  @_lifetime(copy self) @_lifetime(self: copy self)
  mutating func span(_ byteCount: Int) throws(HistoryError) -> RawSpan {
    do throws(BytesError) { return try reader.readBytes(byteCount) } catch { throw cut }
  }

  @_lifetime(self: copy self)
  mutating func zero() throws(HistoryError) {
    guard try read(UInt32.self) == 0 else { throw fault("what must be zero is not") }
  }

  @_lifetime(self: copy self)
  mutating func digest() throws(HistoryError) -> SHA256.Digest {
    guard let digest = SHA256.Digest(try span(SHA256.Digest.byteCount).copied()) else { throw cut }
    return digest
  }

  func finish() throws(HistoryError) {
    guard reader.isAtEnd else { throw fault("bytes follow its end") }
  }

  var cut: HistoryError { fault("it ends too early") }

  func fault(_ found: String) -> HistoryError { .damaged(path: path, at: at, "\(what): \(found)") }
}
