/// Bounds of every data page of a chunk, so that a reader can pass pages over without a look at them.
///
/// All lists have one entry for each page. A page of nulls alone has empty bounds.
package struct ParquetColumnIndex: Equatable, Sendable {
  package var isNullPage: [Bool]
  package var min: [[UInt8]]
  package var max: [[UInt8]]
  package var boundaryOrder: ParquetBoundaryOrder
  package var nullCounts: [Int64]?
  package var nanCounts: [Int64]?

  package init(
    isNullPage: [Bool], min: [[UInt8]], max: [[UInt8]], boundaryOrder: ParquetBoundaryOrder,
    nullCounts: [Int64]?, nanCounts: [Int64]?
  ) {
    self.isNullPage = isNullPage
    self.min = min
    self.max = max
    self.boundaryOrder = boundaryOrder
    self.nullCounts = nullCounts
    self.nanCounts = nanCounts
  }

  package func write(into writer: inout ThriftWriter) {
    writer.begin()
    writer.field(1, listOf: .isTrue, count: isNullPage.count)
    for isNull in isNullPage { writer.element(bool: isNull) }
    writer.field(2, listOf: .binary, count: min.count)
    for bound in min { writer.element(binary: bound) }
    writer.field(3, listOf: .binary, count: max.count)
    for bound in max { writer.element(binary: bound) }
    writer.field(4, int32: boundaryOrder.rawValue)
    if let nullCounts {
      writer.field(5, listOf: .int64, count: nullCounts.count)
      for count in nullCounts { writer.element(int64: count) }
    }
    if let nanCounts {
      writer.field(8, listOf: .int64, count: nanCounts.count)
      for count in nanCounts { writer.element(int64: count) }
    }
    writer.end()
  }

  @_lifetime(reader: copy reader)
  package init(from reader: inout ThriftReader) throws(ThriftError) {
    let start = reader.offset
    let name = "ColumnIndex"
    var fields = ThriftFields()
    var nullPages: [Bool]?
    var min: [[UInt8]]?
    var max: [[UInt8]]?
    var order: Int32?
    while let field = try reader.nextField(&fields) {
      switch field.id {
      case 1:
        var list: [Bool] = []
        for _ in 0..<(try reader.list(field, of: .isTrue)) { list.append(try reader.elementBool()) }
        nullPages = list
      case 2: min = try Self.bounds(field, &reader)
      case 3: max = try Self.bounds(field, &reader)
      case 4: order = try reader.int32(field)
      case 5: nullCounts = try Self.counts(field, &reader)
      case 8: nanCounts = try Self.counts(field, &reader)
      default: try reader.skip(field)
      }
    }
    isNullPage = try needed(nullPages, 1, of: name, at: start)
    self.min = try needed(min, 2, of: name, at: start)
    self.max = try needed(max, 3, of: name, at: start)
    boundaryOrder = ParquetBoundaryOrder(rawValue: try needed(order, 4, of: name, at: start))
  }

  @_lifetime(reader: copy reader)
  private static func bounds(
    _ field: ThriftField, _ reader: inout ThriftReader
  ) throws(ThriftError) -> [[UInt8]] {
    var list: [[UInt8]] = []
    for _ in 0..<(try reader.list(field, of: .binary)) { list.append(try reader.elementBinary()) }
    return list
  }

  @_lifetime(reader: copy reader)
  private static func counts(
    _ field: ThriftField, _ reader: inout ThriftReader
  ) throws(ThriftError) -> [Int64] {
    var list: [Int64] = []
    for _ in 0..<(try reader.list(field, of: .int64)) { list.append(try reader.elementInt64()) }
    return list
  }
}

/// Where every data page of a chunk lies and which row it begins with.
package struct ParquetOffsetIndex: Equatable, Sendable {
  package var pages: [ParquetPageLocation]

  package init(pages: [ParquetPageLocation]) { self.pages = pages }

  package func write(into writer: inout ThriftWriter) {
    writer.begin()
    writer.field(1, listOf: .structure, count: pages.count)
    for page in pages { page.write(into: &writer) }
    writer.end()
  }

  @_lifetime(reader: copy reader)
  package init(from reader: inout ThriftReader) throws(ThriftError) {
    let start = reader.offset
    var fields = ThriftFields()
    var pages: [ParquetPageLocation]?
    while let field = try reader.nextField(&fields) {
      switch field.id {
      case 1:
        var list: [ParquetPageLocation] = []
        for _ in 0..<(try reader.list(field, of: .structure)) {
          list.append(try ParquetPageLocation(from: &reader))
        }
        pages = list
      default: try reader.skip(field)
      }
    }
    self.pages = try needed(pages, 1, of: "OffsetIndex", at: start)
  }
}

package struct ParquetPageLocation: Hashable, Sendable {
  package var offset: Int64
  /// Its header included.
  package var byteCount: Int32
  /// Counted from the row group's first.
  package var firstRow: Int64

  package init(offset: Int64, byteCount: Int32, firstRow: Int64) {
    self.offset = offset
    self.byteCount = byteCount
    self.firstRow = firstRow
  }

  internal func write(into writer: inout ThriftWriter) {
    writer.begin()
    writer.field(1, int64: offset)
    writer.field(2, int32: byteCount)
    writer.field(3, int64: firstRow)
    writer.end()
  }

  @_lifetime(reader: copy reader)
  internal init(from reader: inout ThriftReader) throws(ThriftError) {
    let start = reader.offset
    var fields = ThriftFields()
    var offset: Int64?
    var byteCount: Int32?
    var firstRow: Int64?
    while let field = try reader.nextField(&fields) {
      switch field.id {
      case 1: offset = try reader.int64(field)
      case 2: byteCount = try reader.int32(field)
      case 3: firstRow = try reader.int64(field)
      default: try reader.skip(field)
      }
    }
    self.offset = try needed(offset, 1, of: "PageLocation", at: start)
    self.byteCount = try needed(byteCount, 2, of: "PageLocation", at: start)
    self.firstRow = try needed(firstRow, 3, of: "PageLocation", at: start)
  }
}
