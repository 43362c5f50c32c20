// Some rows of a batch, converted column by column: what a column is and how its elements become values is looked at once for all of
// them. A row whose times are in order is put together from here; any other is read again by itself, to say what is wrong with it.

import ApusColumnar
import ApusContracts

struct ColumnWindow {
  static let rowsMax = 1_024

  /// In the batch.
  private(set) var rows = 0..<0
  /// By the place among a row's inputs, and among the parts of its key.
  private var inputs: [[FeatureInput]]
  private var keys: [[FeatureInput]]
  private var eventTimes: [Int64] = []
  private var createdAts: [Int64] = []
  private var knownAts: [Int64] = []
  /// By row: a value of it is none of its type; a time of it is none, or missing.
  private var misfits: [Bool] = []
  private var isOdd: [Bool] = []
  private let hasEventTime: Bool
  private let hasCreatedAt: Bool
  private let hasKnownAt: Bool

  init(_ wanted: [WantedColumn], inputs: Int, parts: Int) {
    self.inputs = Array(repeating: [], count: inputs)
    keys = Array(repeating: [], count: parts)
    hasEventTime = wanted.contains { $0.use.isEventTime }
    hasCreatedAt = wanted.contains { $0.use.isCreatedAt }
    hasKnownAt = wanted.contains { $0.use.isKnownAt }
  }

  /// Another batch begins.
  mutating func clear() { rows = 0..<0 }

  mutating func fill(
    _ rows: Range<Int>, of batch: [Column], _ wanted: [WantedColumn], _ cells: inout ColumnCells
  ) {
    self.rows = rows
    misfits.removeAll(keepingCapacity: true)
    misfits.append(contentsOf: repeatElement(false, count: rows.count))
    isOdd.removeAll(keepingCapacity: true)
    isOdd.append(contentsOf: repeatElement(false, count: rows.count))
    for place in batch.indices {
      let use = wanted[place].use
      if let input = use.input {
        cells.fill(&inputs[input], from: batch[place], rows, wanted[place].featureWay, &misfits)
      }
      if let part = use.part {
        cells.fill(&keys[part], from: batch[place], rows, wanted[place].keyWay, &misfits)
      }
      if use.isEventTime { cells.fill(moments: &eventTimes, from: batch[place], rows, &isOdd) }
      if use.isCreatedAt { cells.fill(moments: &createdAts, from: batch[place], rows, &isOdd) }
      if use.isKnownAt { cells.fill(moments: &knownAts, from: batch[place], rows, &isOdd) }
    }
  }

  /// Nil for a row that has to be read by itself.
  func row(_ row: Int, line: Int, group: Int) -> FileRow? {
    let at = row - rows.lowerBound
    if isOdd[at] { return nil }
    var times = GivenTimes()
    if hasEventTime { times.eventTime = EventTime(nanoseconds: eventTimes[at]) }
    if hasCreatedAt { times.createdAt = CreatedAt(nanoseconds: createdAts[at]) }
    if hasKnownAt { times.knownAt = KnownAt(nanoseconds: knownAts[at]) }
    var key: [Value] = []
    key.reserveCapacity(keys.count)
    for part in keys.indices {
      if case .value(let value) = keys[part][at] { key.append(value) }
    }
    var all: [FeatureInput] = []
    all.reserveCapacity(inputs.count)
    for input in inputs.indices { all.append(inputs[input][at]) }
    return FileRow(
      line: line, group: group, key: key, times: times, inputs: all,
      hasMisfit: misfits[at] || key.count < keys.count)
  }
}

extension ColumnCells {
  /// Values of a column, or nulls.
  fileprivate mutating func fill(
    _ target: inout [FeatureInput], from column: Column, _ rows: Range<Int>, _ way: CellWay,
    _ misfits: inout [Bool]
  ) {
    target.removeAll(keepingCapacity: true)
    switch (column.type.element, way.type) {
    // The usual ways, which cannot fail, with nothing to decide for each row.
    case (.int64, .int64) where column.type.shape == .scalar && column.nullCount == 0:
      column.forEach(rows, as: Int64.self) { target.append(.value(.int64($0))) }
    case (.float64, .float64) where column.type.shape == .scalar && column.nullCount == 0:
      column.forEach(rows, as: UInt64.self) { target.append(.value(.float64(Double(bitPattern: $0)))) }
    case (.int64, .int64) where column.type.shape == .scalar:
      Self.each(&target, column, rows) { .int64(column.load($0, as: Int64.self)) }
    case (.float64, .float64) where column.type.shape == .scalar:
      Self.each(&target, column, rows) { .float64(column.float64($0)) }
    case (.float32, .float32) where column.type.shape == .scalar:
      Self.each(&target, column, rows) { .float32(column.float32($0)) }
    case (.int32, .int32) where column.type.shape == .scalar:
      Self.each(&target, column, rows) { .int32(column.load($0, as: Int32.self)) }
    case (.string, .string) where column.type.shape == .scalar:
      Self.each(&target, column, rows) { .string(column.string($0)) }
    default:
      for row in rows {
        if column.isNull(row) {
          target.append(.null)
          continue
        }
        clear()
        target.append(.value(value(column, row, way)))
        if hasMisfit { misfits[row - rows.lowerBound] = true }
      }
    }
  }

  @inline(__always)
  private static func each(
    _ target: inout [FeatureInput], _ column: Column, _ rows: Range<Int>, _ body: (Int) -> Value
  ) {
    if column.nullCount == 0 {
      for row in rows { target.append(.value(body(row))) }
    } else {
      for row in rows { target.append(column.isNull(row) ? .null : .value(body(row))) }
    }
  }

  fileprivate mutating func fill(
    moments target: inout [Int64], from column: Column, _ rows: Range<Int>,
    _ isOdd: inout [Bool]
  ) {
    target.removeAll(keepingCapacity: true)
    for row in rows {
      if !column.isNull(row), case .moment(let nanoseconds) = moment(column, row) {
        target.append(nanoseconds)
      } else {
        target.append(0)
        isOdd[row - rows.lowerBound] = true
      }
    }
  }
}
