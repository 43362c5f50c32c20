// What a pin promises: the moment that it keeps is read as it was, whatever compaction does; and once it is gone, so is what it held.

import ApusBytes
import ApusContracts
import ApusHistory
import ApusLog
import ApusStore
import ApusSystem
import ApusTestSupport
import Testing

extension StoreFixture {
  static let day: UInt64 = 86_400_000_000_000

  /// Every cell of these cards at a moment, with its value's bytes.
  func reads(_ moment: PastMoment, _ cards: Range<Int> = 0..<12) throws -> [String] {
    let read = try store.past(moment)
    let name = try #require(VersionedName(spelling: "activity"))
    let vector = try read.catalog.vector(of: try #require(read.catalog.view(name, in: "shop")), in: "shop")
    var keys = RequestKeys(for: vector)
    for card in cards { try keys.append(named: ["card_id": .string("c\(card)")]) }
    var found: [String: String] = [:]
    try read.read(vector, keys) { row, feature, cell, value in
      found["\(row).\(feature.column)"] = "\(cell) \(value.copied())"
    }
    return found.sorted { $0.key < $1.key }.map { "\($0.key): \($0.value)" }
  }

  func pinned(_ name: String) throws -> PastMoment { try store.moment(ofPin: name) }
}

@Suite("Pins")
struct PinTests {
  static let forgetful = StoreFixture.text.replacing("ttl: 30d", with: "ttl: none\n    history: none")

  private func filled(_ fixture: StoreFixture, _ round: Int) throws {
    for card in 0..<12 {
      try fixture.push("c\(card)", Int64(round * 100 + card))
      fixture.clock.advance(nanoseconds: 1_000)
    }
  }

  private func refusal(_ body: () throws -> Void) -> StoreError? {
    do { try body() } catch { return error as? StoreError }
    return nil
  }

  @Test(
    "its moment is read byte for byte as before, after packs, merges, horizons and restarts; released, it is gone"
  )
  func keeps() throws {
    let fixture = try StoreFixture.compacting(Self.forgetful) { $0.mergeRunsMin = 2 }
    try filled(fixture, 0)
    try filled(fixture, 1)
    let pin = try fixture.store.pin(PinWish(name: "audit", note: "why", period: nil))
    let before = try fixture.reads(fixture.pinned("audit"))
    for round in 2..<6 {
      try filled(fixture, round)
      fixture.clock.advance(nanoseconds: StoreFixture.day + 1)
      try fixture.store.compact()
      #expect(try fixture.reads(fixture.pinned("audit")) == before, "round \(round)")
    }
    let held = try #require(try fixture.store.facts().state.horizons[fixture.activity])
    #expect(held.through <= pin.last && held.moment.nanoseconds <= pin.moment.nanoseconds)
    #expect(held.through > .none, "it rises up to the pin")
    let listed = try fixture.store.facts().state.pins.listed
    #expect(listed == [pin] && pin.note == "why")
    try fixture.closeAndReopen()
    #expect(try fixture.reads(fixture.pinned("audit")) == before)
    try fixture.rebuild()
    #expect(try fixture.store.facts().state.pins.listed == listed)
    #expect(try fixture.reads(fixture.pinned("audit")) == before)
    // Of what came before the pin only its winners are left: it holds one moment, and no history.
    #expect(try fixture.packedEvents().values.filter { $0.head.lsn <= pin.last }.count == 12)

    let moment = try fixture.pinned("audit")
    #expect(try fixture.store.unpin("audit") == pin)
    fixture.clock.advance(nanoseconds: StoreFixture.day + 1)
    let report = try fixture.store.compact()
    #expect(report.droppedEvents > 0)
    let horizon = try #require(try fixture.store.facts().state.horizons[fixture.activity])
    #expect(horizon.through > pin.last)
    #expect(
      refusal { _ = try fixture.reads(moment) }
        == .historyGone(pin.last, view: "activity@1", from: horizon.through))
    #expect(refusal { _ = try fixture.store.unpin("audit") } == .unknownPin("audit"))
    #expect(refusal { _ = try fixture.pinned("audit") } == .unknownPin("audit"))
    #expect(try fixture.packedEvents().count == 12)
  }

  @Test("a moment is named by an LSN or a time, and is the same in the log and below its floor")
  func moments() throws {
    let fixture = try StoreFixture.compacting()
    let first = try fixture.push("c0", 1).frame
    fixture.clock.advance(nanoseconds: 1_000)
    let second = try fixture.push("c0", 2).frame
    fixture.clock.advance(nanoseconds: 1_000)
    for round in 0..<2 {
      let at = try fixture.store.pin(PinWish(name: "lsn\(round)", moment: .lsn(first.lsns.last)))
      #expect(at.last == first.lsns.last && at.moment == first.time)
      let between = WallTime(nanoseconds: second.time.nanoseconds - 1)
      let by = try fixture.store.pin(PinWish(name: "time\(round)", moment: .time(between)))
      #expect(by.last == first.lsns.last && by.moment == between)
      let then = try fixture.store.pin(PinWish(name: "then\(round)", moment: .time(second.time)))
      #expect(then.last == second.lsns.last)
      try fixture.store.compact()
      #expect(fixture.store.log.view.floor > second.lsns.last)
    }
    #expect(try fixture.reads(fixture.pinned("lsn1")) == fixture.reads(fixture.pinned("lsn0")))
  }

