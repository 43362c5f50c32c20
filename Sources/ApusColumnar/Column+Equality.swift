// Two columns are equal when every row of one says what the same row of the other says. What stands in the bytes of a null row says
// nothing. Floats are compared by their bits.

import ApusBytes

extension Column: Equatable {
  package static func == (a: Column, b: Column) -> Bool {
    a.type == b.type && a.firstDifference(from: b) == nil
  }

  /// The first row that is not the same in both, or the shorter's count; the types are the same.
  package func firstDifference(from other: Column) -> Int? {
    precondition(type == other.type, "columns of different types have no rows to compare")
    for row in 0..<min(count, other.count) where !says(row, theSameAs: other, row) {
      return row
    }
    return count == other.count ? nil : min(count, other.count)
  }

  /// Whether a row says what a row of another column of the same type does.
  package func says(_ row: Int, theSameAs other: Column, _ otherRow: Int) -> Bool {
    precondition(type == other.type, "rows of different types cannot be compared")
    let isNull = isNull(row)
    return isNull == other.isNull(otherRow) && (isNull || saysTheSame(row, other, otherRow))
  }

  private func saysTheSame(_ row: Int, _ other: Column, _ otherRow: Int) -> Bool {
    let a = elements(of: row)
    let b = other.elements(of: otherRow)
    guard a.count == b.count else { return false }
    for index in 0..<a.count {
      let a = a.lowerBound + index
      let b = b.lowerBound + index
      let same =
        switch type.element {
        case .null: true
        case .bool: bool(a) == other.bool(b)
        case .int8, .uint8: load(a, as: UInt8.self) == other.load(b)
        case .int16, .uint16: load(a, as: UInt16.self) == other.load(b)
        case .int32, .uint32, .float32, .date: load(a, as: UInt32.self) == other.load(b)
        case .int64, .uint64, .float64, .timestamp: load(a, as: UInt64.self) == other.load(b)
        case .string, .bytes: bytes(a).isEqual(to: other.bytes(b))
        }
      if !same { return false }
    }
    return true
  }
}
