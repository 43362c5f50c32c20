// A stream's schema, out of a flatbuffer from anyone. Fields and their depth are counted: tables may be shared, so that few bytes could
// stand for any number of them.

import ApusBytes

struct ArrowSchemaReader {
  private(set) var fields: [ArrowField] = []
  private(set) var metadata: [ColumnMetadata] = []
  private let version: Int16
  private var fieldCount = 0
  private var textBudget = ArrowFormat.textBytesMax

  private typealias Kind = ArrowFormat.Kind

  init(_ reader: borrowing FlatReader, _ schema: FlatReader.Table, version: Int16) throws(ColumnarError) {
    self.version = version
    let endianness: Int16 = try reader.number(schema, ArrowFormat.Schema.endianness, default: 0)
    guard endianness == 0 else {
      throw .unsupported(
        "big-endian streams are not read", advice: "write it on a little-endian machine", at: ColumnarPlace())
    }
    fields = try readFields(reader, schema, ArrowFormat.Schema.fields, in: "", depth: 0)
    guard let texts = try reader.vector(schema, ArrowFormat.Schema.metadata, elementBytes: 4) else { return }
    for index in 0..<texts.count {
      let pair = try reader.table(texts, index)
      // What an empty pair takes in memory.
      textBudget -= MemoryLayout<ColumnMetadata>.stride
      let key = try reader.text(pair, 0, budget: &textBudget) ?? ""
      let value = try reader.text(pair, 1, budget: &textBudget) ?? ""
      metadata.append(ColumnMetadata(key: key, value: value))
    }
  }

  private mutating func readFields(
    _ reader: borrowing FlatReader, _ table: FlatReader.Table, _ id: Int, in parent: String, depth: Int
  ) throws(ColumnarError) -> [ArrowField] {
    guard let tables = try reader.vector(table, id, elementBytes: 4) else { return [] }
    guard depth < ArrowFormat.depthMax, tables.count <= ArrowFormat.fieldsMax &- fieldCount else {
      throw .tooLarge(
        "fields of a schema, or how deep they nest", claimed: UInt64(clamping: fieldCount &+ tables.count),
        limit: UInt64(clamping: ArrowFormat.fieldsMax),
        at: ColumnarPlace(column: parent.isEmpty ? nil : parent))
    }
    fieldCount += tables.count
    var fields: [ArrowField] = []
    for index in 0..<tables.count {
      fields.append(try readField(reader, reader.table(tables, index), in: parent, depth: depth))
    }
    return fields
  }

  private mutating func readField(
    _ reader: borrowing FlatReader, _ table: FlatReader.Table, in parent: String, depth: Int
  ) throws(ColumnarError) -> ArrowField {
    let own = try reader.text(table, ArrowFormat.Field.name, budget: &textBudget) ?? ""
    // A path repeats its parents' names, so it counts too.
    textBudget -= parent.utf8.count
    guard textBudget >= 0 else {
      throw .tooLarge(
        "bytes of names in a schema", claimed: UInt64(clamping: ArrowFormat.textBytesMax),
        limit: UInt64(clamping: ArrowFormat.textBytesMax), at: ColumnarPlace())
    }
    let name = parent.isEmpty ? own : "\(parent).\(own)"
    let layout = try readLayout(reader, table, name)
    return ArrowField(
      name: name, isNullable: try reader.bool(table, ArrowFormat.Field.nullable), layout: layout,
      dictionary: try readDictionary(reader, table, name),
      children: try readFields(reader, table, ArrowFormat.Field.children, in: name, depth: depth + 1))
  }

  private func readDictionary(
    _ reader: borrowing FlatReader, _ field: FlatReader.Table, _ name: String
  ) throws(ColumnarError) -> ArrowDictionaryKey? {
    guard let table = try reader.table(field, ArrowFormat.Field.dictionary) else { return nil }
    let id: Int64 = try reader.number(table, ArrowFormat.Dictionary.id, default: 0)
    guard let type = try reader.table(table, ArrowFormat.Dictionary.indexType) else {
      return ArrowDictionaryKey(id: id, index: .int32)
    }
    return ArrowDictionaryKey(id: id, index: try readInteger(reader, type, name))
  }

  private func readInteger(
    _ reader: borrowing FlatReader, _ type: FlatReader.Table, _ name: String
  ) throws(ColumnarError) -> ColumnElement {
    let bits: Int32 = try reader.number(type, 0, default: 0)
    switch (bits, try reader.bool(type, 1)) {
    case (8, true): return .int8
    case (16, true): return .int16
    case (32, true): return .int32
    case (64, true): return .int64
    case (8, false): return .uint8
    case (16, false): return .uint16
    case (32, false): return .uint32
    case (64, false): return .uint64
    default: throw .damaged("an integer of \(bits) bits", at: ColumnarPlace(column: name))
    }
  }

