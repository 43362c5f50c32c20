// The rows of a PUSH, a DELETE or a SCAN's reply, borrowed. A view exists only over rows whose keys, times, states and
// values lie in the body, to its end; what a value holds is checked when it is read. Decoding allocates per column, never per row.

import ApusBytes
package import ApusContracts

package struct RowsView: ~Escapable {
  private let body: RawSpan
  package let count: Int
  /// In the order of their names.
  package let columnTypes: [FeatureType]
  /// In order of the rows, as they were encoded: not yet known to be keys.
  package let keys: KeyWalker
  private let eventTimesAt: Int
  /// Nil when no row has one.
  private let createdAtAt: Int?
  private let knownAtAt: Int?
  private let places: [Place]

  private struct Place {
    let statesAt: Int
    let values: ColumnPlace
  }

  /// Takes all that is left of the body. `reader` reads it from its first byte.
  @_lifetime(copy body)
  init(
    _ body: RawSpan, at offset: Int, count: Int, columns: Int, createdAt: Bool, knownAt: Bool
  ) throws(WireError) {
    self.body = body
    self.count = count
    var reader = BodyReader(body)
    _ = try reader.span(offset, "the head")
    try reader.align()
    // 8 bytes a row for each time, and 2 at least for its key.
    let times = 1 + (createdAt ? 1 : 0) + (knownAt ? 1 : 0)
    guard count <= reader.remaining / (8 * times + 2) else {
      throw .malformed("\(count) rows cannot be in \(reader.remaining) bytes", at: reader.offset)
    }
    eventTimesAt = reader.offset
    createdAtAt = createdAt ? eventTimesAt + 8 * count : nil
    knownAtAt = knownAt ? eventTimesAt + 8 * count * (times - 1) : nil
    _ = try reader.span(8 * count * times, "the times")
    keys = KeyWalker(reader)
    for _ in 0..<count { _ = try reader.shortBytes("a key") }
    try reader.align()
    var places: [Place] = []
    var types: [FeatureType] = []
    for _ in 0..<columns {
      let type = try reader.type()
      try reader.zero(4)
      let statesAt = reader.offset
      try Self.checkStates(try reader.span(count, "the states"), at: statesAt)
      try reader.align()
      let fixedAt = reader.offset
      guard ColumnPlace.fixedByteCount(type, rows: count) <= reader.remaining else {
        throw .malformed("a column's values are cut off", at: fixedAt)
      }
      _ = try reader.span(ColumnPlace.fixedByteCount(type, rows: count), "a column's values")
      try reader.align()
      let values = try ColumnPlace(
        checking: body, type, rows: count, fixedAt: fixedAt, dataFrom: reader.offset)
      _ = try reader.span(values.end - reader.offset, "a column's bytes")
      places.append(Place(statesAt: statesAt, values: values))
      types.append(type)
    }
    try reader.finish("the last column")
    self.places = places
    columnTypes = types
  }

  private static func checkStates(_ states: RawSpan, at start: Int) throws(WireError) {
    for at in 0..<states.byteCount where states.uint8(at: at) > CellState.value.rawValue {
      throw .malformed("no cell is in such a state", at: start + at)
    }
  }

  package func times(_ row: Int) -> GivenTimes {
    precondition(row >= 0 && row < count, "there are so many rows")
    return GivenTimes(
      eventTime: time(eventTimesAt, row).map { EventTime(nanoseconds: $0) },
      createdAt: createdAtAt.flatMap { time($0, row) }.map { CreatedAt(nanoseconds: $0) },
      knownAt: knownAtAt.flatMap { time($0, row) }.map { KnownAt(nanoseconds: $0) })
  }

  private func time(_ at: Int, _ row: Int) -> Int64? {
    let nanoseconds = Int64(bitPattern: body.uint64(at: at + 8 * row))
    return nanoseconds == WireRows.noTime ? nil : nanoseconds
  }

  package func state(_ row: Int, _ column: Int) -> CellState {
    precondition(row >= 0 && row < count, "there are so many rows")
    return CellState(rawValue: body.uint8(at: places[column].statesAt + row)) ?? .absent
  }

  /// A column's values.
  @_lifetime(copy self)
  package func column(_ column: Int) -> ColumnView { ColumnView(body, places[column].values) }

  /// What a row says of a column's feature.
  package func input(_ row: Int, _ column: Int) throws(WireError) -> FeatureInput {
    switch state(row, column) {
    case .absent: .absent
    case .null: .null
    case .value: .value(try self.column(column).value(row))
    }
  }

  /// The same for a feature of this type: an int32 stands for an int64, and a float32 for a float64, alone, in lists and in vectors.
  package func input(_ row: Int, _ column: Int, as type: FeatureType) throws(WireError) -> FeatureInput {
    let input = try input(row, column)
    guard columnTypes[column] != type, case .value(let value) = input else { return input }
    return .value(value.widened(to: type.element))
  }
}

extension Value {
  /// The same number as an element of a wider type; this value where there is none such.
  func widened(to element: ElementType) -> Value {
    switch (self, element) {
    case (.int32(let number), .int64): .int64(Int64(number))
    case (.float32(let number), .float64): .float64(Double(number))
    case (.list(let elements), _): .list(elements.widened(to: element))
    case (.vector(let elements), _): .vector(elements.widened(to: element))
    default: self
    }
  }
}

extension Value.Elements {
  fileprivate func widened(to element: ElementType) -> Value.Elements {
    switch (self, element) {
    case (.int32(let all), .int64): .int64(all.map { Int64($0) })
    case (.float32(let all), .float64): .float64(all.map { Double($0) })
    default: self
    }
  }
}
