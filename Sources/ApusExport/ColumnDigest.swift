// What a column says, as 128 bits: equal for equal cells in an equal order, however they came in batches. SipHash-1-3 of 128 bits under a key of zeroes,
// over words of eight bytes, and SHA-256 over what all columns came to: `Export.md` has the words. It tells sets apart, and is no
// defence against somebody who forges them.

package import ApusBytes
package import ApusColumnar
package import ApusSystem

/// The digest of some columns, made as their rows pass.
package struct RowsDigest: Sendable {
  private let fields: [ColumnField]
  private var states: [SipHash]
  private var rows: UInt64 = 0

  package init(_ fields: [ColumnField]) {
    self.fields = fields
    states = fields.map { _ in SipHash(wide: 0, 0) }
  }

  /// A crew takes several columns at once, and comes to the same.
  package mutating func take(_ columns: [Column], _ crew: Crew? = nil) {
    guard let count = columns.first?.count else { return }
    rows += UInt64(count)
    guard let crew else {
      for (place, column) in columns.enumerated() { Self.take(column, &states[place]) }
      return
    }
    let before = states
    states = crew.map(columns.count) { place in
      var state = before[place]
      Self.take(columns[place], &state)
      return state
    }
  }

  /// Of these columns and, behind them, of others with as many rows.
  func followed(by others: RowsDigest) -> RowsDigest {
    precondition(rows == others.rows, "columns beside each other have as many rows")
    var all = RowsDigest(fields + others.fields)
    (all.states, all.rows) = (states + others.states, rows)
    return all
  }

  /// Of what was taken so far.
  package var digest: SHA256.Digest {
    var writer = ByteWriter()
    writer.write(rows)
    for (field, state) in zip(fields, states) {
      writer.write(UInt64(field.name.utf8.count))
      writer.write(utf8: field.name)
      let type = field.type.description
      writer.write(UInt64(type.utf8.count))
      writer.write(utf8: type)
      var end = state
      let (first, second) = end.finishWide()
      writer.write(first)
      writer.write(second)
    }
    return SHA256.digest(of: writer.bytes)
  }

  private static func take(_ column: Column, _ state: inout SipHash) {
    switch (column.type.shape, column.type.element.fixedByteCount) {
    case (.scalar, 8): take(column, as: UInt64.self, &state)
    case (.scalar, 4): take(column, as: UInt32.self, &state)
    case (.scalar, 2): take(column, as: UInt16.self, &state)
    case (.scalar, 1): take(column, as: UInt8.self, &state)
    default: for row in 0..<column.count { take(row, of: column, &state) }
    }
  }

  /// A null is the word 0, a value the word 1 and then itself.
  private static func take<T: FixedWidthInteger & BitwiseCopyable>(
    _ column: Column, as: T.Type, _ state: inout SipHash
  ) {
    var next = state
    var row = 0
    let haveNulls = column.nullCount > 0
    column.forEach(0..<column.count, as: T.self) { value in
      if haveNulls, column.isNull(row) {
        next.take(0)
      } else {
        next.take(1)
        next.take(UInt64(truncatingIfNeeded: value))
      }
      row &+= 1
    }
    state = next
  }

  /// A list also says how many elements it has.
  private static func take(_ row: Int, of column: Column, _ state: inout SipHash) {
    guard !column.isNull(row) else {
      state.take(0)
      return
    }
    state.take(1)
    let elements = column.elements(of: row)
    if column.type.shape != .scalar { state.take(UInt64(elements.count)) }
    if column.type.element.isVariable {
      for element in elements { state.take(counted: column.bytes(element)) }
    } else if column.type.element == .bool {
      for element in elements { state.take(column.bool(element) ? 1 : 0) }
    } else if let size = column.type.element.fixedByteCount {
      state.take(
        counted: column.valueBytes.extracting((elements.lowerBound * size)..<(elements.upperBound * size)))
    }
  }
}
