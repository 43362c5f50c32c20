// Letters that are replayed or purged: by a real store, from the push that was refused to what is read afterwards.

import ApusBytes
import ApusContracts
import ApusIndex
import ApusLog
import ApusStore
import ApusSystem
import ApusTestSupport
import Testing

@Suite("Dead letters, replayed and purged")
struct DeadLetterHandlingTests {
  @Test(
    "what the contract of today admits becomes an event, known from the replay on, and what it refuses waits as it was"
  )
  func replay() throws {
    let fixture = try StoreFixture()
    let given = fixture.clock.wall().nanoseconds - 5_000
    try fixture.pushLetter("c1", times: givenTimes(given, created: given + 1))
    let arrived = fixture.clock.wall().nanoseconds
    try fixture.pushLetter("c2", times: GivenTimes())
    try fixture.pushLetter("c3", times: givenTimes(given, known: given + 7), choice: .column)
    try fixture.push("c4", -1)
    let before = try fixture.letters()
    #expect(before.map(\.letter.rule) == ["action.one_of", "action.one_of", "action.one_of", "count.min"])
    let sums = try fixture.state().deadLetters

    fixture.clock.advance(nanoseconds: 1_000_000_000)
    try fixture.widen()
    let last = fixture.store.visible
    let outcome = try fixture.store.replayDeadLetters(DeadLetterSelection())
    #expect(outcome.handledCount == 3 && outcome.refusedCount == 1 && outcome.erased == 0)
    #expect(outcome.handled.map(\.rule) == ["action.one_of"] && outcome.handled.first?.letters == 3)
    #expect(outcome.refused.first?.rule == "count.min" && outcome.refused.first?.example == before[3].lsn)
    // Three events and what they were made of, in one frame.
    #expect(outcome.frame?.lsns == LSNRange(last.next, through: last.advanced(by: 4)))
    #expect(
      try fixture.events(after: last) == [
        eventTimes(given, created: given + 1), eventTimes(arrived, created: arrived),
        eventTimes(given, created: arrived),
      ])
    #expect(
      try fixture.letters()
        == [before[3]].map { found in
          var found = found
          found.clearFrom = try fixture.letters()[0].clearFrom
          return found
        })
    #expect(try fixture.read("c1")[2].value == .string("sell"))
    let left = try fixture.state().deadLetters
    #expect(left.letters == 1 && left.byteCount == sums.byteCount - outcome.byteCount)
    #expect(left.byteCount == before[3].byteCount && left.oldest == before[3].arrived)
    try fixture.demandReplay()
  }

  @Test("a second replay finds nothing to do, and writes nothing")
  func twice() throws {
    let fixture = try StoreFixture()
    for card in 0..<5 { try fixture.pushLetter("c\(card)") }
    try fixture.widen()
    #expect(try fixture.store.replayDeadLetters(DeadLetterSelection()).handledCount == 5)
    let visible = fixture.store.visible
    for _ in 0..<2 {
      #expect(try fixture.store.replayDeadLetters(DeadLetterSelection()) == DeadLetterOutcome())
      #expect(try fixture.store.purgeDeadLetters(DeadLetterSelection()) == DeadLetterOutcome())
      #expect(fixture.store.visible == visible)
      try fixture.killAndReopen()
    }
  }

  @Test(
    "what is still refused is no second letter, however often it is tried, and no frame is written for it")
  func stillRefused() throws {
    let fixture = try StoreFixture()
    for card in 0..<3 { try fixture.pushLetter("c\(card)") }
    let visible = fixture.store.visible
    let sums = try fixture.state().deadLetters
    for _ in 0..<3 {
      let outcome = try fixture.store.replayDeadLetters(DeadLetterSelection())
      #expect(outcome.refusedCount == 3 && outcome.handledCount == 0 && outcome.frame == nil)
    }
    #expect(fixture.store.visible == visible)
    #expect(try fixture.state().deadLetters == sums)
  }

  @Test("a row that came too late for a live push is admitted by a replay, which is none")
  func lateness() throws {
    let text = StoreFixture.text.replacing("ttl: 30d", with: "ttl: 30d\n    max_lateness: 1h")
    let fixture = try StoreFixture(text)
    let old = fixture.clock.wall().nanoseconds - 7_200_000_000_000
    try fixture.pushLetter("c1", times: givenTimes(old), action: "buy")
    #expect(try fixture.letters().map(\.letter.rule) == ["max_lateness"])
    #expect(try fixture.store.replayDeadLetters(DeadLetterSelection()).handledCount == 1)
    #expect(try fixture.read("c1")[2].value == .string("buy"))
  }

  @Test("what was said later of the same moment still wins over a letter that came before it")
  func corrections() throws {
    let fixture = try StoreFixture()
    let moment = givenTimes(fixture.clock.wall().nanoseconds)
    try fixture.pushLetter("c1", times: moment)
    fixture.clock.advance(nanoseconds: 1_000)
    try fixture.pushLetter("c1", times: moment, action: "refund")
    // And one that was said before the letter came.
    try fixture.pushLetter("c2", times: moment, action: "refund")
    fixture.clock.advance(nanoseconds: 1_000)
    try fixture.pushLetter("c2", times: moment)
    try fixture.widen()
    #expect(try fixture.store.replayDeadLetters(DeadLetterSelection()).handledCount == 2)
    #expect(try fixture.read("c1")[2].value == .string("refund"))
    #expect(try fixture.read("c2")[2].value == .string("sell"))
  }

  @Test("letters of a key that was erased since never become events: a replay purges them, a purge as well")
  func erased() throws {
    for isReplay in [true, false] {
      let fixture = try StoreFixture()
      let ahead = fixture.clock.wall().nanoseconds + 1_000_000_000
      try fixture.pushLetter("c1")
      // True after the erasure, and yet said before it.
      try fixture.pushLetter("c1", times: givenTimes(ahead))
      try fixture.pushLetter("c2")
      _ = try fixture.store.erase([ErasedKey(name: "card_id", value: .string("c1"))], in: "shop")
      fixture.clock.advance(nanoseconds: 2_000_000_000)
      try fixture.widen()
      #expect(try fixture.letters().count == 1)
      #expect(try fixture.state().deadLetters.letters == 3)
      var selection = DeadLetterSelection()
      selection.isOfErasedOnly = true
      let outcome =
        try isReplay
        ? fixture.store.replayDeadLetters(DeadLetterSelection())
        : fixture.store.purgeDeadLetters(selection)
      #expect(outcome.erased == 2 && outcome.handledCount == (isReplay ? 1 : 0))
      #expect(try fixture.state().deadLetters.letters == (isReplay ? 0 : 1))
      #expect(try fixture.read("c1").map(\.reason) == [.erased, .erased, .erased])
      try fixture.demandReplay()
    }
  }

  @Test("a letter of a retired version waits, and says so")
  func retired() throws {
    let fixture = try StoreFixture()
    try fixture.pushLetter("c1")
    _ = try fixture.store.retire(service: VersionedName(name: "score", number: 1), in: "shop")
    _ = try fixture.store.retire(VersionedName(name: "activity", number: 1), in: "shop")
    let outcome = try fixture.store.replayDeadLetters(DeadLetterSelection())
    #expect(outcome.refused.map(\.rule) == ["retired"] && outcome.refusedCount == 1)
    #expect(try fixture.store.purgeDeadLetters(DeadLetterSelection()).handledCount == 1)
  }

  @Test("a selection takes its letters and no other: by rule, view, LSN, age and number")
  func selections() throws {
    let fixture = try StoreFixture()
    var lsns: [LSN] = []
    for round in 0..<6 {
      lsns.append(
        try round % 2 == 0
          ? fixture.pushLetter("c\(round)").frame.lsns.last : fixture.push("c\(round)", -1).frame.lsns.last)
      fixture.clock.advance(nanoseconds: 1_000)
    }
    let facts = try fixture.store.facts()
    func taken(_ change: (inout DeadLetterSelection) -> Void) throws -> [LSN] {
      var selection = DeadLetterSelection()
      change(&selection)
      let outcome = try facts.judgeDeadLetters(selection, .purged, at: fixture.clock.wall())
      let found = try fixture.letters().filter(selection.takes).map(\.lsn)
      #expect(outcome.handledCount == UInt64(min(found.count, Int(clamping: selection.limit))))
      return Array(found.prefix(Int(clamping: selection.limit)))
    }
    #expect(try taken { _ in } == lsns)
    #expect(try taken { $0.rule = "count.min" } == [lsns[1], lsns[3], lsns[5]])
    #expect(try taken { $0.views = [ViewVersionID(1)] } == lsns)
    #expect(try taken { $0.views = [ViewVersionID(2)] } == [])
    #expect(try taken { $0.lsns = LSNRange(lsns[1], through: lsns[2]) } == [lsns[1], lsns[2]])
    let fourth = try fixture.letters()[3].arrived
    #expect(try taken { $0.arrivedBefore = fourth } == Array(lsns[..<3]))
    #expect(try taken { $0.limit = 2 } == Array(lsns[..<2]))
    #expect(try taken { $0.isOfErasedOnly = true } == [])
    var limited = DeadLetterSelection()
    limited.limit = 2
    let outcome = try fixture.store.purgeDeadLetters(limited)
    #expect(outcome.isCut && outcome.last == lsns[1] && outcome.handledCount == 2)
    #expect(try fixture.letters().map(\.lsn) == Array(lsns[2...]))
    #expect(try fixture.state().deadLetters.oldest == fixture.letters()[0].arrived)
  }

  @Test(
    "at the quota rows with letters are refused; after a purge they are taken, and so they are when the old ones are gone"
  )
  func quota() throws {
    let fixture = try StoreFixture { $0.deadLetterByteCountMax = 400 }
    var letters = 0
    var refusal: StoreError?
    while refusal == nil, letters < 100 {
      fixture.clock.advance(nanoseconds: 1_000)
      do { try fixture.pushLetter("c\(letters)") } catch let error as StoreError { refusal = error }
      if refusal == nil { letters += 1 }
    }
    guard case .deadLettersFull = refusal else {
      Issue.record("\(String(describing: refusal))")
      return
    }
    var oldest = DeadLetterSelection()
    oldest.limit = 1
    #expect(try fixture.store.purgeDeadLetters(oldest).handledCount == 1)
    try fixture.pushLetter("again")
    #expect(throws: StoreError.self) { try fixture.pushLetter("more") }
    // What is replayed gives its bytes back, too.
    try fixture.widen()
    #expect(try fixture.store.replayDeadLetters(DeadLetterSelection()).handledCount == UInt64(letters))
    #expect(try fixture.state().deadLetters.byteCount == 0)
    try fixture.push("bad", -1)

    fixture.options.deadLetterAgeNanosecondsMax = 1_000_000
    try fixture.closeAndReopen()
    fixture.clock.advance(nanoseconds: 2_000_000)
    #expect(throws: StoreError.deadLettersOld(since: try fixture.letters()[0].arrived)) {
      try fixture.push("bad", -1)
    }
    var old = DeadLetterSelection()
    old.arrivedBefore = fixture.clock.wall()
    #expect(try fixture.store.purgeDeadLetters(old).handledCount == 1)
    try fixture.push("bad", -1)
  }

  @Test("many letters are handled in frames of so many, and become one range")
  func frames() throws {
    let fixture = try StoreFixture { $0.lettersOfFrameMax = 7 }
    for round in 0..<5 {
      _ = try fixture.store.append(
        fixture.batch((0..<9).map { ("c\(round * 9 + $0)", StoreFixture.letter) }))
    }
    try fixture.widen()
    let visible = fixture.store.visible
    let outcome = try fixture.store.replayDeadLetters(DeadLetterSelection())
    #expect(outcome.handledCount == 45)
    // 45 events, and 7 frames that say so.
    #expect(fixture.store.visible == visible.advanced(by: 45 + 7))
    let state = try fixture.state()
    #expect(state.deadLetters.handled.ranges.count == 1 && state.deadLetters.letters == 0)
    #expect(state.deadLetters.oldest == nil && state.deadLetters.listed == [])
    for card in 0..<45 { #expect(try fixture.read("c\(card)")[2].value == .string("sell")) }
    try fixture.demandReplay()
  }

  @Test("letters that say little of a wide view make large events, and go in as many frames as those take")
  func wide() throws {
    // All of them have a slot in a row that says something of the last.
    let features = (0..<1_000).map { "      f\($0): {type: int64}\n" }.joined()
    func text(_ least: Int) -> String {
      """
      project: shop
      entities:
        card: {keys: {card_id: string}}
      views:
        activity:
          entity: card
          ttl: none
          features:

      """ + features + "      odd: {type: int64, min: \(least)}\n"
    }
    let fixture = try StoreFixture(text(0))
    var batch = fixture.store.batch()
    let name = VersionedName(name: "activity")
    try batch.turn(to: try #require(fixture.store.catalog.view(name, in: "shop")), columns: ["odd"])
    let count = 600
    for card in 0..<count {
      batch.upsert(key: [.string("c\(card)")], GivenTimes(), [.value(.int64(-1))])
    }
    #expect(try fixture.store.append(batch.admitted()).counts.setAside == count)
    try fixture.apply(text(-5), accepting: [.producers, .readers])
    let visible = fixture.store.visible
    #expect(try fixture.store.replayDeadLetters(DeadLetterSelection()).handledCount == UInt64(count))
    #expect(try fixture.state().deadLetters.letters == 0)
    #expect(try fixture.events(after: visible).count == count)
    // 8 kB each, and 1 MiB in a frame.
    #expect(fixture.store.visible >= visible.advanced(by: count + 4))
    #expect(try fixture.state().deadLetters.handled.ranges.count == 1)
  }

  @Test("two who replay the same letters at once make one event of each")
  func together() throws {
    let fixture = try StoreFixture { $0.lettersOfFrameMax = 3 }
    _ = try fixture.store.append(fixture.batch((0..<60).map { ("c\($0)", StoreFixture.letter) }))
    try fixture.widen()
    let visible = fixture.store.visible
    let outcomes = Monitor<[DeadLetterOutcome]>([])
    let store = fixture.store
    let threads = try (0..<2).map { number in
      try SystemThread.start(name: "replay \(number)") {
        guard let outcome = try? store.replayDeadLetters(DeadLetterSelection()) else { return }
        outcomes.withLock { $0.append(outcome) }
      }
    }
    for thread in threads { thread.join() }
    #expect(outcomes.withLock { $0.map(\.handledCount).reduce(0, +) } == 60)
    #expect(try fixture.events(after: visible).count == 60)
    #expect(try fixture.state().deadLetters.letters == 0)
    try fixture.demandReplay()
  }

  @Test("a dry run says what a replay then does, and changes nothing")
  func dryRun() throws {
    let fixture = try StoreFixture()
    for card in 0..<4 { try fixture.pushLetter("c\(card)") }
    try fixture.push("c9", -1)
    try fixture.widen()
    let visible = fixture.store.visible
    let said = try fixture.store.facts().judgeDeadLetters(
      DeadLetterSelection(), .replayed, at: fixture.clock.wall())
    #expect(fixture.store.visible == visible)
    #expect(try fixture.letters().count == 5)
    var done = try fixture.store.replayDeadLetters(DeadLetterSelection())
    #expect(done.frame != nil && said.frame == nil)
    #expect(said.handled == done.handled && said.refused == done.refused && said.byteCount == done.byteCount)
    done = try fixture.store.replayDeadLetters(DeadLetterSelection())
    #expect(done.refusedCount == 1)
  }
}

extension StoreFixture {
  /// Refused by the definitions that the fixture begins with.
  static let letter: [FeatureInput] = [.value(.int64(1)), .absent, .value(.string("sell"))]

  /// One row, by default refused by `action.one_of`.
  @discardableResult
  func pushLetter(
    _ card: String, times: GivenTimes? = nil, action: String = "sell", choice: KnownAtChoice = .live
  ) throws -> AppendAnswer {
    var batch = store.batch(choice)
    try batch.turn(to: try #require(store.catalog.view(VersionedName(name: "activity"), in: "shop")))
    batch.upsert(
      key: [.string(card)], times ?? GivenTimes(eventTime: now),
      [.value(.int64(1)), .absent, .value(.string(action))])
    return try store.append(batch.admitted())
  }

  /// `sell` is an action from now on.
  func widen() throws {
    try apply(
      Self.text.replacing("[buy, refund]", with: "[buy, refund, sell]"),
      accepting: [.producers, .readers])
  }

  func state() throws -> StoreState { try store.facts().state }

  func letters() throws -> [FoundDeadLetter] { try store.letters() }

  func events(after lsn: LSN) throws -> [EventTimes] { try store.events(after: lsn).map(\.times) }

  /// The log alone leads to the same state and rows.
  func demandReplay() throws {
    let hash = try store.stateHash()
    try store.close()
    let indexes = simulated == nil ? path + "/index" : folder.path("index")
    let listing = try IndexFolder.list(in: indexes)
    for epoch in listing.ready { try IndexFolder(in: indexes, epoch: epoch).remove() }
    try reopen()
    #expect(try store.stateHash() == hash)
  }
}

extension Store {
  /// Those that wait and may be shown.
  func letters() throws -> [FoundDeadLetter] {
    let facts = try facts()
    var letters: [FoundDeadLetter] = []
    try DeadLetterSearch(in: facts.log, facts.state.deadLetters, facts.catalog).forEach { found in
      letters.append(found)
      return true
    }
    return letters
  }

  /// The log's events behind an LSN: encoded keys, and times as they are recorded.
  func events(after lsn: LSN) throws -> [(key: [UInt8], times: EventTimes)] {
    var events: [(key: [UInt8], times: EventTimes)] = []
    var scanner = try log.scan(from: lsn.next, .written)
    while let frame = try scanner.next() {
      guard frame.type == .records else { continue }
      var walker = RecordWalker(scanner.payload, base: frame.lsns.first)
      while let record = try walker.next() {
        guard record.kind == .event, record.lsn > lsn else { continue }
        let event = try EventView(record.body, appendNanoseconds: frame.appendTime.nanoseconds)
        events.append((event.key.copied(), event.recordedTimes))
      }
    }
    return events
  }
}
