internal import ApusBytes

/// Decodes the pages of one column chunk into a column, in the order in which they come.
///
/// Every claim of a page's header is checked against the bytes that are there, and a page's CRC, where it has one, before
/// anything of the page is used.
struct PageDecoder: ~Copyable {
  let leaf: ParquetLayout
  private let codec: PageCodec
  private let limits: ParquetLimits
  private var dictionary: ValueBuffer?

  init(_ leaf: ParquetLayout, _ codec: PageCodec, _ limits: ParquetLimits) {
    self.leaf = leaf
    self.codec = codec
    self.limits = limits
  }

  /// Takes the page whose header begins at `start`, and says where it ends and how many values it had: levels of a
  /// data page, nothing of a dictionary. Of bytes that another checksum has shown to be good the page's own is not asked.
  mutating func take(
    _ bytes: RawSpan, at start: Int, into assembly: inout ColumnAssembly,
    with decompressor: inout PageDecompressor, areGood: Bool = false
  ) throws(PageFault) -> (end: Int, values: Int) {
    let (header, payloadStart) = try Self.header(bytes, at: start)
    guard let count = Int(exactly: header.compressedByteCount), count >= 0,
      count <= bytes.byteCount &- payloadStart
    else { throw .truncated("a page of \(header.compressedByteCount) bytes") }
    let end = payloadStart &+ count
    let payload = bytes.extracting(payloadStart..<end)
    if !areGood, let crc = header.crc {
      let found = CRC32.checksum(payload)
      guard found == crc else { throw .corrupt("a page's checksum is \(found) and should be \(crc)") }
    }
    let size = Int(truncatingIfNeeded: header.uncompressedByteCount)
    switch header.kind {
    case .dictionary(let page):
      try takeDictionary(page, payload, size, &decompressor)
      return (end, 0)
    case .data(let page):
      let values = try checked(page.valueCount)
      try takeFirst(page, values, payload, size, into: &assembly, &decompressor)
      return (end, values)
    case .dataV2(let page):
      let values = try checked(page.valueCount)
      try takeSecond(page, values, payload, size, into: &assembly, &decompressor)
      return (end, values)
    case .other:
      // Index pages, of which there were never any, and what newer writers may add.
      return (end, 0)
    }
  }

  var hasDictionary: Bool { dictionary != nil }
  /// What the dictionary takes in memory.
  var dictionaryByteCount: Int { dictionary.map { $0.bytes.count + $0.offsets.count * 4 } ?? 0 }

  /// Whether the page that begins at `start` has numbers into a dictionary.
  static func needsDictionary(_ bytes: RawSpan, at start: Int) throws(PageFault) -> Bool {
    switch try header(bytes, at: start).0.kind {
    case .data(let page): page.encoding == .rleDictionary || page.encoding == .plainDictionary
    case .dataV2(let page): page.encoding == .rleDictionary || page.encoding == .plainDictionary
    case .dictionary, .other: false
    }
  }

  private static func header(_ bytes: RawSpan, at start: Int) throws(PageFault) -> (ParquetPageHeader, Int) {
    guard start < bytes.byteCount else { throw .truncated("the pages end before the values do") }
    var reader = ThriftReader(bytes.extracting(droppingFirst: start))
    do throws(ThriftError) {
      let header = try ParquetPageHeader(from: &reader)
      return (header, start &+ reader.offset)
    } catch {
      throw .corrupt("a page's header: \(error)")
    }
  }

  private func checked(_ claimed: Int32) throws(PageFault) -> Int {
    guard claimed >= 0 else { throw .corrupt("a page of \(claimed) values") }
    guard claimed <= limits.pageValuesMax else {
      throw .tooLarge("a page of \(claimed) values; at most \(limits.pageValuesMax) are read")
    }
    return Int(truncatingIfNeeded: claimed)
  }

