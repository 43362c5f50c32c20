// An Arrow stream from anyone, batch after batch: what Arrow.md says is read comes out as the model's columns, anything else is refused
// by column and reason. One batch is in memory at a time, and the dictionaries.

import ApusBytes
package import ApusSystem

package struct ArrowStreamReader: ~Copyable {
  /// Of the columns that were asked for, in the stream's order, and what the stream says of itself.
  package private(set) var schema: ColumnSchema
  /// The columns that are beyond us, where these were to be left out.
  package let refused: [ColumnRefusal]
  private var messages: ArrowMessageReader
  private let fields: [ArrowField]
  private var isWanted: [Bool]
  private var dictionaries: ArrowDictionaries
  /// What the stream's dictionaries hold; only those that a wanted column names.
  private var dictionaryFields: [Int64: ArrowField]
  private let allDictionaryIDs: Set<Int64>
  private let expandedBytesMax: Int
  private var metadata: [UInt8]
  private var body: [UInt8]
  private var batchIndex: Int

  /// Reads the schema. With `columns`, only those are read, and what the others are does not matter; `leavesOut` leaves out those
  /// that are beyond us, and names them in `refused`. `expandedBytesMax` is memory that
  /// the columns of one batch may take beyond its bytes in the stream, by decompression and out of dictionaries; `batchBytesMax` is the
  /// longest batch that is read.
  package init(
    _ source: any ByteSource, columns: [String]? = nil, leavesOut: Bool = false,
    expandedBytesMax: Int = 1 << 30, batchBytesMax: Int? = nil
  ) throws(ColumnarError) {
    var messages = ArrowMessageReader(source, bodyBytesMax: batchBytesMax ?? ArrowFormat.bodyBytesMax)
    var metadata: [UInt8] = []
    var body: [UInt8] = []
    guard let begin = try messages.nextMetadata(into: &metadata) else {
      throw .damaged(
        "the stream has no schema: it is empty, or no Arrow stream", at: ColumnarPlace(byteOffset: 0))
    }
    let read = try Self.readSchema(metadata, at: begin, &messages, &body)
    var wanted = try Self.choose(columns, of: read.fields)
    var refused: [ColumnRefusal] = []
    var chosen: [ColumnField] = []
    var named: [Int64: ArrowField] = [:]
    var all: Set<Int64> = []
    for (place, field) in read.fields.enumerated() {
      var type: ColumnType?
      if wanted[place] {
        do throws(ColumnarError) { type = try field.columnType() } catch {
          guard leavesOut, case .unsupported(let reason, let advice, _) = error else { throw error }
          refused.append(ColumnRefusal(column: field.name, reason: reason, advice: advice))
          wanted[place] = false
        }
      }
      Self.collectDictionaries(field) { id, values in
        all.insert(id)
        if type != nil { named[id] = values }
      }
      if let type { chosen.append(ColumnField(field.name, type, isNullable: field.isNullable)) }
    }
    // Nothing is thrown from here on.
    schema = ColumnSchema(chosen, metadata: read.metadata)
    self.refused = refused
    self.messages = messages
    fields = read.fields
    isWanted = wanted
    dictionaries = ArrowDictionaries()
    dictionaryFields = named
    allDictionaryIDs = all
    self.expandedBytesMax = max(0, expandedBytesMax)
    self.metadata = metadata
    self.body = body
    batchIndex = 0
  }

  /// Reads no other columns from here on than these of `schema`. To be said before the first batch.
  package mutating func narrow(to names: Set<String>) {
    var named: [Int64: ArrowField] = [:]
    for (place, field) in fields.enumerated() where isWanted[place] {
      isWanted[place] = names.contains(field.name)
      guard isWanted[place] else { continue }
      Self.collectDictionaries(field) { id, values in named[id] = values }
    }
    dictionaryFields = named
    schema = ColumnSchema(schema.fields.filter { names.contains($0.name) }, metadata: schema.metadata)
  }

  /// The next batch, or nil at the end of the stream. After an error the stream is of no more use.
  package mutating func next() throws(ColumnarError) -> ColumnBatch? {
    while let start = try messages.nextMetadata(into: &metadata) {
      let header = try Self.readHeader(metadata, at: start)
      try messages.readBody(header.bodyLength, into: &body)
      let place = ColumnarPlace(batch: batchIndex, byteOffset: start)
      switch header.kind {
      case ArrowFormat.Header.dictionaryBatch: try readDictionary(start, place)
      case ArrowFormat.Header.recordBatch:
        batchIndex += 1
        return try readBatch(start, place)
      case ArrowFormat.Header.schema: throw .damaged("a second schema", at: place)
      default:
        throw .unsupported(
          "messages of kind \(header.kind) are not read", advice: "tensors are no tables", at: place)
      }
    }
    return nil
  }
}

