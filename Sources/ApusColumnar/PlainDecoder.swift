/// Reads PLAIN values: numbers one after the other, bools as bits, byte arrays each after its length.
///
/// Also what every encoding ends in: physical numbers become elements here (an INT32 may hold an Int8).
enum PlainDecoder {
  /// Appends `count` values, which must be there; what follows them is ignored, as some writers pad.
  static func decode(
    _ bytes: RawSpan, count: Int, _ storage: ParquetStorage, into buffer: inout ValueBuffer
  ) throws(PageFault) {
    if count == 0 { return }
    if buffer.element == .null { throw .corrupt("a column of no type has values") }
    switch storage {
    case .bool:
      guard (count &+ 7) >> 3 <= bytes.byteCount else { throw .truncated("bools") }
      buffer.bits.append(bytes, from: 0, count: count)
    case .byteArray:
      try texts(bytes, count: count, into: &buffer)
    case .fixed(let size):
      try fixed(bytes, count: count, size: size, into: &buffer)
    default:
      try numbers(bytes, count: count, storage, into: &buffer)
    }
  }

  /// Appends numbers, made narrower where the element is, and INT96 as nanoseconds.
  static func numbers(
    _ bytes: RawSpan, count: Int, _ storage: ParquetStorage, into buffer: inout ValueBuffer
  ) throws(PageFault) {
    let size = storage.byteCount ?? 0
    guard size > 0, count <= bytes.byteCount / size else { throw .truncated("numbers") }
    let width = buffer.width
    let room = try buffer.checkRoom(elements: count)
    let element = buffer.element
    try unsafe buffer.bytes.grow(atMost: room) { (target) throws(PageFault) in
      if size == width {
        unsafe bytes.withUnsafeBytes { source in
          unsafe UnsafeMutableRawBufferPointer(target).copyMemory(
            from: UnsafeRawBufferPointer(rebasing: source[0..<room]))
        }
      } else if storage == .int96 {
        for index in 0..<count {
          let value = try nanoseconds(bytes, at: index &* 12)
          unsafe UnsafeMutableRawBufferPointer(target).storeBytes(
            of: value.littleEndian, toByteOffset: index &* 8, as: Int64.self)
        }
      } else {
        switch element {
        case .int8: try unsafe narrow(bytes, count, UnsafeMutableRawBufferPointer(target), Int8.self)
        case .uint8: try unsafe narrow(bytes, count, UnsafeMutableRawBufferPointer(target), UInt8.self)
        case .int16: try unsafe narrow(bytes, count, UnsafeMutableRawBufferPointer(target), Int16.self)
        case .uint16: try unsafe narrow(bytes, count, UnsafeMutableRawBufferPointer(target), UInt16.self)
        default: throw .corrupt("values of \(size) bytes cannot be \(element)")
        }
      }
      return room
    }
  }

  private static func narrow<T: FixedWidthInteger & BitwiseCopyable>(
    _ bytes: RawSpan, _ count: Int, _ target: UnsafeMutableRawBufferPointer, _: T.Type
  ) throws(PageFault) {
    var fits = true
    for index in 0..<count {
      let wide = bytes.unsafeInteger(index &* 4, as: Int32.self)
      let value = T(truncatingIfNeeded: wide)
      fits = fits && Int32(truncatingIfNeeded: value) == wide && (value < 0) == (wide < 0)
      unsafe target.storeBytes(
        of: value.littleEndian, toByteOffset: index &* MemoryLayout<T>.size, as: T.self)
    }
    guard fits else { throw .corrupt("a number does not fit into its column's \(T.bitWidth) bits") }
  }

