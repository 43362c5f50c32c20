// Batches in, a Parquet file out, from its first byte to its last. Parquet.md says which.
//
// All columns of a row group are cut into pages at the same rows, so that page i of each holds the same rows. Where a page
// or a row group ends depends on the rows and the options alone, not on how the rows came in batches. What is held is the
// row group that is open, its closed pages compressed, and the indexes of those that are written.

import ApusBytes
package import ApusSystem

/// Used by one thread at a time.
package final class ParquetWriter {
  private let schema: ColumnSchema
  private let sink: any ColumnSink
  private let options: ParquetWriterOptions
  private let chunks: [ParquetChunkWriter]
  private var rowGroups: [WrittenRowGroup] = []
  private var finishedRows = 0
  private var rowGroupRows = 0
  private var pageRows = 0
  /// Of the open page, by column, and of the row group's closed ones: bytes as they lie in memory, which limits count.
  private var pageRawByteCounts: [Int]
  private var closedRawByteCount = 0
  /// Nil: the caller's thread does everything.
  private let crew: Crew?

  private struct WrittenRowGroup {
    let summary: ParquetSummary.RowGroup
    let chunks: [ParquetWrittenChunk]
  }

  static let magic = Array("PAR1".utf8)

  /// Begins a file at the sink's first byte. A crew works on several columns at once, and comes to the same bytes.
  package init(
    _ schema: ColumnSchema, to sink: any ColumnSink, options: ParquetWriterOptions = ParquetWriterOptions(),
    crew: Crew? = nil
  ) throws(ColumnarError) {
    precondition(sink.byteCount == 0, "a file begins at the first byte")
    precondition(
      options.rowGroupRowsMax > 0 && options.rowGroupBytesMax > 0 && options.pageRowsMax > 0
        && options.pageBytesMax > 0, "limits are positive")
    self.schema = schema
    self.sink = sink
    self.options = options
    self.crew = crew
    pageRawByteCounts = Array(repeating: 0, count: schema.fields.count)
    var chunks: [ParquetChunkWriter] = []
    for (place, field) in schema.fields.enumerated() {
      chunks.append(
        try ParquetChunkWriter(field, options, mayHaveDictionary: !options.withoutDictionary.contains(place)))
    }
    self.chunks = chunks
    try write(Self.magic)
  }

  /// Takes the rows of a batch, whose fields are the schema's.
  package func append(_ batch: ColumnBatch) throws(ColumnarError) {
    precondition(batch.schema.fields == schema.fields, "a file has one schema")
    var steps: [Step] = []
    var row = 0
    while row < batch.rowCount {
      let rows = row..<(row + rowsForPage(batch, from: row))
      if !rows.isEmpty {
        steps.append(.rows(rows))
        for (place, column) in batch.columns.enumerated() {
          pageRawByteCounts[place] += ParquetStage.rawByteCount(column, rows)
        }
        row = rows.upperBound
        pageRows += rows.count
        rowGroupRows += rows.count
        if pageRows < options.pageRowsMax, rowGroupRows < options.rowGroupRowsMax { continue }
      }
      steps.append(endPage())
      if isRowGroupFull {
        try take(steps, batch.columns)
        steps.removeAll()
        try closeRowGroup()
      }
    }
    try take(steps, batch.columns)
  }

  /// What every column does alike, one thing after another.
  private enum Step: Sendable {
    case rows(Range<Int>)
    case closePage(firstRow: Int)
  }

  /// Does the same with every column, with several at once if there is a crew.
  private func take(_ steps: [Step], _ columns: [Column]) throws(ColumnarError) {
    if steps.isEmpty { return }
    let chunks = chunks
    @Sendable func take(_ place: Int) throws(ColumnarError) {
      for step in steps {
        switch step {
        case .rows(let rows): try chunks[place].append(columns[place], rows)
        case .closePage(let firstRow): try chunks[place].closePage(firstRow: firstRow)
        }
      }
    }
    if let crew {
      _ = try crew.map(chunks.count) { (place) throws(ColumnarError) in try take(place) }
    } else {
      for place in chunks.indices { try take(place) }
    }
  }

  /// How many rows the open page takes; an empty page takes one, whatever its size.
  private func rowsForPage(_ batch: ColumnBatch, from row: Int) -> Int {
    var count = min(
      batch.rowCount - row, options.pageRowsMax - pageRows, options.rowGroupRowsMax - rowGroupRows)
    for (place, column) in batch.columns.enumerated() {
      count = ParquetStage.rowsThatFit(
        column, from: row, atMost: count, bytes: options.pageBytesMax - pageRawByteCounts[place])
    }
    return count == 0 && pageRows == 0 ? 1 : count
  }

  private func endPage() -> Step {
    let firstRow = rowGroupRows - pageRows
    pageRows = 0
    for place in pageRawByteCounts.indices {
      closedRawByteCount += pageRawByteCounts[place]
      pageRawByteCounts[place] = 0
    }
    return .closePage(firstRow: firstRow)
  }

  private var isRowGroupFull: Bool {
    rowGroupRows >= options.rowGroupRowsMax || closedRawByteCount >= options.rowGroupBytesMax
  }

  private func closeRowGroup() throws(ColumnarError) {
    let offset = sink.byteCount
    var written: [ParquetWrittenChunk] = []
    for chunk in chunks { written.append(try chunk.finish(to: sink)) }
    let summary = ParquetSummary.RowGroup(
      firstRow: finishedRows, rowCount: rowGroupRows, offset: offset,
      byteCount: Int(clamping: sink.byteCount - offset), columns: written.map(\.summary))
    rowGroups.append(WrittenRowGroup(summary: summary, chunks: written))
    finishedRows += rowGroupRows
    rowGroupRows = 0
    closedRawByteCount = 0
  }

  /// Writes what is left and the file's tail. The writer is of no more use; the sink is not flushed.
  ///
  /// `last` is told the pages, and says what stands behind the schema's own texts in the footer: checksums, for one.
  package func finish(
    adding last: ([ParquetSummary.RowGroup]) -> [ColumnMetadata] = { _ in [] }
  ) throws(ColumnarError) -> ParquetSummary {
    if pageRows > 0 { try take([endPage()], []) }
    if rowGroupRows > 0 { try closeRowGroup() }
    let tailOffset = sink.byteCount
    let tail = makeTail(at: tailOffset, adding: last(rowGroups.map(\.summary)))
    try write(tail)
    return ParquetSummary(
      rowCount: finishedRows, byteCount: sink.byteCount, rowGroups: rowGroups.map(\.summary),
      tailOffset: tailOffset, tailDigest: unsafe SHA256.digest(of: tail.span.bytes))
  }

  private func write(_ bytes: [UInt8]) throws(ColumnarError) {
    do { try sink.write(unsafe bytes.span.bytes) } catch { throw .system(error) }
  }
}