extension ArrowStreamReader {
  private struct Header {
    let version: Int16
    let kind: Int8
    let bodyLength: Int64
  }

  private static func readHeader(_ metadata: [UInt8], at start: UInt64) throws(ColumnarError) -> Header {
    let reader = unsafe FlatReader(metadata.span.bytes, at: start)
    let message = try reader.root()
    return Header(
      version: try reader.number(message, ArrowFormat.Message.version, default: 0),
      kind: try reader.number(message, ArrowFormat.Message.headerType, default: 0),
      bodyLength: try reader.number(message, ArrowFormat.Message.bodyLength, default: 0))
  }

  private static func readSchema(
    _ metadata: [UInt8], at start: UInt64, _ messages: inout ArrowMessageReader, _ body: inout [UInt8]
  ) throws(ColumnarError) -> (fields: [ArrowField], metadata: [ColumnMetadata]) {
    let header = try readHeader(metadata, at: start)
    let reader = unsafe FlatReader(metadata.span.bytes, at: start)
    guard header.kind == ArrowFormat.Header.schema,
      let table = try reader.table(reader.root(), ArrowFormat.Message.header)
    else { throw reader.damaged("the stream does not begin with a schema") }
    try messages.readBody(header.bodyLength, into: &body)
    let schema = try ArrowSchemaReader(reader, table, version: header.version)
    return (schema.fields, schema.metadata)
  }

  private static func choose(_ columns: [String]?, of fields: [ArrowField]) throws(ColumnarError) -> [Bool] {
    guard let columns else { return fields.map { _ in true } }
    let present = Set(fields.map(\.name))
    for name in columns where !present.contains(name) {
      throw .unsupported(
        "the stream has no such column",
        advice: "it has \(fields.prefix(20).map(\.name).joined(separator: ", "))",
        at: ColumnarPlace(column: name))
    }
    let wanted = Set(columns)
    return fields.map { wanted.contains($0.name) }
  }

  private static func collectDictionaries(_ field: ArrowField, _ found: (Int64, ArrowField) -> Void) {
    if let key = field.dictionary { found(key.id, field.ofDictionary) }
    for child in field.children { collectDictionaries(child, found) }
  }

  private mutating func readDictionary(_ start: UInt64, _ place: ColumnarPlace) throws(ColumnarError) {
    let metadata = self.metadata
    let reader = unsafe FlatReader(metadata.span.bytes, at: start)
    guard let table = try reader.table(reader.root(), ArrowFormat.Message.header),
      let data = try reader.table(table, ArrowFormat.DictionaryBatch.data)
    else { throw reader.damaged("a dictionary has no values") }
    let id: Int64 = try reader.number(table, ArrowFormat.DictionaryBatch.id, default: 0)
    guard let field = dictionaryFields[id] else {
      guard allDictionaryIDs.contains(id) else { throw reader.damaged("no column has the dictionary \(id)") }
      return
    }
    let isDelta = try reader.bool(table, ArrowFormat.DictionaryBatch.isDelta)
    let allowed = max(0, expandedBytesMax - dictionaries.expandedBytes(without: isDelta ? nil : id))
    let header = try ArrowBatchHeader(reader, data, bodyByteCount: body.count, at: place)
    var batch = ArrowBatchReader(header, body: body, dictionaries, expandedBytesMax: allowed, at: place)
    let values = try batch.readColumn(field)
    try batch.checkEnd()
    let expanded = allowed - batch.expansionLeft
    guard isDelta else { return dictionaries.replace(id, with: values, expandedBy: expanded) }
    guard dictionaries.extend(id, by: values, expandedBy: expanded) else {
      throw reader.damaged("an extension of a dictionary that never came")
    }
  }

  private mutating func readBatch(_ start: UInt64, _ place: ColumnarPlace) throws(ColumnarError)
    -> ColumnBatch
  {
    let metadata = self.metadata
    let reader = unsafe FlatReader(metadata.span.bytes, at: start)
    guard let table = try reader.table(reader.root(), ArrowFormat.Message.header) else {
      throw reader.damaged("a batch has no header")
    }
    let header = try ArrowBatchHeader(reader, table, bodyByteCount: body.count, at: place)
    var batch = ArrowBatchReader(
      header, body: body, dictionaries, expandedBytesMax: expandedBytesMax, at: place)
    var columns: [Column] = []
    for (field, isWanted) in zip(fields, isWanted) {
      if isWanted { columns.append(try batch.readColumn(field)) } else { try batch.skip(field) }
    }
    try batch.checkEnd()
    return try ColumnBatch(schema, columns, rowCount: batch.rowCount)
  }
}
