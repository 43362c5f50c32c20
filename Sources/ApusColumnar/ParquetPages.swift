internal import ApusBytes

/// Where a page is, as its writer noted: what one finds there must be what was noted.
package struct ParquetPagePlace: Hashable, Sendable {
  package var offset: UInt64
  /// Header and payload.
  package var byteCount: Int
  /// Of these bytes.
  package var crc32c: UInt32
  /// Rows of a data page; 0 of a dictionary.
  package var rowCount: Int

  package init(offset: UInt64, byteCount: Int, crc32c: UInt32, rowCount: Int) {
    self.offset = offset
    self.byteCount = byteCount
    self.crc32c = crc32c
    self.rowCount = rowCount
  }
}

/// Single pages of one column of one row group, by places that the caller vouches for: no footer is read.
///
/// The bytes are used only after their CRC-32C is the one that the place states. Owned by one thread at a time.
package struct ParquetPages: ~Copyable {
  private let source: ParquetSource
  private let size: UInt64
  private let leaf: ParquetLeaf
  private let limits: ParquetLimits
  private var decoder: PageDecoder

  /// The pages of `column` as `reader` finds them in its schema; a table of places spares no one from knowing the types.
  package init(
    _ reader: ParquetReader, column: String, rowGroup: Int, dictionary: ParquetPagePlace? = nil
  ) throws(ColumnarError) {
    let place = ColumnarPlace(column: column, rowGroup: rowGroup)
    guard reader.footer.rowGroups.indices.contains(rowGroup),
      let (leaf, ordinal) = try reader.leaves([column]).first
    else { throw .damaged("there is no such row group", at: place) }
    let chunk = try reader.chunk(ordinal, rowGroup, leaf, place)
    (source, size, self.leaf, limits) = (reader.source, reader.size, leaf, reader.limits)
    decoder = PageDecoder(leaf, chunk.codec, limits)
    if let dictionary { try take(dictionary) }
  }

  /// The pages of a file that `ParquetWriter` wrote, whose types and codec the caller knows.
  package init(
    _ source: ParquetSource, size: UInt64, schema: [ParquetSchemaElement], column: String,
    codec: ParquetCodec,
    dictionary: ParquetPagePlace? = nil, limits: ParquetLimits = ParquetLimits()
  ) throws(ColumnarError) {
    let place = ColumnarPlace(column: column)
    (self.source, self.size, self.limits) = (source, size, limits)
    do throws(PageFault) {
      let tree = try ParquetSchemaReader(schema)
      guard let found = tree.columns.first(where: { $0.name == column }) else {
        throw PageFault.corrupt("there is no such column")
      }
      leaf = try found.leaf
      decoder = PageDecoder(leaf, try PageCodec.named(codec), limits)
    } catch {
      throw error.error(at: place)
    }
    if let dictionary { try take(dictionary) }
  }

  package var field: ColumnField { leaf.field }

  /// The rows of the page at `place`.
  package mutating func read(_ place: ParquetPagePlace) throws(ColumnarError) -> Column {
    var assembly = ColumnAssembly(leaf, byteLimit: limits.columnBytesMax, rowsMax: place.rowCount)
    try take(place, &assembly)
    do throws(PageFault) { return try assembly.finish(rows: place.rowCount) } catch {
      throw error.error(at: ColumnarPlace(column: leaf.field.name, byteOffset: place.offset))
    }
  }

  private mutating func take(_ dictionary: ParquetPagePlace) throws(ColumnarError) {
    var nothing = ColumnAssembly(leaf, byteLimit: 0, rowsMax: 0)
    try take(dictionary, &nothing)
  }

  private mutating func take(
    _ page: ParquetPagePlace, _ assembly: inout ColumnAssembly
  ) throws(ColumnarError) {
    let place = ColumnarPlace(column: leaf.field.name, byteOffset: page.offset)
    let (end, overflow) = page.offset.addingReportingOverflow(UInt64(clamping: page.byteCount))
    guard page.byteCount > 0, page.byteCount <= limits.chunkBytesMax, !overflow else {
      throw .damaged("a page of \(page.byteCount) bytes", at: place)
    }
    let bytes = try source.read(page.offset..<end, of: size, at: place)
    let crc = CRC32C.checksum(unsafe bytes.span.bytes)
    guard crc == page.crc32c else {
      throw .damaged("the page's CRC-32C is \(crc) and should be \(page.crc32c)", at: place)
    }
    do throws(PageFault) {
      let taken = try decoder.take(unsafe bytes.span.bytes, at: 0, into: &assembly)
      guard taken.end == bytes.count else {
        throw .mismatch("bytes of a page", claimed: bytes.count, found: taken.end)
      }
    } catch {
      throw error.error(at: place)
    }
  }
}
