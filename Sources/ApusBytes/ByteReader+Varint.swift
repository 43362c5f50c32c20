// LEB128: seven bits a byte, the low ones first, the top bit set on every byte but the last. One number has
// one form: the last byte is not zero, unless it is the only one.

extension ByteReader {
  @inlinable @_lifetime(self: copy self)
  package mutating func readVarint() throws(BytesError) -> UInt64 {
    // Most lengths and counts are below 128.
    if position < bytes.byteCount {
      let byte = unsafe bytes.unsafeLoad(fromUncheckedByteOffset: position, as: UInt8.self)
      if byte < 0x80 {
        position &+= 1
        return UInt64(byte)
      }
    }
    return try readLongVarint()
  }

  /// Zigzag: 0, -1, 1, -2, … are 0, 1, 2, 3, …
  @inlinable @_lifetime(self: copy self)
  package mutating func readSignedVarint() throws(BytesError) -> Int64 {
    let zigzag = try readVarint()
    return Int64(bitPattern: (zigzag >> 1) ^ (0 &- (zigzag & 1)))
  }

  @usableFromInline @_lifetime(self: copy self)
  internal mutating func readLongVarint() throws(BytesError) -> UInt64 {
    let start = position
    var value: UInt64 = 0
    for index in 0..<Varint.byteCountMax {
      guard index < bytes.byteCount - start else {
        throw .truncated(at: start, needed: index + 1, available: bytes.byteCount - start)
      }
      // The guard above has checked the offset.
      let byte = unsafe bytes.unsafeLoad(fromUncheckedByteOffset: start + index, as: UInt8.self)
      if index == Varint.byteCountMax - 1, byte > 1 { throw .varintTooLong(at: start) }
      value |= UInt64(byte & 0x7f) << UInt64(7 * index)
      if byte < 0x80 {
        if byte == 0, index > 0 { throw .varintNotMinimal(at: start) }
        position = start + index + 1
        return value
      }
    }
    throw .varintTooLong(at: start)
  }
}

@usableFromInline
package enum Varint {
  /// Nine bytes carry 63 bits, the tenth the last one.
  @inlinable package static var byteCountMax: Int { 10 }

  /// How many bytes `writeVarint` takes for this value.
  @inlinable
  package static func byteCount(of value: UInt64) -> Int {
    let bits = 64 - (value | 1).leadingZeroBitCount
    return (bits + 6) / 7
  }
}
