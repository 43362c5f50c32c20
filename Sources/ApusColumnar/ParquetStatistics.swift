/// Bounds and counts of a page's or a chunk's values, as the file claims them.
///
/// Bounds are PLAIN values without a length before them; they order as the column's type does, and may be wider than
/// what is there. `legacyMin` and `legacyMax` ordered by signed bytes and say little about text.
package struct ParquetStatistics: Equatable, Sendable {
  package var legacyMax: [UInt8]?
  package var legacyMin: [UInt8]?
  package var nullCount: Int64?
  package var distinctCount: Int64?
  package var max: [UInt8]?
  package var min: [UInt8]?
  package var isMaxExact: Bool?
  package var isMinExact: Bool?
  package var nanCount: Int64?

  package init() {}

  package func write(into writer: inout ThriftWriter, field id: Int16) {
    writer.begin(field: id)
    if let legacyMax { writer.field(1, binary: legacyMax) }
    if let legacyMin { writer.field(2, binary: legacyMin) }
    if let nullCount { writer.field(3, int64: nullCount) }
    if let distinctCount { writer.field(4, int64: distinctCount) }
    if let max { writer.field(5, binary: max) }
    if let min { writer.field(6, binary: min) }
    if let isMaxExact { writer.field(7, bool: isMaxExact) }
    if let isMinExact { writer.field(8, bool: isMinExact) }
    if let nanCount { writer.field(9, int64: nanCount) }
    writer.end()
  }

  @_lifetime(reader: copy reader)
  package init(from reader: inout ThriftReader) throws(ThriftError) {
    var fields = ThriftFields()
    while let field = try reader.nextField(&fields) {
      switch field.id {
      case 1: legacyMax = try reader.binary(field)
      case 2: legacyMin = try reader.binary(field)
      case 3: nullCount = try reader.int64(field)
      case 4: distinctCount = try reader.int64(field)
      case 5: max = try reader.binary(field)
      case 6: min = try reader.binary(field)
      case 7: isMaxExact = try reader.bool(field)
      case 8: isMinExact = try reader.bool(field)
      case 9: nanCount = try reader.int64(field)
      default: try reader.skip(field)
      }
    }
  }
}
