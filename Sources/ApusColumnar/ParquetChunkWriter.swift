// One column of the row group that is open: rows gather in a page, closed pages wait, compressed, until the row group ends,
// because the pages of one column lie together in the file.
//
// Page boundaries are the writer's, the same for every column. What is kept of a closed page is its bytes and its bounds.

import ApusBytes

/// Owned by one ParquetWriter, which lets one thread at a time have it.
final class ParquetChunkWriter: @unchecked Sendable {
  let leaf: ParquetColumnForm
  private var state: ParquetChunkState

  init(
    _ field: ColumnField, _ options: ParquetWriterOptions, mayHaveDictionary: Bool = true
  ) throws(ColumnarError) {
    leaf = ParquetColumnForm(field)
    state = try ParquetChunkState(leaf, options, mayHaveDictionary)
  }

  func append(_ column: Column, _ rows: Range<Int>) throws(ColumnarError) {
    try state.append(column, rows, leaf)
  }

  func closePage(firstRow: Int) throws(ColumnarError) {
    try state.closePage(firstRow, leaf)
  }

  /// Writes the chunk's pages and begins anew.
  func finish(
    to sink: any ColumnSink
  ) throws(ColumnarError) -> ParquetWrittenChunk {
    try state.finish(to: sink, leaf)
  }
}

/// A chunk in the file, and what its indexes will say.
struct ParquetWrittenChunk {
  var metadata: ParquetChunkMetadata
  let columnIndex: ParquetColumnIndex?
  let offsetIndex: ParquetOffsetIndex
  let summary: ParquetSummary.Column
}

struct ParquetChunkState: ~Copyable {
  private let options: ParquetWriterOptions
  private let mayHaveDictionary: Bool
  private var compressor: ZstdCompressor?
  private var stage = ParquetStage()
  private var body = ByteWriter()
  private var compressed = ByteWriter()

  // Of the chunk: begun anew with each row group.
  private var dictionary = ParquetDictionary()
  private var deltas = ByteWriter()
  private var takesNumbers: Bool
  private var takesDeltas: Bool
  private var numberedPlainBytes = 0
  private var numberBytes = 0
  private var pages = ByteWriter()
  private var pageMarks: [ParquetPageMark] = []
  private var bounds: ParquetExtremes?
  private var uncompressedByteCount = 0
  private var entryCount = 0

  init(
    _ leaf: ParquetColumnForm, _ options: ParquetWriterOptions, _ mayHaveDictionary: Bool
  ) throws(ColumnarError) {
    self.options = options
    self.mayHaveDictionary = mayHaveDictionary && Self.mayTakeNumbers(leaf)
    takesNumbers = self.mayHaveDictionary
    takesDeltas = leaf.isInteger
    if case .zstd(let level) = options.compression {
      do throws(BytesError) { compressor = try ZstdCompressor(level: level) } catch {
        throw Self.failure(error, leaf)
      }
    }
  }

  mutating func append(_ column: Column, _ rows: Range<Int>, _ leaf: ParquetColumnForm) throws(ColumnarError)
  {
    try stage.append(column, rows, leaf)
  }

  /// The rule of Parquet.md: no dictionary for bools, vectors, lists of floats, or the type null.
  private static func mayTakeNumbers(_ leaf: ParquetColumnForm) -> Bool {
    switch leaf.element {
    case .bool, .null: return false
    case .float32, .float64: if leaf.isList { return false }
    default: break
    }
    if case .vector = leaf.field.type.shape { return false }
    return true
  }

  private static func failure(_ error: BytesError, _ leaf: ParquetColumnForm) -> ColumnarError {
    .damaged(error.description, at: ColumnarPlace(column: leaf.field.name))
  }
}

// MARK: - Pages

/// What is kept of a closed page.
struct ParquetPageMark {
  /// Within the chunk's data pages.
  let offset: Int
  let byteCount: Int
  let crc: UInt32
  let firstRow: Int
  let encoding: ParquetEncoding
  let valueCount: Int
  let emptyCount: Int
  let nanCount: Int
  /// Already cut.
  let bounds: ParquetExtremes?
}