  private mutating func takeDictionary(
    _ page: ParquetDictionaryPage, _ payload: RawSpan, _ size: Int,
    _ decompressor: inout PageDecompressor
  ) throws(PageFault) {
    guard dictionary == nil else { throw .corrupt("a second dictionary") }
    guard page.encoding == .plain || page.encoding == .plainDictionary else {
      throw .unsupported("a dictionary in the encoding \(page.encoding)", advice: PageFault.rewrite)
    }
    let count = try checked(page.valueCount)
    try decompressor.decompress(payload, by: codec, to: size, limit: limits.pageBytesMax)
    var values = ValueBuffer(leaf.field.type.element, byteLimit: limits.pageBytesMax)
    try PlainDecoder.decode(decompressor.bytes, count: count, leaf.storage, into: &values)
    dictionary = values
  }

  /// A data page of the first kind: all of it compressed; levels stand before the values, each after its length.
  private mutating func takeFirst(
    _ page: ParquetDataPage, _ count: Int, _ payload: RawSpan, _ size: Int,
    into assembly: inout ColumnAssembly, _ decompressor: inout PageDecompressor
  ) throws(PageFault) {
    let encoding = try PageEncoding.named(page.encoding)
    try decompressor.decompress(payload, by: codec, to: size, limit: limits.pageBytesMax)
    let content = decompressor.bytes
    var at = 0
    var repetitions = 0..<0
    if leaf.isList { repetitions = try Self.levels(content, &at, page.repetitionEncoding) }
    var definitions = 0..<0
    if leaf.definedAt > 0 { definitions = try Self.levels(content, &at, page.definitionEncoding) }
    let shape =
      leaf.isList
      ? try assembly.takeElements(
        count, repetitions: content.extracting(repetitions), definitions: content.extracting(definitions))
      : try assembly.takeRows(count, definitions: content.extracting(definitions))
    try assembly.takeValues(
      content.extracting(droppingFirst: at), encoding, dictionary: dictionary, of: shape)
  }

  private static func levels(
    _ content: RawSpan, _ at: inout Int, _ encoding: ParquetEncoding
  ) throws(PageFault) -> Range<Int> {
    guard encoding == .rle else {
      throw .unsupported("levels in the encoding \(encoding)", advice: PageFault.rewrite)
    }
    guard content.byteCount &- at >= 4 else { throw .truncated("levels") }
    let length = Int(truncatingIfNeeded: content.unsafeInteger(at, as: UInt32.self))
    let start = at &+ 4
    guard length <= content.byteCount &- start else { throw .truncated("levels of \(length) bytes") }
    at = start &+ length
    return start..<at
  }

  /// A data page of the second kind: levels as they are, their lengths in the header, and only values compressed.
  private mutating func takeSecond(
    _ page: ParquetDataPageV2, _ count: Int, _ payload: RawSpan, _ size: Int,
    into assembly: inout ColumnAssembly, _ decompressor: inout PageDecompressor
  ) throws(PageFault) {
    let encoding = try PageEncoding.named(page.encoding)
    guard let starts = Int(exactly: page.repetitionByteCount),
      let lengths = Int(exactly: page.definitionByteCount),
      starts >= 0, lengths >= 0, starts <= payload.byteCount, lengths <= payload.byteCount &- starts
    else { throw .truncated("levels of a page") }
    let levels = starts &+ lengths
    let repetitions = payload.extracting(0..<starts)
    let definitions = payload.extracting(starts..<levels)
    let shape =
      leaf.isList
      ? try assembly.takeElements(count, repetitions: repetitions, definitions: definitions)
      : try assembly.takeRows(count, definitions: definitions)
    guard shape.rows == Int(truncatingIfNeeded: page.rowCount) else {
      throw .mismatch("rows of a page", claimed: Int(truncatingIfNeeded: page.rowCount), found: shape.rows)
    }
    guard size >= levels else { throw .corrupt("a page of \(size) bytes with levels of \(levels)") }
    let stored = payload.extracting(droppingFirst: levels)
    // Where nothing is left there is nothing to decompress, though the header may say so.
    let codec = page.isCompressed && stored.byteCount > 0 ? codec : .none
    try decompressor.decompress(stored, by: codec, to: size &- levels, limit: limits.pageBytesMax)
    try assembly.takeValues(decompressor.bytes, encoding, dictionary: dictionary, of: shape)
  }
}
