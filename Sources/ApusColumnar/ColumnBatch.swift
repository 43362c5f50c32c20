// Rows: one column for each field, of its type, all of one length; a field that is not nullable has no null.

package struct ColumnBatch: Equatable, Sendable {
  package let schema: ColumnSchema
  package let columns: [Column]
  package let rowCount: Int

  /// `rowCount` is asked for because a batch may have rows and no columns.
  package init(_ schema: ColumnSchema, _ columns: [Column], rowCount: Int) throws(ColumnarError) {
    guard columns.count == schema.fields.count else {
      throw .damaged("\(schema.fields.count) fields have \(columns.count) columns", at: ColumnarPlace())
    }
    for (field, column) in zip(schema.fields, columns) {
      let place = ColumnarPlace(column: field.name)
      guard column.type == field.type else {
        throw .damaged("values of the type \(column.type) stand in a column of \(field.type)", at: place)
      }
      guard column.count == rowCount else {
        throw .damaged("a batch of \(rowCount) rows has \(column.count) of this column", at: place)
      }
      guard field.isNullable || column.nullCount == 0 else {
        throw .damaged("a column that is not nullable has nulls", at: place)
      }
    }
    self.schema = schema
    self.columns = columns
    self.rowCount = rowCount
  }

  private init(trusted schema: ColumnSchema, _ columns: [Column], rowCount: Int) {
    self.schema = schema
    self.columns = columns
    self.rowCount = rowCount
  }

  /// The first column of that name.
  package func column(_ name: String) -> Column? {
    schema.index(of: name).map { columns[$0] }
  }

  /// Rows as a batch of their own.
  package func slice(_ rows: Range<Int>) -> ColumnBatch {
    precondition(rows.lowerBound >= 0 && rows.upperBound <= rowCount, "the batch has no such rows")
    return ColumnBatch(trusted: schema, columns.map { $0.slice(rows) }, rowCount: rows.count)
  }
}
