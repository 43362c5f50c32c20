// What a backfill promises: what is read of the target at any moment is what is read of the source, each event of which is there once, however
// often the backfill was ended, killed, or overtaken by compaction.

import ApusBytes
import ApusContracts
import ApusHistory
import ApusLog
import ApusStore
import ApusSystem
import ApusTestSupport
import Testing

/// A store with two views of one entity and the same features.
final class BackfillStory {
  static let views = """
    project: shop
    entities:
      card: {keys: {card_id: string}}
    views:
      old:
        entity: card
        ttl: none
        features:
          count: {type: int32}
          mean: {type: float32}
          action: {type: string}
      new:
        entity: card
        ttl: none
        features:
          count: {type: int64}
          average: {type: float64}
          action: {type: string}
          later: {type: bool}
    """
  static let renames = [FeatureRename(old: "mean", new: "average")]

  let fixture: StoreFixture
  var random: SplitMix64
  /// Moments at which something became known, or just before.
  var moments: [Int64] = []

  init(_ seed: UInt64, on simulated: SimulatedDisk? = nil, _ text: String = BackfillStory.views) throws {
    random = SplitMix64(seed: seed)
    fixture = try StoreFixture.compacting(text, on: simulated) {
      $0.mergeRunsMin = 2
    }
  }

  func view(_ name: String) throws -> CatalogView {
    try #require(fixture.store.catalog.view(VersionedName(name: name), in: "shop"))
  }

  func wish(_ rows: Int = 3, nanoseconds: UInt64? = nil, isDryRun: Bool = false) throws -> BackfillWish {
    BackfillWish(
      from: try view("old").id, to: try view("new").id, Self.renames, rows: rows, nanoseconds: nanoseconds,
      isDryRun: isDryRun)
  }

  /// A row of the old view: few keys and few moments, so that ties and late events abound.
  func tell() throws {
    let store = fixture.store
    let now = fixture.now.nanoseconds
    let choice: KnownAtChoice = random.pick([
      .live, .now, .eventTime, .eventTimePlus(nanoseconds: 3_000), .column,
    ])
    var batch = store.batch(choice, .setAside)
    try batch.turn(to: try view("old"))
    for _ in 0..<random.within(1...3) {
      let event = now - Int64(random.below(5)) * 1_000
      var times = GivenTimes(eventTime: EventTime(nanoseconds: event))
      if random.coin() { times.createdAt = CreatedAt(nanoseconds: now - Int64(random.below(3)) * 1_000) }
      if choice == .column {
        times.knownAt = KnownAt(nanoseconds: event + Int64(random.below(2)) * ((now - event) / 2))
      }
      let key: [Value] = [.string("c\(random.below(5))")]
      if random.chance(0.15) {
        batch.delete(key: key, times)
        continue
      }
      // Who says nothing at all is passed over: that has a test of its own.
      let isSilent = random.chance(0.4)
      batch.upsert(
        key: key, times,
        [
          isSilent ? .absent : .value(.int32(Int32(random.below(100)))),
          !isSilent && random.chance(0.4)
            ? .absent : random.chance(0.2) ? .null : .value(.float32(Float(random.below(9)) / 4)),
          random.chance(0.6) ? .absent : .value(.string(random.pick(["buy", "refund"]))),
        ])
    }
    _ = try store.append(batch.admitted())
    moments += [now - 2_000, now, now + 1]
    fixture.clock.advance(nanoseconds: UInt64(random.below(3)) * 1_000)
  }

  /// What both views say at a moment, feature by feature, without LSNs, which differ.
  func reads(_ name: String, at moment: PastMoment) throws -> [String] {
    let read = try fixture.store.past(moment)
    let vector = try read.catalog.vector(of: try view(name), in: "shop")
    var keys = RequestKeys(for: vector)
    for card in 0..<5 { try keys.append(named: ["card_id": .string("c\(card)")]) }
    var found: [String] = []
    try read.read(vector, keys) { row, feature, cell, value in
      let name = vector.columns[feature.column].name
      guard name != "later" else { return }
      let said = try? Value(value, of: feature.slot)
      found.append(
        "\(row) \(name == "average" ? "mean" : name): \(cell.status) \(cell.reason.map { "\($0)" } ?? "") "
          + "\(cell.stamp.map { "\($0.eventTime) \($0.createdAt)" } ?? "") \(number(said))")
    }
    return found.sorted()
  }

