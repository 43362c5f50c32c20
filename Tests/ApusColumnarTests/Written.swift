// Parquet files in memory, for tests.

import ApusBytes
import ApusColumnar
import ApusSystem
import ApusTestSupport

enum Written {
  static func file(
    _ schema: ColumnSchema, _ batches: [ColumnBatch],
    _ options: ParquetWriterOptions = ParquetWriterOptions(),
    crew: Crew? = nil
  ) throws(ColumnarError) -> ([UInt8], ParquetSummary) {
    let sink = MemorySink()
    let writer = try ParquetWriter(schema, to: sink, options: options, crew: crew)
    for batch in batches { try writer.append(batch) }
    let summary = try writer.finish()
    return (sink.copied(), summary)
  }

  static func footer(of bytes: [UInt8]) throws -> ParquetFooter {
    var length = 0
    for index in 0..<4 { length |= Int(bytes[bytes.count - 8 + index]) << (8 * index) }
    let footer = Array(bytes[(bytes.count - 8 - length)..<(bytes.count - 8)])
    var reader = ThriftReader(unsafe footer.span.bytes)
    return try ParquetFooter(from: &reader)
  }

  /// A column of every type, nullable; and one of each element that is not.
  static func everyType(rows: Int, nulls: Double, seed: UInt64) throws(ColumnarError) -> ColumnBatch {
    var dice = SplitMix64(seed: seed)
    var fields: [ColumnField] = []
    var columns: [Column] = []
    for (index, type) in Columns.types.enumerated() {
      fields.append(ColumnField("c\(index)", type))
      columns.append(try Columns.random(type, rows: rows, nulls: nulls, using: &dice))
      if type.shape == .vector(3) || type.element == .null { continue }
      fields.append(ColumnField("r\(index)", type, isNullable: false))
      columns.append(try Columns.random(type, rows: rows, nulls: 0, using: &dice))
    }
    return try ColumnBatch(ColumnSchema(fields), columns, rowCount: rows)
  }
}
