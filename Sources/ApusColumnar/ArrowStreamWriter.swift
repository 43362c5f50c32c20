// Batches as an Arrow stream. Every body begins at a multiple of `bodyAlignment` from the beginning of the stream, and so does every
// buffer in it: whoever maps the stream has aligned columns. Uncompressed, a column's bytes go to the sink as they lie in memory.

package import ApusBytes

package struct ArrowStreamWriter: ~Copyable {
  private let schema: ColumnSchema
  private let sink: any ColumnSink
  /// Where the stream began in the sink.
  private let start: UInt64
  private let level: ZstdLevel?
  private var finished = false
  private let zeroes = [UInt8](repeating: 0, count: ArrowFormat.bodyAlignment)

  /// Writes the schema. `compression` is for streams that are kept or go far; most readers are faster without.
  package init(
    _ schema: ColumnSchema, to sink: any ColumnSink, compression: ZstdLevel? = nil
  ) throws(ColumnarError) {
    self.schema = schema
    self.sink = sink
    start = sink.byteCount
    level = compression
    try writeMessage(ArrowSchemaWriter.message(of: schema))
  }

  /// The batch's fields must be the stream's.
  package mutating func write(_ batch: ColumnBatch) throws(ColumnarError) {
    precondition(!finished, "nothing follows the end of a stream")
    precondition(
      batch.schema.fields == schema.fields, "a batch of another schema does not belong to this stream")
    var body = try ArrowBody(level)
    for column in batch.columns { try body.add(column) }

    let header: [FlatValue] = [
      .int64(Int64(batch.rowCount)), .pairs(body.nodes), .pairs(body.places),
      level == nil ? .absent : .table([.int8(ArrowFormat.Codec.zstd), .int8(0)]),
    ]
    try writeMessage(
      ArrowSchemaWriter.message(ArrowFormat.Header.recordBatch, header, bodyLength: Int64(body.byteCount)))
    if level != nil { return try write(body.compressed.bytes) }
    for column in batch.columns { try writeBuffers(of: column) }
  }

  /// Writes the end of the stream; nothing can follow.
  package mutating func finish() throws(ColumnarError) {
    precondition(!finished, "a stream ends once")
    finished = true
    var end = ByteWriter()
    end.write(ArrowFormat.continuation)
    end.write(0 as UInt32)
    try write(end.bytes)
  }

  private func writeMessage(_ message: [FlatValue]) throws(ColumnarError) {
    let metadata = FlatWriter.bytes(of: message)
    var prefixed = ByteWriter(capacity: metadata.count + 2 * ArrowFormat.bodyAlignment)
    prefixed.write(ArrowFormat.continuation)
    prefixed.write(0 as UInt32)
    prefixed.write(metadata)
    let excess = Int((sink.byteCount - start + UInt64(prefixed.count)) % UInt64(ArrowFormat.bodyAlignment))
    if excess > 0 { prefixed.writeZeroes(ArrowFormat.bodyAlignment - excess) }
    prefixed.overwrite(UInt32(prefixed.count - 8), at: 4)
    try write(prefixed.bytes)
  }

  /// In the order in which `ArrowBody` has placed them.
  private func writeBuffers(of column: Column) throws(ColumnarError) {
    for part in ArrowBody.parts(of: column.type) {
      let bytes = ArrowBody.bytes(of: part, in: column)
      try write(bytes)
      let padding = ArrowBody.padding(after: bytes.byteCount)
      if padding > 0 { try write(unsafe zeroes.span.bytes.extracting(first: padding)) }
    }
  }

  private func write(_ bytes: RawSpan) throws(ColumnarError) {
    do { try sink.write(bytes) } catch { throw .system(error) }
  }
}
