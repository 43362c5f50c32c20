// 128 bits that stand for what a caller asked: the same for the same request at any time and under any catalog, other
// bits for any other request. It is no secret and no defence: who numbers requests only cheats himself.
//
// SipHash-1-3 with an output of 128 bits, over words of eight bytes. Before whatever has a length or a choice stands a
// word that says which; so no two requests are the same words.

import ApusBytes
import ApusContracts

struct AdmissionDigest {
  private var state = SipHash(wide: 0x6170_7573_2072_6f77, 0x7320_6173_6b65_6420)

  init(_ choice: KnownAtChoice, _ policy: RefusalPolicy) {
    take(UInt64(policy.rawValue))
    switch choice {
    case .live: take(1)
    case .now: take(2)
    case .eventTime: take(3)
    case .eventTimePlus(let delay):
      take(4)
      take(UInt64(bitPattern: delay))
    case .column: take(5)
    }
  }

  /// The rows that follow are of that view, by the name and with the columns that were asked for.
  mutating func turn(to view: String, project: UInt32, columns: [String]?) {
    take(Self.turnMark | UInt64(project) << 8)
    take(view)
    guard let columns else { return take(0) }
    take(UInt64(columns.count) &+ 1)
    for column in columns { take(column) }
  }

  @inline(__always)
  mutating func begin(_ event: EventOperation, _ times: GivenTimes, isNamed: Bool) {
    var head = Self.rowMark | UInt64(event.rawValue) << 8
    if times.eventTime != nil { head |= 1 << 16 }
    if times.createdAt != nil { head |= 1 << 17 }
    if times.knownAt != nil { head |= 1 << 18 }
    if isNamed { head |= 1 << 19 }
    if times.isKnownAtAssumed { head |= 1 << 20 }
    take(head)
    if let eventTime = times.eventTime { take(UInt64(bitPattern: eventTime.nanoseconds)) }
    if let createdAt = times.createdAt { take(UInt64(bitPattern: createdAt.nanoseconds)) }
    if let knownAt = times.knownAt { take(UInt64(bitPattern: knownAt.nanoseconds)) }
  }

  @inline(__always)
  mutating func take(key: [Value]) {
    take(UInt64(key.count) &<< 1)
    for index in key.indices { take(key[index], isOf: Self.valueMark) }
  }

  @inline(__always)
  mutating func take(encodedKey: RawSpan) {
    take(1)
    take(encodedKey)
  }

  @inline(__always)
  mutating func take(_ inputs: [FeatureInput]) {
    take(UInt64(inputs.count))
    for index in inputs.indices { take(inputs[index]) }
  }

  mutating func take(_ features: [DeadLetter.Feature]) {
    take(UInt64(features.count))
    for feature in features {
      take(feature.name)
      take(feature.input)
    }
  }

  /// After the last row.
  func finished(rowCount: Int) -> RequestDigest {
    var state = state
    state.take(Self.endMark)
    state.take(UInt64(rowCount))
    let (first, second) = state.finishWide()
    return RequestDigest(first: first, second: second)
  }

  // MARK: Words

  private static let turnMark: UInt64 = 1
  private static let rowMark: UInt64 = 2
  private static let endMark: UInt64 = 3
  // Of an input.
  private static let absentMark: UInt64 = 0
  private static let nullMark: UInt64 = 1
  private static let valueMark: UInt64 = 2

  @inline(__always)
  private mutating func take(_ word: UInt64) { state.take(word) }

  private mutating func take(_ text: String) { take(unsafe text.utf8.span.bytes) }

  private mutating func take(_ bytes: RawSpan) { state.take(counted: bytes) }

  @inline(__always)
  private mutating func take(_ input: FeatureInput) {
    switch input {
    case .absent: take(Self.absentMark)
    case .null: take(Self.nullMark)
    case .value(let value): take(value, isOf: Self.valueMark)
    }
  }

  @inline(__always)
  private mutating func take(_ value: Value, isOf mark: UInt64) {
    switch value {
    case .float64(let number): take(mark, .float64, number.bitPattern)
    case .int64(let number): take(mark, .int64, UInt64(bitPattern: number))
    case .float32(let number): take(mark, .float32, UInt64(number.bitPattern))
    case .int32(let number): take(mark, .int32, UInt64(UInt32(bitPattern: number)))
    case .bool(let bit): take(mark, .bool, bit ? 1 : 0)
    case .timestamp(let number): take(mark, .timestamp, UInt64(bitPattern: number))
    case .string(let text):
      take(mark | UInt64(ElementType.string.rawValue) << 8)
      take(text)
    case .bytes(let content):
      take(mark | UInt64(ElementType.bytes.rawValue) << 8)
      take(unsafe content.span.bytes)
    case .list(let elements): take(elements, mark | 1 << 16)
    case .vector(let elements): take(elements, mark | 2 << 16)
    }
  }

  @inline(__always)
  private mutating func take(_ mark: UInt64, _ type: ElementType, _ bits: UInt64) {
    take(mark | UInt64(type.rawValue) << 8)
    take(bits)
  }

  private mutating func take(_ elements: Value.Elements, _ mark: UInt64) {
    take(mark | UInt64(elements.type.rawValue) << 8)
    take(UInt64(elements.count))
    switch elements {
    case .bool(let all): for one in all { take(one ? 1 as UInt64 : 0) }
    case .int32(let all): for one in all { take(UInt64(UInt32(bitPattern: one))) }
    case .int64(let all), .timestamp(let all): for one in all { take(UInt64(bitPattern: one)) }
    case .float32(let all): for one in all { take(UInt64(one.bitPattern)) }
    case .float64(let all): for one in all { take(one.bitPattern) }
    case .string(let all): for one in all { take(one) }
    case .bytes(let all): for one in all { take(unsafe one.span.bytes) }
    }
  }
}
