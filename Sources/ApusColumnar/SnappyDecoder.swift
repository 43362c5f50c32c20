/// Decompresses one raw Snappy block: a varint with the length of what comes out, then literals and copies.
///
/// Written here because the format is small and frozen, and a hundred lines whose bounds we check ourselves are
/// less to trust than a C++ library. Nothing is read outside of the input, nothing is written beyond the
/// length that the caller expects, and the block must give exactly that many bytes.
enum SnappyDecoder {
  /// How many bytes the block says it holds, and where its elements begin.
  static func claim(of block: RawSpan) throws(PageFault) -> (byteCount: Int, start: Int) {
    var value: UInt64 = 0
    for at in 0..<min(5, block.byteCount) {
      let byte = block.unsafeByte(at)
      value |= UInt64(byte & 0x7f) << UInt64(7 * at)
      if byte < 0x80 {
        guard value <= UInt64(UInt32.max) else { break }
        return (Int(truncatingIfNeeded: value), at + 1)
      }
    }
    throw .corrupt("a snappy block does not begin with its length")
  }

  /// Writes what the block holds to `target`, all of it.
  static func decompress(
    _ block: RawSpan, into target: UnsafeMutableRawBufferPointer
  ) throws(PageFault) {
    let (byteCount, start) = try claim(of: block)
    guard byteCount == target.count else {
      throw .mismatch("bytes in a snappy block", claimed: target.count, found: byteCount)
    }
    guard let out = target.baseAddress else { return }
    // The pointer is used within this call only, while the span that owns the bytes is borrowed.
    let input = unsafe block.withUnsafeBytes { unsafe $0 }
    guard let bytes = input.baseAddress else { return }
    let wrote = unsafe try elements(bytes, from: start, to: input.count, out, room: byteCount)
    guard wrote == byteCount else {
      throw .mismatch("bytes in a snappy block", claimed: byteCount, found: wrote)
    }
  }

  /// Walks over the elements; `at ≤ end` and `done ≤ room` hold at every turn, and each store is preceded by its check.
  private static func elements(
    _ input: UnsafeRawPointer, from start: Int, to end: Int, _ out: UnsafeMutableRawPointer, room: Int
  ) throws(PageFault) -> Int {
    var (at, done) = (start, 0)
    while at < end {
      let tag = unsafe Int(truncatingIfNeeded: input.load(fromByteOffset: at, as: UInt8.self))
      at &+= 1
      if tag & 3 == 0 {
        var length = (tag >> 2) &+ 1
        if length > 60 {
          // 60 to 63 stand for one to four bytes that hold the length less one.
          let width = length &- 60
          guard width <= end &- at else { throw .truncated("a snappy literal's length") }
          length = unsafe little(input + at, width) &+ 1
          at &+= width
        }
        guard length <= end &- at else { throw .truncated("a snappy literal") }
        guard length <= room &- done else { throw .corrupt("a snappy block holds more than it says") }
        if length <= 16 && end &- at >= 16 && room &- done >= 16 {
          unsafe copySixteen(from: input + at, to: out + done)
        } else {
          unsafe (out + done).copyMemory(from: input + at, byteCount: length)
        }
        at &+= length
        done &+= length
        continue
      }
      let (width, length) =
        tag & 3 == 1 ? (1, ((tag >> 2) & 7) &+ 4) : (tag & 3 == 2 ? 2 : 4, (tag >> 2) &+ 1)
      guard width <= end &- at else { throw .truncated("a snappy copy's distance") }
      var distance = unsafe little(input + at, width)
      if width == 1 { distance |= (tag >> 5) << 8 }
      at &+= width
      guard distance > 0 && distance <= done else { throw .corrupt("a snappy copy from before the block") }
      guard length <= room &- done else { throw .corrupt("a snappy block holds more than it says") }
      unsafe repeatBytes(out + done, distance: distance, length: length, room: room &- done)
      done &+= length
    }
    return done
  }

  /// Copies bytes that were written before; source and target may overlap, and then the bytes repeat.
  @inline(__always)
  private static func repeatBytes(
    _ out: UnsafeMutableRawPointer, distance: Int, length: Int, room: Int
  ) {
    let source = unsafe UnsafeRawPointer(out - distance)
    if distance >= 16 && room >= length &+ 16 {
      // Copies of 16 never read what they themselves write, as the source lies at least as far behind.
      var at = 0
      while at < length {
        unsafe copySixteen(from: source + at, to: out + at)
        at &+= 16
      }
    } else if distance >= 8 && room >= length &+ 8 {
      unsafe out.copyInWords(from: source, count: length)
    } else {
      for at in 0..<length {
        unsafe out.storeBytes(
          of: source.load(fromByteOffset: at, as: UInt8.self), toByteOffset: at, as: UInt8.self)
      }
    }
  }

  @inline(__always)
  private static func copySixteen(from source: UnsafeRawPointer, to target: UnsafeMutableRawPointer) {
    let first = unsafe source.loadUnaligned(as: UInt64.self)
    let second = unsafe source.loadUnaligned(fromByteOffset: 8, as: UInt64.self)
    unsafe target.storeBytes(of: first, as: UInt64.self)
    unsafe target.storeBytes(of: second, toByteOffset: 8, as: UInt64.self)
  }

  /// A number of one to four bytes.
  @inline(__always)
  private static func little(_ bytes: UnsafeRawPointer, _ width: Int) -> Int {
    var value = 0
    for at in 0..<width {
      value |= unsafe Int(truncatingIfNeeded: bytes.load(fromByteOffset: at, as: UInt8.self)) << (8 &* at)
    }
    return value
  }
}
