// Events on their way into a run: one builder for each column, a row for each event. What is said of a feature stands in two columns:
// whether anything is said, and the value, null for a null and for nothing.

import ApusBytes
import ApusColumnar
import ApusContracts

/// Used by one thread.
final class EventColumns {
  let schema: RunSchema
  private let columnSchema: ColumnSchema
  private let keySchema: KeySchema
  private let path: String
  private let columns: [Box]
  private(set) var count = 0
  /// What the events would take in a log, about what their columns take before they are compressed.
  private(set) var byteCount = 0

  /// An array holds no builders, which cannot be copied; it holds boxes of them.
  private final class Box {
    var builder: ColumnBuilder
    init(_ field: ColumnField) { builder = ColumnBuilder(field.type, named: field.name) }
  }

  init(_ schema: RunSchema, path: String) {
    self.schema = schema
    self.path = path
    keySchema = KeySchema(schema.keys.map(\.type))
    columnSchema = ColumnSchema(schema.fields)
    columns = schema.fields.map(Box.init)
  }

  func append(_ event: HistoryEventView) throws(HistoryError) {
    let head = event.head
    do throws(ColumnarError) {
      try columns[0].builder.append(event.key)
      column(.eventTime).builder.append(head.eventTime.nanoseconds)
      column(.createdAt).builder.append(head.createdAt.nanoseconds)
      column(.knownAt).builder.append(head.knownAt.nanoseconds)
      // An LSN is below 2^62.
      column(.lsn).builder.append(Int64(bitPattern: head.lsn.rawValue))
      column(.isKnownAtAssumed).builder.append(head.isKnownAtAssumed)
      column(.isDeleted).builder.append(head.isDelete)
      column(.isCreatedAtGiven).builder.append(head.isCreatedAtGiven)
      if event.producer.isEmpty {
        column(.producer).builder.appendNull()
      } else {
        try column(.producer).builder.append(event.producer)
      }
    } catch {
      throw .columns(path: path, error)
    }
    try appendKey(event)
    try appendFeatures(event)
    count += 1
    byteCount += event.rawByteCount
  }

  /// The rows so far; none are left.
  func finish() throws(HistoryError) -> ColumnBatch {
    var finished: [Column] = []
    finished.reserveCapacity(columns.count)
    do throws(ColumnarError) {
      for box in columns { finished.append(try box.builder.finish()) }
      let batch = try ColumnBatch(columnSchema, finished, rowCount: count)
      count = 0
      byteCount = 0
      return batch
    } catch {
      throw .columns(path: path, error)
    }
  }

  private func column(_ column: RunSchema.StoreColumn) -> Box { columns[schema.place(of: column)] }

  private func appendKey(_ event: HistoryEventView) throws(HistoryError) {
    let parts: [Value]
    do throws(KeyError) { parts = try keySchema.decode(event.key) } catch {
      throw .key(event.head.viewVersion, event.head.lsn, error)
    }
    do throws(ColumnarError) {
      for (place, part) in parts.enumerated() {
        let box = columns[1 + place]
        switch part {
        case .bool(let bit): box.builder.append(bit)
        case .int32(let number): box.builder.append(number)
        case .int64(let number), .timestamp(let number): box.builder.append(number)
        case .string(let text): try box.builder.append(text)
        case .bytes(let content): try box.builder.append(unsafe content.span.bytes)
        // No key has a part of another type.
        case .float32, .float64, .list, .vector: break
        }
      }
    } catch {
      throw .columns(path: path, error)
    }
  }

  private func appendFeatures(_ event: HistoryEventView) throws(HistoryError) {
    if event.head.isDelete {
      for index in schema.features.indices {
        columns[schema.place(ofSaid: index)].builder.append(false)
        columns[schema.place(ofFeature: index)].builder.appendNull()
      }
      return
    }
    let cells: RowCells
    do throws(RowError) { cells = try RowCells(event.cells, layout: schema.layout) } catch {
      throw .cells(event.head.viewVersion, event.head.lsn, error)
    }
    for slot in schema.layout.slots {
      let state = cells.state(slot.index)
      columns[schema.place(ofSaid: slot.index)].builder.append(state != .absent)
      let box = columns[schema.place(ofFeature: slot.index)]
      guard state == .value else {
        box.builder.appendNull()
        continue
      }
      let isValue: Bool
      do throws(ColumnarError) { isValue = try Self.append(cells.raw(slot), slot.type, box) } catch {
        throw .columns(path: path, error)
      }
      guard isValue else {
        throw .cells(event.head.viewVersion, event.head.lsn, .badList(feature: slot.index))
      }
    }
  }

  /// A value as it stands in a row. False when it is a list that breaks off.
  private static func append(_ value: RawSpan, _ type: FeatureType, _ box: Box) throws(ColumnarError) -> Bool
  {
    switch (type.shape, type.element) {
    case (.scalar, .string), (.scalar, .bytes): try box.builder.append(value)
    case (.scalar, .bool), (.list, .bool), (.vector, .bool):
      var reader = ByteReader(value)
      while let byte = try? reader.read(UInt8.self) { box.builder.append(byte != 0) }
    case (.list, .string), (.list, .bytes), (.vector, .string), (.vector, .bytes):
      guard try appendTexts(value, box) else { return false }
    default: box.builder.append(fixed: value)
    }
    if type.shape != .scalar { box.builder.endRow() }
    return true
  }

  /// A list whose elements differ in size: count, ends, bytes.
  private static func appendTexts(_ list: RawSpan, _ box: Box) throws(ColumnarError) -> Bool {
    var reader = ByteReader(list)
    guard let count = try? reader.read(UInt32.self),
      let numbers = try? reader.readBytes(Int(clamping: UInt64(count) * 4))
    else { return false }
    let content = reader.rest
    var ends = ByteReader(numbers)
    var start = 0
    while let rawEnd = try? ends.read(UInt32.self) {
      let end = Int(clamping: rawEnd)
      guard end >= start, end <= content.byteCount else { return false }
      try box.builder.append(content.extracting(start..<end))
      start = end
    }
    return start == content.byteCount
  }
}
