// The dictionaries of a stream: what the numbers in encoded columns stand for. A delta is kept beside what it extends, so that many small
// ones do not copy a large one again and again.

import ApusBytes

struct ArrowDictionaries {
  private var all: [Int64: ArrowDictionary] = [:]

  func dictionary(_ id: Int64) -> ArrowDictionary? { all[id] }

  mutating func replace(_ id: Int64, with values: Column) {
    all[id] = ArrowDictionary(values)
  }

  /// False when there is nothing to extend.
  mutating func extend(_ id: Int64, by values: Column) -> Bool {
    guard all[id] != nil else { return false }
    all[id]?.append(values)
    return true
  }
}

struct ArrowDictionary {
  /// Of one type, none empty but the first.
  private var parts: [Column]
  /// Where each part begins.
  private var starts: [Int]
  private(set) var count: Int

  init(_ values: Column) {
    parts = [values]
    starts = [0]
    count = values.count
  }

  mutating func append(_ values: Column) {
    if values.count == 0 { return }
    parts.append(values)
    starts.append(count)
    count += values.count
  }

  /// The values that `indices` name, at most `byteCountMax` bytes of them; the room for them is made once it is known.
  func values(
    of indices: Column, _ type: ColumnType, atMost byteCountMax: Int, _ place: ColumnarPlace
  ) throws(ColumnarError) -> Column {
    // Two columns may name one dictionary, and only one of them its type.
    guard parts[0].type == type else {
      throw .damaged("a dictionary of \(parts[0].type) for a column of \(type)", at: place)
    }
    var byteCount = 0
    for row in 0..<indices.count where !indices.isNull(row) {
      guard let index = Self.index(indices, row), index < count else {
        throw .damaged("a place that its dictionary does not have", at: place)
      }
      guard type.element.isVariable else { continue }
      let (part, local) = find(index)
      byteCount += parts[part].byteRange(local).count
      guard byteCount <= byteCountMax else {
        throw .tooLarge(
          "bytes of a dictionary-encoded column in one batch", claimed: UInt64(byteCount),
          limit: UInt64(byteCountMax), at: place)
      }
    }
    var builder = ColumnBuilder(type, named: place.column ?? "")
    builder.reserve(indices.count, variableBytes: byteCount)
    for row in 0..<indices.count {
      guard !indices.isNull(row), let index = Self.index(indices, row) else {
        builder.appendNull()
        continue
      }
      let (part, local) = find(index)
      if parts[part].isNull(local) { builder.appendNull() } else { try builder.append(parts[part], local) }
    }
    return try builder.finish()
  }

  private static func index(_ indices: Column, _ row: Int) -> Int? {
    // Above Int64.max a UInt64 is no place; as its bits it is below zero.
    let index = indices.int64(row)
    return index < 0 ? nil : Int(exactly: index)
  }

  private func find(_ index: Int) -> (part: Int, local: Int) {
    if parts.count == 1 { return (0, index) }
    // The last part that begins at or before it.
    var low = 0
    var high = starts.count
    while high - low > 1 {
      let middle = (low + high) / 2
      if starts[middle] <= index { low = middle } else { high = middle }
    }
    return (low, index - starts[low])
  }
}

extension ColumnBuilder {
  /// An element of another column of the same element.
  fileprivate mutating func append(_ column: Column, _ element: Int) throws(ColumnarError) {
    switch column.type.element {
    case .null: appendNull()
    case .bool: append(column.bool(element))
    case .string, .bytes: try append(column.bytes(element))
    case .int8, .uint8: append(column.load(element, as: UInt8.self))
    case .int16, .uint16: append(column.load(element, as: UInt16.self))
    case .int32, .uint32, .float32, .date: append(column.load(element, as: UInt32.self))
    case .int64, .uint64, .float64, .timestamp: append(column.load(element, as: UInt64.self))
    }
  }
}
