// Levels and dictionary indices as Parquet packs them: runs of one value, and groups of eight values of `width` bits each.
// A run is written where eight or more equal values begin at a group's border; all else is packed. Only the last group of
// all is filled up, with zeroes that no reader takes for values.

import ApusBytes

enum HybridEncoder {
  /// Below this many equal values a run costs more than it saves.
  static let groupSize = 8
  /// Packed groups under one header: as many as it can count in one byte.
  static let groupsMax = 63

  /// How many bits the numbers up to `largest` take.
  static func width(of largest: Int) -> Int { Int.bitWidth - largest.leadingZeroBitCount }

  /// Appends numbers below 2^width; 1 ≤ width ≤ 32.
  static func encode<T: UnsignedInteger & FixedWidthInteger & BitwiseCopyable>(
    _ values: Span<T>, width: Int, into bytes: inout ByteWriter
  ) {
    precondition(width >= 1 && width <= 32, "a packed number has from 1 to 32 bits")
    var at = 0
    var headerAt = -1
    var groups = 0
    while at < values.count {
      let first = values[at]
      var end = at + 1
      while end < values.count, values[end] == first { end += 1 }
      if end - at >= groupSize {
        groups = 0
        bytes.writeVarint(UInt64(end - at) << 1)
        writeRunValue(UInt32(truncatingIfNeeded: first), width, &bytes)
        at = end
        continue
      }
      if groups == 0 || groups == groupsMax {
        headerAt = bytes.count
        bytes.write(0 as UInt8)
        groups = 0
      }
      groups += 1
      bytes.overwrite(UInt8(truncatingIfNeeded: groups << 1 | 1), at: headerAt)
      pack(values, at, width, &bytes)
      at += groupSize
    }
  }

  private static func writeRunValue(_ value: UInt32, _ width: Int, _ bytes: inout ByteWriter) {
    var rest = value
    for _ in 0..<((width + 7) / 8) {
      bytes.write(UInt8(truncatingIfNeeded: rest))
      rest >>= 8
    }
  }

  /// Eight values, or what is left of them, in exactly `width` bytes.
  @inline(__always)
  private static func pack<T: UnsignedInteger & FixedWidthInteger & BitwiseCopyable>(
    _ values: Span<T>, _ start: Int, _ width: Int, _ bytes: inout ByteWriter
  ) {
    var held: UInt64 = 0
    var bits = 0
    for at in start..<(start + groupSize) {
      let value = at < values.count ? UInt64(truncatingIfNeeded: values[at]) : 0
      // At most 31 bits are held, and 32 come.
      held |= value << UInt64(truncatingIfNeeded: bits)
      bits += width
      if bits >= 32 {
        bytes.write(UInt32(truncatingIfNeeded: held))
        held >>= 32
        bits -= 32
      }
    }
    while bits > 0 {
      bytes.write(UInt8(truncatingIfNeeded: held))
      held >>= 8
      bits -= 8
    }
  }
}
