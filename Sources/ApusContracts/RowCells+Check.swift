// What is in the cells: texts are text, bools are 0 or 1, lists have the elements they claim, and what is not there
// is zero. Whoever takes cells from a peer or a log checks this once; rows from an index whose checksum matched
// passed it before they were written.

import ApusBytes

extension RowCells {
  package func checkContent(_ layout: borrowing RowLayout) throws(RowError) {
    // `notTrimmed` and the ends were checked by `init`; here begin the bytes between and within.
    var zeroFrom = slotsAt
    for index in 0..<count {
      let slot = layout.slots[index]
      let value = raw(slot)
      if slot.isVariable {
        if state(index) == .value { try Self.checkValue(value, slot) }
        continue
      }
      let start = slotsAt + slot.at
      try checkZero(zeroFrom, start)
      zeroFrom = start + slot.width
      if state(index) == .value {
        try Self.checkValue(value, slot)
      } else {
        guard firstNonZero(start, zeroFrom) == nil else { throw .slotNotZero(feature: index) }
      }
    }
    try checkZero(zeroFrom, endsAt)
  }

  private func checkZero(_ start: Int, _ end: Int) throws(RowError) {
    if let at = firstNonZero(start, end) { throw .notZero(at: at) }
  }

  private func firstNonZero(_ start: Int, _ end: Int) -> Int? {
    bytes.extracting(start..<end).firstNonZero.map { start + $0 }
  }

  /// That these bytes are a value of the slot's type, as a row holds it.
  static func checkValue(_ value: RawSpan, _ slot: FeatureSlot) throws(RowError) {
    let type = slot.type
    if let expected = type.slotByteCount ?? type.vectorByteCount, value.byteCount != expected {
      throw .valueByteCount(feature: slot.index, expected: expected, found: value.byteCount)
    }
    guard value.byteCount <= RowFormat.valueByteCountMax else {
      throw .valueTooLong(feature: slot.index, byteCount: value.byteCount)
    }
    try checkForm(value, slot)
  }

  /// The same of bytes whose number was looked at.
  static func checkForm(_ value: RawSpan, _ slot: FeatureSlot) throws(RowError) {
    let type = slot.type
    switch (type.shape, type.element) {
    case (.scalar, .string):
      guard value.isUTF8 else { throw .invalidUTF8(feature: slot.index) }
    case (.scalar, .bool), (.list, .bool):
      guard value.areBools else { throw .badBool(feature: slot.index) }
    case (.list, .string), (.list, .bytes):
      try checkTexts(value, slot)
    case (.list, let element):
      guard value.byteCount % (element.byteCount ?? 1) == 0 else { throw .badList(feature: slot.index) }
    case (.scalar, _), (.vector, _):
      break
    }
  }

  /// A list whose elements differ in size: count, ends, bytes.
  private static func checkTexts(_ list: RawSpan, _ slot: FeatureSlot) throws(RowError) {
    var isUTF8 = true
    let isList = forEachText(of: list) { text in
      if slot.type.element == .string, !text.isUTF8 { isUTF8 = false }
    }
    guard isList else { throw .badList(feature: slot.index) }
    guard isUTF8 else { throw .invalidUTF8(feature: slot.index) }
  }

  /// False when the bytes are no list of strings or bytes; `body` may have seen some elements even then.
  static func forEachText(of list: RawSpan, _ body: (RawSpan) -> Void) -> Bool {
    var ends = ByteReader(list)
    guard let rawCount = try? ends.read(UInt32.self) else { return false }
    let count = Int(rawCount)
    // At most 2³² × 4, and `readBytes` compares with what is there.
    guard let numbers = try? ends.readBytes(count * RowFormat.endByteCount) else { return false }
    let content = ends.rest
    var reader = ByteReader(numbers)
    var start = 0
    for _ in 0..<count {
      guard let rawEnd = try? reader.read(UInt32.self) else { return false }
      let end = Int(rawEnd)
      guard end >= start, end <= content.byteCount else { return false }
      body(content.extracting(start..<end))
      start = end
    }
    return start == content.byteCount
  }
}

extension RawSpan {
  fileprivate var firstNonZero: Int? {
    for at in 0..<byteCount where unsafe unsafeLoad(fromUncheckedByteOffset: at, as: UInt8.self) != 0 {
      return at
    }
    return nil
  }

  fileprivate var areBools: Bool {
    for at in 0..<byteCount where unsafe unsafeLoad(fromUncheckedByteOffset: at, as: UInt8.self) > 1 {
      return false
    }
    return true
  }
}
