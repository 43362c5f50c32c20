// Varints are written in their shortest form, the only one that the reader accepts.

extension ByteWriter {
  /// LEB128 in its only form, one to ten bytes; see `ByteReader+Varint.swift`.
  @inlinable
  package mutating func writeVarint(_ value: UInt64) {
    reserve(Varint.byteCountMax)
    var rest = value
    while rest >= 0x80 {
      unsafe storage[end] = UInt8(truncatingIfNeeded: rest) | 0x80
      end &+= 1
      rest >>= 7
    }
    unsafe storage[end] = UInt8(truncatingIfNeeded: rest)
    end &+= 1
  }

  /// Zigzag, so that small negative numbers are short too.
  @inlinable
  package mutating func writeSignedVarint(_ value: Int64) {
    writeVarint(UInt64(bitPattern: (value << 1) ^ (value >> 63)))
  }
}