extension ParquetChunkState {
  mutating func closePage(_ firstRow: Int, _ leaf: ParquetColumnForm) throws(ColumnarError) {
    body.removeAll()
    if leaf.isList { Self.writeLevels(stage.repetition, max: 1, &body) }
    if leaf.definitionMax > 0 { Self.writeLevels(stage.definition, max: Int(leaf.definitionMax), &body) }
    let encoding = writeValues(leaf)
    let page = ParquetDataPage(
      valueCount: try Self.fitting(stage.entryCount, leaf), encoding: encoding)
    let start = pages.count
    uncompressedByteCount += try Self.writePage(
      .data(page), body, &compressed, &compressor, leaf, into: &pages)

    let (found, nanCount) = stage.bounds(leaf)
    if let found {
      if bounds == nil { bounds = found } else { bounds?.extend(by: found) }
    }
    pageMarks.append(
      ParquetPageMark(
        offset: start, byteCount: pages.count - start,
        crc: CRC32C.checksum(pages.bytes.extracting(start..<pages.count)), firstRow: firstRow,
        encoding: encoding, valueCount: stage.valueCount, emptyCount: stage.emptyEntryCount,
        nanCount: nanCount, bounds: found.map { Self.cut($0, leaf) }))
    entryCount += stage.entryCount
    stage.removeAll()
  }

  /// Appends the page's values in the encoding that Parquet.md chooses for them.
  private mutating func writeValues(_ leaf: ParquetColumnForm) -> ParquetEncoding {
    deltas.removeAll()
    if stage.valueCount == 0 {
      return .plain
    }
    if takesDeltas { Self.writeDeltas(stage, leaf, &deltas) }
    if takesNumbers, numberValues(leaf) {
      Self.writeNumbers(dictionary, &body)
      return .rleDictionary
    }
    if takesDeltas {
      if deltas.count <= stage.values.count / 4 * 3 {
        Self.append(deltas, to: &body)
        return .deltaBinaryPacked
      }
      takesDeltas = false
    }
    Self.writePlain(stage, leaf, &body)
    return .plain
  }

  /// Numbers the page's values as long as the dictionary pays; at the first page with which it does not, its values are taken
  /// out of it again and nothing is added any more.
  private mutating func numberValues(_ leaf: ParquetColumnForm) -> Bool {
    let before = (bytes: dictionary.plain.count, count: dictionary.count)
    let isNumbered = dictionary.number(stage, byteCount: leaf.plainByteCount)
    let plainBytes = stage.values.count + 4 * stage.ends.count
    let pageNumberBytes = stage.valueCount * Self.numberWidth(dictionary.count) / 8
    let total = dictionary.plain.count + numberBytes + pageNumberBytes
    // Asked of the chunk's first page only. The dictionary's own bytes are shared with the pages to come.
    let deltasPay =
      takesDeltas && before.count == 0 && deltas.count < pageNumberBytes + dictionary.plain.count / 4
    guard isNumbered, !deltasPay, dictionary.plain.count <= ParquetWriterOptions.dictionaryBytesMax,
      total / 3 <= (numberedPlainBytes + plainBytes) / 4
    else {
      takesNumbers = false
      dictionary.forget(after: before.bytes, keeping: before.count)
      return false
    }
    // A column is one or the other.
    takesDeltas = false
    numberedPlainBytes += plainBytes
    numberBytes += pageNumberBytes
    return true
  }

  private static func writeDeltas(
    _ stage: borrowing ParquetStage, _ leaf: ParquetColumnForm, _ deltas: inout ByteWriter
  ) {
    if leaf.physicalType == .int32 {
      DeltaEncoder.encode(stage.values.bytes, stage.valueCount, as: Int32.self, into: &deltas)
    } else {
      DeltaEncoder.encode(stage.values.bytes, stage.valueCount, as: Int64.self, into: &deltas)
    }
  }

  private static func append(_ bytes: borrowing ByteWriter, to body: inout ByteWriter) {
    body.write(bytes.bytes)
  }

  private static func numberWidth(_ count: Int) -> Int { max(1, HybridEncoder.width(of: count - 1)) }

  private static func writeNumbers(_ dictionary: borrowing ParquetDictionary, _ body: inout ByteWriter) {
    let width = numberWidth(dictionary.count)
    body.write(UInt8(truncatingIfNeeded: width))
    HybridEncoder.encode(dictionary.numbers.span, width: width, into: &body)
  }

  private static func writeLevels(_ levels: [UInt8], max: Int, _ body: inout ByteWriter) {
    let lengthAt = body.count
    body.write(0 as UInt32)
    HybridEncoder.encode(levels.span, width: HybridEncoder.width(of: max), into: &body)
    body.overwrite(UInt32(truncatingIfNeeded: body.count - lengthAt - 4), at: lengthAt)
  }

