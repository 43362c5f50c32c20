// Rows of a run's columns as events again. The columns' own shape was checked by the room of columns, and their bytes by their checksums; what
// is judged here is whether the rows are events: so that nothing traps, whatever a file holds whose checksums were made for it.

import ApusBytes
import ApusColumnar
import ApusContracts

/// Used by one thread.
struct ColumnEvents: ~Copyable {
  private let schema: RunSchema
  private let path: String
  private var builder: RowBuilder
  private var cells = ByteWriter()
  /// An element of a list on its way into a row.
  private var value = ByteWriter()

  init(_ schema: RunSchema, path: String) {
    self.schema = schema
    self.path = path
    builder = RowBuilder(schema.layout)
  }

  /// The events of rows, as many as `rowCount`, behind what `batch` holds. `at` is where the rows begin, for an error.
  /// The columns are all of the schema's, in its order, but for those of the key's parts, which may be left out as nil.
  mutating func append(
    _ columns: [Column?], rowCount: Int, at: UInt64, to batch: inout EventBatch
  ) throws(HistoryError) {
    guard columns.count == schema.fields.count else { throw fault("\(columns.count) columns", at) }
    let keys = try checked(columns, 0, rowCount, at)
    let eventTimes = try store(.eventTime, columns, rowCount, at)
    let createdAts = try store(.createdAt, columns, rowCount, at)
    let knownAts = try store(.knownAt, columns, rowCount, at)
    let lsns = try store(.lsn, columns, rowCount, at)
    let assumed = try store(.isKnownAtAssumed, columns, rowCount, at)
    let deleted = try store(.isDeleted, columns, rowCount, at)
    let given = try store(.isCreatedAtGiven, columns, rowCount, at)
    let producers = try store(.producer, columns, rowCount, at)
    var said: [Column] = []
    var values: [Column] = []
    for index in schema.features.indices {
      said.append(try checked(columns, schema.place(ofSaid: index), rowCount, at))
      values.append(try checked(columns, schema.place(ofFeature: index), rowCount, at))
    }
    for row in 0..<rowCount {
      let head = HistoryEventHead(
        deleted.bool(row) ? .delete : .upsert, schema.viewVersion,
        eventTime: EventTime(nanoseconds: eventTimes.load(row)),
        createdAt: CreatedAt(nanoseconds: createdAts.load(row)), isCreatedAtGiven: given.bool(row),
        knownAt: KnownAt(nanoseconds: knownAts.load(row)), isKnownAtAssumed: assumed.bool(row),
        lsn: LSN(UInt64(bitPattern: lsns.load(row))))
      guard head.eventTime.nanoseconds <= head.knownAt.nanoseconds else {
        throw fault("LSN \(head.lsn) was known before it was true", at)
      }
      cells.removeAll()
      if !head.isDelete {
        try build(said, values, row, at)
        builder.writeCells(into: &cells)
      }
      let key = keys.bytes(row)
      guard key.byteCount <= KeyLimits.byteCountMax else {
        throw fault("the key of LSN \(head.lsn) has \(key.byteCount) bytes", at)
      }
      if producers.isNull(row) {
        batch.append(head, key: key, cells: cells.bytes)
      } else {
        batch.append(head, key: key, cells: cells.bytes, producer: producers.bytes(row))
      }
    }
  }

  private mutating func build(
    _ said: [Column], _ values: [Column], _ row: Int, _ at: UInt64
  ) throws(HistoryError) {
    builder.removeAll()
    do throws(RowError) {
      for index in said.indices {
        if !said[index].bool(row) {
          try builder.appendAbsent()
        } else if values[index].isNull(row) {
          try builder.appendNull()
        } else {
          try Self.append(values[index], row, schema.features[index].type, &value, &builder)
        }
      }
    } catch {
      throw fault("a row of cells: \(error)", at)
    }
  }

  private static func append(
    _ column: Column, _ row: Int, _ type: FeatureType, _ value: inout ByteWriter, _ builder: inout RowBuilder
  ) throws(RowError) {
    let elements = column.elements(of: row)
    if type.shape == .scalar, type.element == .bool { return try builder.append(column.bool(row)) }
    if let size = column.type.element.fixedByteCount {
      // The column holds as many elements.
      return try builder.append(
        raw: column.valueBytes.extracting((elements.lowerBound &* size)..<(elements.upperBound &* size)))
    }
    if type.shape == .scalar { return try builder.append(raw: column.bytes(row)) }
    value.removeAll()
    if type.element == .bool {
      for element in elements { value.write(column.bool(element)) }
    } else {
      value.write(UInt32(truncatingIfNeeded: elements.count))
      var end = 0
      for element in elements {
        end = end &+ column.byteRange(element).count
        value.write(UInt32(truncatingIfNeeded: end))
      }
      for element in elements { value.write(column.bytes(element)) }
    }
    try builder.append(raw: value.bytes)
  }

  private func store(
    _ column: RunSchema.StoreColumn, _ columns: [Column?], _ rowCount: Int, _ at: UInt64
  ) throws(HistoryError) -> Column {
    try checked(columns, schema.place(of: column), rowCount, at)
  }

  /// A column of the type that it must have. A vector may have come as a list: whether its length is the type's, the row's builder sees.
  private func checked(
    _ columns: [Column?], _ place: Int, _ rowCount: Int, _ at: UInt64
  ) throws(HistoryError) -> Column {
    let field = schema.fields[place]
    guard let column = columns[place] else { throw fault("the column \(field.name) is not there", at) }
    let isScalar = column.type.shape == .scalar
    guard column.type.element == field.type.element, isScalar == (field.type.shape == .scalar),
      column.count == rowCount, field.isNullable || column.nullCount == 0
    else { throw fault("the column \(field.name) is not what it should be", at) }
    return column
  }

  private func fault(_ what: String, _ at: UInt64) -> HistoryError { .damaged(path: path, at: at, what) }
}
