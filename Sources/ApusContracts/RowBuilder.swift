// An event's cells, made feature by feature in order of index. `next` is at most the layout's count; what was appended
// so far is always a whole: finishing early leaves the rest absent. What is refused leaves no trace.

package import ApusBytes

/// Makes cells and one-stamp rows. A builder that is kept and emptied stops allocating.
package struct RowBuilder: ~Copyable {
  package let layout: RowLayout
  /// The feature that the next append speaks of.
  package private(set) var next = 0
  /// Features up to the last that is not absent.
  private var count = 0
  private var states = ByteWriter()
  /// The last byte of the states.
  private var pending: UInt8 = 0
  private var slots = ByteWriter()
  private var ends = ByteWriter()
  private var variable = ByteWriter()

  package init(_ layout: RowLayout) { self.layout = layout }

  /// Begins other cells.
  package mutating func removeAll() {
    next = 0
    count = 0
    states.removeAll()
    slots.removeAll()
    ends.removeAll()
    variable.removeAll()
  }

  // MARK: What is said

  package mutating func appendAbsent() throws(RowError) { pass(try slot(), .absent) }
  package mutating func appendNull() throws(RowError) { pass(try slot(), .null) }

  package mutating func append(_ value: Bool) throws(RowError) { try append(value ? 1 as UInt8 : 0, .bool) }
  package mutating func append(int32 value: Int32) throws(RowError) { try append(value, .int32) }
  package mutating func append(int64 value: Int64) throws(RowError) { try append(value, .int64) }
  package mutating func append(float32 value: Float) throws(RowError) {
    try append(value.bitPattern, .float32)
  }
  package mutating func append(float64 value: Double) throws(RowError) {
    try append(value.bitPattern, .float64)
  }
  package mutating func append(timestamp nanoseconds: Int64) throws(RowError) {
    try append(nanoseconds, .timestamp)
  }

  /// A value of any type as it stands in a row: text as UTF-8, numbers little-endian. It is checked.
  package mutating func append(raw value: RawSpan) throws(RowError) {
    let slot = try slot()
    try RowCells.checkValue(value, slot)
    if slot.isVariable {
      variable.write(value)
    } else {
      align(to: slot)
      slots.write(value)
    }
    finish(slot, .value)
  }

  package mutating func append(_ input: FeatureInput) throws(RowError) {
    switch input {
    case .absent: try appendAbsent()
    case .null: try appendNull()
    case .value(let value): try append(value)
    }
  }

  package mutating func append(_ value: Value) throws(RowError) {
    switch value {
    case .bool(let bit): try append(bit)
    case .int32(let number): try append(int32: number)
    case .int64(let number): try append(int64: number)
    case .float32(let number): try append(float32: number)
    case .float64(let number): try append(float64: number)
    case .timestamp(let nanoseconds): try append(timestamp: nanoseconds)
    case .string, .bytes, .list, .vector:
      let slot = try slot()
      guard value.type == slot.type else {
        throw .wrongType(feature: slot.index, expected: slot.type, found: value.type)
      }
      let start = variable.count
      value.write(into: &variable)
      let byteCount = variable.count - start
      guard byteCount <= RowFormat.valueByteCountMax else {
        variable.truncate(to: start)
        throw .valueTooLong(feature: slot.index, byteCount: byteCount)
      }
      finish(slot, .value)
    }
  }

  /// What is said of many features, each by its interned index, which ascend; those in between are absent.
  package mutating func append(_ inputs: [FeatureInput], at indexes: [Int]) throws(RowError) {
    for place in inputs.indices {
      while next < indexes[place] { try appendAbsent() }
      if !appendWord(inputs[place]) { try append(inputs[place]) }
    }
  }

  /// An int64 or a float64, which most values are; false for any other, of which nothing was appended.
  @inline(__always)
  private mutating func appendWord(_ input: FeatureInput) -> Bool {
    let bits: UInt64
    let element: ElementType
    switch input {
    case .value(.int64(let number)): (bits, element) = (UInt64(bitPattern: number), .int64)
    case .value(.float64(let number)): (bits, element) = (number.bitPattern, .float64)
    default: return false
    }
    guard next < layout.count else { return false }
    let slot = layout.slots[next]
    guard slot.type.shape == .scalar, slot.type.element == element else { return false }
    align(to: slot)
    slots.write(bits)
    finish(slot, .value)
    return true
  }

  private func slot() throws(RowError) -> FeatureSlot {
    guard next < layout.count else { throw .tooManyFeatures(known: layout.count) }
    return layout.slots[next]
  }

  private mutating func append<T: FixedWidthInteger & BitwiseCopyable>(
    _ value: T, _ element: ElementType
  ) throws(RowError) {
    let slot = try slot()
    guard slot.type.shape == .scalar, slot.type.element == element else {
      throw .wrongType(feature: slot.index, expected: slot.type, found: .scalar(element))
    }
    align(to: slot)
    slots.write(value)
    finish(slot, .value)
  }

  /// Lets the next write be that of the slot. Features come in order: what was written ends where the slot begins, or before.
  @inline(__always)
  private mutating func align(to slot: FeatureSlot) {
    let gap = slot.at &- slots.count
    if gap != 0 { slots.writeZeroes(gap) }
  }

  private mutating func pass(_ slot: FeatureSlot, _ state: CellState) {
    if !slot.isVariable {
      align(to: slot)
      slots.writeZeroes(slot.width)
    }
    finish(slot, state)
  }

  private mutating func finish(_ slot: FeatureSlot, _ state: CellState) {
    if slot.isVariable { ends.write(UInt32(truncatingIfNeeded: variable.count)) }
    let shift = UInt8(truncatingIfNeeded: (next % RowFormat.statesPerByte) * 2)
    if shift == 0 { states.write(0 as UInt8) }
    pending = shift == 0 ? state.rawValue : pending | state.rawValue << shift
    states.overwrite(pending, at: states.count - 1)
    next += 1
    if state != .absent { count = next }
  }

  // MARK: What comes of it

  /// What `writeCells` writes.
  package var cellsByteCount: Int {
    let fixed = RowFormat.slotsAt(count: count)
    guard count > 0 else { return fixed }
    let last = layout.slots[count - 1]
    return fixed + last.slotsByteCount + last.variableCount * RowFormat.endByteCount + variable.count
  }

  package func writeCells(into writer: inout ByteWriter) {
    writer.reserve(cellsByteCount)
    let start = writer.count
    writer.write(UInt16(truncatingIfNeeded: count))
    writer.write(states.bytes.extracting(first: (count + 3) / RowFormat.statesPerByte))
    writer.writeZeroes(RowFormat.slotsAt(count: count) - (writer.count - start))
    guard count > 0 else { return }
    let last = layout.slots[count - 1]
    let written = slots.bytes.extracting(first: last.slotsByteCount)
    writer.write(written)
    writer.writeZeroes(last.slotsByteCount - written.byteCount)
    writer.write(ends.bytes.extracting(first: last.variableCount * RowFormat.endByteCount))
    writer.write(variable.bytes)
  }

  /// The row of an entity of which nothing but this was ever said.
  package func writeRow(at stamp: Stamp, into writer: inout ByteWriter) {
    writer.writeRowHeader(stamps: count > 0 ? 1 : 0, hasDelete: false)
    if count > 0 { writer.write(stamp) }
    writeCells(into: &writer)
  }
}

