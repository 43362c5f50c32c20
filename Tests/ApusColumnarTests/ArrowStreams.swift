// Arrow streams of random batches, and what a stream holds, for tests.

import ApusBytes
import ApusColumnar
import ApusTestSupport

enum ArrowStreams {
  static func schema(_ types: [ColumnType], metadata: [ColumnMetadata] = []) -> ColumnSchema {
    ColumnSchema(types.enumerated().map { ColumnField("c\($0) \($1)", $1) }, metadata: metadata)
  }

  static func batch(
    _ schema: ColumnSchema, rows: Int, nulls: Double, using dice: inout SplitMix64
  ) throws -> ColumnBatch {
    var columns: [Column] = []
    for field in schema.fields {
      columns.append(try Columns.random(field.type, rows: rows, nulls: nulls, using: &dice))
    }
    return try ColumnBatch(schema, columns, rowCount: rows)
  }

  static func write(
    _ schema: ColumnSchema, _ batches: [ColumnBatch], compression: ZstdLevel? = nil
  ) throws -> [UInt8] {
    let sink = MemorySink()
    var writer = try ArrowStreamWriter(schema, to: sink, compression: compression)
    for batch in batches { try writer.write(batch) }
    try writer.finish()
    return sink.copied()
  }

  static func read(
    _ bytes: [UInt8], columns: [String]? = nil, pieceMax: Int = .max
  ) throws -> (schema: ColumnSchema, batches: [ColumnBatch]) {
    var reader = try ArrowStreamReader(BytesSource(bytes, pieceMax: pieceMax), columns: columns)
    var batches: [ColumnBatch] = []
    while let batch = try reader.next() { batches.append(batch) }
    return (reader.schema, batches)
  }
}

extension Column {
  /// The rows from the last to the first, one column after the other: what a peer makes of a stream to show that it knows the rows.
  static func reversed(_ columns: [Column]) -> [Column] {
    columns.reversed().flatMap { column in
      (0..<column.count).reversed().map { column.slice($0..<($0 + 1)) }
    }
  }
}