  @Test("what cannot be pinned is refused, each by its reason, and nothing is logged")
  func refused() throws {
    let fixture = try StoreFixture.compacting(Self.forgetful) { $0.mergeRunsMin = 2 }
    let start = fixture.clock.wall()
    fixture.clock.advance(nanoseconds: 1_000)
    try filled(fixture, 0)
    try filled(fixture, 1)
    let early = fixture.clock.wall()
    try fixture.killAndReopen()
    try filled(fixture, 2)
    func pin(_ wish: PinWish) -> StoreError? { refusal { _ = try fixture.store.pin(wish) } }
    #expect(pin(PinWish(name: "a")) == nil)
    let visible = fixture.store.visible
    #expect(pin(PinWish(name: "a")) == .pinExists("a", last: visible.previous))
    #expect(pin(PinWish(name: "")) == .badPinName(""))
    #expect(pin(PinWish(name: "a\nb")) == .badPinName("a\nb"))
    #expect(
      pin(PinWish(name: "b", note: String(repeating: "x", count: 1_025)))
        == .pinNoteTooLong(byteCount: 1_025, max: 1_024))
    let ahead = LSN(visible.rawValue + 1)
    #expect(pin(PinWish(name: "b", moment: .lsn(ahead))) == .notYet(ahead, visible: visible))
    let later = WallTime(nanoseconds: fixture.clock.wall().nanoseconds + 1)
    #expect(
      pin(PinWish(name: "b", moment: .time(later))) == .momentAhead(later, now: fixture.clock.wall()))
    let before = WallTime(nanoseconds: start.nanoseconds - 1_000_000)
    #expect(pin(PinWish(name: "b", moment: .time(before))) == .nothingBy(before))
    #expect(
      pin(PinWish(name: "b", views: [ViewVersionID(9)])).map { "\($0)" }?.contains("no view version 9")
        == true)
    // What a kill skipped has no record.
    let gap = try #require(fixture.store.log.view.gaps.last)
    #expect(pin(PinWish(name: "b", moment: .lsn(gap.first))) == .lsnLost(gap.first, gap))
    #expect(fixture.store.visible == visible)

    _ = try fixture.store.unpin("a")
    fixture.clock.advance(nanoseconds: StoreFixture.day + 1)
    try fixture.store.compact()
    let horizon = try #require(try fixture.store.facts().state.horizons[fixture.activity])
    #expect(
      pin(PinWish(name: "b", moment: .lsn(LSN(3))))
        == .historyGone(LSN(3), view: "activity@1", from: horizon.through))
    guard case .historyGone = pin(PinWish(name: "b", moment: .time(early))) else {
      Issue.record("a time before the horizon is pinned")
      return
    }
    // A view that keeps its history is not in the way.
    #expect(pin(PinWish(name: "b")) == nil)
  }

  @Test("one whose time is over is let go of by compaction, and its name is free")
  func expires() throws {
    let fixture = try StoreFixture.compacting(Self.forgetful) { $0.mergeRunsMin = 2 }
    try filled(fixture, 0)
    let day = Int64(StoreFixture.day)
    let pin = try fixture.store.pin(PinWish(name: "brief", period: 3 * day))
    #expect(pin.expires == WallTime(nanoseconds: pin.since.nanoseconds + 3 * day))
    _ = try fixture.store.pin(PinWish(name: "briefer", period: day))
    fixture.clock.advance(nanoseconds: StoreFixture.day)
    // The name is free again before anything is compacted.
    _ = try fixture.store.pin(PinWish(name: "briefer", period: 4 * day))
    _ = try fixture.store.unpin("briefer")
    try filled(fixture, 1)
    fixture.clock.advance(nanoseconds: StoreFixture.day + 1)
    try fixture.store.compact()
    #expect(try fixture.store.facts().state.horizons[fixture.activity]?.through ?? .none <= pin.last)
    fixture.clock.advance(nanoseconds: 2 * StoreFixture.day)
    try fixture.store.compact()
    #expect(try fixture.store.facts().state.pins.isEmpty)
    #expect(try #require(try fixture.store.facts().state.horizons[fixture.activity]).through > pin.last)
    try fixture.rebuild()
    #expect(try fixture.store.facts().state.pins.isEmpty)
  }

  @Test("a pin of one view holds that one alone, and tells what it costs")
  func ofOneView() throws {
    let text = StoreFixture.text.replacing(
      "services:",
      with:
        "  other:\n    entity: card\n    ttl: none\n    history: none\n    features:\n      count: {type: int64}\nservices:"
    ).replacing("ttl: 30d", with: "ttl: none\n    history: none")
    let fixture = try StoreFixture.compacting(text) { $0.mergeRunsMin = 2 }
    let other = try #require(fixture.store.catalog.view(VersionedName(name: "other"), in: "shop"))
    func push(_ round: Int) throws {
      try filled(fixture, round)
      var batch = fixture.store.batch()
      try batch.turn(to: other)
      for card in 0..<12 {
        batch.upsert(key: [.string("c\(card)")], GivenTimes(), [.value(.int64(Int64(round)))])
      }
      _ = try fixture.store.append(batch.admitted())
    }
    try push(0)
    let pin = try fixture.store.pin(PinWish(name: "one", views: [fixture.activity]))
    #expect(try fixture.store.facts().pinHolds(at: fixture.clock.wall()).map(\.holds) == [[]])
    for round in 1..<4 {
      try push(round)
      fixture.clock.advance(nanoseconds: StoreFixture.day + 1)
      try fixture.store.compact()
    }
    let facts = try fixture.store.facts()
    #expect(try #require(facts.state.horizons[other.id]).through > pin.last)
    #expect(try #require(facts.state.horizons[fixture.activity]).through <= pin.last)
    let holds = try #require(try facts.pinHolds(at: fixture.clock.wall()).first?.holds)
    #expect(holds.map(\.view) == [fixture.activity])
    let kept = try fixture.packedEvents().values.filter { $0.head.viewVersion == fixture.activity }
    let hold = try #require(holds.first)
    #expect(hold.runs > 0 && hold.byteCount > 0 && hold.wanted == fixture.clock.wall())
    // A bound: not fewer than the events behind it that could go.
    let behind = kept.filter { $0.head.lsn > pin.last }.count
    #expect(hold.events >= UInt64(behind - 12) && behind == 36)
  }

  @Test("an erasure is stronger than a pin")
  func erased() throws {
    let fixture = try StoreFixture.compacting()
    try filled(fixture, 0)
    _ = try fixture.store.pin(PinWish(name: "audit"))
    let before = try fixture.reads(fixture.pinned("audit"))
    _ = try fixture.store.erase([ErasedKey(name: "card_id", value: .string("c3"))], in: "shop")
    try fixture.store.compact(erasing: true)
    let after = try fixture.reads(fixture.pinned("audit"))
    #expect(zip(before, after).filter { $0 != $1 }.count == 3)
    #expect(try fixture.packedEvents().count == 11)
  }

  @Test(
    "a pin that was acknowledged holds after a cut at any call of the disk, and one that was let go of is gone"
  )
  func cut() throws {
    func make(_ disk: SimulatedDisk) throws -> StoreFixture {
      try StoreFixture.compacting(Self.forgetful, on: disk) { $0.mergeRunsMin = 2 }
    }
    var acknowledged: Set<String> = []
    var released: Set<String> = []
    var before: [String] = []
    func story(_ fixture: StoreFixture) throws {
      (acknowledged, released, before) = ([], [], [])
      try filled(fixture, 0)
      _ = try fixture.store.pin(PinWish(name: "first"))
      acknowledged.insert("first")
      before = try fixture.reads(fixture.pinned("first"))
      for round in 1..<3 {
        try filled(fixture, round)
        fixture.clock.advance(nanoseconds: StoreFixture.day + 1)
        try fixture.store.compact()
        _ = try fixture.store.pin(PinWish(name: "round\(round)"))
        acknowledged.insert("round\(round)")
      }
      released.insert("round1")
      _ = try fixture.store.unpin("round1")
      acknowledged.remove("round1")
      try fixture.store.compact()
    }
    let whole = SimulatedDisk(seed: 5)
    let reference = try make(whole)
    let first = whole.calls.total
    try story(reference)
    let last = whole.calls.total
    var cuts = 0
    for number in stride(from: first + 1, through: last, by: 7) {
      let disk = SimulatedDisk(seed: 5)
      let fixture = try make(disk)
      disk.failPower(beforeCall: number)
      do { try story(fixture) } catch is StoreError {}
      fixture.store.abandon()
      try fixture.reopen(on: disk.crash(seed: UInt64(number)))
      cuts += 1
      let there = Set(try fixture.store.facts().state.pins.listed.map(\.name))
      #expect(there.isSuperset(of: acknowledged.subtracting(released)), "call \(number)")
      if !released.isEmpty, !acknowledged.contains("round1") {
        #expect(!there.contains("round1"), "call \(number)")
      }
      fixture.clock.advance(nanoseconds: StoreFixture.day + 1)
      try fixture.store.compact()
      if there.contains("first"), !before.isEmpty {
        #expect(try fixture.reads(fixture.pinned("first")) == before, "call \(number)")
      }
    }
    print("\(cuts) cuts in \(last - first) calls: no pin lost, none risen again")
  }
}
