/// Some rows of a file: one chunk for each leaf of the schema, in its order.
package struct ParquetRowGroup: Equatable, Sendable {
  package var columns: [ParquetColumnChunk]
  package var uncompressedByteCount: Int64
  package var rowCount: Int64
  package var sortingColumns: [ParquetSortingColumn]?
  /// Where the first page lies.
  package var offset: Int64?
  package var compressedByteCount: Int64?
  package var ordinal: Int16?

  package init(columns: [ParquetColumnChunk], uncompressedByteCount: Int64, rowCount: Int64) {
    self.columns = columns
    self.uncompressedByteCount = uncompressedByteCount
    self.rowCount = rowCount
  }

  package func write(into writer: inout ThriftWriter) {
    writer.begin()
    writer.field(1, listOf: .structure, count: columns.count)
    for column in columns { column.write(into: &writer) }
    writer.field(2, int64: uncompressedByteCount)
    writer.field(3, int64: rowCount)
    if let sortingColumns {
      writer.field(4, listOf: .structure, count: sortingColumns.count)
      for column in sortingColumns { column.write(into: &writer) }
    }
    if let offset { writer.field(5, int64: offset) }
    if let compressedByteCount { writer.field(6, int64: compressedByteCount) }
    if let ordinal { writer.field(7, int16: ordinal) }
    writer.end()
  }

  @_lifetime(reader: copy reader)
  package init(from reader: inout ThriftReader) throws(ThriftError) {
    let start = reader.offset
    var fields = ThriftFields()
    var columns: [ParquetColumnChunk]?
    var uncompressed: Int64?
    var rowCount: Int64?
    while let field = try reader.nextField(&fields) {
      switch field.id {
      case 1:
        var chunks: [ParquetColumnChunk] = []
        for _ in 0..<(try reader.list(field, of: .structure)) {
          chunks.append(try ParquetColumnChunk(from: &reader))
        }
        columns = chunks
      case 2: uncompressed = try reader.int64(field)
      case 3: rowCount = try reader.int64(field)
      case 4:
        var sorting: [ParquetSortingColumn] = []
        for _ in 0..<(try reader.list(field, of: .structure)) {
          sorting.append(try ParquetSortingColumn(from: &reader))
        }
        sortingColumns = sorting
      case 5: offset = try reader.int64(field)
      case 6: compressedByteCount = try reader.int64(field)
      case 7: ordinal = try reader.int16(field)
      default: try reader.skip(field)
      }
    }
    self.columns = try needed(columns, 1, of: "RowGroup", at: start)
    uncompressedByteCount = try needed(uncompressed, 2, of: "RowGroup", at: start)
    self.rowCount = try needed(rowCount, 3, of: "RowGroup", at: start)
  }
}

/// By which columns the rows of a row group are sorted, the first one first.
package struct ParquetSortingColumn: Hashable, Sendable {
  /// The leaf's number in the schema.
  package var column: Int32
  package var isDescending: Bool
  package var nullsFirst: Bool

  package init(column: Int32, isDescending: Bool = false, nullsFirst: Bool = false) {
    self.column = column
    self.isDescending = isDescending
    self.nullsFirst = nullsFirst
  }

  internal func write(into writer: inout ThriftWriter) {
    writer.begin()
    writer.field(1, int32: column)
    writer.field(2, bool: isDescending)
    writer.field(3, bool: nullsFirst)
    writer.end()
  }

  @_lifetime(reader: copy reader)
  internal init(from reader: inout ThriftReader) throws(ThriftError) {
    let start = reader.offset
    var fields = ThriftFields()
    var column: Int32?
    var isDescending: Bool?
    var nullsFirst: Bool?
    while let field = try reader.nextField(&fields) {
      switch field.id {
      case 1: column = try reader.int32(field)
      case 2: isDescending = try reader.bool(field)
      case 3: nullsFirst = try reader.bool(field)
      default: try reader.skip(field)
      }
    }
    self.column = try needed(column, 1, of: "SortingColumn", at: start)
    self.isDescending = try needed(isDescending, 2, of: "SortingColumn", at: start)
    self.nullsFirst = try needed(nullsFirst, 3, of: "SortingColumn", at: start)
  }
}
