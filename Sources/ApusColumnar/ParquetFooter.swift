/// What a file says of itself at its end: its schema, its row groups, and how their bounds order.
package struct ParquetFooter: Equatable, Sendable {
  /// 1 or 2; nobody agrees what the second means.
  package var version: Int32 = 1
  /// The tree of columns, depth first.
  package var schema: [ParquetSchemaElement]
  package var rowCount: Int64
  package var rowGroups: [ParquetRowGroup]
  package var keyValues: [ParquetKeyValue] = []
  package var createdBy: String?
  /// One for each leaf, or nothing: then bounds mean nothing.
  package var columnOrders: [ParquetColumnOrder]?
  /// The file's columns are encrypted, though its footer is not.
  package var isEncrypted = false

  package init(schema: [ParquetSchemaElement], rowCount: Int64, rowGroups: [ParquetRowGroup]) {
    self.schema = schema
    self.rowCount = rowCount
    self.rowGroups = rowGroups
  }

  package func write(into writer: inout ThriftWriter) {
    writer.begin()
    writer.field(1, int32: version)
    writer.field(2, listOf: .structure, count: schema.count)
    for element in schema { element.write(into: &writer) }
    writer.field(3, int64: rowCount)
    writer.field(4, listOf: .structure, count: rowGroups.count)
    for rowGroup in rowGroups { rowGroup.write(into: &writer) }
    if !keyValues.isEmpty {
      writer.field(5, listOf: .structure, count: keyValues.count)
      for pair in keyValues { pair.write(into: &writer) }
    }
    if let createdBy { writer.field(6, string: createdBy) }
    if let columnOrders {
      writer.field(7, listOf: .structure, count: columnOrders.count)
      for order in columnOrders { order.write(into: &writer) }
    }
    writer.end()
  }

  @_lifetime(reader: copy reader)
  package init(from reader: inout ThriftReader) throws(ThriftError) {
    let start = reader.offset
    var fields = ThriftFields()
    var version: Int32?
    var schema: [ParquetSchemaElement]?
    var rowCount: Int64?
    var rowGroups: [ParquetRowGroup]?
    while let field = try reader.nextField(&fields) {
      switch field.id {
      case 1: version = try reader.int32(field)
      case 2:
        var elements: [ParquetSchemaElement] = []
        for _ in 0..<(try reader.list(field, of: .structure)) {
          elements.append(try ParquetSchemaElement(from: &reader))
        }
        schema = elements
      case 3: rowCount = try reader.int64(field)
      case 4:
        var groups: [ParquetRowGroup] = []
        for _ in 0..<(try reader.list(field, of: .structure)) {
          groups.append(try ParquetRowGroup(from: &reader))
        }
        rowGroups = groups
      case 5: keyValues = try ParquetKeyValue.list(field, from: &reader)
      case 6: createdBy = try reader.string(field)
      case 7:
        var orders: [ParquetColumnOrder] = []
        for _ in 0..<(try reader.list(field, of: .structure)) {
          orders.append(try ParquetColumnOrder(from: &reader))
        }
        columnOrders = orders
      case 8:
        isEncrypted = true
        try reader.skip(field)
      default: try reader.skip(field)
      }
    }
    self.version = try needed(version, 1, of: "FileMetaData", at: start)
    self.schema = try needed(schema, 2, of: "FileMetaData", at: start)
    self.rowCount = try needed(rowCount, 3, of: "FileMetaData", at: start)
    self.rowGroups = try needed(rowGroups, 4, of: "FileMetaData", at: start)
  }
}

package struct ParquetKeyValue: Equatable, Sendable {
  package var key: String
  package var value: String?

  package init(key: String, value: String?) {
    self.key = key
    self.value = value
  }

  internal func write(into writer: inout ThriftWriter) {
    writer.begin()
    writer.field(1, string: key)
    if let value { writer.field(2, string: value) }
    writer.end()
  }

  @_lifetime(reader: copy reader)
  internal static func list(
    _ field: ThriftField, from reader: inout ThriftReader
  ) throws(ThriftError) -> [ParquetKeyValue] {
    var pairs: [ParquetKeyValue] = []
    for _ in 0..<(try reader.list(field, of: .structure)) {
      pairs.append(try ParquetKeyValue(from: &reader))
    }
    return pairs
  }

  @_lifetime(reader: copy reader)
  private init(from reader: inout ThriftReader) throws(ThriftError) {
    let start = reader.offset
    var fields = ThriftFields()
    var key: String?
    var value: String?
    while let field = try reader.nextField(&fields) {
      switch field.id {
      case 1: key = try reader.string(field)
      case 2: value = try reader.string(field)
      default: try reader.skip(field)
      }
    }
    self.key = try needed(key, 1, of: "KeyValue", at: start)
    self.value = value
  }
}

/// How a column's bounds order, by its number in the union.
package struct ParquetColumnOrder: Hashable, Sendable {
  package let number: Int16

  /// As the column's type orders.
  package static let byType = ParquetColumnOrder(number: 1)
  /// IEEE 754's total order of floating-point numbers.
  package static let totalOrder = ParquetColumnOrder(number: 2)

  private init(number: Int16) { self.number = number }

  internal func write(into writer: inout ThriftWriter) {
    writer.begin()
    writer.begin(field: number)
    writer.end()
    writer.end()
  }

  @_lifetime(reader: copy reader)
  internal init(from reader: inout ThriftReader) throws(ThriftError) {
    let start = reader.offset
    var fields = ThriftFields()
    guard let member = try reader.nextField(&fields) else {
      throw ThriftError(.notOneMember(of: "ColumnOrder"), at: start)
    }
    number = member.id
    try reader.skip(member)
    guard try reader.nextField(&fields) == nil else {
      throw ThriftError(.notOneMember(of: "ColumnOrder"), at: start)
    }
  }
}
