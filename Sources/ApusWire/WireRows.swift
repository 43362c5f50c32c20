// Rows being gathered, column by column, for a PUSH, a DELETE or a SCAN's reply. Every row has a key, its times, and a cell in every
// column; `append` adds all of them or nothing.

import ApusBytes
package import ApusContracts

package struct WireRows: Sendable {
  /// A moment that is not given: for event times *now*, for the others *none*.
  package static let noTime = Int64.max

  package private(set) var count = 0
  package private(set) var columns: [WireColumn]
  private(set) var eventTimes: [Int64] = []
  private(set) var createdAt: [Int64] = []
  private(set) var knownAt: [Int64] = []
  private(set) var hasCreatedAt = false
  private(set) var hasKnownAt = false
  /// A length of 2 bytes and the key, one after another.
  private(set) var keys: [UInt8] = []
  /// Where each stands.
  private var keyStarts: [Int] = []

  /// A DELETE has no columns.
  package init(_ types: [FeatureType] = []) { columns = types.map(WireColumn.init) }

  /// Bytes of keys, times and cells so far: what a body with them takes, but for its head and what aligns it.
  package var byteCount: Int {
    keys.count + 8 * count * (1 + (hasCreatedAt ? 1 : 0) + (hasKnownAt ? 1 : 0))
      + columns.reduce(0) { $0 + $1.byteCount }
  }

  /// What a body with them takes beyond `byteCount`, but for what stands before its times: at most this.
  var alignmentByteCountMax: Int { 14 + columns.count * WireColumn.headByteCountMax }

  /// Forgets the last row. What times are sent is as if it still were there.
  package mutating func removeLast() {
    precondition(count > 0, "there is a row")
    count -= 1
    for index in columns.indices { columns[index].removeLast() }
    eventTimes.removeLast()
    createdAt.removeLast()
    knownAt.removeLast()
    keys.removeLast(keys.count - keyStarts.removeLast())
  }

  /// Forgets all rows and keeps the memory.
  package mutating func removeAll() {
    count = 0
    keyStarts.removeAll(keepingCapacity: true)
    for index in columns.indices { columns[index].removeAll() }
    eventTimes.removeAll(keepingCapacity: true)
    createdAt.removeAll(keepingCapacity: true)
    knownAt.removeAll(keepingCapacity: true)
    (hasCreatedAt, hasKnownAt) = (false, false)
    keys.removeAll(keepingCapacity: true)
  }

  /// Adds a row; its inputs in the order of the columns.
  package mutating func append(
    key: RawSpan, _ times: GivenTimes = GivenTimes(), _ inputs: [FeatureInput] = []
  ) throws(WireColumnError) {
    precondition(inputs.count == columns.count, "a row has one input for every column")
    for (index, input) in inputs.enumerated() {
      guard case .value(let value) = input, value.type != columns[index].type else { continue }
      throw WireColumnError(column: index, expected: columns[index].type, found: value.type)
    }
    begin(key: key, times)
    for (index, input) in inputs.enumerated() { columns[index].append(checked: input) }
  }

  /// Adds a row whose cells stand in the form of rows, as an index has them: `cell` is called once for every column, in order,
  /// and appends to it exactly once.
  package mutating func append(
    key: RawSpan, _ times: GivenTimes, cells cell: (Int, inout WireColumn) -> Void
  ) {
    begin(key: key, times)
    for index in columns.indices {
      cell(index, &columns[index])
      precondition(columns[index].count == count, "every column takes one cell of a row")
    }
  }

  private mutating func begin(key: RawSpan, _ times: GivenTimes) {
    keyStarts.append(keys.count)
    keys.append(raw: UInt16(key.byteCount))
    keys.append(key)
    eventTimes.append(times.eventTime?.nanoseconds ?? Self.noTime)
    createdAt.append(times.createdAt?.nanoseconds ?? Self.noTime)
    knownAt.append(times.knownAt?.nanoseconds ?? Self.noTime)
    if times.createdAt != nil { hasCreatedAt = true }
    if times.knownAt != nil { hasKnownAt = true }
    count += 1
  }

  /// Event times, the other times if they are to be sent, keys, cells. `start` is the body's first byte.
  func encode(
    createdAt sendsCreatedAt: Bool, knownAt sendsKnownAt: Bool, bodyAt start: Int,
    into writer: inout ByteWriter
  ) {
    writer.alignBody(from: start)
    for time in eventTimes { writer.write(time) }
    if sendsCreatedAt { for time in createdAt { writer.write(time) } }
    if sendsKnownAt { for time in knownAt { writer.write(time) } }
    writer.write(keys)
    writer.alignBody(from: start)
    for column in columns { column.encode(bodyAt: start, into: &writer) }
  }
}

