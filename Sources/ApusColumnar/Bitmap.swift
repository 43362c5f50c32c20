// Bits in bytes, the first in the lowest: bit i is bit i % 8 of byte i / 8. Bits after the last are zero in what is made here.

import ApusBytes

package enum Bitmap {
  @inlinable package static func byteCount(bits: Int) -> Int { bits / 8 + (bits % 8 == 0 ? 0 : 1) }

  /// Whether bit `index` is set. The caller has checked that the bitmap has it.
  @inlinable package static func isSet(_ bitmap: [UInt8], _ index: Int) -> Bool {
    bitmap[index >> 3] & (1 << UInt8(truncatingIfNeeded: index & 7)) != 0
  }

  /// How many of the first `bits` bits are set.
  package static func countOnes(in bitmap: [UInt8], bits: Int) -> Int {
    var ones = 0
    for index in 0..<(bits / 8) { ones += bitmap[index].nonzeroBitCount }
    if bits % 8 > 0 { ones += (bitmap[bits / 8] & lowBits(bits % 8)).nonzeroBitCount }
    return ones
  }

  /// Clears what follows the first `bits` bits of the last byte.
  package static func clearRest(of bitmap: inout [UInt8], bits: Int) {
    if bits % 8 > 0 { bitmap[bits / 8] &= lowBits(bits % 8) }
  }

  /// The bits of a range as a bitmap of their own. The caller has checked that the bitmap has them.
  package static func slice(_ bitmap: [UInt8], _ range: Range<Int>) -> [UInt8] {
    let byteCount = byteCount(bits: range.count)
    let shift = UInt8(truncatingIfNeeded: range.lowerBound % 8)
    let first = range.lowerBound / 8
    var slice = Array(bitmap[first..<min(first + byteCount, bitmap.count)])
    if shift > 0 {
      for index in slice.indices {
        let next = first + index + 1
        let above = next < bitmap.count ? bitmap[next] << (8 - shift) : 0
        slice[index] = slice[index] >> shift | above
      }
    }
    clearRest(of: &slice, bits: range.count)
    return slice
  }

  private static func lowBits(_ count: Int) -> UInt8 { (1 << UInt8(truncatingIfNeeded: count)) &- 1 }
}

/// A bitmap being written, bit after bit.
package struct BitmapBuilder: ~Copyable {
  private var whole: ByteWriter
  private var pending: UInt8 = 0
  package private(set) var count = 0

  package init(capacity: Int = 0) {
    whole = ByteWriter(capacity: Bitmap.byteCount(bits: capacity))
  }

  @inline(__always)
  package mutating func append(_ bit: Bool) {
    if bit { pending |= 1 << UInt8(truncatingIfNeeded: count & 7) }
    count &+= 1
    if count & 7 == 0 {
      whole.write(pending)
      pending = 0
    }
  }

  package mutating func append(_ bit: Bool, count times: Int) {
    var left = times
    while left > 0, count & 7 != 0 || left < 8 {
      append(bit)
      left -= 1
    }
    whole.write(repeating: bit ? 0xff as UInt8 : 0, count: left / 8)
    count += left / 8 * 8
    append(rest: bit, left % 8)
  }

  private mutating func append(rest bit: Bool, _ times: Int) {
    for _ in 0..<times { append(bit) }
  }

  /// The bitmap, and this builder empty again.
  package mutating func finish() -> [UInt8] {
    if count & 7 != 0 { whole.write(pending) }
    let bitmap = whole.bytes.copied()
    whole.removeAll()
    pending = 0
    count = 0
    return bitmap
  }
}
