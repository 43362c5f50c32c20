// The least and the greatest value of a page or chunk, as Parquet wants them said.
//
// A bound never lies: the least is at or below every value, the greatest at or above, in the order of the column's type.
// NaN is in no order and never a bound; zeroes are -0.0 below and +0.0 above, because readers hold them for equal. Long
// text is cut: a bound needs to be near, not exact.

import ApusBytes

/// A value in the order of its column.
enum ParquetExtreme: Equatable {
  case signed(Int64)
  case unsigned(UInt64)
  case float(Double)
  case bytes([UInt8])

  static func < (a: ParquetExtreme, b: ParquetExtreme) -> Bool {
    switch (a, b) {
    case (.signed(let a), .signed(let b)): a < b
    case (.unsigned(let a), .unsigned(let b)): a < b
    case (.float(let a), .float(let b)): a < b
    case (.bytes(let a), .bytes(let b)): unsafe a.span.bytes.compare(to: b.span.bytes) < 0
    default: false
    }
  }
}

struct ParquetExtremes {
  var min: ParquetExtreme
  var max: ParquetExtreme

  mutating func extend(by other: ParquetExtremes) {
    if other.min < min { min = other.min }
    if max < other.max { max = other.max }
  }
}

extension ParquetStage {
  /// The bounds of the page's values, nil when it has none that order, and how many are NaN.
  func bounds(_ leaf: ParquetColumnForm) -> (bounds: ParquetExtremes?, nanCount: Int) {
    if valueCount == 0 { return (nil, 0) }
    let bytes = values.bytes
    switch leaf.element {
    case .null: return (nil, 0)
    case .bool:
      let (least, greatest) = Self.range(of: UInt8.self, bytes, valueCount)
      return (ParquetExtremes(min: .unsigned(UInt64(least)), max: .unsigned(UInt64(greatest))), 0)
    case .int8, .int16, .int32, .uint8, .uint16, .date:
      let (least, greatest) = Self.range(of: Int32.self, bytes, valueCount)
      return (ParquetExtremes(min: .signed(Int64(least)), max: .signed(Int64(greatest))), 0)
    case .uint32:
      let (least, greatest) = Self.range(of: UInt32.self, bytes, valueCount)
      return (ParquetExtremes(min: .unsigned(UInt64(least)), max: .unsigned(UInt64(greatest))), 0)
    case .int64, .timestamp:
      let (least, greatest) = Self.range(of: Int64.self, bytes, valueCount)
      return (ParquetExtremes(min: .signed(least), max: .signed(greatest)), 0)
    case .uint64:
      let (least, greatest) = Self.range(of: UInt64.self, bytes, valueCount)
      return (ParquetExtremes(min: .unsigned(least), max: .unsigned(greatest)), 0)
    case .float32:
      return Self.range(floats: bytes, valueCount) { Float(bitPattern: $0 as UInt32) }
    case .float64:
      return Self.range(floats: bytes, valueCount) { Double(bitPattern: $0 as UInt64) }
    case .string, .bytes: return (Self.range(bytes, ends), 0)
    }
  }

  @inline(__always)
  private static func range<T: FixedWidthInteger & BitwiseCopyable>(
    of: T.Type, _ bytes: RawSpan, _ count: Int
  ) -> (T, T) {
    var least = T.max
    var greatest = T.min
    for index in 0..<count {
      // The stage holds as many values of that size.
      let value = unsafe bytes.unsafeLoadUnaligned(
        fromUncheckedByteOffset: index &* MemoryLayout<T>.size, as: T.self)
      least = Swift.min(least, value)
      greatest = Swift.max(greatest, value)
    }
    return (least, greatest)
  }

  @inline(__always)
  private static func range<Bits: FixedWidthInteger & BitwiseCopyable, F: BinaryFloatingPoint>(
    floats bytes: RawSpan, _ count: Int, _ value: (Bits) -> F
  ) -> (bounds: ParquetExtremes?, nanCount: Int) {
    var least = F.infinity
    var greatest = -F.infinity
    var nanCount = 0
    for index in 0..<count {
      // The stage holds as many values of that size.
      let value = value(
        unsafe bytes.unsafeLoadUnaligned(
          fromUncheckedByteOffset: index &* MemoryLayout<Bits>.size, as: Bits.self))
      // Both comparisons are false for NaN.
      if value < least { least = value }
      if value > greatest { greatest = value }
      nanCount &+= value == value ? 0 : 1
    }
    if nanCount == count { return (nil, nanCount) }
    return (ParquetExtremes(min: .float(Double(least)), max: .float(Double(greatest))), nanCount)
  }

