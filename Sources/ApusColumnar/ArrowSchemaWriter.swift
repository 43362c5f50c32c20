// A schema as the tables of Arrow's flatbuffers.

enum ArrowSchemaWriter {
  private typealias Kind = ArrowFormat.Kind

  static func message(of schema: ColumnSchema) -> [FlatValue] {
    let header: [FlatValue] = [
      .absent,
      .tables(schema.fields.map { field($0) }),
      schema.metadata.isEmpty ? .absent : .tables(schema.metadata.map { [.text($0.key), .text($0.value)] }),
    ]
    return message(ArrowFormat.Header.schema, header, bodyLength: 0)
  }

  static func message(_ kind: Int8, _ header: [FlatValue], bodyLength: Int64) -> [FlatValue] {
    [.int16(ArrowFormat.metadataVersion), .int8(kind), .table(header), .int64(bodyLength)]
  }

  private static func field(_ field: ColumnField) -> [FlatValue] {
    let element = type(of: field.type.element)
    switch field.type.shape {
    case .scalar: return table(field.name, field.isNullable, element, children: [])
    case .list: return table(field.name, field.isNullable, (Kind.list, []), children: [item(element)])
    case .vector(let size):
      return table(
        field.name, field.isNullable, (Kind.fixedList, [.int32(Int32(clamping: size))]),
        children: [item(element)])
    }
  }

  private static func item(_ type: (kind: Int8, fields: [FlatValue])) -> [FlatValue] {
    table("item", true, type, children: [])
  }

  private static func table(
    _ name: String, _ isNullable: Bool, _ type: (kind: Int8, fields: [FlatValue]), children: [[FlatValue]]
  ) -> [FlatValue] {
    // Other readers want the vector of children also where there are none.
    [.text(name), .bool(isNullable), .int8(type.kind), .table(type.fields), .absent, .tables(children)]
  }

  private static func type(of element: ColumnElement) -> (kind: Int8, fields: [FlatValue]) {
    switch element {
    case .null: (Kind.null, [])
    case .bool: (Kind.bool, [])
    case .int8: (Kind.int, [.int32(8), .bool(true)])
    case .int16: (Kind.int, [.int32(16), .bool(true)])
    case .int32: (Kind.int, [.int32(32), .bool(true)])
    case .int64: (Kind.int, [.int32(64), .bool(true)])
    case .uint8: (Kind.int, [.int32(8), .bool(false)])
    case .uint16: (Kind.int, [.int32(16), .bool(false)])
    case .uint32: (Kind.int, [.int32(32), .bool(false)])
    case .uint64: (Kind.int, [.int32(64), .bool(false)])
    case .float32: (Kind.float, [.int16(1)])
    case .float64: (Kind.float, [.int16(2)])
    case .string: (Kind.utf8, [])
    case .bytes: (Kind.binary, [])
    case .timestamp(let unit, let isUTC):
      (Kind.timestamp, [.int16(number(of: unit)), isUTC ? .text("UTC") : .absent])
    case .date: (Kind.date, [.int16(0)])
    }
  }

  private static func number(of unit: ColumnTimeUnit) -> Int16 {
    switch unit {
    case .seconds: 0
    case .milliseconds: 1
    case .microseconds: 2
    case .nanoseconds: 3
    }
  }
}
