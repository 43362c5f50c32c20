// What a horizon promises of what is still to come: nothing that became true before its D is taken on any path. So a delete that is older, of
// which everything that it hid is gone, may go as well.

import ApusBytes
import ApusContracts
import ApusHistory
import ApusLog
import ApusStore
import ApusSystem
import ApusTestSupport
import Testing

@Suite("Horizons")
struct HorizonTests {
  private static let text = StoreFixture.text.replacing(
    "ttl: 30d", with: "ttl: 30d\n    history: none\n    max_lateness: 1h")
  private static let day: UInt64 = 86_400_000_000_000

  /// A store whose view has a horizon: two runs were merged.
  private func settled() throws -> StoreFixture {
    let fixture = try StoreFixture.compacting(Self.text) { $0.mergeRunsMin = 2 }
    for round in 0..<2 {
      for card in 0..<30 { try fixture.push("c\(card)", Int64(round * 100 + card)) }
      fixture.clock.advance(nanoseconds: 1_000_000)
      try fixture.store.compact()
    }
    #expect(try fixture.store.facts().state.horizons[fixture.activity]?.oldest != nil)
    return fixture
  }

  private func push(
    _ fixture: StoreFixture, _ card: String, _ count: Int64, at eventTime: Int64
  ) throws -> AppendAnswer {
    var batch = fixture.store.batch(.now, .setAside)
    let name = try #require(VersionedName(spelling: "activity"))
    try batch.turn(to: try #require(fixture.store.catalog.view(name, in: "shop")))
    batch.upsert(
      key: [.string(card)], GivenTimes(eventTime: EventTime(nanoseconds: eventTime)),
      [.value(.int64(count)), .absent, .absent])
    return try fixture.store.append(batch.admitted())
  }

  @Test(
    "what became true before D is refused on every path, after a restart, and when its letter is replayed")
  func admission() throws {
    let fixture = try settled()
    let oldest = try #require(try fixture.store.facts().state.horizons[fixture.activity]?.oldest)
    for round in 0..<2 {
      let late = try push(fixture, "late", 1, at: oldest.nanoseconds - 1)
      #expect(late.counts.accepted == 0 && late.counts.setAside == 1)
      #expect(late.refused.map(\.rule) == ["horizon"])
      #expect(try push(fixture, "late\(round)", 2, at: oldest.nanoseconds).counts.accepted == 1)
      try fixture.rebuild()
    }
    let outcome = try fixture.store.replayDeadLetters(DeadLetterSelection())
    #expect(outcome.handledCount == 0 && outcome.refusedCount == 2)
    #expect(outcome.refused.map(\.rule) == ["horizon"])
  }

  @Test("a batch that was admitted before a horizon rose is judged again under it")
  func admittedBefore() throws {
    let fixture = try StoreFixture.compacting(Self.text) { $0.mergeRunsMin = 2 }
    let old = fixture.now.nanoseconds
    fixture.clock.advance(nanoseconds: 2 * Self.day)
    var batch = fixture.store.batch(.now, .setAside)
    let name = try #require(VersionedName(spelling: "activity"))
    try batch.turn(to: try #require(fixture.store.catalog.view(name, in: "shop")))
    batch.upsert(
      key: [.string("late")], GivenTimes(eventTime: EventTime(nanoseconds: old)), StoreFixture.row)
    let admitted = try batch.admitted()
    for card in 0..<2 {
      try fixture.push("c\(card)", 1)
      try fixture.store.compact()
    }
    #expect(try fixture.store.facts().state.horizons[fixture.activity]?.oldest != nil)
    #expect(try fixture.store.append(admitted).refused.map(\.rule) == ["horizon"])
  }

  @Test("a delete goes when all that it hid is gone and nothing older can come, and not before")
  func deletes() throws {
    let fixture = try settled()
    var batch = fixture.store.batch(.live, .setAside)
    let name = try #require(VersionedName(spelling: "activity"))
    try batch.turn(to: try #require(fixture.store.catalog.view(name, in: "shop")))
    batch.delete(key: [.string("c7")], GivenTimes())
    _ = try fixture.store.append(batch.admitted())
    func hasDelete() throws -> Bool { try fixture.allEvents().values.contains { $0.head.isDelete } }
    var rounds = 0
    // The first horizon lets go of what the delete hides; one that is below the floor, of the delete.
    while try hasDelete(), rounds < 6 {
      fixture.clock.advance(nanoseconds: Self.day + 1)
      for card in 0..<30 where card != 7 { try fixture.push("c\(card)", Int64(card)) }
      try fixture.store.compact()
      #expect(try fixture.read("c7").first?.status == .notFound, "round \(rounds)")
      rounds += 1
    }
    #expect(try !hasDelete())
    #expect(rounds > 1)
    try fixture.store.checkpoint()
    let hash = try fixture.store.stateHash()
    try fixture.rebuild()
    #expect(try fixture.store.stateHash() == hash)
    #expect(try fixture.read("c7").first?.status == .notFound)
  }

  @Test(
    "a view without history keeps the newest value of each key and stays of one size however often it is written"
  )
  func bounded() throws {
    let fixture = try StoreFixture.compacting(
      StoreFixture.text.replacing("ttl: 30d", with: "ttl: 30d\n    history: none")
    ) { $0.mergeRunsMin = 2 }
    var sizes: [UInt64] = []
    for round in 0..<12 {
      fixture.clock.advance(nanoseconds: Self.day + 1)
      for card in 0..<30 { try fixture.push("c\(card)", Int64(round * 100 + card)) }
      try fixture.store.compact()
      sizes.append(fixture.store.statistics.history.views[fixture.activity]?.events ?? 0)
    }
    #expect((sizes.max() ?? 0) <= 3 * 30, "\(sizes)")
    for card in 0..<30 {
      #expect(try fixture.read("c\(card)").first?.value == .int64(Int64(1_100 + card)))
    }
    let reads = try (0..<30).map { try fixture.read("c\($0)") }
    try fixture.rebuild()
    #expect(try (0..<30).map { try fixture.read("c\($0)") } == reads)
  }

  private static let lasting = StoreFixture.text.replacing("ttl: 30d", with: "ttl: none\n    history: 2d")

  @Test(
    "a view that nobody writes any more gives up what its horizon lets go, by a rewriting of its only run")
  func alone() throws {
    let fixture = try StoreFixture.compacting(Self.lasting)
    for round in 0..<3 { for card in 0..<30 { try fixture.push("c\(card)", Int64(round)) } }
    try fixture.store.compact()
    #expect(fixture.store.statistics.compaction.merges == 0)
    fixture.clock.advance(nanoseconds: Self.day)
    #expect(try fixture.store.compact().droppedEvents == 0)
    fixture.clock.advance(nanoseconds: 2 * Self.day)
    func values() throws -> [Value?] { try (0..<30).map { try fixture.read("c\($0)").first?.value } }
    let reads = try values()
    let report = try fixture.store.compact()
    #expect(report.merges == 1 && report.droppedEvents == 60)
    #expect(try fixture.packedEvents().count == 30)
    // It is folded now: nothing is due, today or tomorrow, and a restart knows it.
    fixture.clock.advance(nanoseconds: 2 * Self.day)
    try fixture.closeAndReopen()
    #expect(try fixture.store.compact().merges == 0)
    #expect(try values() == reads)
    try fixture.rebuild()
    #expect(try values() == reads)
  }

  @Test("a rewriting that would give up little is not made; together with what comes later it is")
  func little() throws {
    let fixture = try StoreFixture.compacting(Self.lasting)
    for card in 0..<60 { try fixture.push("c\(card)", 1) }
    for card in 0..<20 { try fixture.push("c\(card)", 2) }
    try fixture.store.compact()
    fixture.clock.advance(nanoseconds: 3 * Self.day)
    let first = try fixture.store.compact()
    #expect(first.merges == 0 && first.droppedEvents == 0)
    #expect(
      try fixture.store.facts().state.horizons[fixture.activity] != nil, "it stands whatever is written")
    for card in 0..<30 { try fixture.push("c\(card)", 3) }
    #expect(try fixture.store.compact().merges == 0)
    fixture.clock.advance(nanoseconds: 3 * Self.day)
    let report = try fixture.store.compact()
    #expect(report.merges == 1 && report.droppedEvents == 50)
    #expect(try fixture.packedEvents().count == 60)
    for card in 0..<60 {
      let value: Int64 = card < 30 ? 3 : 1
      #expect(try fixture.read("c\(card)").first?.value == .int64(value))
    }
  }

  @Test("keys that no two runs share are written again a few times only, however often they are looked at")
  func amplification() throws {
    let fixture = try StoreFixture.compacting(
      StoreFixture.text.replacing("ttl: 30d", with: "ttl: none\n    history: none"))
    for round in 0..<16 {
      for card in 0..<20 { try fixture.push("c\(round).\(card)", 1) }
      fixture.clock.advance(nanoseconds: Self.day + 1)
      try fixture.store.compact()
    }
    let report = fixture.store.statistics.compaction
    #expect(report.events == 320 && report.droppedEvents == 0)
    #expect(try fixture.packedEvents().count == 320)
    let runs = fixture.store.statistics.history.runs
    #expect(report.merges <= 16, "\(report)")
    #expect(report.writeAmplification < 12, "\(report)")
    print(
      "16 packs of new keys: \(report.merges) merges, \(runs) runs left, \(report.writeAmplification) written for 1"
    )
  }

  @Test("the store does so by itself", .timeLimit(.minutes(2)))
  func byItself() throws {
    let fixture = try StoreFixture.compacting(Self.lasting) { $0.compacts = true }
    for round in 0..<3 { for card in 0..<30 { try fixture.push("c\(card)", Int64(round)) } }
    try fixture.store.compact()
    fixture.clock.advance(nanoseconds: 4 * Self.day)
    while fixture.store.statistics.compaction.merges == 0 { _ = try fixture.read("c1") }
    #expect(fixture.store.statistics.compaction.droppedEvents == 60)
  }
}