  private static func writePlain(
    _ stage: borrowing ParquetStage, _ leaf: ParquetColumnForm, _ body: inout ByteWriter
  ) {
    let bytes = stage.values.bytes
    switch leaf.physicalType {
    case .byteArray:
      body.reserve(bytes.byteCount + 4 * stage.ends.count)
      var start = 0
      for end in stage.ends {
        body.write(UInt32(truncatingIfNeeded: end - start))
        body.write(bytes.extracting(start..<end))
        start = end
      }
    case .boolean:
      var bits = BitmapBuilder(capacity: bytes.byteCount)
      for at in 0..<bytes.byteCount {
        bits.append(unsafe bytes.unsafeLoad(fromByteOffset: at, as: UInt8.self) == 1)
      }
      body.write(bits.finish())
    default: body.write(bytes)
    }
  }

  /// Appends a header and the body, compressed; says how many bytes both take uncompressed.
  private static func writePage(
    _ kind: ParquetPageHeader.Kind, _ body: borrowing ByteWriter, _ compressed: inout ByteWriter,
    _ compressor: inout ZstdCompressor?, _ leaf: ParquetColumnForm, into pages: inout ByteWriter
  ) throws(ColumnarError) -> Int {
    compressed.removeAll()
    if compressor != nil {
      do throws(BytesError) { try compressor?.compress(body.bytes, into: &compressed) } catch {
        throw failure(error, leaf)
      }
    } else {
      compressed.write(body.bytes)
    }
    let header = ParquetPageHeader(
      kind: kind, uncompressedByteCount: try fitting(body.count, leaf),
      compressedByteCount: try fitting(compressed.count, leaf),
      crc: CRC32.checksum(compressed.bytes))
    var writer = ThriftWriter(capacity: 64)
    header.write(into: &writer)
    pages.write(writer.bytes.bytes)
    pages.write(compressed.bytes)
    return writer.bytes.count + body.count
  }

  /// Pages count in 32 bits.
  private static func fitting(_ count: Int, _ leaf: ParquetColumnForm) throws(ColumnarError) -> Int32 {
    guard let fitting = Int32(exactly: count) else {
      throw .tooLarge(
        "bytes of one row, which is in one page", claimed: UInt64(clamping: count), limit: UInt64(Int32.max),
        at: ColumnarPlace(column: leaf.field.name))
    }
    return fitting
  }

  private static func cut(_ bounds: ParquetExtremes, _ leaf: ParquetColumnForm) -> ParquetExtremes {
    guard case .bytes = bounds.min else { return bounds }
    return ParquetExtremes(
      min: .bytes(bounds.min.lower(leaf).bytes), max: .bytes(bounds.max.upper(leaf).bytes))
  }
}

// MARK: - The chunk

extension ParquetChunkState {
  mutating func finish(
    to sink: any ColumnSink, _ leaf: ParquetColumnForm
  ) throws(ColumnarError) -> ParquetWrittenChunk {
    let start = sink.byteCount
    var dictionaryPage: ParquetSummary.Page?
    if dictionary.count > 0 {
      var head = ByteWriter()
      let kind = ParquetPageHeader.Kind.dictionary(
        ParquetDictionaryPage(valueCount: try Self.fitting(dictionary.count, leaf), encoding: .plain))
      uncompressedByteCount += try Self.writePage(
        kind, dictionary.plain, &compressed, &compressor, leaf, into: &head)
      dictionaryPage = ParquetSummary.Page(
        offset: start, byteCount: head.count, crc: CRC32C.checksum(head.bytes), firstRow: 0)
      try Self.write(head, to: sink)
    }
    let dataStart = sink.byteCount
    try Self.write(pages, to: sink)

    let written = ParquetWrittenChunk(
      metadata: metadata(leaf, start, dataStart, sink.byteCount, hasDictionary: dictionaryPage != nil),
      columnIndex: columnIndex(leaf),
      offsetIndex: ParquetOffsetIndex(
        pages: pageMarks.map {
          ParquetPageLocation(
            offset: Int64(clamping: dataStart) + Int64($0.offset), byteCount: Int32(clamping: $0.byteCount),
            firstRow: Int64($0.firstRow))
        }),
      summary: ParquetSummary.Column(
        dictionary: dictionaryPage,
        pages: pageMarks.map {
          ParquetSummary.Page(
            offset: dataStart + UInt64($0.offset), byteCount: $0.byteCount, crc: $0.crc, firstRow: $0.firstRow
          )
        }))
    beginAnew(leaf)
    return written
  }

