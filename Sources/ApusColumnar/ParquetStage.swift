// The rows of the page that is open, of one column: its values without gaps, as PLAIN has them, and a level for each entry.
// An entry is a value, a null, or an empty list.

import ApusBytes

struct ParquetStage: ~Copyable {
  /// Fixed sizes little-endian one after another; bools a byte each; strings and bytes without lengths.
  var values = ByteWriter()
  /// Where each string or bytes ends in `values`.
  var ends: [Int] = []
  /// One byte for each entry; empty where nothing can be null or repeated.
  var definition: [UInt8] = []
  var repetition: [UInt8] = []
  /// Values, without nulls.
  var valueCount = 0
  /// Values, nulls and empty lists.
  var entryCount = 0

  var emptyEntryCount: Int { entryCount - valueCount }

  mutating func removeAll() {
    values.removeAll()
    ends.removeAll(keepingCapacity: true)
    definition.removeAll(keepingCapacity: true)
    repetition.removeAll(keepingCapacity: true)
    valueCount = 0
    entryCount = 0
  }

  /// Takes rows of the column, whose type is the leaf's.
  mutating func append(
    _ column: borrowing Column, _ rows: Range<Int>, _ leaf: ParquetColumnForm
  ) throws(ColumnarError) {
    if leaf.element == .null, !leaf.isList {
      definition.append(contentsOf: repeatElement(0, count: rows.count))
      entryCount += rows.count
      return
    }
    if leaf.isList { appendListLevels(column, rows, leaf) } else { appendLevels(column, rows, leaf) }

    var row = rows.lowerBound
    while row < rows.upperBound {
      // Rows up to the next null, or all of them.
      var end = rows.upperBound
      if column.nullCount > 0 {
        while row < rows.upperBound, column.isNull(row) { row += 1 }
        end = row
        while end < rows.upperBound, !column.isNull(end) { end += 1 }
        if row == end { break }
      }
      let elements = column.elements(of: row).lowerBound..<column.elements(of: end - 1).upperBound
      try appendValues(column, elements, leaf)
      row = end
    }
  }

  /// What the rows take in memory: what decides where a page ends.
  static func rawByteCount(_ column: borrowing Column, _ rows: Range<Int>) -> Int {
    if rows.isEmpty || column.type.element == .null { return 0 }
    let elements =
      column.elements(of: rows.lowerBound).lowerBound..<column.elements(of: rows.upperBound - 1).upperBound
    if let size = column.type.element.fixedByteCount { return elements.count * size }
    if column.type.element == .bool { return elements.count / 8 }
    return elements.count * 4 + Int(column.valueOffsets[elements.upperBound])
      - Int(column.valueOffsets[elements.lowerBound])
  }

  /// How many rows from `row` on, at most `limit`, fit into so many bytes.
  static func rowsThatFit(_ column: borrowing Column, from row: Int, atMost limit: Int, bytes: Int) -> Int {
    if rawByteCount(column, row..<(row + limit)) <= bytes { return limit }
    var fits = 0
    var tooMany = limit
    while tooMany - fits > 1 {
      let middle = fits + (tooMany - fits) / 2
      if rawByteCount(column, row..<(row + middle)) <= bytes { fits = middle } else { tooMany = middle }
    }
    return fits
  }

  private mutating func appendLevels(
    _ column: borrowing Column, _ rows: Range<Int>, _ leaf: ParquetColumnForm
  ) {
    entryCount += rows.count
    guard leaf.isNullable else { return }
    if column.nullCount == 0 {
      definition.append(contentsOf: repeatElement(1, count: rows.count))
    } else {
      definition.reserveCapacity(definition.count + rows.count)
      for row in rows { definition.append(column.isNull(row) ? 0 : 1) }
    }
  }

  private mutating func appendListLevels(
    _ column: borrowing Column, _ rows: Range<Int>, _ leaf: ParquetColumnForm
  ) {
    let full = leaf.definitionMax
    for row in rows {
      repetition.append(0)
      let isNull = column.isNull(row)
      let count = isNull ? 0 : column.elements(of: row).count
      if count == 0 {
        definition.append(isNull ? 0 : leaf.emptyLevel)
        entryCount += 1
      } else {
        definition.append(contentsOf: repeatElement(full, count: count))
        repetition.append(contentsOf: repeatElement(1, count: count - 1))
        entryCount += count
      }
    }
  }

  private mutating func appendValues(
    _ column: borrowing Column, _ elements: Range<Int>, _ leaf: ParquetColumnForm
  ) throws(ColumnarError) {
    valueCount += elements.count
    switch leaf.element {
    case .null: break
    case .bool: for element in elements { values.write(column.bool(element)) }
    case .int8: for element in elements { values.write(Int32(column.load(element, as: Int8.self))) }
    case .int16: for element in elements { values.write(Int32(column.load(element, as: Int16.self))) }
    case .uint8: for element in elements { values.write(UInt32(column.load(element, as: UInt8.self))) }
    case .uint16: for element in elements { values.write(UInt32(column.load(element, as: UInt16.self))) }
    case .timestamp(.seconds, _):
      for element in elements {
        let (value, overflow) = column.load(element, as: Int64.self).multipliedReportingOverflow(by: 1000)
        if overflow {
          throw .unsupported(
            "a timestamp in seconds lies beyond what Parquet's milliseconds reach",
            advice: "write the column as int64", at: ColumnarPlace(column: leaf.field.name))
        }
        values.write(value)
      }
    case .string, .bytes:
      let from = Int(column.valueOffsets[elements.lowerBound])
      let shift = values.count - from
      values.write(column.valueBytes.extracting(from..<Int(column.valueOffsets[elements.upperBound])))
      for end in column.valueOffsets[(elements.lowerBound + 1)..<(elements.upperBound + 1)] {
        ends.append(Int(end) + shift)
      }
    case .int32, .int64, .uint32, .uint64, .float32, .float64, .date, .timestamp:
      let size = leaf.element.fixedByteCount ?? 0
      values.write(
        column.valueBytes.extracting((elements.lowerBound * size)..<(elements.upperBound * size)))
    }
  }
}
