/// A bitmap that grows by runs, first bit lowest. Bits after the last are zero, so that appending is an `or`.
struct GrowingBits: Sendable {
  private(set) var bytes: [UInt8] = []
  private(set) var count = 0

  mutating func append(repeating bit: Bool, count times: Int) {
    var left = times
    if count & 7 != 0, left > 0 {
      let fits = min(8 &- (count & 7), left)
      let ones = UInt8(truncatingIfNeeded: (1 << fits) &- 1)
      if bit { bytes[bytes.count &- 1] |= ones << UInt8(truncatingIfNeeded: count & 7) }
      count &+= fits
      left &-= fits
    }
    guard left > 0 else { return }
    bytes.append(contentsOf: repeatElement(bit ? 0xff : 0, count: (left &+ 7) / 8))
    count &+= left
    clearRest()
  }

  /// Appends bits of a span from bit `first` on. The caller has checked that the span has them.
  mutating func append(_ bits: RawSpan, from first: Int, count times: Int) {
    var (at, left) = (first, times)
    while left > 0 {
      let taken = min(8, left)
      let (index, shift) = (at >> 3, at & 7)
      var value = UInt16(bits.unsafeByte(index))
      if shift &+ taken > 8 { value |= UInt16(bits.unsafeByte(index &+ 1)) << 8 }
      append(UInt8(truncatingIfNeeded: value >> UInt16(truncatingIfNeeded: shift)), count: taken)
      at &+= taken
      left &-= taken
    }
  }

  /// Appends the lowest `taken` bits, at most eight.
  @inline(__always)
  mutating func append(_ bits: UInt8, count taken: Int) {
    let value = UInt16(bits) & ((1 << UInt16(truncatingIfNeeded: taken)) &- 1)
    let shift = count & 7
    if shift == 0 {
      bytes.append(UInt8(truncatingIfNeeded: value))
    } else {
      let wide = value << UInt16(truncatingIfNeeded: shift)
      bytes[bytes.count &- 1] |= UInt8(truncatingIfNeeded: wide)
      if shift &+ taken > 8 { bytes.append(UInt8(truncatingIfNeeded: wide >> 8)) }
    }
    count &+= taken
  }

  private mutating func clearRest() {
    guard count & 7 != 0 else { return }
    bytes[bytes.count &- 1] &= UInt8(truncatingIfNeeded: (1 << (count & 7)) &- 1)
  }

  /// How many bits are set from `first` on.
  func ones(from first: Int) -> Int {
    guard first < count else { return 0 }
    let whole = (first &+ 7) >> 3
    var ones = 0
    for index in whole..<max(whole, bytes.count) { ones &+= bytes[index].nonzeroBitCount }
    if first & 7 != 0 { ones &+= (bytes[first >> 3] >> UInt8(truncatingIfNeeded: first & 7)).nonzeroBitCount }
    return ones
  }
}
