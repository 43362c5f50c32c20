// Which rows are in a segment, decided once for the type of its column.

import ApusBytes
import ApusColumnar
import ApusContracts

/// Of one segment. Used by one thread.
struct SegmentRows {
  private enum Test {
    case all
    case none
    case bools([Bool])
    case wholes([Int64])
    case wholesWithin(Int64, Int64)
    case floats([Double])
    case floatsWithin(Double, Double)
    case texts([[UInt8]])
  }

  /// In the set.
  private let column: Int
  private let test: Test
  /// Of the set, by their order.
  let features: [Int]
  let segment: SetChecks.Segment
  private(set) var rows = 0
  private(set) var covered = 0
  /// For each feature, rows of the segment that lack it.
  private(set) var lacking: [Int]

  init(
    _ segment: SetChecks.Segment, _ fields: [ColumnField], _ names: [String]
  ) throws(ExportError) {
    self.segment = segment
    features =
      try segment.features.isEmpty
      ? Array(names.indices)
      : segment.features.map { name throws(ExportError) in
        try SetInspection.feature(name, names, in: "the segment \(segment.name)")
      }
    lacking = Array(repeating: 0, count: features.count)
    if segment.rows == .all {
      column = 0
      test = .all
      return
    }
    guard let place = fields.firstIndex(where: { $0.name == segment.column }) else {
      let near = Suggestion.nearest(to: segment.column, among: fields.map(\.name))
      throw .checksRefused(
        "the segment \(segment.name) is about the column \(Quoted(segment.column)), and the set has none",
        next: near.map { "did you mean \(Quoted($0))?" }
          ?? "the set has \(fields.map(\.name).joined(separator: ", "))")
    }
    column = place
    test = try Self.test(segment, fields[place].type)
  }

  private static func test(_ segment: SetChecks.Segment, _ type: ColumnType) throws(ExportError) -> Test {
    let refusal = ExportError.checksRefused(
      "the segment \(segment.name): the column \(segment.column) has \(type)", next: words(type))
    guard type.shape == .scalar else { throw refusal }
    switch (type.element, segment.rows) {
    case (.null, _): return .none
    case (_, .all): return .all
    case (.bool, .among(let values)):
      return .bools(try all(values, refusal) { if case .bool(let bit) = $0 { bit } else { nil } })
    case (.string, .among(let values)):
      return .texts(
        try all(values, refusal) { if case .string(let text) = $0 { Array(text.utf8) } else { nil } })
    case (.float32, .among(let values)), (.float64, .among(let values)):
      return .floats(try all(values, refusal, double))
    case (.float32, .within(let least, let greatest)), (.float64, .within(let least, let greatest)):
      let ends = try all([least ?? .float(-.infinity), greatest ?? .float(.infinity)], refusal, double)
      return .floatsWithin(ends[0], ends[1])
    case (.timestamp, .among(let values)), (.date, .among(let values)):
      return .wholes(try all(values, refusal, moment))
    case (.timestamp, .within(let least, let greatest)), (.date, .within(let least, let greatest)):
      return .wholesWithin(
        try least.map { value throws(ExportError) in try all([value], refusal, moment)[0] } ?? .min,
        try greatest.map { value throws(ExportError) in try all([value], refusal, moment)[0] } ?? .max)
    case (let element, .among(let values)) where element.isWhole:
      return .wholes(try all(values, refusal) { if case .integer(let number) = $0 { number } else { nil } })
    case (let element, .within(let least, let greatest)) where element.isWhole:
      let ends = try all([least ?? .integer(.min), greatest ?? .integer(.max)], refusal) { value -> Int64? in
        if case .integer(let number) = value { number } else { nil }
      }
      return .wholesWithin(ends[0], ends[1])
    default: throw refusal
    }
  }

  private static func words(_ type: ColumnType) -> String {
    guard type.shape == .scalar else { return "name a column with one value in a row" }
    return switch type.element {
    case .bool: "say in: [true] or in: [false]"
    case .string: "say in: with a list of texts; numbers of a CSV spine are texts, too: in: [\"1\"]"
    case .float32, .float64: "say in:, min: or max: with numbers"
    case .timestamp, .date: "say min: or max: with a moment in quotes, as in \"2026-11-20T00:00:00Z\""
    case let element where element.isWhole: "say in:, min: or max: with whole numbers of 64 bits"
    default: "name another column"
    }
  }

  private static func all<T>(
    _ values: [YamlScalar], _ refusal: ExportError, _ make: (YamlScalar) -> T?
  ) throws(ExportError) -> [T] {
    let made = values.compactMap(make)
    guard made.count == values.count else { throw refusal }
    return made
  }

  private static func double(_ value: YamlScalar) -> Double? {
    switch value {
    case .integer(let number): Double(number)
    case .float(let number): number
    default: nil
    }
  }

  private static func moment(_ value: YamlScalar) -> Int64? {
    if case .string(let text) = value { TimestampSpelling.nanoseconds(text) } else { nil }
  }

  // MARK: Rows

  /// Counts some rows of the set. `isPresent` is asked of a feature and a row.
  mutating func take(_ columns: [Column], _ count: Int, _ isPresent: (Int, Int) -> Bool) {
    for row in 0..<count where contains(columns, row) {
      rows += 1
      var isCovered = true
      for (place, feature) in features.enumerated() where !isPresent(feature, row) {
        lacking[place] += 1
        isCovered = false
      }
      if isCovered { covered += 1 }
    }
  }

  private func contains(_ columns: [Column], _ row: Int) -> Bool {
    if case .all = test { return true }
    let column = columns[self.column]
    if column.isNull(row) { return false }
    switch test {
    case .all: return true
    case .none: return false
    case .bools(let bits): return bits.contains(column.bool(row))
    case .texts(let texts):
      let found = column.bytes(row)
      return texts.contains { unsafe $0.span.bytes.isEqual(to: found) }
    case .floats(let numbers): return numbers.contains(column.float64(row))
    case .floatsWithin(let least, let greatest):
      let number = column.float64(row)
      return number >= least && number <= greatest
    case .wholes(let numbers): return Self.whole(column, row).map(numbers.contains) ?? false
    case .wholesWithin(let least, let greatest):
      return Self.whole(column, row).map { $0 >= least && $0 <= greatest } ?? false
    }
  }

  /// Moments in nanoseconds. Nil where 64 bits do not reach.
  private static func whole(_ column: Column, _ row: Int) -> Int64? {
    column.type.element.isWhole ? SpineCell.whole(column, row) : SpineCell.moment(column, row, unit: 0)
  }
}
