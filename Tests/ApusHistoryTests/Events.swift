// Events that tests are made of, and what is plainly true of them: no code is shared with the room, but for rows' cells.

import ApusBytes
import ApusContracts
import ApusHistory
import ApusTestSupport

enum TestError: Error { case noLayout }

func layout(_ types: [FeatureType]) throws -> RowLayout {
  guard let layout = RowLayout(types) else { throw TestError.noLayout }
  return layout
}

func cells(_ inputs: [FeatureInput], _ layout: RowLayout) throws -> [UInt8] {
  var builder = RowBuilder(layout)
  for input in inputs { try builder.append(input) }
  var writer = ByteWriter()
  builder.writeCells(into: &writer)
  return writer.bytes.copied()
}

/// What an event says of each feature of the layout.
func inputs(_ event: HistoryEvent, _ layout: RowLayout) throws -> [FeatureInput] {
  if event.head.isDelete { return layout.slots.map { _ in .absent } }
  let cells = try RowCells(unsafe event.cells.span.bytes, layout: layout)
  try cells.checkContent(layout)
  var all: [FeatureInput] = []
  for slot in layout.slots { all.append(try cells.input(slot)) }
  return all
}

func all(_ cursor: any EventCursor) throws -> [HistoryEvent] {
  var events: [HistoryEvent] = []
  while try cursor.advance() {
    let place = cursor.current
    events.append(HistoryEvent(copying: place.event))
  }
  return events
}

func batch(_ events: [HistoryEvent]) -> EventBatch {
  var batch = EventBatch()
  for event in events { batch.append(event) }
  return batch
}

func contents(_ batch: EventBatch) -> [HistoryEvent] {
  (0..<batch.count).map { HistoryEvent(copying: batch.event($0)) }
}

/// Events of a list that is in order already.
final class ListCursor: EventCursor {
  private let events: EventBatch
  private var at = -1
  init(_ events: [HistoryEvent]) { self.events = batch(events) }
  func advance() -> Bool {
    at += 1
    return at < events.count
  }
  var current: EventPlace { EventPlace(events, at) }
}

/// The order of a run, said in other words than the room's.
func sorted(_ events: [HistoryEvent]) -> [HistoryEvent] {
  events.sorted { a, b in
    if a.head.viewVersion != b.head.viewVersion { return a.head.viewVersion < b.head.viewVersion }
    if a.key != b.key { return a.key.lexicographicallyPrecedes(b.key) }
    return a.head.stamp < b.head.stamp
  }
}

extension SplitMix64 {
  mutating func element() -> ElementType { pick(ElementType.allCases) }

  mutating func featureType() -> FeatureType {
    switch below(6) {
    case 0: .list(of: element())
    case 1: FeatureType.vector(of: pick([.int32, .int64, .float32, .float64]), count: within(1...5)) ?? .bool
    default: .scalar(element())
    }
  }

  mutating func number() -> Int64 {
    switch below(4) {
    case 0: pick([0, 1, -1, .min, .max])
    case 1: Int64(within(-3...3))
    default: Int64(bitPattern: next())
    }
  }

  mutating func text() -> String {
    String((0..<below(6)).map { _ in pick(["a", "é", "e\u{301}", "\0", "\u{1}", "漢", "🦉", " "]) })
  }

  mutating func value(_ type: FeatureType) -> Value {
    switch type.shape {
    case .scalar:
      switch type.element {
      case .bool: .bool(coin())
      case .int32: .int32(Int32(truncatingIfNeeded: number()))
      case .int64: .int64(number())
      case .float32: .float32(Float(bitPattern: UInt32(truncatingIfNeeded: next())))
      case .float64: .float64(Double(bitPattern: next()))
      case .string: .string(text())
      case .bytes: .bytes(bytes(below(5)))
      case .timestamp: .timestamp(nanoseconds: number())
      }
    case .list: .list(elements(type.element, below(4)))
    case .vector: .vector(elements(type.element, type.count))
    }
  }

  mutating func elements(_ type: ElementType, _ count: Int) -> Value.Elements {
    let range = 0..<count
    return switch type {
    case .bool: .bool(range.map { _ in coin() })
    case .int32: .int32(range.map { _ in Int32(truncatingIfNeeded: number()) })
    case .int64: .int64(range.map { _ in number() })
    case .float32: .float32(range.map { _ in Float(bitPattern: UInt32(truncatingIfNeeded: next())) })
    case .float64: .float64(range.map { _ in Double(bitPattern: next()) })
    case .string: .string(range.map { _ in text() })
    case .bytes: .bytes(range.map { _ in bytes(below(5)) })
    case .timestamp: .timestamp(nanoseconds: range.map { _ in number() })
    }
  }

  mutating func input(_ type: FeatureType, absent: Double = 0.4, null: Double = 0.2) -> FeatureInput {
    if chance(absent) { return .absent }
    return chance(null) ? .null : .value(value(type))
  }

  /// An event with many ties in its times. `features` of the layout's are known to it.
  mutating func event(
    _ layout: RowLayout, view: ViewVersionID = ViewVersionID(1), key: [UInt8], lsn: UInt64,
    features: Int? = nil, deletes: Double = 0.2, absent: Double = 0.4
  ) throws -> HistoryEvent {
    let eventTime = Int64(within(0...6))
    let isDelete = chance(deletes)
    let known = layout.slots[..<(features ?? layout.count)]
    let inputs = known.map { input($0.type, absent: absent) }
    return HistoryEvent(
      HistoryEventHead(
        isDelete ? .delete : .upsert, view, eventTime: EventTime(nanoseconds: eventTime),
        createdAt: CreatedAt(nanoseconds: Int64(within(0...2))), isCreatedAtGiven: coin(),
        knownAt: KnownAt(nanoseconds: eventTime + Int64(within(0...4))), isKnownAtAssumed: coin(),
        lsn: LSN(lsn)),
      key: key, cells: isDelete ? [] : try cells(inputs, layout),
      producer: coin() ? pick(["etl", "été"]) : nil)
  }
}
