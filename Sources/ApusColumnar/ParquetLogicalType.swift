/// What a column's values mean, a union of the format. One that is not known here keeps its number.
package enum ParquetLogicalType: Hashable, Sendable {
  case string
  case map
  case list
  case enumeration
  case decimal(scale: Int32, precision: Int32)
  case date
  case time(isUTC: Bool, unit: ParquetTimeUnit)
  case timestamp(isUTC: Bool, unit: ParquetTimeUnit)
  case integer(bits: Int8, isSigned: Bool)
  case null
  case json
  case bson
  case uuid
  case float16
  case other(Int16)

  /// The member's number in the union.
  package var number: Int16 {
    switch self {
    case .string: 1
    case .map: 2
    case .list: 3
    case .enumeration: 4
    case .decimal: 5
    case .date: 6
    case .time: 7
    case .timestamp: 8
    case .integer: 10
    case .null: 11
    case .json: 12
    case .bson: 13
    case .uuid: 14
    case .float16: 15
    case .other(let number): number
    }
  }

  package func write(into writer: inout ThriftWriter) {
    writer.begin(field: number)
    switch self {
    case .decimal(let scale, let precision):
      writer.field(1, int32: scale)
      writer.field(2, int32: precision)
    case .time(let isUTC, let unit), .timestamp(let isUTC, let unit):
      writer.field(1, bool: isUTC)
      writer.begin(field: 2)
      writer.begin(field: unit.rawValue)
      writer.end()
      writer.end()
    case .integer(let bits, let isSigned):
      writer.field(1, int8: bits)
      writer.field(2, bool: isSigned)
    default: break
    }
    writer.end()
  }

  /// Reads the fields of the union, which has exactly one member.
  @_lifetime(reader: copy reader)
  package init(from reader: inout ThriftReader) throws(ThriftError) {
    let start = reader.offset
    var fields = ThriftFields()
    guard let member = try reader.nextField(&fields) else {
      throw ThriftError(.notOneMember(of: "LogicalType"), at: start)
    }
    try reader.structure(member)
    switch member.id {
    case 5: self = try Self.decimal(&reader)
    case 7:
      let (isUTC, unit) = try Self.clock(&reader, of: "TimeType")
      self = .time(isUTC: isUTC, unit: unit)
    case 8:
      let (isUTC, unit) = try Self.clock(&reader, of: "TimestampType")
      self = .timestamp(isUTC: isUTC, unit: unit)
    case 10: self = try Self.integer(&reader)
    default:
      try reader.skip(member)
      self = Self.empty(member.id)
    }
    guard try reader.nextField(&fields) == nil else {
      throw ThriftError(.notOneMember(of: "LogicalType"), at: start)
    }
  }

  private static func empty(_ number: Int16) -> ParquetLogicalType {
    switch number {
    case 1: .string
    case 2: .map
    case 3: .list
    case 4: .enumeration
    case 6: .date
    case 11: .null
    case 12: .json
    case 13: .bson
    case 14: .uuid
    case 15: .float16
    default: .other(number)
    }
  }

  @_lifetime(reader: copy reader)
  private static func decimal(_ reader: inout ThriftReader) throws(ThriftError) -> ParquetLogicalType {
    let start = reader.offset
    var fields = ThriftFields()
    var scale: Int32?
    var precision: Int32?
    while let field = try reader.nextField(&fields) {
      switch field.id {
      case 1: scale = try reader.int32(field)
      case 2: precision = try reader.int32(field)
      default: try reader.skip(field)
      }
    }
    return .decimal(
      scale: try needed(scale, 1, of: "DecimalType", at: start),
      precision: try needed(precision, 2, of: "DecimalType", at: start))
  }

  @_lifetime(reader: copy reader)
  private static func clock(
    _ reader: inout ThriftReader, of name: String
  ) throws(ThriftError) -> (isUTC: Bool, unit: ParquetTimeUnit) {
    let start = reader.offset
    var fields = ThriftFields()
    var isUTC: Bool?
    var unit: ParquetTimeUnit?
    while let field = try reader.nextField(&fields) {
      switch field.id {
      case 1: isUTC = try reader.bool(field)
      case 2:
        try reader.structure(field)
        unit = try ParquetTimeUnit(from: &reader)
      default: try reader.skip(field)
      }
    }
    return (try needed(isUTC, 1, of: name, at: start), try needed(unit, 2, of: name, at: start))
  }

  @_lifetime(reader: copy reader)
  private static func integer(_ reader: inout ThriftReader) throws(ThriftError) -> ParquetLogicalType {
    let start = reader.offset
    var fields = ThriftFields()
    var bits: Int8?
    var isSigned: Bool?
    while let field = try reader.nextField(&fields) {
      switch field.id {
      case 1: bits = try reader.int8(field)
      case 2: isSigned = try reader.bool(field)
      default: try reader.skip(field)
      }
    }
    return .integer(
      bits: try needed(bits, 1, of: "IntType", at: start),
      isSigned: try needed(isSigned, 2, of: "IntType", at: start))
  }
}

/// The units that Parquet counts time in. It has none of seconds.
package enum ParquetTimeUnit: Int16, Hashable, Sendable {
  case milliseconds = 1
  case microseconds = 2
  case nanoseconds = 3

  @_lifetime(reader: copy reader)
  package init(from reader: inout ThriftReader) throws(ThriftError) {
    let start = reader.offset
    var fields = ThriftFields()
    var found: ParquetTimeUnit?
    var count = 0
    while let field = try reader.nextField(&fields) {
      found = ParquetTimeUnit(rawValue: field.id)
      count &+= 1
      try reader.skip(field)
    }
    guard count == 1, let found else { throw ThriftError(.notOneMember(of: "TimeUnit"), at: start) }
    self = found
  }
}

/// A field that a struct must have, or the error that says which is missing.
internal func needed<T>(
  _ value: T?, _ field: Int16, of name: String, at start: Int
) throws(ThriftError) -> T {
  guard let value else { throw ThriftError(.missing(field: field, of: name), at: start) }
  return value
}
