// Cells: what a row or an event says of each feature. `RowCells` exists only over bytes whose structure was checked:
// n is at most the layout's, every state is one of three, every end lies within, in order. Therefore every access
// below stays inside of the span, given slots of the layout that checked it.

import ApusBytes

/// What is said of a feature. The raw value is what rows hold.
@usableFromInline
package enum CellState: UInt8, Sendable {
  case absent = 0
  case null = 1
  case value = 2

  @inlinable @inline(__always)
  internal init(bits: UInt8) {
    switch bits {
    case 1: self = .null
    case 2: self = .value
    default: self = .absent
    }
  }
}

/// A view on the cells of a row or an event. Nothing is copied, and a cell is reached in constant time.
@usableFromInline
package struct RowCells: ~Escapable {
  @usableFromInline internal let bytes: RawSpan
  /// Features from this index on are absent.
  @usableFromInline internal let count: Int
  @usableFromInline internal let slotsAt: Int
  @usableFromInline internal let endsAt: Int
  @usableFromInline internal let variableAt: Int

  /// No cells: nothing is said of any feature.
  @_lifetime(immortal)
  init() {
    bytes = RawSpan()
    count = 0
    slotsAt = 0
    endsAt = 0
    variableAt = 0
  }

  /// Checks the structure of cells that take all of `bytes`; `RowCells+Check.swift` checks what is in them.
  @inline(__always) @_lifetime(copy bytes)
  package init(_ bytes: RawSpan, layout: borrowing RowLayout) throws(RowError) {
    let count = Int(try Self.load(bytes, at: 0, as: UInt16.self))
    guard count <= layout.slots.count else {
      throw .unknownFeatures(found: count, known: layout.slots.count)
    }
    self.bytes = bytes
    self.count = count
    slotsAt = RowFormat.slotsAt(count: count)
    let variableCount: Int
    if count > 0 {
      variableCount = layout.slots[count - 1].variableCount
      endsAt = slotsAt + layout.slots[count - 1].slotsByteCount
    } else {
      variableCount = 0
      endsAt = slotsAt
    }
    variableAt = endsAt + variableCount * RowFormat.endByteCount
    guard variableAt <= bytes.byteCount else {
      throw .truncated(needed: variableAt, available: bytes.byteCount)
    }
    try checkStates()
    if variableCount > 0 {
      try checkEnds(layout, variableCount)
    } else if variableAt < bytes.byteCount {
      throw .trailingBytes(bytes.byteCount - variableAt)
    }
  }

  /// Two bits each, 24 in the first word, whose low bits are n, and 32 in every other.
  @inline(__always)
  private func checkStates() throws(RowError) {
    var at = 0
    while at < slotsAt {
      var word = loadWord(at: at)
      if at == 0 { word &= ~0xffff }
      let bad = word & (word >> 1) & Self.lowBits
      if bad != 0 { throw .badState(feature: at &* 4 &- 8 &+ bad.trailingZeroBitCount / 2) }
      // Positive, since the last word holds a state or n; 64 and more of it shift all of the word away.
      let bitsUsed = 16 &+ 2 &* count &- at &* 8
      let unused = word & (UInt64.max << bitsUsed)
      if unused != 0 { throw .notZero(at: at &+ unused.trailingZeroBitCount / 8) }
      at &+= 8
    }
    guard count == 0 || state(count &- 1) != .absent else { throw .notTrimmed(count: count) }
  }

  @inline(never)
  private func checkEnds(_ layout: borrowing RowLayout, _ variableCount: Int) throws(RowError) {
    let available = bytes.byteCount &- variableAt
    var start = 0
    for ordinal in 0..<variableCount {
      let slot = layout.variables[ordinal]
      let end = loadEnd(ordinal)
      guard end >= start, end <= available, end == start || state(slot.index) == .value else {
        throw .badEnd(feature: slot.index)
      }
      try Self.checkByteCount(end &- start, slot, isThere: state(slot.index) == .value)
      start = end
    }
    guard start == available else { throw .trailingBytes(available &- start) }
  }

  /// That so many bytes can be a value of the slot's type.
  static func checkByteCount(_ found: Int, _ slot: FeatureSlot, isThere: Bool) throws(RowError) {
    guard isThere else { return }
    if let expected = slot.type.vectorByteCount, found != expected {
      throw .valueByteCount(feature: slot.index, expected: expected, found: found)
    }
    guard found <= RowFormat.valueByteCountMax else {
      throw .valueTooLong(feature: slot.index, byteCount: found)
    }
  }

  static func load<T: FixedWidthInteger & BitwiseCopyable>(
    _ bytes: RawSpan, at offset: Int, as type: T.Type
  ) throws(RowError) -> T {
    guard bytes.byteCount >= offset + MemoryLayout<T>.size else {
      throw .truncated(needed: offset + MemoryLayout<T>.size, available: bytes.byteCount)
    }
    // The guard has checked the bounds.
    return T(littleEndian: unsafe bytes.unsafeLoadUnaligned(fromUncheckedByteOffset: offset, as: T.self))
  }

  private static let lowBits: UInt64 = 0x5555_5555_5555_5555

  /// Below `slotsAt`, which is a multiple of 8 and at most the span's size.
  func loadWord(at offset: Int) -> UInt64 {
    UInt64(littleEndian: unsafe bytes.unsafeLoadUnaligned(fromUncheckedByteOffset: offset, as: UInt64.self))
  }

  /// Whether something is said of every feature below `count`.
  var isComplete: Bool {
    var at = 0
    while at < slotsAt {
      let bitsUsed = min(16 &+ 2 &* count &- at &* 8, 64)
      // A multiple of two; what lies above has no feature.
      let used = bitsUsed == 64 ? UInt64.max : (1 << UInt64(bitsUsed)) &- 1
      var word = loadWord(at: at)
      if at == 0 { word |= 0xffff }
      if (word | word >> 1) & Self.lowBits & used != Self.lowBits & used { return false }
      at &+= 8
    }
    return true
  }
}

