/// Reads a Parquet file that anyone may have written: its footer when it is opened, then columns of row groups, as many
/// of both as are asked for.
///
/// One column of one row group is in memory as the file has it while it is decoded, and the asked columns as they come
/// out; nothing else but the footer. A file is not changed while it is read: its size is asked for once.
package struct ParquetReader: Sendable {
  /// The columns that can be read, and the texts of the file.
  package let schema: ColumnSchema
  /// What the file says of itself, as it says it.
  package let footer: ParquetFooter
  /// The columns that are beyond us, each with the reason and what to do about it.
  package let refused: [ColumnRefusal]

  /// Elements of the vectors, by column.
  package let vectors: [String: Int]

  let source: ParquetSource
  let size: UInt64
  let limits: ParquetLimits
  let columns: [ParquetSchemaReader.FileColumn]

  package init(_ source: ParquetSource, limits: ParquetLimits = ParquetLimits()) throws(ColumnarError) {
    self.source = source
    self.limits = limits
    size = try source.size()
    footer = try Self.footer(source, size, limits)
    if footer.isEncrypted {
      throw .unsupported("the file is encrypted", advice: "write it without encryption", at: ColumnarPlace())
    }
    let tree: ParquetSchemaReader
    vectors = Self.vectors(footer)
    do throws(PageFault) { tree = try ParquetSchemaReader(footer.schema, vectors: vectors) } catch {
      throw error.error(at: ColumnarPlace())
    }
    columns = tree.columns
    var fields: [ColumnField] = []
    var refused: [ColumnRefusal] = []
    for column in columns {
      switch column.outcome {
      case .readable(let leaf): fields.append(leaf.field)
      case .refused(let reason, let advice):
        refused.append(ColumnRefusal(column: column.name, reason: reason, advice: advice))
      }
    }
    self.refused = refused
    // What is said in the schema is not said again.
    let texts = footer.keyValues.filter { !$0.key.hasPrefix(ParquetWriter.vectorKey) }
    schema = ColumnSchema(fields, metadata: texts.map { ColumnMetadata(key: $0.key, value: $0.value ?? "") })
    try Self.check(footer, leaves: tree.leafCount)
  }

  package var rowCount: Int { Int(truncatingIfNeeded: footer.rowCount) }
  package var rowGroupCount: Int { footer.rowGroups.count }

  /// Whether some rows of a row group can be read without the pages of all others.
  package func hasPageIndex(rowGroup index: Int) -> Bool {
    footer.rowGroups[index].columns.allSatisfy { $0.offsetIndexOffset != nil }
  }

  /// Rows of a row group that the file has.
  package func rowCount(ofRowGroup index: Int) -> Int {
    Int(truncatingIfNeeded: footer.rowGroups[index].rowCount)
  }
}

// MARK: - Opening

extension ParquetReader {
  private static let magic: [UInt8] = Array("PAR1".utf8)
  private static let encryptedMagic: [UInt8] = Array("PARE".utf8)
  /// The footer's length and the magic bytes, at the file's end.
  static let tailBytes: UInt64 = 8

  private static func footer(
    _ source: ParquetSource, _ size: UInt64, _ limits: ParquetLimits
  ) throws(ColumnarError) -> ParquetFooter {
    guard size >= UInt64(magic.count) + tailBytes else {
      throw .damaged("\(size) bytes are no Parquet file", at: ColumnarPlace())
    }
    let first = try source.read(0..<UInt64(magic.count), of: size, at: ColumnarPlace())
    let tailAt = size - tailBytes
    let tail = try source.read(tailAt..<size, of: size, at: ColumnarPlace(byteOffset: tailAt))
    let last = Array(tail[4...])
    if last == encryptedMagic {
      throw .unsupported("the file is encrypted", advice: "write it without encryption", at: ColumnarPlace())
    }
    guard first == magic, last == magic else {
      throw .damaged("the file does not begin and end as a Parquet file does", at: ColumnarPlace())
    }
    let length = UInt64(unsafe tail.span.bytes.unsafeInteger(0, as: UInt32.self))
    guard length <= UInt64(limits.footerBytesMax) else {
      throw .tooLarge(
        "the footer", claimed: length, limit: UInt64(limits.footerBytesMax), at: ColumnarPlace())
    }
    guard length <= tailAt - UInt64(magic.count) else {
      throw .damaged(
        "a footer of \(length) bytes in a file of \(size)", at: ColumnarPlace(byteOffset: tailAt))
    }
    let start = tailAt - length
    let bytes = try source.read(start..<tailAt, of: size, at: ColumnarPlace(byteOffset: start))
    var reader = ThriftReader(unsafe bytes.span.bytes)
    do throws(ThriftError) { return try ParquetFooter(from: &reader) } catch {
      throw .damaged("the footer: \(error)", at: ColumnarPlace(byteOffset: start))
    }
  }

  /// How many elements the vectors of each column have, as our own writer says.
  private static func vectors(_ footer: ParquetFooter) -> [String: Int] {
    var vectors: [String: Int] = [:]
    for pair in footer.keyValues where pair.key.hasPrefix(ParquetWriter.vectorKey) {
      // widens nothing: of a text that is no Int, it is nil.
      guard let text = pair.value, let count = Int(text, radix: 10), count >= 1, count <= Column.countMax
      else {
        continue
      }
      vectors[String(pair.key.dropFirst(ParquetWriter.vectorKey.count))] = count
    }
    return vectors
  }

  /// What must agree before anyone asks for rows.
  private static func check(_ footer: ParquetFooter, leaves: Int) throws(ColumnarError) {
    var rows: Int64 = 0
    for (index, group) in footer.rowGroups.enumerated() {
      let place = ColumnarPlace(rowGroup: index)
      guard group.rowCount >= 0, group.rowCount <= Column.countMax else {
        throw .damaged("\(group.rowCount) rows in one row group", at: place)
      }
      guard group.columns.count == leaves else {
        throw .damaged("\(group.columns.count) columns where the schema has \(leaves)", at: place)
      }
      // At most 2^31 rows for each of the groups, which take bytes.
      rows &+= group.rowCount
    }
    guard rows == footer.rowCount else {
      throw .damaged("\(footer.rowCount) rows in a file whose row groups have \(rows)", at: ColumnarPlace())
    }
  }
}

extension PageFault {
  /// The room's error for this fault at a place.
  func error(at place: ColumnarPlace) -> ColumnarError {
    switch self {
    case .truncated(let what): .damaged("\(what): the bytes end too soon", at: place)
    case .corrupt(let what): .damaged(what, at: place)
    case .tooLarge(let what):
      .unsupported(what, advice: "write it with smaller row groups or pages", at: place)
    case .unsupported(let what, let advice): .unsupported(what, advice: advice, at: place)
    }
  }
}
