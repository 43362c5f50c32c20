// One record batch: its nodes and buffers, handed out in order, each checked against the body before it is touched.

import ApusBytes

struct ArrowBatchReader: ~Copyable {
  let rowCount: Int
  let place: ColumnarPlace
  let dictionaries: ArrowDictionaries
  private let body: [UInt8]
  private let header: ArrowBatchHeader
  private var nextNode = 0
  private var nextBuffer = 0
  private var nextVariadic = 0
  private var zstd: ZstdDecompressor?
  /// Bytes that columns may still be more than the body: decompressed, or named many times by numbers.
  private var expansionLeft: Int

  init(
    _ header: ArrowBatchHeader, body: [UInt8], _ dictionaries: ArrowDictionaries, expandedBytesMax: Int,
    at place: ColumnarPlace
  ) {
    rowCount = header.rowCount
    self.header = header
    self.body = body
    self.dictionaries = dictionaries
    self.place = place
    expansionLeft = expandedBytesMax
    zstd = nil
  }
}

extension ArrowBatchReader {
  func damaged(_ what: String, _ field: ArrowField) -> ColumnarError { .damaged(what, at: place(of: field)) }

  func place(of field: ArrowField) -> ColumnarPlace {
    var place = self.place
    place.column = field.name
    return place
  }

  /// How many rows the next array has, and how many of them are null.
  mutating func takeNode(_ field: ArrowField) throws(ColumnarError) -> (rows: Int, nulls: Int) {
    guard nextNode < header.nodes.count else { throw damaged("the batch has no node for the column", field) }
    let node = header.nodes[nextNode]
    nextNode += 1
    let rows = try ArrowBatchHeader.rows(node.length, place(of: field))
    guard let nulls = Int(exactly: node.nulls), nulls >= 0, nulls <= rows else {
      throw damaged("\(node.nulls) of \(rows) rows are null", field)
    }
    return (rows, nulls)
  }

  /// How many buffers the next view has besides its own two.
  mutating func takeVariadicCount(_ field: ArrowField) throws(ColumnarError) -> Int {
    guard nextVariadic < header.variadicCounts.count,
      let count = Int(exactly: header.variadicCounts[nextVariadic]),
      count >= 0,
      count <= header.buffers.count - nextBuffer
    else { throw damaged("the batch does not say how many buffers the column has", field) }
    nextVariadic += 1
    return count
  }

  /// Passes over an array and what is in it.
  mutating func skip(_ field: ArrowField) throws(ColumnarError) {
    _ = try takeNode(field)
    for _ in 0..<field.bufferCount { _ = try takePlace(field) }
    if field.isView {
      for _ in 0..<(try takeVariadicCount(field)) { _ = try takePlace(field) }
    }
    for child in field.childrenInBatch { try skip(child) }
  }

  mutating func skipBuffer(_ field: ArrowField) throws(ColumnarError) { _ = try takePlace(field) }

  /// The next buffer, at least `needed` bytes of it.
  mutating func takeBuffer(needed: Int, _ field: ArrowField) throws(ColumnarError) -> ArraySlice<UInt8> {
    let range = try takePlace(field)
    let bytes = header.isCompressed ? try decompressed(range, field)[...] : body[range]
    guard needed <= bytes.count else {
      throw damaged("a buffer has \(bytes.count) bytes of the \(needed) that its rows take", field)
    }
    return bytes
  }

  private mutating func takePlace(_ field: ArrowField) throws(ColumnarError) -> Range<Int> {
    guard nextBuffer < header.buffers.count else { throw damaged("the batch has too few buffers", field) }
    let buffer = header.buffers[nextBuffer]
    nextBuffer += 1
    guard let offset = Int(exactly: buffer.offset), let length = Int(exactly: buffer.length), offset >= 0,
      offset <= body.count, length >= 0, length <= body.count - offset
    else {
      // Nothing of a buffer without bytes is looked for anywhere.
      if buffer.length == 0 { return 0..<0 }
      throw damaged("a buffer lies outside of its body", field)
    }
    return offset..<(offset + length)
  }

  private mutating func decompressed(_ range: Range<Int>, _ field: ArrowField) throws(ColumnarError)
    -> [UInt8]
  {
    if range.isEmpty { return [] }
    guard range.count >= 8 else { throw damaged("a compressed buffer has no length", field) }
    let claimed = body[range.prefix(8)].reversed().reduce(0 as UInt64) { $0 << 8 | UInt64($1) }
    if claimed == .max { return Array(body[range.dropFirst(8)]) }
    guard let byteCount = Int(exactly: claimed), byteCount <= ArrowFormat.columnBytesMax else {
      throw .tooLarge(
        "bytes of a compressed buffer", claimed: claimed, limit: UInt64(clamping: ArrowFormat.columnBytesMax),
        at: place(of: field))
    }
    try takeExpansion(byteCount, field)
    let found: [UInt8]
    do {
      if zstd == nil { zstd = try ZstdDecompressor() }
      let body = self.body
      let frame = unsafe body.span.bytes.extracting((range.lowerBound + 8)..<range.upperBound)
      found = try zstd?.decompress(frame, atMost: byteCount) ?? []
    } catch { throw damaged("a buffer does not decompress: \(error)", field) }
    guard found.count == byteCount else {
      throw damaged("a buffer of \(byteCount) bytes decompresses to \(found.count)", field)
    }
    return found
  }

  /// Counts bytes that come out of fewer.
  mutating func takeExpansion(_ byteCount: Int, _ field: ArrowField) throws(ColumnarError) {
    guard byteCount <= expansionLeft else {
      throw .tooLarge(
        "bytes of one batch, decompressed or out of dictionaries; smaller batches are read",
        claimed: UInt64(clamping: byteCount), limit: UInt64(clamping: expansionLeft), at: place(of: field))
    }
    expansionLeft -= byteCount
  }

  /// What columns may still take beyond the body, of what one may at all.
  var columnBytesLeft: Int { min(expansionLeft, ArrowFormat.columnBytesMax) }

  /// Whether all of the batch was looked at; what is left over was meant for somebody.
  func checkEnd() throws(ColumnarError) {
    guard nextNode == header.nodes.count, nextBuffer == header.buffers.count else {
      throw .damaged("the batch has more columns than the schema", at: place)
    }
  }
}
