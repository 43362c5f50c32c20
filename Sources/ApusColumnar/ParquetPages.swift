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

/// What reading pages needs besides them: room for what was decompressed, and what decompresses. It serves any number of columns, one
/// after the other, since making it costs more than reading a small page. Owned by one thread at a time.
package struct ParquetPageRoom: ~Copyable {
  fileprivate var decompressor = PageDecompressor()
  package init() {}
}

/// What a column's pages have in them, found once in a schema.
package struct ParquetPageForm: Sendable {
  fileprivate let leaf: ParquetLayout

  package init(
    of column: String, in schema: [ParquetSchemaElement], vectors: [String: Int] = [:]
  ) throws(ColumnarError) {
    do throws(PageFault) {
      let columns = try ParquetSchemaReader(schema, vectors: vectors).columns
      guard let found = columns.first(where: { $0.name == column }) else {
        throw PageFault.corrupt("there is no such column")
      }
      leaf = try found.leaf
    } catch {
      throw error.error(at: ColumnarPlace(column: column))
    }
  }
}

/// Single pages of one column of one row group, by places that the caller vouches for: no footer is read.
///
/// The bytes are used only after their CRC-32C is the one that the place states. A dictionary is read with the first page that needs it.
/// Owned by one thread at a time.
package struct ParquetPages: ~Copyable {
  private let source: ParquetSource
  private let size: UInt64
  private let leaf: ParquetLayout
  private let limits: ParquetLimits
  private let dictionary: ParquetPagePlace?
  private var decoder: PageDecoder

  private init(
    _ source: ParquetSource, _ size: UInt64, _ leaf: ParquetLayout, _ codec: PageCodec,
    _ limits: ParquetLimits, _ dictionary: ParquetPagePlace?
  ) {
    self.dictionary = dictionary
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
    return ParquetPages(reader.source, reader.size, leaf, chunk.codec, reader.limits, dictionary)
  }

  /// The pages of a file whose columns and codec the caller knows, as it wrote them.
  package static func of(
    _ source: ParquetSource, size: UInt64, _ form: ParquetPageForm, codec: ParquetCodec,
    dictionary: ParquetPagePlace? = nil, limits: ParquetLimits = ParquetLimits()
  ) throws(ColumnarError) -> ParquetPages {
    let pageCodec: PageCodec
    do throws(PageFault) { pageCodec = try PageCodec.named(codec) } catch {
      throw error.error(at: ColumnarPlace(column: form.leaf.field.name))
    }
    return ParquetPages(source, size, form.leaf, pageCodec, limits, dictionary)
  }

  /// What is held between one page and the next.
  package var heldByteCount: Int { decoder.dictionaryByteCount }
  package var field: ColumnField { leaf.field }

  /// The rows of the page at `place`.
  package mutating func read(
    _ place: ParquetPagePlace, in room: inout ParquetPageRoom
  ) throws(ColumnarError) -> Column {
    var assembly = ColumnAssembly(leaf, byteLimit: limits.columnBytesMax, rowsMax: place.rowCount)
    try take(place, &assembly, &room)
    do throws(PageFault) { return try assembly.finish(rows: place.rowCount) } catch {
      throw error.error(at: ColumnarPlace(column: leaf.field.name, byteOffset: place.offset))
    }
  }

  /// Reads the dictionary, if there is one and it was not read yet.
  package mutating func readDictionary(in room: inout ParquetPageRoom) throws(ColumnarError) {
    guard let dictionary, !decoder.hasDictionary else { return }
    var nothing = ColumnAssembly(leaf, byteLimit: 0, rowsMax: 0)
    try take(dictionary, &nothing, &room)
  }

  private mutating func take(
    _ page: ParquetPagePlace, _ assembly: inout ColumnAssembly, _ room: inout ParquetPageRoom
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
    let needsDictionary: Bool
    do throws(PageFault) {
      needsDictionary = try PageDecoder.needsDictionary(unsafe bytes.span.bytes, at: 0)
    } catch {
      throw error.error(at: place)
    }
    if needsDictionary { try readDictionary(in: &room) }
    do throws(PageFault) {
      let taken = try decoder.take(
        unsafe bytes.span.bytes, at: 0, into: &assembly, with: &room.decompressor, areGood: true)
      guard taken.end == bytes.count else {
        throw .mismatch("bytes of a page", claimed: bytes.count, found: taken.end)
      }
    } catch {
      throw error.error(at: place)
    }
  }
}
