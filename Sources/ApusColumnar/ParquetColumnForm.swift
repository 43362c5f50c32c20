// How a column of ours lies in a Parquet file: which nodes the schema has for it, how large a value is, and which levels say
// what is null and where lists begin. Parquet.md has the table.

/// A column as it is written: one leaf of the schema.
struct ParquetColumnForm {
  let field: ColumnField
  let physicalType: ParquetPhysicalType

  init(_ field: ColumnField) {
    self.field = field
    physicalType = Self.physicalType(of: field.type.element)
  }

  var element: ColumnElement { field.type.element }
  var isList: Bool { field.type.shape != .scalar }
  /// A column of the type null says so by its nulls.
  var isNullable: Bool { field.isNullable || (element == .null && !isList) }

  /// The definition level of a value: how many optional or repeated nodes lie above it, itself included.
  var definitionMax: UInt8 { (isNullable ? 1 : 0) + (isList ? 1 : 0) + (isList && element == .null ? 1 : 0) }
  /// The definition level of an empty list.
  var emptyLevel: UInt8 { isNullable ? 1 : 0 }

  /// Bytes of a value in a page; nil where each has its own, and for bools, which are bits.
  var plainByteCount: Int? {
    switch physicalType {
    case .int32, .float: 4
    case .int64, .double: 8
    default: nil
    }
  }

  /// An integer, or what is one in the file.
  var isInteger: Bool { element != .null && (physicalType == .int32 || physicalType == .int64) }
  var isFloat: Bool { element == .float32 || element == .float64 }

  var path: [String] { isList ? [field.name, "list", "element"] : [field.name] }

  /// The nodes of the schema, depth first.
  var schema: [ParquetSchemaElement] {
    let repetition: ParquetRepetition = isNullable ? .optional : .required
    let (logical, converted) = Self.meaning(of: element)
    guard isList else {
      return [
        ParquetSchemaElement(
          name: field.name, physicalType: physicalType, repetition: repetition, convertedType: converted,
          logicalType: logical)
      ]
    }
    return [
      ParquetSchemaElement(
        name: field.name, repetition: repetition, childCount: 1, convertedType: .list, logicalType: .list),
      ParquetSchemaElement(name: "list", repetition: .repeated, childCount: 1),
      ParquetSchemaElement(
        name: "element", physicalType: physicalType, repetition: element == .null ? .optional : .required,
        convertedType: converted, logicalType: logical),
    ]
  }

  private static func physicalType(of element: ColumnElement) -> ParquetPhysicalType {
    switch element {
    case .bool: .boolean
    case .null, .int8, .int16, .int32, .uint8, .uint16, .uint32, .date: .int32
    case .int64, .uint64, .timestamp: .int64
    case .float32: .float
    case .float64: .double
    case .string, .bytes: .byteArray
    }
  }

  private static func meaning(
    of element: ColumnElement
  ) -> (ParquetLogicalType?, ParquetConvertedType?) {
    switch element {
    case .bool, .int32, .int64, .float32, .float64, .bytes: (nil, nil)
    case .null: (.null, nil)
    case .int8: (.integer(bits: 8, isSigned: true), .int8)
    case .int16: (.integer(bits: 16, isSigned: true), .int16)
    case .uint8: (.integer(bits: 8, isSigned: false), .uint8)
    case .uint16: (.integer(bits: 16, isSigned: false), .uint16)
    case .uint32: (.integer(bits: 32, isSigned: false), .uint32)
    case .uint64: (.integer(bits: 64, isSigned: false), .uint64)
    case .string: (.string, .utf8)
    case .date: (.date, .date)
    case .timestamp(let unit, let isUTC): timestamp(unit, isUTC)
    }
  }

  /// The older annotation means a moment of the UTC clock, so that it stands only where that is meant.
  private static func timestamp(
    _ unit: ColumnTimeUnit, _ isUTC: Bool
  ) -> (ParquetLogicalType?, ParquetConvertedType?) {
    switch unit {
    // Parquet has no seconds.
    case .seconds, .milliseconds:
      (.timestamp(isUTC: isUTC, unit: .milliseconds), isUTC ? .timestampMillis : nil)
    case .microseconds: (.timestamp(isUTC: isUTC, unit: .microseconds), isUTC ? .timestampMicros : nil)
    case .nanoseconds: (.timestamp(isUTC: isUTC, unit: .nanoseconds), nil)
    }
  }
}
