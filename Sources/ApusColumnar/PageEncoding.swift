/// How a page's values are written, of the ways that we read; the numbers are the format's.
enum PageEncoding: Int32, Sendable {
  case plain = 0
  /// What writers before Parquet 2 call dictionary indexes; the bytes are the same as of `indexes`.
  case oldIndexes = 2
  case hybrid = 3
  case deltaNumbers = 5
  case deltaLengths = 6
  case deltaTexts = 7
  case indexes = 8
  case streamSplit = 9

  /// The encoding of that number, or a refusal that names it.
  static func named(_ encoding: ParquetEncoding) throws(PageFault) -> PageEncoding {
    if let known = PageEncoding(rawValue: encoding.rawValue) { return known }
    throw .unsupported("the encoding \(encoding)", advice: PageFault.rewrite)
  }

  /// Appends a page's `count` values to `buffer`.
  func decode(
    _ bytes: RawSpan, count: Int, _ storage: ParquetStorage, dictionary: ValueBuffer?,
    into buffer: inout ValueBuffer
  ) throws(PageFault) {
    guard count > 0 else { return }
    switch (self, storage) {
    case (.plain, _):
      try PlainDecoder.decode(bytes, count: count, storage, into: &buffer)
    case (.indexes, _), (.oldIndexes, _):
      guard let dictionary else { throw .corrupt("dictionary indexes without a dictionary") }
      try DictionaryDecoder.decode(bytes, count: count, dictionary, into: &buffer)
    case (.hybrid, .bool):
      // The length stands before the runs, in data pages of both versions.
      guard bytes.byteCount >= 4 else { throw .truncated("bools") }
      let length = Int(truncatingIfNeeded: bytes.unsafeInteger(0, as: UInt32.self))
      guard length <= bytes.byteCount &- 4 else { throw .truncated("bools") }
      var runs = try HybridDecoder(bytes.extracting(4..<(4 &+ length)), width: 1)
      _ = try runs.appendBits(count, to: &buffer.bits)
    case (.deltaNumbers, .int32):
      try Self.deltas(bytes, count, storage, Int32.self, into: &buffer)
    case (.deltaNumbers, .int64):
      try Self.deltas(bytes, count, storage, Int64.self, into: &buffer)
    case (.deltaLengths, .byteArray):
      try DeltaTextDecoder.lengthsFirst(bytes, count: count, into: &buffer)
    case (.deltaTexts, .byteArray):
      try DeltaTextDecoder.sharedBeginnings(bytes, count: count, fixed: nil, into: &buffer)
    case (.deltaTexts, .fixed(let size)):
      try DeltaTextDecoder.sharedBeginnings(bytes, count: count, fixed: size, into: &buffer)
    case (.streamSplit, .int32), (.streamSplit, .int64), (.streamSplit, .float32), (.streamSplit, .float64),
      (.streamSplit, .fixed):
      let plain = try StreamSplitDecoder.plain(bytes, count: count, size: storage.byteCount ?? 0)
      try PlainDecoder.decode(unsafe plain.span.bytes, count: count, storage, into: &buffer)
    default:
      throw .corrupt("\(storage) values cannot have the encoding \(self)")
    }
  }

  private static func deltas<T: FixedWidthInteger & SignedInteger & BitwiseCopyable>(
    _ bytes: RawSpan, _ count: Int, _ storage: ParquetStorage, _: T.Type, into buffer: inout ValueBuffer
  ) throws(PageFault) {
    _ = try buffer.checkRoom(elements: count)
    var values: [T] = []
    try unsafe values.grow(atMost: count) { (target) throws(PageFault) in
      var decoder = DeltaDecoder(bytes)
      try unsafe decoder.fill(target)
      return count
    }
    try PlainDecoder.numbers(unsafe values.span.bytes, count: count, storage, into: &buffer)
  }
}