  /// What Spark and Impala wrote: nanoseconds of the day, then a Julian day.
  private static func nanoseconds(_ bytes: RawSpan, at start: Int) throws(PageFault) -> Int64 {
    let ofDay = bytes.unsafeInteger(start, as: Int64.self)
    let day = Int64(truncatingIfNeeded: bytes.unsafeInteger(start &+ 8, as: Int32.self)) &- epochAsJulianDay
    let (wholeDays, overflow) = day.multipliedReportingOverflow(by: 86_400_000_000_000)
    let (sum, overflows) = wholeDays.addingReportingOverflow(ofDay)
    guard !overflow, !overflows else {
      throw .unsupported(
        "an INT96 timestamp outside of the years 1677 to 2262",
        advice:
          "write timestamps as microseconds (Spark: spark.sql.parquet.outputTimestampType=TIMESTAMP_MICROS)")
    }
    return sum
  }

  /// The Julian day that began at noon of 1970-01-01, as these writers count.
  private static let epochAsJulianDay: Int64 = 2_440_588

  private static func texts(_ bytes: RawSpan, count: Int, into buffer: inout ValueBuffer) throws(PageFault) {
    guard count > 0 else { return }
    guard count <= bytes.byteCount / 4 else { throw .truncated("byte arrays") }
    // What is no length is text, at most.
    let room = bytes.byteCount &- count &* 4
    let start = buffer.bytes.count
    let limit = buffer.byteLimit
    var offsets = buffer.offsets
    buffer.offsets = []
    defer { buffer.offsets = offsets }
    try unsafe buffer.bytes.grow(atMost: room &+ ShortCopy.slack) { (target) throws(PageFault) in
      guard let base = target.baseAddress else { return 0 }
      let out = UnsafeMutableRawPointer(base)
      var written = 0
      try unsafe offsets.grow(atMost: count) { (ends) throws(PageFault) in
        try unsafe bytes.lend { (source) throws(PageFault) in
          var at = 0
          for index in 0..<count {
            guard 4 <= bytes.byteCount &- at else { throw .truncated("a byte array's length") }
            let length = Int(truncatingIfNeeded: bytes.unsafeInteger(at, as: UInt32.self))
            at &+= 4
            guard length <= bytes.byteCount &- at else { throw .truncated("a byte array") }
            // The lengths read so far and those to come take what `room` leaves out; `written + length` stays within it
            // only if the later values have their lengths too.
            guard length <= room &- written else { throw .truncated("byte arrays") }
            if length <= ShortCopy.byteCountMax,
              length &+ ShortCopy.slack <= bytes.byteCount &- at
            {
              unsafe (out + written).copyInWords(from: source + at, count: length)
            } else {
              unsafe (out + written).copyMemory(from: source + at, byteCount: length)
            }
            at &+= length
            written &+= length
            unsafe ends[index] = Int32(truncatingIfNeeded: start &+ written)
          }
        }
        guard written <= limit &- start else {
          throw .tooLarge("values take more than \(limit) bytes")
        }
        return count
      }
      return written
    }
  }

  private static func fixed(
    _ bytes: RawSpan, count: Int, size: Int, into buffer: inout ValueBuffer
  ) throws(PageFault) {
    guard size > 0, count <= bytes.byteCount / size else { throw .truncated("fixed byte arrays") }
    let room = count &* size
    try buffer.checkRoom(for: room)
    let start = buffer.bytes.count
    buffer.bytes.append(bytes.extracting(0..<room))
    buffer.offsets.reserveCapacity(buffer.offsets.count &+ count)
    for index in 1..<max(1, count &+ 1) {
      buffer.offsets.append(Int32(truncatingIfNeeded: start &+ index &* size))
    }
  }
}

extension RawSpan {
  /// Lends the address of the first byte to `body`; of an empty span, some address that nothing may be read from.
  @inline(__always)
  func lend(_ body: (UnsafeRawPointer) throws(PageFault) -> Void) throws(PageFault) {
    try unsafe withUnsafeBytes { (source) throws(PageFault) in
      guard let base = source.baseAddress else { return }
      try unsafe body(base)
    }
  }
}

extension [UInt8] {
  /// Appends the bytes of a span.
  mutating func append(_ bytes: RawSpan) {
    unsafe bytes.withUnsafeBytes { unsafe append(contentsOf: $0) }
  }
}
