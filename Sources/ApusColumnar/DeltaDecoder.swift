/// Reads DELTA_BINARY_PACKED: a first value, then blocks of differences, each less the block's smallest, packed.
///
/// Sums wrap, as the format says. A header that claims other than the expected count is refused before anything
/// is written, and the geometry it claims costs no memory.
struct DeltaDecoder: ~Escapable {
  private let bytes: RawSpan
  /// Where the next byte is read; after `fill`, the first byte behind the last miniblock.
  private(set) var at: Int

  /// The most values a block may have; writers use 128 to 2048.
  static let blockValuesMax = 1 << 16

  @_lifetime(copy bytes)
  init(_ bytes: RawSpan, at start: Int = 0) {
    self.bytes = bytes
    at = start
  }

  /// Fills `target`, which must have as many places as there are values.
  @_lifetime(self: copy self)
  mutating func fill<T: FixedWidthInteger & SignedInteger>(
    _ target: UnsafeMutableBufferPointer<T>
  ) throws(PageFault) {
    let blockValues = try readVarint()
    let miniblocks = try readVarint()
    let total = try readVarint()
    guard total == UInt64(target.count) else {
      throw .mismatch("delta-encoded values", claimed: Int(clamping: total), found: target.count)
    }
    var value = T(truncatingIfNeeded: try readZigzag())
    guard blockValues > 0, blockValues <= UInt64(Self.blockValuesMax), blockValues % 128 == 0,
      miniblocks > 0, miniblocks <= blockValues, blockValues % miniblocks == 0,
      (blockValues / miniblocks) % 32 == 0
    else { throw .corrupt("delta blocks of \(blockValues) values in \(miniblocks) miniblocks") }
    guard target.count > 0 else { return }
    unsafe target[0] = value
    let perMiniblock = Int(truncatingIfNeeded: blockValues / miniblocks)
    var done = 1
    while done < target.count {
      let smallest = T(truncatingIfNeeded: try readZigzag())
      let widths = at
      guard miniblocks <= UInt64(bytes.byteCount &- at) else { throw .truncated("a delta block's widths") }
      at &+= Int(truncatingIfNeeded: miniblocks)
      for miniblock in 0..<Int(truncatingIfNeeded: miniblocks) {
        // What follows the last value has widths too, and no bytes.
        if done == target.count { break }
        let width = Int(truncatingIfNeeded: bytes.unsafeByte(widths &+ miniblock))
        // DuckDB packs differences of 32-bit numbers in up to 64 bits; what is beyond the type wraps away.
        guard width <= 64 else { throw .corrupt("differences of \(width) bits") }
        let taken = min(perMiniblock, target.count &- done)
        let (needed, whole) = ((taken &* width &+ 7) >> 3, (perMiniblock &* width) >> 3)
        guard needed <= bytes.byteCount &- at else { throw .truncated("a delta miniblock") }
        let part = unsafe UnsafeMutableBufferPointer(rebasing: target[done..<(done &+ taken)])
        unsafe sum(part, width: width, smallest: smallest, value: &value)
        at &+= min(whole, bytes.byteCount &- at)
        done &+= taken
      }
    }
  }

  /// Adds up one miniblock from the byte `at`; the caller has checked that its bytes are there.
  private func sum<T: FixedWidthInteger & SignedInteger>(
    _ target: UnsafeMutableBufferPointer<T>, width: Int, smallest: T, value: inout T
  ) {
    if width == 0 {
      for index in 0..<target.count {
        value &+= smallest
        unsafe target[index] = value
      }
      return
    }
    let mask: UInt64 = width == 64 ? .max : (1 << UInt64(width)) &- 1
    var bit = at &* 8
    for index in 0..<target.count {
      let start = bit >> 3
      let shift = UInt64(bit & 7)
      var word =
        start <= bytes.byteCount &- 8
        ? bytes.unsafeInteger(start, as: UInt64.self) : bytes.paddedWord(at: start)
      word >>= shift
      // A value that does not begin a byte may reach into the ninth.
      if width &+ (bit & 7) > 64 { word |= UInt64(bytes.unsafeByte(start &+ 8)) << (64 &- shift) }
      value = value &+ smallest &+ T(truncatingIfNeeded: word & mask)
      unsafe target[index] = value
      bit &+= width
    }
  }

  /// An LEB128 of at most ten bytes.
  @_lifetime(self: copy self)
  private mutating func readVarint() throws(PageFault) -> UInt64 {
    var value: UInt64 = 0
    for shift in stride(from: 0, to: 70, by: 7) {
      guard at < bytes.byteCount else { throw .truncated("a delta header") }
      let byte = bytes.unsafeByte(at)
      at &+= 1
      value |= UInt64(byte & 0x7f) << UInt64(shift)
      if byte < 0x80 { return value }
    }
    throw .corrupt("a delta header's number is longer than ten bytes")
  }

  @_lifetime(self: copy self)
  private mutating func readZigzag() throws(PageFault) -> Int64 {
    let raw = try readVarint()
    return Int64(bitPattern: raw >> 1) ^ (0 &- Int64(bitPattern: raw & 1))
  }
}
