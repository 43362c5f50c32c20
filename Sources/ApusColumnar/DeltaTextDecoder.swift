/// Reads byte arrays whose lengths are delta-encoded: DELTA_LENGTH_BYTE_ARRAY (all lengths, then all bytes) and
/// DELTA_BYTE_ARRAY (how much each shares with the one before, then what follows that).
///
/// A shared beginning costs the page nothing and us its bytes: the buffer's limit is checked before they are copied.
enum DeltaTextDecoder {
  static func lengthsFirst(_ bytes: RawSpan, count: Int, into buffer: inout ValueBuffer) throws(PageFault) {
    let (lengths, start) = try numbers(bytes, at: 0, count: count)
    let total = try sum(lengths)
    guard total <= bytes.byteCount &- start else { throw .truncated("byte arrays") }
    try buffer.checkRoom(for: total)
    var end = Int32(truncatingIfNeeded: buffer.bytes.count)
    buffer.bytes.append(bytes.extracting(start..<(start &+ total)))
    buffer.offsets.reserveCapacity(buffer.offsets.count &+ count)
    for length in lengths {
      end &+= length
      buffer.offsets.append(end)
    }
  }

  static func sharedBeginnings(
    _ bytes: RawSpan, count: Int, fixed: Int?, into buffer: inout ValueBuffer
  ) throws(PageFault) {
    guard count > 0 else { return }
    let (prefixes, middle) = try numbers(bytes, at: 0, count: count)
    let (suffixes, start) = try numbers(bytes, at: middle, count: count)
    guard try sum(suffixes) <= bytes.byteCount &- start else { throw .truncated("byte arrays") }
    let total = try sum(prefixes) &+ sum(suffixes)
    try buffer.checkRoom(for: total)
    buffer.bytes.reserveCapacity(buffer.bytes.count &+ total)
    buffer.offsets.reserveCapacity(buffer.offsets.count &+ count)
    var (at, before) = (start, buffer.bytes.count)
    for index in 0..<count {
      let (shared, rest) = (
        Int(truncatingIfNeeded: prefixes[index]), Int(truncatingIfNeeded: suffixes[index])
      )
      let end = buffer.bytes.count
      // The first value of a page shares with nothing, not with the last of the page before.
      guard shared <= (index == 0 ? 0 : end &- before) else {
        throw .corrupt("a byte array shares \(shared) bytes with a shorter one")
      }
      if let fixed, shared &+ rest != fixed {
        throw .corrupt("a fixed byte array of \(shared &+ rest) bytes where \(fixed) are due")
      }
      buffer.bytes.append(contentsOf: buffer.bytes[before..<(before &+ shared)])
      buffer.bytes.append(bytes.extracting(at..<(at &+ rest)))
      at &+= rest
      before = end
      buffer.offsets.append(Int32(truncatingIfNeeded: buffer.bytes.count))
    }
  }

  private static func numbers(
    _ bytes: RawSpan, at start: Int, count: Int
  ) throws(PageFault) -> (values: [Int32], end: Int) {
    var decoder = DeltaDecoder(bytes, at: start)
    var values: [Int32] = []
    try unsafe values.grow(atMost: count) { (target) throws(PageFault) in
      try unsafe decoder.fill(target)
      return count
    }
    return (values, decoder.at)
  }

  /// What non-negative lengths add up to; at most 2^26 of them, so no sum overflows.
  private static func sum(_ lengths: [Int32]) throws(PageFault) -> Int {
    var (total, smallest) = (0, Int32(0))
    for length in lengths {
      total &+= Int(truncatingIfNeeded: length)
      smallest = min(smallest, length)
    }
    guard smallest >= 0 else { throw .corrupt("a byte array of \(smallest) bytes") }
    return total
  }
}
