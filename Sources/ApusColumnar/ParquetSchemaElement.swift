/// One node of a file's schema, which is a tree written depth first; the first node is its root.
///
/// A node with children is a group and has no physical type; one without is a leaf, whose values lie in pages.
package struct ParquetSchemaElement: Equatable, Sendable {
  package var physicalType: ParquetPhysicalType?
  package var typeLength: Int32?
  package var repetition: ParquetRepetition?
  package var name: String
  package var childCount: Int32?
  package var convertedType: ParquetConvertedType?
  package var scale: Int32?
  package var precision: Int32?
  package var fieldID: Int32?
  package var logicalType: ParquetLogicalType?

  package init(
    name: String, physicalType: ParquetPhysicalType? = nil, repetition: ParquetRepetition? = nil,
    childCount: Int32? = nil, convertedType: ParquetConvertedType? = nil,
    logicalType: ParquetLogicalType? = nil
  ) {
    self.name = name
    self.physicalType = physicalType
    self.repetition = repetition
    self.childCount = childCount
    self.convertedType = convertedType
    self.logicalType = logicalType
  }

  package func write(into writer: inout ThriftWriter) {
    writer.begin()
    if let physicalType { writer.field(1, int32: physicalType.rawValue) }
    if let typeLength { writer.field(2, int32: typeLength) }
    if let repetition { writer.field(3, int32: repetition.rawValue) }
    writer.field(4, string: name)
    if let childCount { writer.field(5, int32: childCount) }
    if let convertedType { writer.field(6, int32: convertedType.rawValue) }
    if let scale { writer.field(7, int32: scale) }
    if let precision { writer.field(8, int32: precision) }
    if let fieldID { writer.field(9, int32: fieldID) }
    if let logicalType {
      writer.begin(field: 10)
      logicalType.write(into: &writer)
      writer.end()
    }
    writer.end()
  }

  @_lifetime(reader: copy reader)
  package init(from reader: inout ThriftReader) throws(ThriftError) {
    let start = reader.offset
    var fields = ThriftFields()
    var found = ParquetSchemaElement(name: "")
    var name: String?
    while let field = try reader.nextField(&fields) {
      switch field.id {
      case 1: found.physicalType = ParquetPhysicalType(rawValue: try reader.int32(field))
      case 2: found.typeLength = try reader.int32(field)
      case 3: found.repetition = ParquetRepetition(rawValue: try reader.int32(field))
      case 4: name = try reader.string(field)
      case 5: found.childCount = try reader.int32(field)
      case 6: found.convertedType = ParquetConvertedType(rawValue: try reader.int32(field))
      case 7: found.scale = try reader.int32(field)
      case 8: found.precision = try reader.int32(field)
      case 9: found.fieldID = try reader.int32(field)
      case 10:
        try reader.structure(field)
        found.logicalType = try ParquetLogicalType(from: &reader)
      default: try reader.skip(field)
      }
    }
    found.name = try needed(name, 4, of: "SchemaElement", at: start)
    self = found
  }
}
