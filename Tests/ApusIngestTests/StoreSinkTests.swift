import ApusBytes
import ApusContracts
import ApusIngest
import ApusLog
import ApusStore
import ApusSystem
import ApusTestSupport
import Testing

@Suite("Rows of a file in a store")
struct StoreSinkTests {
  private static let text = """
    project: shop
    entities:
      card: {keys: {card: string, shop: int64}}
    views:
      activity:
        entity: card
        ttl: none
        features:
          count: {type: int64, min: 0}
          action: {type: string, one_of: [buy, refund]}
          mean: {type: float64}
          loose: {type: float64, finite: false}
    """

  private final class Fixture {
    let folder: TemporaryFolder
    let clock = SimulatedClock(wall: WallTime(nanoseconds: 1_800_000_000_000_000_000))
    private(set) var store: Store
    private var random = SplitMix64(seed: 3)

    init() throws {
      folder = try TemporaryFolder("apus-push")
      store = try Self.open(folder, clock, &random)
      let definition = try DefinitionReader.read([
        DefinitionFile(name: "shop.yaml", bytes: Array(StoreSinkTests.text.utf8))
      ])
      _ = try store.apply(definition)
    }

    deinit { store.abandon() }

    private static func open(_ folder: TemporaryFolder, _ clock: SimulatedClock, _ random: inout SplitMix64)
      throws -> Store
    {
      var options = StoreOptions()
      options.scrubPeriodNanoseconds = nil
      options.diskReserveByteCount = 0
      return try Store.open(folder.path("store"), clock: clock, random: &random, options: options)
    }

    /// As if the process had been killed, and started again.
    func restart() throws {
      store.abandon()
      store = try Self.open(folder, clock, &random)
    }

    var view: CatalogView {
      get throws { try #require(store.catalog.view(VersionedName(name: "activity"), in: "shop")) }
    }

    /// Closes the store, looks at it, and opens it again.
    func look<T>(_ body: (StoreLook) throws -> T) throws -> T {
      try store.close()
      let result = try body(try #require(try StoreLook.open(folder.path("store"))))
      store = try Self.open(folder, clock, &random)
      return result
    }

    func letters() throws -> [DeadLetter] {
      try look { look in
        var found: [DeadLetter] = []
        try DeadLetterSearch(in: look.log.reader, look.state.deadLetters, look.catalog).forEach { letter in
          found.append(letter.letter)
          return true
        }
        return found
      }
    }

    func push(
      _ text: String, policy: RefusalPolicy = .setAside, producer: String? = nil, stopAfter: Int = .max,
      _ change: (inout LoadOptions) -> Void = { _ in }
    ) throws -> LoadReport {
      var options = LoadOptions()
      change(&options)
      let opening = try producer.map { try store.openProducer($0) }
      let stored = opening?.sourceOffset.flatMap { LoadOffset($0) }
      var load = try FileLoad(
        ByteList(text), LoadTarget(try view), options, stored: stored, keepsOffset: producer != nil)
      let choice = load.resumption?.choice ?? .eventTime
      let sink = StoreSink(store, try view, choice, policy, producer: opening)
      let cut = CutSink(sink, after: stopAfter)
      try load.run(into: cut, choice: choice)
      return load.report
    }
  }

  /// Passes some blocks on; those behind them come to nothing, as after a kill.
  private final class CutSink: RowSink {
    private let sink: StoreSink
    private var left: Int

    init(_ sink: StoreSink, after count: Int) {
      self.sink = sink
      left = count
    }

    func submit(_ block: RowBlock) throws(StoreError) -> RowOutcome {
      left -= 1
      return left < 0 ? RowOutcome() : try sink.submit(block)
    }
  }

  private let head = "card,shop,event_timestamp,count,action,mean,loose\n"
  private let time = "2026-11-19T14:03:22Z"

  @Test("every row is accepted or a dead letter that says all that the row said")
  func account() throws {
    let fixture = try Fixture()
    let report = try fixture.push(
      head + """
        a,1,\(time),1,buy,1.5,nan
        b,x,\(time),1,buy,,
        c,1,\(time),many,buy,,
        d,1,\(time),1,add_to_cart,,
        e,1,\(time),1,sell,,
        f,1,yesterday,1,buy,,
        ,1,\(time),1,buy,,
        g,1,\(time),1,buy,inf,
        h,1,2300-01-01T00:00:00Z,1,buy,,
        i,1,2100-01-01T00:00:00Z,1,buy,,
        j,1,,1,buy,,
        k,1
        l,1,\(time),-5,buy,,
        """)
    #expect(report.accepted == 1 && report.setAside == 11 && report.unreadable.map(\.lines) == [13...13])
    #expect(report.rows == 12 && report.lines == 14)
    let rules = Dictionary(uniqueKeysWithValues: report.rules.map { ($0.rule, $0) })
    #expect(
      rules.mapValues(\.count) == [
        "key": 2, "count.type": 1, "action.one_of": 2, "unknown_feature": 3, "mean.finite": 1,
        "event_time": 1,
        "count.min": 1,
      ])
    #expect(rules["action.one_of"]?.line == 5 && rules["action.one_of"]?.example == "\"add_to_cart\"")
    #expect(rules["count.type"]?.example == "\"many\"")
    #expect(rules["unknown_feature"]?.example.contains("yesterday") == true)
    let letters = try fixture.letters()
    #expect(letters.count == 11)
    #expect(letters[0].key == [.string("b"), .string("x")])
    #expect(letters[1].features.first == DeadLetter.Feature("count", .value(.string("many"))))
    #expect(
      letters[4].features.last
        == DeadLetter.Feature("event time in event_timestamp", .value(.string("yesterday"))))
    #expect(letters[4].times.eventTime == nil)
  }

