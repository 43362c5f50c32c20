// A view version with ten features and a history: ten events of every key, each of which says something of most features.

import ApusBytes
import ApusContracts
import ApusHistory

struct HistorySubject {
  static let eventsOfKey = 10
  static let view = ViewVersionID(7)

  let schema: RunSchema
  let keys: Int
  let lsns: LSNRange
  private let sorter: EventSorter

  var events: any EventCursor { sorter.events(of: Self.view) }
  var count: Int { keys * Self.eventsOfKey }
  /// What the answers to "all events" sum to.
  var sum: UInt64 { UInt64(count) * UInt64(count + 1) / 2 }

  /// `part` of `parts`: the events whose LSNs fall into one of so many ranges.
  init(keys: Int, part: Int = 0, of parts: Int = 1) throws {
    let types: [FeatureType] =
      Array(repeating: .scalar(.float64), count: 5) + [
        .scalar(.int64), .scalar(.int64), .scalar(.string), .scalar(.bool), .scalar(.timestamp),
      ]
    let schema = RunSchema(
      viewVersion: Self.view, view: "bench/card@1", keys: [RunSchema.Key("id", .int64)],
      features: types.enumerated().map { RunSchema.Feature("f\($0)", $1) })
    guard let schema else { throw BenchError("history: no schema") }
    self.schema = schema
    self.keys = keys
    let all = keys * Self.eventsOfKey
    let range = (all * part / parts)..<(all * (part + 1) / parts)
    lsns = LSNRange(LSN(UInt64(range.lowerBound + 1)), through: LSN(UInt64(range.upperBound)))
    var random = Uniform(seed: 5 + UInt64(part))
    var sorter = EventSorter()
    var builder = RowBuilder(schema.layout)
    var cells = ByteWriter()
    var encoder = KeyEncoder()
    let shops = ["north", "south", "east", "west", "harbour", "station"].map { Array($0.utf8) }
    for number in range {
      builder.removeAll()
      cells.removeAll()
      for place in 0..<5 {
        if random.below(5) == 0 {
          try builder.appendAbsent()
        } else {
          try builder.append(float64: Double(random.below(100_000)) / Double(place * 7 + 100))
        }
      }
      try builder.append(int64: Int64(random.below(1_000_000_000)))
      try builder.append(int64: Int64(random.below(50)))
      let shop = shops[random.below(shops.count)]
      try builder.append(raw: unsafe shop.span.bytes)
      if random.below(20) == 0 { try builder.appendNull() } else { try builder.append(random.below(2) == 0) }
      let moment = 1_700_000_000_000_000_000 + Int64(number) * 1_000_003
      try builder.append(timestamp: moment - Int64(random.below(1_000_000_000)))
      builder.writeCells(into: &cells)
      encoder.removeAll()
      // Every key once in each round, in an order of no pattern.
      try encoder.append(int64: Int64(number % keys &* 7_919 % keys))
      let head = HistoryEventHead(
        .upsert, Self.view, eventTime: EventTime(nanoseconds: moment - Int64(random.below(3_000_000_000))),
        createdAt: CreatedAt(nanoseconds: moment), isCreatedAtGiven: false,
        knownAt: KnownAt(nanoseconds: moment), isKnownAtAssumed: false, lsn: LSN(UInt64(number + 1)))
      sorter.add(HistoryEventView(head, key: encoder.bytes, cells: cells.bytes, producer: RawSpan()))
    }
    try sorter.sort()
    self.sorter = sorter
  }

  static func key(_ number: Int) throws -> [UInt8] {
    var encoder = KeyEncoder()
    try encoder.append(int64: Int64(number))
    return encoder.bytes.copied()
  }
}
