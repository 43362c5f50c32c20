// Rows picked out of columns, in any order, as often as one likes, and nulls between them: what a join makes of its two sides. All columns
// have the builder's type, or are lists where it builds vectors; a pick that names no column is a null.

import ApusBytes

/// One row of one of several columns.
@usableFromInline
package struct ColumnPick: Equatable, Sendable {
  /// Where in the list of columns; below zero: a null.
  @usableFromInline package var column: Int32
  @usableFromInline package var row: Int32

  @inlinable
  package init(_ column: Int32, _ row: Int32) {
    self.column = column
    self.row = row
  }

  @inlinable package static var null: ColumnPick { ColumnPick(-1, 0) }
}

extension ColumnBuilder {
  /// Appends what was picked.
  package mutating func append(_ picks: Span<ColumnPick>, of columns: [Column]) throws(ColumnarError) {
    var start = 0
    // Picks of one column mostly follow each other, and a column is looked at once for all of them.
    while start < picks.count {
      let place = picks[start].column
      var end = start + 1
      while end < picks.count, picks[end].column == place { end += 1 }
      if place < 0 {
        for _ in start..<end { appendNull() }
      } else {
        try append(picks.extracting(start..<end), of: columns[Int(place)])
      }
      start = end
    }
  }

  /// Appends all rows of a column.
  package mutating func append(all column: Column) throws(ColumnarError) {
    check(column)
    if column.nullCount == 0, type.shape == .scalar, type.element.fixedByteCount != nil {
      append(fixed: column.valueBytes)
      return
    }
    for row in 0..<column.count { try append(row, of: column) }
  }

  private func check(_ column: Column) {
    let isLikeIt = column.type.shape == type.shape || column.type.shape == .list && type.shape != .scalar
    precondition(
      column.type.element == type.element && isLikeIt || column.type.element == .null,
      "what is gathered has the type of its column")
  }

  private mutating func append(_ picks: Span<ColumnPick>, of column: Column) throws(ColumnarError) {
    check(column)
    guard type.shape == .scalar, column.type.element != .null else {
      for place in picks.indices { try append(Int(picks[place].row), of: column) }
      return
    }
    switch type.element.fixedByteCount {
    case 8: gather(picks, of: column, as: UInt64.self)
    case 4: gather(picks, of: column, as: UInt32.self)
    default:
      for place in picks.indices { try append(Int(picks[place].row), of: column) }
    }
  }

  private mutating func gather<T: FixedWidthInteger & BitwiseCopyable>(
    _ picks: Span<ColumnPick>, of column: Column, as: T.Type
  ) {
    reserve(picks.count)
    let values = column.valueBytes
    if column.nullCount == 0 {
      for place in picks.indices { append(Self.number(values, picks[place], of: column.count, as: T.self)) }
      return
    }
    let validity = unsafe column.validity.span.bytes
    for place in picks.indices {
      let value = Self.number(values, picks[place], of: column.count, as: T.self)
      let row = Int(picks[place].row)
      // A column with nulls has a bit for each row, and `number` has looked whether it has the row.
      let byte = unsafe validity.unsafeLoad(fromByteOffset: row &>> 3, as: UInt8.self)
      if byte &>> UInt8(truncatingIfNeeded: row & 7) & 1 == 1 { append(value) } else { appendNull() }
    }
  }

  /// What stands at a row of a scalar column of so many.
  @inline(__always)
  private static func number<T: FixedWidthInteger & BitwiseCopyable>(
    _ values: RawSpan, _ pick: ColumnPick, of count: Int, as: T.Type
  ) -> T {
    let row = Int(pick.row)
    precondition(row >= 0 && row < count, "the column has no such row")
    // A scalar column of this size holds as many numbers as rows.
    return T(
      littleEndian: unsafe values.unsafeLoadUnaligned(
        fromUncheckedByteOffset: row &* MemoryLayout<T>.size, as: T.self))
  }

  private mutating func append(_ row: Int, of column: Column) throws(ColumnarError) {
    if column.isNull(row) {
      appendNull()
      return
    }
    let elements = column.elements(of: row)
    if case .vector(let size) = type.shape, elements.count != size {
      throw .damaged(
        "a vector of \(elements.count) elements, not of \(size)", at: ColumnarPlace(column: name))
    }
    if type.element.isVariable {
      for element in elements { try append(column.bytes(element)) }
    } else if type.element == .bool {
      for element in elements { append(column.bool(element)) }
    } else if let size = type.element.fixedByteCount {
      let bytes = column.valueBytes.extracting((elements.lowerBound * size)..<(elements.upperBound * size))
      append(fixed: bytes)
    }
    if type.shape != .scalar { endRow() }
  }
}
