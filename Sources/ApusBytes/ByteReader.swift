/// A cursor over borrowed bytes. `0 ≤ offset ≤ bytes.byteCount`, always.
///
/// Nothing here traps, whatever the bytes or the arguments: a length may come straight from a peer, negative
/// or huge. A read that fails leaves the cursor where it was. Integers are little-endian.
@usableFromInline
package struct ByteReader: ~Escapable {
  @usableFromInline internal let bytes: RawSpan
  @usableFromInline internal var position = 0

  @inlinable @_lifetime(copy bytes)
  package init(_ bytes: RawSpan) {
    self.bytes = bytes
  }

  /// Where the next read starts.
  @inlinable package var offset: Int { position }
  @inlinable package var remaining: Int { bytes.byteCount &- position }
  @inlinable package var isAtEnd: Bool { remaining == 0 }

  /// The bytes not read yet.
  @inlinable package var rest: RawSpan {
    @_lifetime(copy self) get { bytes.extracting(droppingFirst: position) }
  }

  @inlinable
  @_lifetime(self: copy self)
  package mutating func read<T: FixedWidthInteger & BitwiseCopyable>(
    _ type: T.Type = T.self
  ) throws(BytesError) -> T {
    let start = try advance(MemoryLayout<T>.size)
    // `advance` has checked that the integer lies inside of the span.
    return T(littleEndian: unsafe bytes.unsafeLoadUnaligned(fromUncheckedByteOffset: start, as: T.self))
  }

  @inlinable @_lifetime(self: copy self)
  package mutating func readFloat32() throws(BytesError) -> Float {
    Float(bitPattern: try read(UInt32.self))
  }

  @inlinable @_lifetime(self: copy self)
  package mutating func readFloat64() throws(BytesError) -> Double {
    Double(bitPattern: try read(UInt64.self))
  }

  /// One byte, 0 or 1; two values that read as the same bool would make two encodings of one row.
  @inlinable @_lifetime(self: copy self)
  package mutating func readBool() throws(BytesError) -> Bool {
    let start = position
    let byte = try read(UInt8.self)
    guard byte <= 1 else {
      position = start
      throw .badBool(at: start, found: byte)
    }
    return byte == 1
  }

  /// The next `count` bytes, borrowed from the same owner.
  @inlinable @_lifetime(copy self) @_lifetime(self: copy self)
  package mutating func readBytes(_ count: Int) throws(BytesError) -> RawSpan {
    let start = try advance(count)
    return bytes.extracting(start..<position)
  }

  @inlinable @_lifetime(self: copy self)
  package mutating func readArray(_ count: Int) throws(BytesError) -> [UInt8] {
    try readBytes(count).copied()
  }

  @inlinable @_lifetime(self: copy self)
  package mutating func skip(_ count: Int) throws(BytesError) {
    _ = try advance(count)
  }

  /// Moves past `count` bytes that exist and says where they start.
  @inlinable @_lifetime(self: copy self)
  internal mutating func advance(_ count: Int) throws(BytesError) -> Int {
    // Seen as unsigned, a negative length is larger than any span.
    guard UInt(bitPattern: count) <= UInt(bitPattern: remaining) else { throw refusal(of: count) }
    let start = position
    position = start &+ count
    return start
  }

  @usableFromInline
  internal func refusal(of count: Int) -> BytesError {
    count < 0
      ? .negativeCount(at: offset, count: count)
      : .truncated(at: offset, needed: count, available: remaining)
  }
}