  private func number(_ value: Value?) -> String {
    switch value {
    case .int32(let number): "\(number)"
    case .int64(let number): "\(number)"
    case .float32(let number): "\(Double(number))"
    case .float64(let number): "\(number)"
    default: value.map { "\($0)" } ?? ""
    }
  }

  /// The events of a view version, by key and times.
  func told(_ name: String) throws -> [String] {
    let id = try view(name).id
    return try fixture.allEvents().values.filter { $0.head.viewVersion == id }.map { event in
      let head = event.head
      return "\(event.key) \(head.operation) \(head.eventTime) \(head.createdAt) \(head.knownAt) "
        + "\(head.isKnownAtAssumed)"
    }.sorted()
  }

  func expectEqual(_ what: String) throws {
    #expect(try told("old") == told("new"), "\(what)")
    #expect(try reads("old", at: .newest) == reads("new", at: .newest), "\(what)")
    for _ in 0..<8 {
      let moment = PastMoment.known(by: ReadTime(nanoseconds: random.pick(moments)))
      #expect(try reads("old", at: moment) == reads("new", at: moment), "\(what), \(moment)")
    }
  }
}

@Suite("Backfill")
struct BackfillTests {
  @Test(
    "the target says at every moment what the source said, however often it was ended and whatever was compacted"
  )
  func everyMoment() throws {
    var legs = 0
    var resumed = 0
    for seed in 1...30 as ClosedRange<UInt64> {
      let story = try BackfillStory(seed)
      for _ in 0..<story.random.within(10...30) {
        try story.tell()
        if story.random.chance(0.1) { try story.fixture.store.compact() }
      }
      var runs = 0
      while true {
        // Time is always up: one frame each time.
        let report = try story.fixture.store.backfill(
          story.wish(story.random.within(1...7), nanoseconds: story.random.chance(0.9) ? 0 : nil))
        try #require(report.failure == nil, "seed \(seed): \(report)")
        runs += 1
        if report.isComplete { break }
        switch story.random.below(6) {
        case 0: try story.fixture.store.compact()
        case 1: try story.fixture.killAndReopen()
        case 2: try story.fixture.rebuild()
        case 3: try story.tell()
        default: break
        }
        try #require(runs < 1_000)
      }
      resumed += runs - 1
      // What came meanwhile, and what comes now.
      for _ in 0..<story.random.below(4) { try story.tell() }
      let rest = try story.fixture.store.backfill(story.wish())
      #expect(rest.isComplete && rest.failure == nil)
      let again = try story.fixture.store.backfill(story.wish())
      #expect(
        again.isComplete && again.counts == BackfillCounts() && again.total == rest.total, "seed \(seed)")
      #expect(again.frame == nil)
      legs += Int(again.total.accepted)
      try story.expectEqual("seed \(seed)")
      try story.fixture.store.compact()
      try story.fixture.store.compact()
      try story.expectEqual("seed \(seed), compacted")
    }
    print("30 histories of \(legs) events, \(resumed) times taken up again: no moment differs")
  }

  @Test("deletes come, erased keys do not, and who says nothing that is taken is passed over and counted")
  func kinds() throws {
    let story = try BackfillStory(3)
    let store = story.fixture.store
    func push(_ card: String, _ inputs: [FeatureInput]?) throws {
      var batch = store.batch(.live, .setAside)
      try batch.turn(to: try story.view("old"))
      if let inputs {
        batch.upsert(key: [.string(card)], GivenTimes(), inputs)
      } else {
        batch.delete(key: [.string(card)], GivenTimes())
      }
      _ = try store.append(batch.admitted())
      story.fixture.clock.advance(nanoseconds: 1_000)
    }
    try push("c0", [.value(.int32(1)), .absent, .absent])
    try push("c1", [.value(.int32(2)), .absent, .absent])
    try push("c0", nil)
    try push("c2", [.absent, .absent, .value(.string("buy"))])
    _ = try store.erase([ErasedKey(name: "card_id", value: .string("c1"))], in: "shop")
    story.fixture.clock.advance(nanoseconds: 1_000)
    try push("c1", [.value(.int32(3)), .absent, .absent])
    // The action stays behind: its name goes to none of the target's.
    let wish = BackfillWish(
      from: try story.view("old").id, to: try story.view("new").id,
      [FeatureRename(old: "mean", new: "average")])
    let dry = try store.backfill(
      BackfillWish(from: wish.source, to: wish.target, wish.renames, isDryRun: true))
    #expect(dry.isComplete && dry.counts.accepted == 4 && dry.counts.erased == 1 && dry.total == dry.counts)
    #expect(try story.told("new").isEmpty)
    let report = try store.backfill(wish)
    #expect(report.failure == nil && report.counts == dry.counts && report.refused.isEmpty)
    #expect(report.map.untold == ["later"] && report.map.left.isEmpty)
    func page(_ card: String) throws -> HistoryPage {
      var key = KeyEncoder()
      try key.append(string: card)
      return try store.past(.newest).history(
        of: try story.view("new"), key: key.bytes, HistoryQuestion(limit: 9))
    }
    let entries = try page("c0").entries
    #expect(entries.map(\.event.isDelete) == [false, true])
    #expect(entries.map(\.event.producer) == Array(repeating: "backfill shop/old@1>new@1", count: 2))
    #expect(try page("c1").entries.count == 1)
  }

  @Test("a pair that cannot be is refused before the first row, by name")
  func refused() throws {
    func refusal(
      _ old: String, _ new: String, _ renames: [FeatureRename] = [], keys: String = "card"
    ) throws -> BackfillRefusal? {
      let text = """
        project: shop
        entities:
          card: {keys: {card_id: string}}
          shop: {keys: {shop_id: string}}
        views:
          old: {entity: card, ttl: none, features: {\(old)}}
          new: {entity: \(keys), ttl: none, features: {\(new)}}
        """
      let story = try BackfillStory(1, text)
      let visible = story.fixture.store.visible
      do {
        _ = try story.fixture.store.backfill(
          BackfillWish(from: try story.view("old").id, to: try story.view("new").id, renames))
        return nil
      } catch let error as StoreError {
        #expect(story.fixture.store.visible == visible, "nothing is written")
        guard case .backfill(let refusal) = error else { throw error }
        return refusal
      }
    }
    let int = "a: {type: int64}"
    #expect(try refusal(int, int) == nil)
    #expect(
      try refusal(int, "a: {type: float64}")
        == .types([
          BackfillRefusal.Types(old: "a", oldType: .int64, new: "a", newType: .float64)
        ]))
    #expect(try refusal("a: {type: int32}", "a: {type: float64}") == nil)
    #expect(try refusal("a: {type: \"float32[3]\"}", "a: {type: \"float64[3]\"}") == nil)
    guard case .types = try refusal("a: {type: \"float32[3]\"}", "a: {type: \"float64[4]\"}") else {
      Issue.record("a vector of another length")
      return
    }
    guard case .types = try refusal("a: {type: int64}", "a: {type: int32}") else {
      Issue.record("a narrower type")
      return
    }
    #expect(
      try refusal(int, int + ", b: {type: bool, required: true}") == .untold(["b"], view: "new@1"))
    let flag = "f: {type: bool}"
    #expect(
      try refusal(
        int + ", " + flag, int + ", b: {type: bool, required: true}", [FeatureRename(old: "f", new: "b")])
        == nil)
    #expect(try refusal(int, "b: {type: int64}") == .nothingInCommon)
    #expect(
      try refusal(int, int, [FeatureRename(old: "x", new: "a")]) == .unknownFeature("x", view: "old@1"))
    #expect(
      try refusal(int, int, [FeatureRename(old: "a", new: "x")]) == .unknownFeature("x", view: "new@1"))
    #expect(
      try refusal(
        int + ", " + flag.replacing("bool", with: "int64"), int,
        [FeatureRename(old: "a", new: "a"), FeatureRename(old: "f", new: "a")])
        == .mappedTwice("a", view: "new@1"))
    #expect(
      try refusal(int, int, keys: "shop")
        == .otherKeys(source: "{card_id: string}", target: "{shop_id: string}"))
    let story = try BackfillStory(1)
    let id = try story.view("old").id
    #expect(throws: StoreError.backfill(.sameVersion("old@1"))) {
      try story.fixture.store.backfill(BackfillWish(from: id, to: id))
    }
  }

  @Test("one that was begun with another map, or whose producer read something else, is refused")
  func otherMap() throws {
    let story = try BackfillStory(5)
    for _ in 0..<5 { try story.tell() }
    let store = story.fixture.store
    #expect(try store.backfill(story.wish()).isComplete)
    let (old, new) = (try story.view("old").id, try story.view("new").id)
    #expect(throws: StoreError.backfill(.otherMap)) {
      try store.backfill(
        BackfillWish(
          from: old, to: new,
          [FeatureRename(old: "mean", new: "average"), FeatureRename(old: "count", new: "count")]))
    }
  }

  @Test("an event of the target with a later stamp wins over what is filled in, whenever it came")
  func live() throws {
    let story = try BackfillStory(8)
    let store = story.fixture.store
    func push(_ name: String, _ count: Value, at event: Int64) throws {
      var batch = store.batch(.live, .setAside)
      try batch.turn(to: try story.view(name), columns: ["count"])
      batch.upsert(
        key: [.string("c0")], GivenTimes(eventTime: EventTime(nanoseconds: event)), [.value(count)])
      _ = try store.append(batch.admitted())
    }
    let start = story.fixture.now.nanoseconds
    story.fixture.clock.advance(nanoseconds: 10_000)
    try push("new", .int64(7), at: start + 5_000)
    try push("old", .int32(1), at: start + 4_000)
    _ = try store.backfill(story.wish())
    #expect(try story.reads("new", at: .newest).contains { $0.hasSuffix(" 7") })
    story.fixture.clock.advance(nanoseconds: 10_000)
    try push("old", .int32(2), at: start + 6_000)
    _ = try store.backfill(story.wish())
    #expect(try story.reads("new", at: .newest).contains { $0.hasSuffix(" 2") })
  }

  @Test(
    "of two events with one event time and one created-at the one that was written later wins, filled in or live"
  )
  func ties() throws {
    for isFilledFirst in [false, true] {
      let story = try BackfillStory(9)
      let store = story.fixture.store
      let times = GivenTimes(
        eventTime: story.fixture.now, createdAt: CreatedAt(nanoseconds: story.fixture.now.nanoseconds))
      story.fixture.clock.advance(nanoseconds: 10_000)
      func push(_ name: String, _ counts: [Value]) throws {
        var batch = store.batch(.live, .setAside)
        try batch.turn(to: try story.view(name), columns: ["count"])
        for count in counts { batch.upsert(key: [.string("c0")], times, [.value(count)]) }
        _ = try store.append(batch.admitted())
      }
      // Among themselves those of the source keep their order: the second wins.
      try push("old", [.int32(1), .int32(2)])
      if isFilledFirst { _ = try store.backfill(story.wish(1)) }
      try push("new", [.int64(7)])
      _ = try store.backfill(story.wish(1))
      let wanted = isFilledFirst ? " 7" : " 2"
      #expect(try story.reads("new", at: .newest).contains { $0.hasSuffix(wanted) }, "\(isFilledFirst)")
      #expect(try story.reads("old", at: .newest).contains { $0.hasSuffix(" 2") })
    }
  }

  @Test("a producer of the backfill's name that read something else is left alone")
  func foreignOffset() throws {
    let story = try BackfillStory(10)
    try story.tell()
    let store = story.fixture.store
    let name = "backfill shop/old@1>new@1"
    let opened = try store.openProducer(name)
    var batch = store.batch()
    try batch.turn(to: try story.view("new"), columns: ["count"])
    batch.upsert(key: [.string("c0")], GivenTimes(), [.value(.int64(1))])
    let admitted = try batch.admitted()
    for offset in [[1, 2, 3], []] as [[UInt8]] {
      _ = try store.append(
        admitted,
        ProducerTicket(
          producer: opened.producer, epoch: opened.epoch, sequence: offset.isEmpty ? 2 : 1,
          digest: admitted.digest, sourceOffset: offset))
      #expect(throws: StoreError.backfill(.foreignOffset(producer: name))) {
        try store.backfill(story.wish(isDryRun: true))
      }
    }
  }

  @Test(
    "rows that the target's contract refuses are set aside by rule, and at the quota it ends and goes on later"
  )
  func setAside() throws {
    let text = BackfillStory.views.replacing("count: {type: int64}", with: "count: {type: int64, max: 49}")
    let story = try BackfillStory(11, text)
    for _ in 0..<60 { try story.tell() }
    story.fixture.options.deadLetterByteCountMax = 900
    try story.fixture.closeAndReopen()
    var runs = 0
    var refused = 0
    while true {
      let report = try story.fixture.store.backfill(story.wish(5))
      runs += 1
      refused += Int(report.counts.setAside)
      #expect(report.refused.allSatisfy { $0.rule == "count.max" })
      guard let failure = report.failure else { break }
      guard case .deadLettersFull = failure else {
        Issue.record("\(failure)")
        return
      }
      _ = try story.fixture.store.purgeDeadLetters(DeadLetterSelection())
      try #require(runs < 100)
    }
    #expect(runs > 1 && refused > 5)
    let facts = try story.fixture.store.backfill(story.wish())
    #expect(Int(facts.total.setAside) == refused)
    let (old, new) = (try story.told("old").count, try story.told("new").count)
    #expect(old == new + refused)
  }

  @Test(
    "where the source's history begins later, so does that of the target, and no moment before it is answered"
  )
  func horizons() throws {
    let text = BackfillStory.views.replacing(
      "  old:\n    entity: card\n    ttl: none",
      with: "  old:\n    entity: card\n    ttl: none\n    history: none")
    let story = try BackfillStory(12, text)
    for _ in 0..<20 { try story.tell() }
    let early = ReadTime(nanoseconds: story.fixture.now.nanoseconds)
    for _ in 0..<20 {
      story.fixture.clock.advance(nanoseconds: 1_000)
      try story.tell()
    }
    let store = story.fixture.store
    try store.compact()
    let given = try #require(try store.facts().state.horizons[story.view("old").id])
    #expect(try store.facts().state.horizons[story.view("new").id] == nil)
    _ = try store.pin(
      PinWish(
        name: "low", moment: .time(WallTime(nanoseconds: early.nanoseconds)), views: [story.view("new").id]))
    let stopped = try store.backfill(story.wish())
    #expect(stopped.failure == .backfill(.pinned("low")))
    #expect(try story.told("new").isEmpty)
    _ = try store.unpin("low")
    let report = try store.backfill(story.wish())
    #expect(report.failure == nil && report.horizon == WallTime(nanoseconds: given.moment.nanoseconds))
    let taken = try #require(try store.facts().state.horizons[story.view("new").id])
    #expect(taken.moment == given.moment)
    for name in ["old", "new"] {
      #expect(
        throws: StoreError.beyondHistory(
          view: "\(name)@1", from: WallTime(nanoseconds: given.moment.nanoseconds))
      ) { try story.reads(name, at: .known(by: early)) }
    }
    #expect(try story.told("old") == story.told("new"))
    #expect(try story.reads("old", at: .newest) == story.reads("new", at: .newest))
  }

  @Test("a cut at any call of the disk: it goes on, and no event is lost or there twice")
  func cut() throws {
    func make(_ disk: SimulatedDisk) throws -> BackfillStory {
      let story = try BackfillStory(21, on: disk)
      for round in 0..<12 {
        try story.tell()
        if round == 5 { try story.fixture.store.compact() }
      }
      return story
    }
    let whole = SimulatedDisk(seed: 5)
    let reference = try make(whole)
    let first = whole.calls.total
    #expect(try reference.fixture.store.backfill(reference.wish(2)).isComplete)
    let last = whole.calls.total
    var kept: Set<Int> = []
    for number in stride(from: first + 1, through: last, by: max(1, (last - first) / 25)) {
      let disk = SimulatedDisk(seed: 5)
      let story = try make(disk)
      disk.failPower(beforeCall: number)
      _ = try? story.fixture.store.backfill(story.wish(2))
      story.fixture.store.abandon()
      try story.fixture.reopen(on: disk.crash(seed: UInt64(number)))
      kept.insert(try story.told("new").count)
      #expect(try story.fixture.store.backfill(story.wish(2)).isComplete)
      try story.expectEqual("call \(number)")
    }
    #expect(kept.count > 3, "\(kept)")
    print("cuts in \(last - first) calls, which left \(kept.sorted()) events: none lost or doubled")
  }
}