extension RowCells {
  /// What is said of the feature with this index, of whatever revision.
  @inlinable @inline(__always)
  package func state(_ index: Int) -> CellState {
    guard UInt(bitPattern: index) < UInt(bitPattern: count) else { return .absent }
    // The states of `count` features begin at byte 2 and end before the slots, which the span was checked to hold.
    let four = unsafe bytes.unsafeLoad(fromUncheckedByteOffset: 2 &+ index >> 2, as: UInt8.self)
    return CellState(bits: (four >> UInt8(truncatingIfNeeded: (index & 3) &* 2)) & 3)
  }

  /// The bits of a value of fixed size; 0 when there is none.
  @inlinable
  internal func load<T: FixedWidthInteger & BitwiseCopyable>(_ slot: FeatureSlot, as type: T.Type) -> T {
    guard slot.position < count else { return 0 }
    // This load checks its bounds: the slot may be of another layout, by our own mistake.
    return T(littleEndian: unsafe bytes.unsafeLoadUnaligned(fromByteOffset: slotsAt &+ slot.at, as: T.self))
  }

  /// Inlined code cannot name `RowFormat.endByteCount`, which is 4.
  @inlinable
  internal func loadEnd(_ ordinal: Int) -> Int {
    let end = unsafe bytes.unsafeLoadUnaligned(fromByteOffset: endsAt &+ ordinal &* 4, as: UInt32.self)
    // widens UInt32
    return Int(UInt32(littleEndian: end))
  }

  @inlinable package func bool(_ slot: FeatureSlot) -> Bool { load(slot, as: UInt8.self) != 0 }
  @inlinable package func int32(_ slot: FeatureSlot) -> Int32 { load(slot, as: Int32.self) }
  /// An int64, or the nanoseconds of a timestamp.
  @inlinable package func int64(_ slot: FeatureSlot) -> Int64 { load(slot, as: Int64.self) }
  @inlinable package func float32(_ slot: FeatureSlot) -> Float {
    Float(bitPattern: load(slot, as: UInt32.self))
  }
  @inlinable package func float64(_ slot: FeatureSlot) -> Double {
    Double(bitPattern: load(slot, as: UInt64.self))
  }

  /// The bytes of a string, bytes, a list or a vector; none when there is no value.
  @inlinable @_lifetime(copy self)
  package func variable(_ slot: FeatureSlot) -> RawSpan {
    guard slot.position < count else { return bytes.extracting(0..<0) }
    let start = slot.at == 0 ? 0 : loadEnd(slot.at &- 1)
    return bytes.extracting((variableAt &+ start)..<(variableAt &+ loadEnd(slot.at)))
  }

  /// The bytes of a value of any type, as they stand in the row; none when there is no value.
  @inlinable @inline(__always) @_lifetime(copy self)
  package func raw(_ slot: FeatureSlot) -> RawSpan {
    guard state(slot.position) == .value else { return bytes.extracting(0..<0) }
    if slot.isVariable { return variable(slot) }
    let start = slotsAt &+ slot.at
    return bytes.extracting(start..<(start &+ slot.width))
  }
}
