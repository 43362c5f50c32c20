// DELTA_BINARY_PACKED: integers as what each adds to the one before, in blocks of 128, packed in quarters of 32 with as many
// bits as the quarter's largest needs above the block's least. Ascending keys and timestamps take a fraction of their bytes,
// and what is random a little more than them.
//
// Arithmetic wraps in the integers' own width, on both sides: so a difference that overflows is the right one again when
// it is added.

import ApusBytes

enum DeltaEncoder {
  static let blockSize = 128
  static let quarterSize = 32

  /// Appends `count` little-endian integers.
  static func encode<T: FixedWidthInteger & SignedInteger & BitwiseCopyable>(
    _ values: RawSpan, _ count: Int, as: T.Type, into bytes: inout ByteWriter
  ) where T.Magnitude: BitwiseCopyable {
    precondition(values.byteCount >= count * MemoryLayout<T>.size, "as many integers as are said")
    bytes.writeVarint(UInt64(blockSize))
    bytes.writeVarint(UInt64(blockSize / quarterSize))
    bytes.writeVarint(UInt64(count))
    bytes.writeSignedVarint(count > 0 ? Int64(load(values, 0) as T) : 0)
    var deltas = [T](repeating: 0, count: blockSize)
    var at = 1
    while at < count {
      let here = min(blockSize, count - at)
      var least = T.max
      for index in 0..<here {
        let delta = (load(values, at + index) as T) &- load(values, at + index - 1)
        deltas[index] = delta
        least = min(least, delta)
      }
      // What fills up the last quarter must not widen it.
      for index in here..<blockSize { deltas[index] = least }
      writeBlock(deltas.span, (here + quarterSize - 1) / quarterSize, least, &bytes)
      at += here
    }
  }

  private static func writeBlock<T: FixedWidthInteger & SignedInteger & BitwiseCopyable>(
    _ deltas: Span<T>, _ quarters: Int, _ least: T, _ bytes: inout ByteWriter
  ) {
    bytes.writeSignedVarint(Int64(least))
    let widthsAt = bytes.count
    bytes.write(0 as UInt32)
    for quarter in 0..<quarters {
      let range = (quarter * quarterSize)..<((quarter + 1) * quarterSize)
      var all: UInt64 = 0
      for index in range { all |= excess(deltas[index], least) }
      let width = UInt64.bitWidth - all.leadingZeroBitCount
      bytes.overwrite(UInt8(truncatingIfNeeded: width), at: widthsAt + quarter)
      if width > 0 { pack(deltas, range, least, width, &bytes) }
    }
  }

  /// 32 numbers of `width` bits: `width` times four bytes.
  private static func pack<T: FixedWidthInteger & SignedInteger & BitwiseCopyable>(
    _ deltas: Span<T>, _ range: Range<Int>, _ least: T, _ width: Int, _ bytes: inout ByteWriter
  ) {
    var held: UInt64 = 0
    var bits = 0
    for index in range {
      let number = excess(deltas[index], least)
      held |= number << UInt64(truncatingIfNeeded: bits)
      bits += width
      if bits >= 64 {
        bytes.write(held)
        bits -= 64
        // What of the number did not fit any more. A shift by 64 gives zero.
        held = number >> UInt64(truncatingIfNeeded: width - bits)
      }
    }
    if bits > 0 { bytes.write(UInt32(truncatingIfNeeded: held)) }
  }

  /// How far a delta lies above the block's least, as a number of the integers' own width.
  @inline(__always)
  private static func excess<T: FixedWidthInteger & SignedInteger>(_ delta: T, _ least: T) -> UInt64 {
    UInt64(truncatingIfNeeded: T.Magnitude(truncatingIfNeeded: delta &- least))
  }

  @inline(__always)
  private static func load<T: FixedWidthInteger & BitwiseCopyable>(_ values: RawSpan, _ index: Int) -> T {
    // `encode` has checked that there are as many.
    T(
      littleEndian: unsafe values.unsafeLoadUnaligned(
        fromUncheckedByteOffset: index &* MemoryLayout<T>.size, as: T.self))
  }
}
