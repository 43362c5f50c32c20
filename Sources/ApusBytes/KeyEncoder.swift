/// Writes a key, component by component, as `KeyEncoding.md` says.
///
/// `bytes` is at every moment the encoding of the components appended so far, at most `KeyLimits.byteCountMax`
/// long. A component that is refused leaves no trace. An encoder that is kept and emptied never allocates.
package struct KeyEncoder: ~Copyable {
  private var writer = ByteWriter(capacity: KeyLimits.byteCountMax)

  package init() {}

  package var byteCount: Int { writer.count }

  package var bytes: RawSpan {
    @_lifetime(borrow self) get { writer.bytes }
  }

  /// Begins another key.
  package mutating func removeAll() { writer.removeAll() }

  package mutating func append(_ value: Bool) throws(BytesError) {
    try appendBigEndian(value ? 1 as UInt8 : 0)
  }

  package mutating func append(int32 value: Int32) throws(BytesError) {
    try appendBigEndian(UInt32(bitPattern: value ^ .min))
  }

  package mutating func append(int64 value: Int64) throws(BytesError) {
    try appendBigEndian(UInt64(bitPattern: value ^ .min))
  }

  /// Nanoseconds since 1970-01-01T00:00:00Z.
  package mutating func append(timestamp nanoseconds: Int64) throws(BytesError) {
    try append(int64: nanoseconds)
  }

  package mutating func append(string text: String) throws(BytesError) {
    // A `String` is always valid UTF-8.
    try appendEscaped(unsafe text.utf8.span.bytes)
  }

  /// A string that is still bytes, as it came from a peer; it must be valid UTF-8.
  package mutating func append(utf8 text: RawSpan) throws(BytesError) {
    guard text.isUTF8 else { throw .invalidUTF8(at: 0) }
    try appendEscaped(text)
  }

  package mutating func append(bytes content: RawSpan) throws(BytesError) {
    try appendEscaped(content)
  }

  private mutating func appendBigEndian<T: FixedWidthInteger & BitwiseCopyable>(
    _ value: T
  ) throws(BytesError) {
    try admit(MemoryLayout<T>.size)
    // The writer writes little-endian, that is, the swapped value big-endian.
    writer.write(value.byteSwapped)
  }

  private mutating func appendEscaped(_ content: RawSpan) throws(BytesError) {
    // First without escapes: content that is too long is not even looked at.
    try admit(content.byteCount + 1)
    let escapes = content.escapeCount
    try admit(content.byteCount + escapes + 1)
    if escapes == 0 {
      writer.write(content)
    } else {
      writeEscaped(content)
    }
    writer.write(KeyEscape.end)
  }

  private mutating func writeEscaped(_ content: RawSpan) {
    var reader = ByteReader(content)
    while let byte = try? reader.read(UInt8.self) {
      if KeyEscape.isNeeded(for: byte) {
        writer.write(KeyEscape.mark)
        writer.write(byte + KeyEscape.shift)
      } else {
        writer.write(byte)
      }
    }
  }

  private func admit(_ additional: Int) throws(BytesError) {
    let byteCount = writer.count + additional
    guard byteCount <= KeyLimits.byteCountMax else {
      throw .keyTooLong(byteCount: byteCount, limit: KeyLimits.byteCountMax)
    }
  }
}
