// The same events in two orders of arrival, in two stores that freeze, checkpoint and restart as they like: every cell
// must answer alike but for its LSN, and as the oracle says.

import ApusBytes
import ApusContracts
import ApusIndex
import ApusLog
import ApusStore
import ApusSystem
import ApusTestSupport

enum OracleOrder {
  private static let text = """
    project: p
    entities:
      card: {keys: {card_id: string}}
    views:
      activity:
        entity: card
        ttl: 50s
        features:
          a: {type: int64}
          b: {type: string}
          c: {type: "list<float64>"}
    """

  private static let keys = ["1", "11", "", "é"]
  private static let start: Int64 = 1_767_225_600_000_000_000

  private struct Event {
    let key: String
    let eventTime: Int64
    let createdAt: Int64
    /// Nil: a delete.
    let said: [Said]?
  }

  private struct Answer: Equatable {
    var status: UInt8
    var reason: UInt8?
    var value: Value?
    var times: [Int64]?
    var age: Int64?
  }

  static func play(_ seed: UInt64) throws -> OracleStory.Summary {
    var random = SplitMix64(seed: seed)
    var taken: Set<String> = []
    var events: [Event] = []
    for _ in 0..<random.within(1...30) {
      let key = random.pick(keys)
      let (eventTime, createdAt) = (start + Int64(random.below(4)), start + Int64(random.below(8)))
      guard taken.insert("\(key) \(eventTime) \(createdAt)").inserted else { continue }
      let said = [ToldElement.int64, .string].map { $0.value(&random) } + [.list(.float64([1, .infinity]))]
      events.append(
        Event(
          key: key, eventTime: eventTime, createdAt: createdAt,
          said: random.chance(0.15)
            ? nil : said.map { random.chance(0.4) ? .absent : random.chance(0.2) ? .null : .value($0) }))
    }
    let time = start + random.pick([0, 3, 50_000_000_000, 50_000_000_002, 50_000_000_003, 60_000_000_000])
    var told = ToldStore()
    let one = try answers(events, at: time, &random)
    let other = try answers(events.shuffled(using: &random), at: time, &random)
    guard one == other else { throw OracleFailure("seed \(seed): \(events)\n\(one)\n\(other)") }
    // Told by list.
    var wanted = Wanted()
    wanted.entities = [
      ToldEntity(
        name: "card", keys: [ToldKey(name: "card_id", type: .string)], pool: keys.map { [.string($0)] })
    ]
    var settings = ToldSettings()
    settings.ttl = 50_000_000_000
    var infinite = ToldRules()
    infinite.isFinite = false
    wanted.views = [
      WantedView(
        name: "activity", entity: "card", settings: settings,
        features: [
          ToldFeature(name: "a", type: .one(.int64), rules: ToldRules()),
          ToldFeature(name: "b", type: .one(.string), rules: ToldRules()),
          ToldFeature(name: "c", type: .list(.float64), rules: infinite),
        ])
    ]
    _ = told.definitions.apply(wanted)
    for (at, event) in events.enumerated() {
      told.note(
        ToldEvent(
          lsn: UInt64(at + 1), eventTime: event.eventTime, createdAt: event.createdAt, knownAt: start + 10,
          isAssumed: false, key: [.string(event.key)], said: event.said), of: 0)
    }
    var summary = OracleStory.Summary()
    summary.stories = 1
    for (row, key) in keys.enumerated() {
      for feature in 0..<3 {
        let cell = told.cell(0, feature, [.string(key)], at: time)
        let expected = Answer(
          status: cell.status, reason: cell.reason, value: cell.value,
          times: cell.eventTime.map { [$0, cell.createdAt ?? 0] }, age: cell.age)
        guard one[row * 3 + feature] == expected else {
          throw OracleFailure(
            "seed \(seed): found \(one[row * 3 + feature]), expected \(expected): \(events)")
        }
        if cell.status == ToldCell.present { summary.counts["present", default: 0] += 1 }
        if cell.reason == ToldCell.deleted { summary.counts["deleted", default: 0] += 1 }
      }
    }
    return summary
  }

  /// Tells the events to a store, in batches of any size, and asks for every cell.
  private static func answers(
    _ events: [Event], at time: Int64, _ random: inout SplitMix64
  ) throws -> [Answer] {
    let folder = try TemporaryFolder("apus-order", inMemory: true)
    let disk = SimulatedDisk(seed: 1, folders: ["store"])
    let clock = SimulatedClock(wall: WallTime(nanoseconds: start + 10))
    var options = StoreOptions()
    options.scrubPeriodNanoseconds = nil
    options.diskReserveByteCount = 0
    options.generationAgeNanoseconds = 1 << 60
    options.generationByteCount = random.pick([128, 1_000, 1 << 20])
    options.log.segmentByteCount = 1 << 16
    options.index.mapByteCount = 1 << 26
    func open(_ random: inout SplitMix64) throws -> Store {
      try Store.open("store", on: disk, indexes: folder.path, clock: clock, random: &random, options: options)
    }
    var store = try open(&random)
    defer { store.abandon() }
    let text = text.replacing("\"list<float64>\"", with: "\"list<float64>\", finite: false")
    let definition = try DefinitionReader.read([DefinitionFile(name: "p.yaml", bytes: Array(text.utf8))])
    _ = try store.apply(definition)
    var left = events[...]
    while !left.isEmpty {
      clock.advance(nanoseconds: UInt64(random.below(3)))
      var batch = store.batch(random.pick([.live, .now, .eventTime]), .allOrNothing)
      guard let view = store.catalog.view(VersionedName(name: "activity"), in: "p") else {
        throw OracleFailure("there is no view")
      }
      try batch.turn(to: view)
      for event in left.prefix(random.within(1...5)) {
        left.removeFirst()
        let times = GivenTimes(
          eventTime: EventTime(nanoseconds: event.eventTime),
          createdAt: CreatedAt(nanoseconds: event.createdAt))
        if let said = event.said {
          batch.upsert(key: [.string(event.key)], times, said.map(\.input))
        } else {
          batch.delete(key: [.string(event.key)], times)
        }
      }
      _ = try store.append(batch.admitted())
      if random.chance(0.2) { try store.checkpoint() }
      if random.chance(0.1) {
        if random.coin() { try store.close() } else { store.abandon() }
        store = try open(&random)
      }
    }
    let vector = try store.vector(features: ["activity:a", "activity:b", "activity:c"], in: "p")
    var requested = RequestKeys(for: vector)
    for key in keys { try requested.append(values: [[.string(key)]]) }
    var reader = try store.reader()
    let table = try reader.table(vector, requested, at: ReadTime(nanoseconds: time))
    return (0..<keys.count * 3).map { at in
      let cell = table[at / 3, at % 3]
      return Answer(
        status: cell.status.rawValue, reason: cell.reason?.rawValue, value: cell.value,
        times: cell.stamp.map { [$0.eventTime.nanoseconds, $0.createdAt.nanoseconds] },
        age: cell.ageNanoseconds)
    }
  }
}