  private func readLayout(
    _ reader: borrowing FlatReader, _ field: FlatReader.Table, _ name: String
  ) throws(ColumnarError) -> ArrowLayout {
    let kind: Int8 = try reader.number(field, ArrowFormat.Field.kind, default: 0)
    let place = ColumnarPlace(column: name)
    guard let type = try reader.table(field, ArrowFormat.Field.type) else {
      throw .damaged("a field has no type", at: place)
    }
    switch kind {
    case Kind.null: return .null
    case Kind.bool: return .bool
    case Kind.int: return .fixed(try readInteger(reader, type, name))
    case Kind.float:
      switch try reader.number(type, 0, default: 0 as Int16) {
      case 0: return .half
      case 1: return .fixed(.float32)
      case 2: return .fixed(.float64)
      case let precision: throw .damaged("a float of precision \(precision)", at: place)
      }
    case Kind.date:
      // Dates in milliseconds ought to be whole days, and in files that exist they are not.
      return try reader.number(type, 0, default: 1 as Int16) == 0
        ? .fixed(.date) : .fixed(.timestamp(.milliseconds, isUTC: false))
    case Kind.timestamp:
      var budget = ArrowFormat.zoneBytesMax
      let zone = try reader.text(type, 1, budget: &budget) ?? ""
      let isUTC = !zone.isEmpty
      switch try reader.number(type, 0, default: 0 as Int16) {
      case 0: return .fixed(.timestamp(.seconds, isUTC: isUTC))
      case 1: return .fixed(.timestamp(.milliseconds, isUTC: isUTC))
      case 2: return .fixed(.timestamp(.microseconds, isUTC: isUTC))
      case 3: return .fixed(.timestamp(.nanoseconds, isUTC: isUTC))
      case let unit: throw .damaged("a timestamp of unit \(unit)", at: place)
      }
    case Kind.utf8: return .variable(.string, isLarge: false)
    case Kind.binary: return .variable(.bytes, isLarge: false)
    case Kind.largeUtf8: return .variable(.string, isLarge: true)
    case Kind.largeBinary: return .variable(.bytes, isLarge: true)
    case Kind.utf8View: return .view(.string)
    case Kind.binaryView: return .view(.bytes)
    case Kind.fixedBinary:
      let width = try reader.number(type, 0, default: 0 as Int32)
      guard width >= 0 else { throw .damaged("bytes of a size below zero", at: place) }
      // widens Int32
      return .fixedBytes(Int(width))
    case Kind.list: return .list(isLarge: false)
    case Kind.largeList: return .list(isLarge: true)
    case Kind.fixedList:
      // widens Int32
      return .vector(Int(try reader.number(type, 0, default: 0 as Int32)))
    case Kind.union:
      // Before V5 unions had a validity too.
      let own = version < ArrowFormat.metadataVersion ? 1 : 0
      let isDense = try reader.number(type, 0, default: 0 as Int16) == 1
      return .other(
        "a union", advice: "make a column of each of its types", buffers: own + (isDense ? 2 : 1))
    default: return try Self.other(kind, place)
    }
  }

  /// Types that the model does not have.
  private static func other(_ kind: Int8, _ place: ColumnarPlace) throws(ColumnarError) -> ArrowLayout {
    switch kind {
    case Kind.structure:
      .other("a struct", advice: "make columns of its parts (pyarrow.Table.flatten)", buffers: 1)
    case Kind.map: .other("a map", advice: "make two lists of it, of keys and of values", buffers: 2)
    case Kind.decimal: .other("a decimal", advice: "cast it to float64 or to string", buffers: 2)
    case Kind.time: .other("a time of day", advice: "cast it to int64", buffers: 2)
    case Kind.duration: .other("a duration", advice: "cast it to int64", buffers: 2)
    case Kind.interval: .other("an interval", advice: "cast it to string", buffers: 2)
    case Kind.listView, Kind.largeListView: .other("a list view", advice: "cast it to list", buffers: 3)
    case Kind.runEndEncoded:
      .other("a run-end-encoded column", advice: "decode it (pyarrow.compute.run_end_decode)", buffers: 0)
    default: throw .damaged("no type has the number \(kind)", at: place)
    }
  }
}
