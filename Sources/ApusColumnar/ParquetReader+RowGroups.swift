// Columns of a row group as a batch: whole, or only some rows of it, for which only their pages are read where the
// file says where pages are.

extension ParquetReader {
  /// Rows of a row group, of the named columns in that order; of all that can be read when none are named.
  package func read(
    rowGroup: Int, columns names: [String]? = nil, rows: Range<Int>? = nil
  ) throws(ColumnarError) -> ColumnBatch {
    guard footer.rowGroups.indices.contains(rowGroup) else {
      throw .damaged("there is no such row group", at: ColumnarPlace(rowGroup: rowGroup))
    }
    let count = rowCount(ofRowGroup: rowGroup)
    let rows = (rows ?? 0..<count).clamped(to: 0..<count)
    var fields: [ColumnField] = []
    var result: [Column] = []
    for (leaf, ordinal) in try leaves(names) {
      result.append(try readColumn(leaf, ordinal, rowGroup, rows))
      fields.append(leaf.field)
    }
    return try ColumnBatch(ColumnSchema(fields, metadata: schema.metadata), result, rowCount: rows.count)
  }

  /// The columns of these names, each with its number among the file's leaves.
  func leaves(_ names: [String]?) throws(ColumnarError) -> [(ParquetLayout, Int)] {
    guard let names else {
      return columns.compactMap { column in
        if case .readable(let leaf) = column.outcome { (leaf, column.firstLeaf) } else { nil }
      }
    }
    var found: [(ParquetLayout, Int)] = []
    for name in names {
      let place = ColumnarPlace(column: name)
      guard let column = columns.first(where: { $0.name == name }) else {
        throw .damaged("the file has no such column", at: place)
      }
      switch column.outcome {
      case .readable(let leaf): found.append((leaf, column.firstLeaf))
      case .refused(let reason, let advice): throw .unsupported(reason, advice: advice, at: place)
      }
    }
    return found
  }

  private func readColumn(
    _ leaf: ParquetLayout, _ ordinal: Int, _ rowGroup: Int, _ rows: Range<Int>
  ) throws(ColumnarError) -> Column {
    let place = ColumnarPlace(column: leaf.field.name, rowGroup: rowGroup)
    let chunk = try self.chunk(ordinal, rowGroup, leaf, place)
    let count = rowCount(ofRowGroup: rowGroup)
    if rows.count < count, let pages = try offsetIndex(ordinal, rowGroup, place) {
      return try readPages(leaf, chunk, pages, rows, count, place)
    }
    let column = try decode(leaf, chunk, chunk.range, levels: chunk.levels, rows: count, place)
    return rows.count < count ? column.slice(rows) : column
  }
}

// MARK: - Chunks

/// Where a column's pages are, once what the footer says of it has been checked.
struct ParquetChunkPlace {
  /// From the dictionary, or the first page, to the last page's end.
  let range: Range<UInt64>
  let codec: PageCodec
  /// Levels, or rows of a column that has none.
  let levels: Int
}

extension ParquetReader {
  func chunk(
    _ ordinal: Int, _ rowGroup: Int, _ leaf: ParquetLayout, _ place: ColumnarPlace
  ) throws(ColumnarError) -> ParquetChunkPlace {
    let chunk = footer.rowGroups[rowGroup].columns[ordinal]
    if chunk.isEncrypted {
      throw .unsupported("the column is encrypted", advice: "write it without encryption", at: place)
    }
    guard chunk.filePath == nil else {
      throw .unsupported("its pages are in another file", advice: PageFault.rewrite, at: place)
    }
    guard let metadata = chunk.metadata else {
      throw .damaged("the footer does not say where it is", at: place)
    }
    guard metadata.physicalType == leaf.storage.physicalType else {
      throw .damaged(
        "its pages hold \(metadata.physicalType) and the schema says \(leaf.storage.physicalType)", at: place)
    }
    let codec: PageCodec
    do throws(PageFault) { codec = try PageCodec.named(metadata.codec) } catch {
      throw error.error(at: place)
    }

    // Some writers say 0 where there is no dictionary, or leave it out where there is one.
    var start = metadata.dataPageOffset
    if let dictionary = metadata.dictionaryPageOffset, dictionary > 0 { start = min(start, dictionary) }
    guard start >= 0, metadata.compressedByteCount >= 0, metadata.valueCount >= 0,
      let levels = Int(exactly: metadata.valueCount)
    else { throw .damaged("a place or a count below zero", at: place) }
    let (end, overflow) = UInt64(start).addingReportingOverflow(UInt64(metadata.compressedByteCount))
    guard !overflow, end <= size else {
      throw .damaged("its pages end at byte \(end) of a file of \(size)", at: place)
    }
    guard metadata.compressedByteCount <= limits.chunkBytesMax else {
      throw .tooLarge(
        "bytes of one column in one row group", claimed: UInt64(metadata.compressedByteCount),
        limit: UInt64(limits.chunkBytesMax), at: place)
    }
    guard leaf.isList || levels == rowCount(ofRowGroup: rowGroup) else {
      throw .damaged("\(levels) values in a row group of \(rowCount(ofRowGroup: rowGroup)) rows", at: place)
    }
    return ParquetChunkPlace(range: UInt64(start)..<end, codec: codec, levels: levels)
  }