/// A value that is not of its column's type.
package struct WireColumnError: Error, Equatable, Sendable {
  package let column: Int
  package let expected: FeatureType
  /// Nil: of no feature's type.
  package let found: FeatureType?
}

/// Cells of one column.
package struct WireColumn: Sendable {
  package let type: FeatureType
  private let form: ReplyShape.Form
  private let width: Int
  private var states: [UInt8] = []
  /// Values of fixed size.
  private var fixed: [UInt8] = []
  private var ends: [UInt32] = [0]
  private var textEnds: [UInt32] = [0]
  private var data: [UInt8] = []

  init(_ type: FeatureType) {
    self.type = type
    form = ReplyShape.Form(type)
    width = (form == .fixed ? type.slotByteCount ?? type.vectorByteCount : type.element.byteCount) ?? 1
  }

  package var count: Int { states.count }

  var byteCount: Int {
    states.count + fixed.count + data.count + (form == .fixed ? 0 : 4 * ends.count)
      + (form == .texts ? 4 * textEnds.count : 0)
  }

  /// Its type and zeroes, and what aligns its parts.
  static let headByteCountMax = 8 + 4 * 7

  mutating func removeLast() {
    states.removeLast()
    switch form {
    case .fixed: fixed.removeLast(width)
    case .bytes, .elements:
      ends.removeLast()
      data.removeLast(data.count - Int(ends[ends.count - 1]) * (form == .elements ? width : 1))
    case .texts:
      ends.removeLast()
      textEnds.removeLast(textEnds.count - 1 - Int(ends[ends.count - 1]))
      data.removeLast(data.count - Int(textEnds[textEnds.count - 1]))
    }
  }

  mutating func removeAll() {
    states.removeAll(keepingCapacity: true)
    fixed.removeAll(keepingCapacity: true)
    ends.removeLast(ends.count - 1)
    textEnds.removeLast(textEnds.count - 1)
    data.removeAll(keepingCapacity: true)
  }

  /// A cell without a value.
  package mutating func append(_ state: CellState) {
    precondition(state != .value, "a value has bytes")
    states.append(state.rawValue)
    if form == .fixed {
      fixed.append(contentsOf: repeatElement(0, count: width))
    } else {
      ends.append(ends[ends.count - 1])
    }
  }

  /// A value in the form of rows, which it has been checked to be.
  package mutating func append(raw value: RawSpan) {
    states.append(CellState.value.rawValue)
    switch form {
    case .fixed:
      precondition(value.byteCount == width, "a value has the size of its type")
      fixed.append(value)
    case .bytes, .elements:
      data.append(value)
      ends.append(UInt32(data.count / (form == .elements ? width : 1)))
    case .texts:
      // Count, ends, bytes; the loads and the cut check their bounds.
      let count = Int(value.uint32(at: 0))
      let start = UInt32(data.count)
      for element in 0..<count { textEnds.append(start + value.uint32(at: 4 + 4 * element)) }
      data.append(value.extracting((4 + 4 * count)...))
      ends.append(UInt32(textEnds.count - 1))
    }
  }

  /// The value is of this column's type.
  mutating func append(checked input: FeatureInput) {
    switch input {
    case .absent: append(.absent)
    case .null: append(.null)
    case .value(let value):
      var bytes = ByteWriter()
      value.write(into: &bytes)
      append(raw: bytes.bytes)
    }
  }

  func encode(bodyAt start: Int, into writer: inout ByteWriter) {
    writer.write(type.id)
    writer.write(0 as UInt32)
    writer.write(states)
    writer.alignBody(from: start)
    if form == .fixed {
      writer.write(fixed)
      writer.alignBody(from: start)
      return
    }
    for end in ends { writer.write(end) }
    writer.alignBody(from: start)
    if form == .texts {
      for end in textEnds { writer.write(end) }
      writer.alignBody(from: start)
    }
    writer.write(data)
    writer.alignBody(from: start)
  }
}

extension [UInt8] {
  fileprivate mutating func append(_ bytes: RawSpan) {
    // The array copies the bytes and keeps no pointer.
    unsafe bytes.withUnsafeBytes { unsafe append(contentsOf: $0) }
  }

  fileprivate mutating func append(raw number: UInt16) {
    append(UInt8(truncatingIfNeeded: number))
    append(UInt8(truncatingIfNeeded: number >> 8))
  }
}