// MARK: - The tail

extension ParquetWriter {
  /// Column indexes, offset indexes, the footer, its length, and the magic again.
  private func makeTail(at offset: UInt64, adding last: [ColumnMetadata]) -> [UInt8] {
    var writer = ThriftWriter()
    let base = Int64(clamping: offset)
    var columns = rowGroups.map { $0.chunks.map { ParquetColumnChunk(metadata: $0.metadata) } }
    for (group, rowGroup) in rowGroups.enumerated() {
      for (leaf, chunk) in rowGroup.chunks.enumerated() {
        guard let index = chunk.columnIndex else { continue }
        let start = writer.bytes.count
        index.write(into: &writer)
        columns[group][leaf].columnIndexOffset = base + Int64(start)
        columns[group][leaf].columnIndexByteCount = Int32(clamping: writer.bytes.count - start)
      }
    }
    for (group, rowGroup) in rowGroups.enumerated() {
      for (leaf, chunk) in rowGroup.chunks.enumerated() {
        let start = writer.bytes.count
        chunk.offsetIndex.write(into: &writer)
        columns[group][leaf].offsetIndexOffset = base + Int64(start)
        columns[group][leaf].offsetIndexByteCount = Int32(clamping: writer.bytes.count - start)
      }
    }
    let footerStart = writer.bytes.count
    makeFooter(columns, last).write(into: &writer)
    writer.bytes.write(UInt32(truncatingIfNeeded: writer.bytes.count - footerStart))
    writer.bytes.write(Self.magic)
    return writer.bytes.bytes.copied()
  }

  private func makeFooter(
    _ columns: [[ParquetColumnChunk]], _ last: [ColumnMetadata]
  ) -> ParquetFooter {
    let root = ParquetSchemaElement(name: "schema", childCount: Int32(clamping: schema.fields.count))
    let groups = zip(rowGroups, columns).enumerated().map { ordinal, pair in
      makeRowGroup(pair.0.summary, pair.1, ordinal)
    }
    var footer = ParquetFooter(
      schema: [root] + chunks.flatMap(\.leaf.schema), rowCount: Int64(finishedRows), rowGroups: groups)
    footer.keyValues = (schema.metadata + last).map { ParquetKeyValue(key: $0.key, value: $0.value) }
    for field in schema.fields {
      guard case .vector(let count) = field.type.shape else { continue }
      footer.keyValues.append(ParquetKeyValue(key: Self.vectorKey + field.name, value: "\(count)"))
    }
    footer.createdBy = options.createdBy
    footer.columnOrders = chunks.map { _ in .byType }
    return footer
  }

  private func makeRowGroup(
    _ summary: ParquetSummary.RowGroup, _ columns: [ParquetColumnChunk], _ ordinal: Int
  ) -> ParquetRowGroup {
    var rowGroup = ParquetRowGroup(
      columns: columns,
      uncompressedByteCount: columns.reduce(0) { $0 + ($1.metadata?.uncompressedByteCount ?? 0) },
      rowCount: Int64(summary.rowCount))
    if !options.sorting.isEmpty { rowGroup.sortingColumns = options.sorting }
    rowGroup.offset = Int64(clamping: summary.offset)
    rowGroup.compressedByteCount = Int64(summary.byteCount)
    rowGroup.ordinal = Int16(exactly: ordinal)
    return rowGroup
  }

  /// Before a column's name it makes the key under which the file says how many elements the column's vectors have.
  package static let vectorKey = "vector:"
}
