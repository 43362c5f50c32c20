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
  private var stage: CellStage

  init(_ schema: RunSchema, path: String) {
    self.schema = schema
    self.path = path
    builder = RowBuilder(schema.layout)
    stage = CellStage(features: schema.features.count)
  }

  /// The events of rows, as many as `rowCount`, behind what `batch` holds. `at` is where the rows begin, for an error.
  /// The columns are all of the schema's, in its order, but for those of the key's parts, which may be left out as nil.
  mutating func append(
    _ columns: [Column?], rowCount: Int, at: UInt64, to batch: inout EventBatch
  ) throws(HistoryError) {
    guard columns.count == schema.fields.count else { throw fault("\(columns.count) columns", at) }
    let keys = try checked(columns, 0, rowCount, at)
    let producers = try store(.producer, columns, rowCount, at)
    let eventTimes = try store(.eventTime, columns, rowCount, at).values
    let createdAts = try store(.createdAt, columns, rowCount, at).values
    let knownAts = try store(.knownAt, columns, rowCount, at).values
    let lsns = try store(.lsn, columns, rowCount, at).values
    let assumed = try store(.isKnownAtAssumed, columns, rowCount, at).values
    let deleted = try store(.isDeleted, columns, rowCount, at).values
    let given = try store(.isCreatedAtGiven, columns, rowCount, at).values
    stage.begin(rows: rowCount)
    for index in schema.features.indices {
      let said = try checked(columns, schema.place(ofSaid: index), rowCount, at)
      let values = try checked(columns, schema.place(ofFeature: index), rowCount, at)
      stage.take(index, schema.features[index].type, said, values)
    }
    if let row = stage.contradiction {
      throw fault("LSN \(Self.number(lsns, row)) has a value of a feature of which it says nothing", at)
    }
    batch.reserveMore(
      events: rowCount, bytes: keys.values.count + stage.byteCount + 16 * rowCount)
    for row in 0..<rowCount {
      let head = HistoryEventHead(
        Bitmap.isSet(deleted, row) ? .delete : .upsert, schema.viewVersion,
        eventTime: EventTime(nanoseconds: Self.number(eventTimes, row)),
        createdAt: CreatedAt(nanoseconds: Self.number(createdAts, row)),
        isCreatedAtGiven: Bitmap.isSet(given, row),
        knownAt: KnownAt(nanoseconds: Self.number(knownAts, row)),
        isKnownAtAssumed: Bitmap.isSet(assumed, row),
        lsn: LSN(UInt64(bitPattern: Self.number(lsns, row))))
      guard head.eventTime.nanoseconds <= head.knownAt.nanoseconds else {
        throw fault("LSN \(head.lsn) was known before it was true", at)
      }
      cells.removeAll()
      if !head.isDelete {
        do throws(RowError) { try stage.build(row, &builder) } catch {
          throw fault("a row of cells: \(error)", at)
        }
        builder.writeCells(into: &cells)
      } else if stage.says(row) {
        throw fault("LSN \(head.lsn) is a delete and says something of a feature", at)
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

  /// A column's element of 8 bytes; the column was checked to have so many.
  @inline(__always)
  private static func number(_ values: [UInt8], _ row: Int) -> Int64 {
    Int64(
      littleEndian: unsafe values.span.bytes.unsafeLoadUnaligned(fromByteOffset: row &* 8, as: Int64.self))
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
