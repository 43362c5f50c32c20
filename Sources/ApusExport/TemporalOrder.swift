// Whether the rows of a set have cells that their labels could not see: the moments that came with the cells against the row's own time, as it is written.

import ApusBytes
package import ApusColumnar

/// Of one view in one role. Used by one thread.
package struct TemporalOrder: Sendable {
  private var rowCount = 0
  /// Rows with a cell that they could not see, and the first of them.
  package private(set) var count = 0
  package private(set) var first: Int?

  package init() {}

  /// The greatest moment that a label of a time may have seen. What has no room in 64 bits is their end.
  package static func latest(_ time: Int64, delayNanoseconds: Int64, isStrict: Bool) -> Int64 {
    let (moment, isOver) = time.subtractingReportingOverflow(delayNanoseconds)
    if isOver { return .min }
    return isStrict ? max(.min + 1, moment) - 1 : moment
  }

  /// Takes the next rows, each with its limit; the column has what came with them from a row on, and is null where nothing was seen.
  package mutating func take(_ limits: [Int64], _ column: Column, from start: Int) {
    precondition(
      start >= 0 && start + limits.count <= column.count && column.type.element.fixedByteCount == 8,
      "the column has no such moments")
    let bytes = column.valueBytes
    for row in limits.indices {
      // The column has 8 bytes for each of its rows.
      let bits = unsafe bytes.unsafeLoadUnaligned(
        fromUncheckedByteOffset: (start &+ row) &* 8, as: Int64.self)
      // What stands in the bytes of a null says nothing.
      if Int64(littleEndian: bits) > limits[row], !column.isNull(start + row) {
        if first == nil { first = rowCount + row }
        count += 1
      }
    }
    rowCount += limits.count
  }
}