  private static func range(_ bytes: RawSpan, _ ends: [Int]) -> ParquetExtremes {
    var least = 0..<ends[0]
    var greatest = least
    var start = 0
    for end in ends {
      let value = bytes.extracting(start..<end)
      if value.compare(to: bytes.extracting(least)) < 0 { least = start..<end }
      if value.compare(to: bytes.extracting(greatest)) > 0 { greatest = start..<end }
      start = end
    }
    return ParquetExtremes(
      min: .bytes(bytes.extracting(least).copied()), max: .bytes(bytes.extracting(greatest).copied()))
  }
}

// MARK: - Bytes

extension ParquetExtreme {
  /// At or below the value, in few bytes.
  func lower(_ leaf: ParquetColumnForm) -> (bytes: [UInt8], isExact: Bool) {
    switch self {
    case .float(let value): return (Self.bytes(of: value == 0 ? -0.0 : value, leaf), true)
    case .bytes(let bytes):
      let cut = Self.cut(bytes, isText: leaf.element == .string)
      return (Array(bytes[..<cut]), cut == bytes.count)
    default: return (integerBytes(leaf), true)
    }
  }

  /// At or above the value, in few bytes where there are any.
  func upper(_ leaf: ParquetColumnForm) -> (bytes: [UInt8], isExact: Bool) {
    switch self {
    case .float(let value): return (Self.bytes(of: value == 0 ? 0.0 : value, leaf), true)
    case .bytes(let bytes):
      let isText = leaf.element == .string
      let cut = Self.cut(bytes, isText: isText)
      if cut == bytes.count { return (bytes, true) }
      let head = Array(bytes[..<cut])
      // With no greater bytes of that length, the value itself is the only bound.
      guard let next = isText ? Self.textAfter(head) : Self.bytesAfter(head) else { return (bytes, true) }
      return (next, false)
    default: return (integerBytes(leaf), true)
    }
  }

  /// Longer bounds are cut: keys are told apart by less.
  static let bytesMax = 64

  private func integerBytes(_ leaf: ParquetColumnForm) -> [UInt8] {
    let bits: UInt64 =
      switch self {
      case .signed(let value): UInt64(bitPattern: value)
      case .unsigned(let value): value
      case .float, .bytes: 0
      }
    // A bool is one byte.
    return Self.littleEndian(bits, leaf.plainByteCount ?? 1)
  }

  private static func bytes(of value: Double, _ leaf: ParquetColumnForm) -> [UInt8] {
    leaf.plainByteCount == 4
      ? littleEndian(UInt64(Float(value).bitPattern), 4) : littleEndian(value.bitPattern, 8)
  }

  private static func littleEndian(_ bits: UInt64, _ count: Int) -> [UInt8] {
    (0..<count).map { UInt8(truncatingIfNeeded: bits >> UInt64(8 * $0)) }
  }

  /// Where to cut: never within a character of text.
  private static func cut(_ bytes: [UInt8], isText: Bool) -> Int {
    if bytes.count <= bytesMax { return bytes.count }
    var cut = bytesMax
    while isText, cut > 0, bytes[cut] & 0xc0 == 0x80 { cut -= 1 }
    return cut
  }

  /// The shortest bytes above all that begin with `head`.
  static func bytesAfter(_ head: [UInt8]) -> [UInt8]? {
    var next = head
    while let last = next.popLast() {
      if last < 0xff { return next + [last + 1] }
    }
    return nil
  }

  /// The same, of text: the last character that has a successor is replaced by it. UTF-8 orders as its characters do.
  static func textAfter(_ head: [UInt8]) -> [UInt8]? {
    var scalars = Array(String(decoding: head, as: UTF8.self).unicodeScalars)
    while let last = scalars.popLast() {
      // After U+D7FF come the surrogates, which are no characters.
      let value = last.value == 0xd7ff ? 0xe000 : last.value + 1
      guard let next = Unicode.Scalar(value) else { continue }
      var text = String.UnicodeScalarView(scalars)
      text.append(next)
      return Array(String(text).utf8)
    }
    return nil
  }
}