  @Test("a load that is killed after any block and said again has each row once", arguments: 0..<4)
  func killed(blocks: Int) throws {
    let fixture = try Fixture()
    let count = 3 * RowBlock.rowsMax + 100
    let text =
      "card,shop,event_timestamp,count\n"
      + (0..<count).map { "c\($0),1,\(time),\($0 % 5 == 4 ? -1 : 1)\n" }.joined()
    let first = try fixture.push(text, producer: "jan", stopAfter: blocks)
    try fixture.restart()
    let second = try fixture.push(text, producer: "jan")
    #expect(second.passedOver == blocks * RowBlock.rowsMax)
    #expect(first.accepted + second.accepted == count - count / 5)
    #expect(first.setAside + second.setAside == count / 5)
    #expect(try fixture.letters().count == count / 5)
    let view = try fixture.view.id
    let events = try fixture.look { $0.state.activity[view]?.events }
    #expect(events == UInt64(count - count / 5))
    let third = try fixture.push(text, producer: "jan")
    #expect(third.passedOver == count && third.accepted == 0)
  }

  @Test("deletes end the rows of their keys, and speak of no feature")
  func deletes() throws {
    let fixture = try Fixture()
    _ = try fixture.push(head + "a,1,\(time),1,buy,,\n")
    let report = try fixture.push("card,shop,event_timestamp\na,1,2026-11-20T00:00:00Z\nb,1,never\n") {
      $0.event = .delete
    }
    #expect(report.accepted == 1 && report.setAside == 1)
    #expect(try fixture.letters().last?.event == .delete)
  }

  @Test("what a judge says of rows is what the store then does, and a judge writes nothing")
  func judged() throws {
    let fixture = try Fixture()
    let text = head + "a,1,\(time),1,buy,,\nb,1,\(time),-1,buy,,\n"
    let before = fixture.store.visible
    var load = try FileLoad(ByteList(text), LoadTarget(try fixture.view), LoadOptions())
    let judge = JudgeSink(fixture.store.catalog, try fixture.view, .eventTime, clock: fixture.clock)
    try load.run(into: judge, choice: .eventTime)
    #expect(fixture.store.visible == before)
    let done = try fixture.push(text)
    #expect(load.report == done)
  }

  @Test("all or nothing leaves nothing of a block in which a row is refused")
  func allOrNothing() throws {
    let fixture = try Fixture()
    let before = fixture.store.visible
    #expect(throws: LoadStop<StoreError>.self) {
      _ = try fixture.push(head + "a,1,\(time),1,buy,,\nb,1,\(time),-1,buy,,\n", policy: .allOrNothing)
    }
    #expect(fixture.store.visible == before)
  }
}
