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
  private let leaf: ParquetLayout
  private let limits: ParquetLimits
  private var decoder: PageDecoder

  private init(
    _ source: ParquetSource, _ size: UInt64, _ leaf: ParquetLayout, _ codec: PageCodec,
    _ limits: ParquetLimits
  ) {
    self.source = source
    self.size = size
    self.leaf = leaf
    self.limits = limits
    decoder = PageDecoder(leaf, codec, limits)
  }

  /// The pages of a column as `reader` finds it in its footer.
  package static func of(
    _ reader: ParquetReader, column: String, rowGroup: Int, dictionary: ParquetPagePlace? = nil
  ) throws(ColumnarError) -> ParquetPages {
    let place = ColumnarPlace(column: column, rowGroup: rowGroup)
    guard reader.footer.rowGroups.indices.contains(rowGroup),
      let (leaf, ordinal) = try reader.leaves([column]).first
    else { throw .damaged("there is no such row group", at: place) }
    let chunk = try reader.chunk(ordinal, rowGroup, leaf, place)
    var pages = ParquetPages(reader.source, reader.size, leaf, chunk.codec, reader.limits)
    if let dictionary { try pages.take(dictionary) }
    return pages
  }

  /// The pages of a file whose schema and codec the caller knows, as it wrote them.
  package static func of(
    _ source: ParquetSource, size: UInt64, schema: [ParquetSchemaElement], column: String,
    codec: ParquetCodec,
    vectors: [String: Int] = [:], dictionary: ParquetPagePlace? = nil, limits: ParquetLimits = ParquetLimits()
  ) throws(ColumnarError) -> ParquetPages {
    let (leaf, pageCodec): (ParquetLayout, PageCodec)
    do throws(PageFault) {
      guard
        let found = try ParquetSchemaReader(schema, vectors: vectors).columns.first(where: {
          $0.name == column
        })
      else {
        throw PageFault.corrupt("there is no such column")
      }
      (leaf, pageCodec) = (try found.leaf, try PageCodec.named(codec))
    } catch {
      throw error.error(at: ColumnarPlace(column: column))
    }
    var pages = ParquetPages(source, size, leaf, pageCodec, limits)
    if let dictionary { try pages.take(dictionary) }
    return pages
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