  private static func write(_ bytes: borrowing ByteWriter, to sink: any ColumnSink) throws(ColumnarError) {
    do { try sink.write(bytes.bytes) } catch { throw .system(error) }
  }

  private mutating func beginAnew(_ leaf: ParquetColumnForm) {
    dictionary.removeAll()
    takesNumbers = mayHaveDictionary
    takesDeltas = leaf.isInteger
    numberedPlainBytes = 0
    numberBytes = 0
    pages.removeAll()
    pageMarks.removeAll(keepingCapacity: true)
    bounds = nil
    uncompressedByteCount = 0
    entryCount = 0
  }

  private func metadata(
    _ leaf: ParquetColumnForm, _ start: UInt64, _ dataStart: UInt64, _ end: UInt64, hasDictionary: Bool
  ) -> ParquetChunkMetadata {
    var metadata = ParquetChunkMetadata(
      physicalType: leaf.physicalType,
      encodings: encodings(hasDictionary: hasDictionary), path: leaf.path,
      codec: options.compression.codec, valueCount: Int64(entryCount),
      uncompressedByteCount: Int64(uncompressedByteCount), compressedByteCount: Int64(clamping: end - start),
      dataPageOffset: Int64(clamping: dataStart))
    if hasDictionary {
      metadata.dictionaryPageOffset = Int64(clamping: start)
      metadata.encodingCounts = [ParquetEncodingCount(pageType: .dictionary, encoding: .plain, count: 1)]
    }
    for encoding in [ParquetEncoding.rleDictionary, .plain, .deltaBinaryPacked] {
      let count = pageMarks.count { $0.encoding == encoding }
      if count == 0 { continue }
      metadata.encodingCounts.append(
        ParquetEncodingCount(pageType: .data, encoding: encoding, count: Int32(clamping: count)))
    }
    metadata.statistics = statistics(leaf)
    return metadata
  }

  /// Every encoding that some page of the chunk has, levels and dictionary included.
  private func encodings(hasDictionary: Bool) -> [ParquetEncoding] {
    var encodings: [ParquetEncoding] = [.rle]
    if hasDictionary || pageMarks.contains(where: { $0.encoding == .plain }) { encodings.append(.plain) }
    if hasDictionary { encodings.append(.rleDictionary) }
    if pageMarks.contains(where: { $0.encoding == .deltaBinaryPacked }) {
      encodings.append(.deltaBinaryPacked)
    }
    return encodings
  }

  private func statistics(_ leaf: ParquetColumnForm) -> ParquetStatistics {
    var statistics = ParquetStatistics()
    statistics.nullCount = pageMarks.reduce(0) { $0 + Int64($1.emptyCount) }
    if leaf.isFloat { statistics.nanCount = pageMarks.reduce(0) { $0 + Int64($1.nanCount) } }
    if let bounds {
      let (min, isMinExact) = bounds.min.lower(leaf)
      let (max, isMaxExact) = bounds.max.upper(leaf)
      statistics.min = min
      statistics.max = max
      statistics.isMinExact = isMinExact
      statistics.isMaxExact = isMaxExact
    }
    return statistics
  }

  /// Nil where a page has nothing but NaN: bounds are asked of every page with values, and it has none.
  private func columnIndex(_ leaf: ParquetColumnForm) -> ParquetColumnIndex? {
    if pageMarks.contains(where: { $0.bounds == nil && $0.valueCount > 0 }) { return nil }
    return ParquetColumnIndex(
      isNullPage: pageMarks.map { $0.bounds == nil },
      min: pageMarks.map { $0.bounds?.min.lower(leaf).bytes ?? [] },
      max: pageMarks.map { $0.bounds?.max.upper(leaf).bytes ?? [] },
      boundaryOrder: Self.order(of: pageMarks.compactMap(\.bounds)),
      nullCounts: pageMarks.map { Int64($0.emptyCount) },
      nanCounts: leaf.isFloat ? pageMarks.map { Int64($0.nanCount) } : nil)
  }

  private static func order(of pages: [ParquetExtremes]) -> ParquetBoundaryOrder {
    let pairs = zip(pages, pages.dropFirst())
    if pairs.allSatisfy({ !($1.min < $0.min) && !($1.max < $0.max) }) { return .ascending }
    if pairs.allSatisfy({ !($0.min < $1.min) && !($0.max < $1.max) }) { return .descending }
    return .unordered
  }
}
