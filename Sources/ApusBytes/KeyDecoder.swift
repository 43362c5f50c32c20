/// Reads a key, component by component, as `KeyEncoding.md` says. The schema says what to read next.
///
/// Strict: what it accepts is exactly what `KeyEncoder` writes for the same types, provided that `finish` is
/// called after the last component. It never traps, whatever the bytes. A read that fails leaves it in place.
package struct KeyDecoder: ~Escapable {
  private var reader: ByteReader

  /// Refuses what is too long to be a key, before reading any of it.
  @_lifetime(copy key)
  package init(_ key: RawSpan) throws(BytesError) {
    guard key.byteCount <= KeyLimits.byteCountMax else {
      throw .keyTooLong(byteCount: key.byteCount, limit: KeyLimits.byteCountMax)
    }
    reader = ByteReader(key)
  }

  package var offset: Int { reader.offset }

  @_lifetime(self: copy self)
  package mutating func readBool() throws(BytesError) -> Bool {
    try reader.readBool()
  }

  @_lifetime(self: copy self)
  package mutating func readInt32() throws(BytesError) -> Int32 {
    Int32(bitPattern: try readBigEndian(UInt32.self)) ^ .min
  }

  @_lifetime(self: copy self)
  package mutating func readInt64() throws(BytesError) -> Int64 {
    Int64(bitPattern: try readBigEndian(UInt64.self)) ^ .min
  }

  /// Nanoseconds since 1970-01-01T00:00:00Z.
  @_lifetime(self: copy self)
  package mutating func readTimestamp() throws(BytesError) -> Int64 {
    try readInt64()
  }

  @_lifetime(self: copy self)
  package mutating func readString() throws(BytesError) -> String {
    // Work on a copy of the cursor, and keep it only when the component is good.
    var ahead = reader
    let content = try Self.readContent(&ahead)
    guard let text = try text(of: content) else { throw .invalidUTF8(at: offset) }
    reader = ahead
    return text
  }

  @_lifetime(self: copy self)
  package mutating func readBytes() throws(BytesError) -> [UInt8] {
    var ahead = reader
    let content = try Self.readContent(&ahead)
    let bytes = content.escapeCount == 0 ? content.copied() : try unescaped(content)
    reader = ahead
    return bytes
  }

  /// Passes over a string, with every check of reading it; allocates nothing.
  @_lifetime(self: copy self)
  package mutating func skipString() throws(BytesError) {
    var ahead = reader
    let content = try Self.readContent(&ahead)
    try checkEscapes(of: content)
    // Escaping replaces one ASCII character by two, so it makes no UTF-8 and breaks none.
    guard content.isUTF8 else { throw .invalidUTF8(at: offset) }
    reader = ahead
  }

  /// Passes over bytes, with every check of reading them; allocates nothing.
  @_lifetime(self: copy self)
  package mutating func skipBytes() throws(BytesError) {
    var ahead = reader
    try checkEscapes(of: try Self.readContent(&ahead))
    reader = ahead
  }

  /// Ends the key: nothing may be left.
  package func finish() throws(BytesError) {
    guard reader.isAtEnd else { throw .badKey(at: reader.offset, .trailingBytes(reader.remaining)) }
  }

  @_lifetime(self: copy self)
  private mutating func readBigEndian<T: FixedWidthInteger & BitwiseCopyable>(
    _ type: T.Type
  ) throws(BytesError) -> T {
    // The reader took the bytes for little-endian.
    try reader.read(type).byteSwapped
  }

  /// The encoded content up to the end mark, which is read too.
  @_lifetime(copy reader) @_lifetime(reader: copy reader)
  private static func readContent(_ reader: inout ByteReader) throws(BytesError) -> RawSpan {
    guard let byteCount = reader.rest.endOfContent else { throw .badKey(at: reader.offset, .unterminated) }
    let content = try reader.readBytes(byteCount)
    try reader.skip(1)
    return content
  }

  /// Text hardly ever has a byte to unescape, and then needs no array in between.
  private func text(of content: RawSpan) throws(BytesError) -> String? {
    if content.escapeCount == 0 { return content.validatedString() }
    let original = try unescaped(content)
    return (unsafe original.span.bytes).validatedString()
  }

  /// That every mark in `escaped`, which starts where this decoder stands, is followed by what may follow it.
  private func checkEscapes(of escaped: RawSpan) throws(BytesError) {
    if escaped.escapeCount == 0 { return }
    var pieces = ByteReader(escaped)
    while let byte = try? pieces.read(UInt8.self) {
      guard byte == KeyEscape.mark else { continue }
      let at = offset + pieces.offset
      // Where the content breaks off, the end mark follows.
      let shifted = (try? pieces.read(UInt8.self)) ?? KeyEscape.end
      guard KeyEscape.contentByte(of: shifted) != nil else { throw .badKey(at: at, .badEscape(shifted)) }
    }
  }

  /// The content that is written as `escaped`, which starts where this decoder stands and has no end mark.
  private func unescaped(_ escaped: RawSpan) throws(BytesError) -> [UInt8] {
    var content: [UInt8] = []
    content.reserveCapacity(escaped.byteCount)
    var pieces = ByteReader(escaped)
    while let byte = try? pieces.read(UInt8.self) {
      guard byte == KeyEscape.mark else {
        content.append(byte)
        continue
      }
      let at = offset + pieces.offset
      // Where the content breaks off, the end mark follows.
      let shifted = (try? pieces.read(UInt8.self)) ?? KeyEscape.end
      guard let original = KeyEscape.contentByte(of: shifted) else {
        throw .badKey(at: at, .badEscape(shifted))
      }
      content.append(original)
    }
    return content
  }
}
