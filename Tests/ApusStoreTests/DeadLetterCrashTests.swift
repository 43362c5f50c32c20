// The power fails, or the process is killed, at each call of the disk that a replay or a purge of several frames makes.

import ApusBytes
import ApusContracts
import ApusIndex
import ApusLog
import ApusStore
import ApusSystem
import ApusTestSupport
import Testing

@Suite("Dead letters, and a power that fails while they are handled")
struct DeadLetterCrashTests {
  private static let letterCount = 9

  /// A store of nine letters, which the definitions in force would admit.
  private final class Life {
    let folder: TemporaryFolder
    var disk: SimulatedDisk
    let clock = SimulatedClock()
    var options = StoreOptions()
    var random = SplitMix64(seed: 7)
    var store: Store
    let before: LSN

    init(seed: UInt64) throws {
      folder = try TemporaryFolder("apus-letters", inMemory: true)
      disk = SimulatedDisk(seed: seed, folders: ["store"])
      options.scrubPeriodNanoseconds = nil
      options.diskReserveByteCount = 0
      options.log.segmentByteCount = 1 << 16
      options.index.mapByteCount = 1 << 26
      options.lettersOfFrameMax = 4
      store = try Store.open(
        "store", on: disk, indexes: folder.path, clock: clock, random: &random, options: options)
      _ = try store.apply(StoreFixture.definition(StoreFixture.text))
      for round in 0..<3 {
        var batch = store.batch()
        try batch.turn(to: try #require(store.catalog.view(VersionedName(name: "activity"), in: "shop")))
        for card in 0..<(letterCount / 3) {
          batch.upsert(key: [.string("c\(round)\(card)")], GivenTimes(), StoreFixture.letter)
        }
        _ = try store.append(batch.admitted())
        clock.advance(nanoseconds: 1_000)
      }
      let wider = StoreFixture.text.replacing("[buy, refund]", with: "[buy, refund, sell]")
      _ = try store.apply(StoreFixture.definition(wider), accepting: [.producers, .readers])
      before = store.visible
    }

    deinit { store.abandon() }

    func reopen(cut seed: UInt64?) throws {
      store.abandon()
      disk = seed.map { disk.crash(seed: $0) } ?? disk.killProcess()
      store = try Store.open(
        "store", on: disk, indexes: folder.path, clock: clock, random: &random, options: options)
    }

    func handle(_ isReplay: Bool) throws -> DeadLetterOutcome {
      try isReplay
        ? store.replayDeadLetters(DeadLetterSelection()) : store.purgeDeadLetters(DeadLetterSelection())
    }

    /// The log alone leads to the same state and rows.
    func demandReplay(_ what: String) throws {
      let hash = try store.stateHash()
      try store.close()
      for epoch in try IndexFolder.list(in: folder.path).ready {
        try IndexFolder(in: folder.path, epoch: epoch).remove()
      }
      store = try Store.open(
        "store", on: disk, indexes: folder.path, clock: clock, random: &random, options: options)
      #expect(try store.stateHash() == hash, "\(what)")
    }
  }

  @Test(
    "at any call each letter waits or is handled, whole frames of them, and the rest is handled once afterwards",
    arguments: [true, false], [nil, 1, 2, 3] as [UInt64?])
  func cut(isReplay: Bool, seed: UInt64?) throws {
    var call = 0
    var isWhole = false
    var kept: Set<Int> = []
    while !isWhole {
      call += 1
      try #require(call < 200)
      let what = "call \(call), seed \(seed.map { "\($0)" } ?? "of a kill")"
      let life = try Life(seed: seed ?? 0)
      life.disk.failPower(beforeCall: life.disk.calls.total + call)
      let outcome = try? life.handle(isReplay)
      isWhole = !life.disk.isOff
      life.disk.spare()
      let acknowledged = outcome?.handledCount ?? 0
      if let outcome, acknowledged < UInt64(Self.letterCount) {
        #expect(outcome.failure != nil && acknowledged > 0, "\(what): it ended early, and does not say why")
      }
      try life.reopen(cut: seed)
      #expect(life.store.report.losses == [], "\(what)")

      let waiting = try life.store.letters()
      let handled = Self.letterCount - waiting.count
      #expect(handled >= Int(acknowledged), "\(what): \(handled) handled, \(acknowledged) acknowledged")
      #expect([0, 4, 8, 9].contains(handled), "\(what): \(handled) handled")
      kept.insert(handled)
      try expectEvents(of: life, isReplay ? handled : 0, what)
      let sums = try life.store.facts().state.deadLetters
      #expect(sums.letters == UInt64(waiting.count), "\(what)")
      #expect(sums.byteCount == waiting.reduce(0) { $0 + $1.byteCount }, "\(what)")
      #expect(sums.oldest == waiting.first?.arrived, "\(what)")

      #expect(try life.handle(isReplay).handledCount == UInt64(waiting.count), "\(what)")
      #expect(try life.store.letters() == [], "\(what)")
      try expectEvents(of: life, isReplay ? Self.letterCount : 0, what)
      try life.demandReplay(what)
    }
    #expect(kept.contains(0) && kept.contains(9) && kept.count > 2, "\(kept)")
  }

  /// So many, each of another card.
  private func expectEvents(of life: Life, _ count: Int, _ what: String) throws {
    let events = try life.store.events(after: life.before)
    #expect(events.count == count, "\(what)")
    #expect(Set(events.map(\.key)).count == events.count, "\(what)")
  }
}