  /// Decodes the pages of a range of bytes, one after the other, until all levels are there.
  private func decode(
    _ leaf: ParquetLayout, _ chunk: ParquetChunkPlace, _ range: Range<UInt64>, levels: Int, rows: Int,
    _ place: ColumnarPlace
  ) throws(ColumnarError) -> Column {
    let bytes = try source.read(range, of: size, at: place)
    var place = place
    var decoder = PageDecoder(leaf, chunk.codec, limits)
    var decompressor = PageDecompressor()
    var assembly = ColumnAssembly(leaf, byteLimit: limits.columnBytesMax, rowsMax: rows)
    assembly.reserve(rows: rows, compressedBytes: bytes.count)
    do throws(PageFault) {
      let span = unsafe bytes.span.bytes
      var (at, page, left) = (0, 0, levels)
      while left > 0 {
        place.page = page
        place.byteOffset = range.lowerBound + UInt64(at)
        let taken = try decoder.take(span, at: at, into: &assembly, with: &decompressor)
        guard taken.values <= left else { throw .corrupt("the pages have more values than the footer says") }
        // A page takes a header's bytes at least.
        at = taken.end
        left -= taken.values
        page += 1
      }
      place.page = nil
      place.byteOffset = nil
      return try assembly.finish(rows: rows)
    } catch {
      throw error.error(at: place)
    }
  }
}

// MARK: - Pages

extension ParquetReader {
  /// Reads the dictionary and the pages that hold `rows`, each by its place.
  private func readPages(
    _ leaf: ParquetLayout, _ chunk: ParquetChunkPlace, _ pages: [ParquetPageRows], _ rows: Range<Int>,
    _ count: Int,
    _ place: ColumnarPlace
  ) throws(ColumnarError) -> Column {
    var decoder = PageDecoder(leaf, chunk.codec, limits)
    var decompressor = PageDecompressor()
    let wanted = pages.indices.filter { pages[$0].rows.overlaps(rows) }
    guard let first = wanted.first, let last = wanted.last else {
      var assembly = ColumnAssembly(leaf, byteLimit: 0, rowsMax: 0)
      assembly.reserve(rows: 0, compressedBytes: 0)
      do throws(PageFault) { return try assembly.finish(rows: 0) } catch { throw error.error(at: place) }
    }
    let held = pages[first].rows.lowerBound..<pages[last].rows.upperBound
    var assembly = ColumnAssembly(leaf, byteLimit: limits.columnBytesMax, rowsMax: held.count)
    // What stands before the first page is the dictionary.
    if let begin = pages.first?.bytes.lowerBound, chunk.range.lowerBound < begin {
      _ = try take(chunk.range.lowerBound..<begin, &decoder, &assembly, &decompressor, place)
    }
    for index in wanted {
      var place = place
      place.page = index
      let before = assembly.rows
      _ = try take(pages[index].bytes, &decoder, &assembly, &decompressor, place)
      guard assembly.rows - before == pages[index].rows.count else {
        throw .damaged(
          "a page of \(assembly.rows - before) rows where the index says \(pages[index].rows.count)",
          at: place)
      }
    }
    let column: Column
    do throws(PageFault) { column = try assembly.finish(rows: held.count) } catch {
      throw error.error(at: place)
    }
    return column.slice((rows.lowerBound - held.lowerBound)..<(rows.upperBound - held.lowerBound))
  }

  private func take(
    _ range: Range<UInt64>, _ decoder: inout PageDecoder, _ assembly: inout ColumnAssembly,
    _ decompressor: inout PageDecompressor, _ place: ColumnarPlace
  ) throws(ColumnarError) -> Int {
    var place = place
    place.byteOffset = range.lowerBound
    let bytes = try source.read(range, of: size, at: place)
    do throws(PageFault) {
      let span = unsafe bytes.span.bytes
      return try decoder.take(span, at: 0, into: &assembly, with: &decompressor).values
    } catch {
      throw error.error(at: place)
    }
  }
}

extension ParquetStorage {
  var physicalType: ParquetPhysicalType {
    switch self {
    case .bool: .boolean
    case .int32: .int32
    case .int64: .int64
    case .int96: .int96
    case .float32: .float
    case .float64: .double
    case .byteArray: .byteArray
    case .fixed: .fixedLengthByteArray
    }
  }
}