extension ByteWriter {
  mutating func writeRowHeader(stamps: Int, hasDelete: Bool) {
    let flags = hasDelete ? RowFormat.deleteFlag : 0
    write(UInt64(flags) | UInt64(truncatingIfNeeded: stamps) << 16)
  }

  mutating func write(_ stamp: Stamp) {
    write(stamp.eventNanoseconds)
    write(stamp.createdNanoseconds)
    write(stamp.sequence)
  }
}

extension Value {
  /// The value as it stands in a row; also one that is too long for a row, or of no feature's type.
  package func write(into writer: inout ByteWriter) {
    switch self {
    case .bool(let bit): writer.write(bit)
    case .int32(let number): writer.write(number)
    case .int64(let number), .timestamp(let number): writer.write(number)
    case .float32(let number): writer.write(float32: number)
    case .float64(let number): writer.write(float64: number)
    case .string(let text): writer.write(utf8: text)
    case .bytes(let content): writer.write(content)
    case .list(let elements), .vector(let elements): elements.write(into: &writer)
    }
  }
}

extension Value.Elements {
  fileprivate func write(into writer: inout ByteWriter) {
    switch self {
    case .bool(let all): for one in all { writer.write(one) }
    case .int32(let all): for one in all { writer.write(one) }
    case .int64(let all), .timestamp(let all): for one in all { writer.write(one) }
    case .float32(let all): for one in all { writer.write(float32: one) }
    case .float64(let all): for one in all { writer.write(float64: one) }
    case .string(let all):
      writer.writeEnds(all.lazy.map(\.utf8.count))
      for one in all { writer.write(utf8: one) }
    case .bytes(let all):
      writer.writeEnds(all.lazy.map(\.count))
      for one in all { writer.write(one) }
    }
  }
}

extension ByteWriter {
  /// The head of a list whose elements differ in size. A list too long for these numbers is too long for a row, and refused.
  fileprivate mutating func writeEnds(_ byteCounts: some Collection<Int>) {
    write(UInt32(truncatingIfNeeded: byteCounts.count))
    var end = 0
    for byteCount in byteCounts {
      end += byteCount
      write(UInt32(truncatingIfNeeded: end))
    }
  }
}
