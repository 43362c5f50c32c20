// What is damaged holds up nothing but itself: the newest rows are served as long as the index has them, what a person gives up is written
// again as far as the index says it, and what is lost is said for good.

import ApusBytes
import ApusContracts
import ApusHistory
import ApusLog
import ApusStore
import ApusSystem
import ApusTestSupport
import Testing

@Suite("A store with damage that is accepted")
struct HealingTests {
  private static let cards = (0..<40).map { "c\($0)" }

  /// Two runs and two ledgers, and what every card says.
  private func packed() throws -> (StoreFixture, [[FeatureTable.Cell]]) {
    let fixture = try StoreFixture.compacting()
    for round in 0..<2 {
      for (place, card) in Self.cards.enumerated() where round == 0 || place % 2 == 0 {
        try fixture.push(card, Int64(100 * round + place))
      }
      try fixture.store.compact()
    }
    return (fixture, try reads(fixture))
  }

  private func reads(_ fixture: StoreFixture) throws -> [[FeatureTable.Cell]] {
    try Self.cards.map { try fixture.read($0) }
  }

  /// Everything but the stamp, whose LSN is another when a value was written again.
  private func values(_ cells: [[FeatureTable.Cell]]) -> [[String]] {
    cells.map { row in
      row.map {
        "\($0.status) \($0.value.map { "\($0)" } ?? "-") \($0.stamp.map { "\($0.eventTime)" } ?? "-")"
      }
    }
  }

  private func files(_ fixture: StoreFixture, _ kind: FileKind) -> [FileRecord] {
    fixture.store.log.view.history.filter { $0.kind == kind }.sorted { $0.first < $1.first }
  }

  private func flip(_ fixture: StoreFixture, _ name: String, at byte: (Int) -> Int) throws {
    let file = try RealDisk().open("\(fixture.path)/\(name)", .readWrite)
    defer { file.close() }
    let bytes = try file.readAll()
    let flipped = [bytes[byte(bytes.count)] ^ 1]
    try file.writeAll(unsafe flipped.span.bytes, at: UInt64(byte(bytes.count)))
  }

  private func history(
    _ fixture: StoreFixture, _ card: String, _ moment: PastMoment = .newest
  ) throws -> HistoryPage {
    var key = KeyEncoder()
    try key.append(string: card)
    let view = try #require(fixture.store.catalog[fixture.activity])
    return try fixture.store.past(moment).history(of: view, key: key.bytes, HistoryQuestion(limit: 100))
  }

  private func isFlagged(_ fixture: StoreFixture, _ card: String) throws -> Bool {
    let service = try #require(VersionedName(spelling: "score"))
    let vector = try fixture.store.vector(service: service, in: "shop")
    var keys = RequestKeys(for: vector)
    try keys.append(named: ["card_id": .string(card)])
    var reader = try fixture.store.reader()
    return try reader.table(vector, keys).moment.isFlagged
  }

  private func giveUp(_ fixture: StoreFixture, _ name: String) throws -> GivingUp {
    var random = SplitMix64(seed: 5)
    return try Store.giveUp(name, in: fixture.path, clock: fixture.clock, random: &random)
  }

  @Test(
    "serves the newest rows without a run or a ledger, flagged, while the past refuses by the file's name")
  func missing() throws {
    let (fixture, before) = try packed()
    for record in [files(fixture, .run)[1], files(fixture, .ledger)[1]] {
      try fixture.store.close()
      let path = "\(fixture.path)/\(record.name)"
      try RealDisk().rename(path, to: fixture.folder.path("kept"))
      try fixture.reopen()
      #expect(try reads(fixture) == before)
      #expect(fixture.store.health.missing == [record.name])
      #expect(try isFlagged(fixture, "c1"))
      try fixture.push("other", 1)
      if record.kind == .run {
        do {
          _ = try history(fixture, "c0")
          Issue.record("the past was answered without \(record.name)")
        } catch StoreError.history(let error) {
          #expect(error.path == path)
        }
      }
      try fixture.store.close()
      try RealDisk().rename(fixture.folder.path("kept"), to: path)
      try fixture.reopen()
      #expect(fixture.store.health.missing == [])
      #expect(try history(fixture, "c0").entries.count == 2)
    }
  }

  @Test("without an index, too, nothing is made up: it does not open, and names the file")
  func missingWithoutIndex() throws {
    let (fixture, _) = try packed()
    let record = files(fixture, .run)[1]
    try fixture.store.close()
    FolderImage.remove(fixture.indexFolder)
    try RealDisk().rename("\(fixture.path)/\(record.name)", to: fixture.folder.path("kept"))
    do {
      try fixture.reopen()
      Issue.record("a store was made of half its history")
    } catch StoreError.history(let error) {
      #expect(error.path == "\(fixture.path)/\(record.name)")
    }
  }

  @Test(
    "a damaged run is given up: every newest row stays, also when the index is made anew, and what is lost is noted"
  )
  func run() throws {
    let (fixture, before) = try packed()
    let run = files(fixture, .run)[1]
    try fixture.store.close()
    try flip(fixture, run.name) { _ in 40 }
    guard case .done(let note, let rescue?, let place?) = try giveUp(fixture, run.name) else {
      Issue.record("it was not given up")
      return
    }
    #expect(note.lost == 20 && note.isHeld && note.lsns.first == run.first)
    #expect(rescue == Rescue(rows: 20, events: 20))
    #expect(try RealDisk().entry(at: "\(fixture.path)/\(place)") != nil, "moved aside, not deleted")
    try fixture.reopen()
    #expect(values(try reads(fixture)) == values(before))
    #expect(try !isFlagged(fixture, "c0"), "the newest rows lack nothing")
    let page = try history(fixture, "c0")
    #expect(page.entries.count == 2 && page.moment.isFlagged, "what was first, and what was written again")
    let rows = try reads(fixture)
    try fixture.rebuild()
    #expect(try reads(fixture) == rows)
    #expect(try giveUpIsUnknown(fixture, run.name))
  }

  private func giveUpIsUnknown(_ fixture: StoreFixture, _ name: String) throws -> Bool {
    try fixture.store.close()
    defer { try? fixture.reopen() }
    if case .unknown = try giveUp(fixture, name) { return true }
    return false
  }

  @Test(
    "a run is given up without an index: the store is made of what is left, and says so for as long as it matters"
  )
  func runWithoutIndex() throws {
    let (fixture, before) = try packed()
    let run = files(fixture, .run)[1]
    try fixture.store.close()
    FolderImage.remove(fixture.indexFolder)
    try flip(fixture, run.name) { _ in 40 }
    guard case .done(let note, nil, _) = try giveUp(fixture, run.name) else {
      Issue.record("it was not given up")
      return
    }
    #expect(!note.isHeld)
    try fixture.reopen()
    let after = try reads(fixture)
    #expect(values(Array(after[1...1])) == values(Array(before[1...1])), "of its events none was lost")
    #expect(after[0].first?.value == .int64(0), "the older value")
    #expect(try isFlagged(fixture, "c0") && isFlagged(fixture, "c1"))
    fixture.clock.advance(nanoseconds: 1_000_000_000)
    try fixture.push("c0", 7)
    #expect(try !isFlagged(fixture, "c0"), "nothing that is lost is newer")
    #expect(try isFlagged(fixture, "c2"))
    try fixture.closeAndReopen()
    #expect(try !isFlagged(fixture, "c0") && isFlagged(fixture, "c2"))
  }

  @Test("any ledger can be given up while the index is whole, and history goes on", arguments: [0, 1])
  func ledger(_ which: Int) throws {
    let (fixture, before) = try packed()
    let ledger = files(fixture, .ledger)[which]
    try fixture.push("c5", 500)
    let rows = try reads(fixture)
    #expect(rows.count == before.count)
    try fixture.store.close()
    try flip(fixture, ledger.name) { $0 / 2 }
    guard case .done(let note, _, _) = try giveUp(fixture, ledger.name) else {
      Issue.record("it was not given up")
      return
    }
    #expect(note.file == ledger.id)
    try fixture.reopen()
    #expect(try reads(fixture) == rows)
    try fixture.push("c6", 600)
    let newer = try reads(fixture)
    try fixture.store.compact()
    try fixture.rebuild()
    #expect(try reads(fixture) == newer)
    #expect(fixture.store.catalog.registry.projects.count == 1)
  }

  /// The damage that compaction meets.
  private func obstacle(_ fixture: StoreFixture) throws(StoreError) -> Damage? {
    do throws(StoreError) { try fixture.store.compact() } catch {
      guard case .log(.damaged(let damage)) = error else { throw error }
      return damage
    }
    return nil
  }

  @Test("what can be read is packed and merged around what cannot, and the trouble is told")
  func around() throws {
    let fixture = try StoreFixture.compacting { $0.packByteCountMax = 1 }
    var lsns: [LSN] = []
    for place in 0..<400 { lsns.append(try fixture.push("c\(place % 40)", Int64(place)).frame.lsns.last) }
    try fixture.store.checkpoint()
    let finished = fixture.store.log.view.finished
    try #require(finished.count >= 4)
    let bad = finished[2]
    let middle = try #require(lsns.first { $0 >= bad.record.first })
    let at = try fixture.frame(of: middle).offset
    try fixture.store.close()
    try flip(fixture, bad.record.name) { _ in Int(at) + Format.frameHeaderByteCount + 9 }
    try fixture.reopen()
    #expect(try obstacle(fixture)?.lsns.contains(middle) == true)
    #expect(fixture.store.log.view.floor == bad.record.first, "all that is before it is history")
    #expect(fixture.store.statistics.compactionTrouble != nil)
  }

  /// Whether an answer that carries what is visible now can be repeated.
  private func isReadable(_ fixture: StoreFixture) throws -> Bool {
    let read = ReadTime(nanoseconds: fixture.now.nanoseconds)
    return try fixture.store.past(.lsn(fixture.store.visible, at: read)).moment.lsn == fixture.store.visible
  }

  @Test("what is visible can be read again, after any number of unclean starts", arguments: [false, true])
  func unclean(isPacked: Bool) throws {
    let fixture = try StoreFixture.compacting()
    try fixture.push("c1", 1)
    if isPacked { try fixture.store.compact() }
    let last = fixture.store.visible
    for _ in 0..<3 {
      try fixture.killAndReopen()
      #expect(fixture.store.visible == last)
      #expect(try isReadable(fixture))
    }
    try fixture.push("c1", 2)
    #expect(try isReadable(fixture))
  }

  @Test("what is visible is no lost LSN, when the loss of the log's last records was accepted")
  func lossAtTheEnd() throws {
    let fixture = try StoreFixture.compacting()
    let first = try fixture.push("c1", 1).frame.lsns.last
    let lost = try fixture.push("c1", 2).frame.lsns
    let frame = try fixture.frame(of: lost.first)
    let segment = try #require(fixture.store.log.view.segments.last { $0.record.first <= lost.first })
    try fixture.store.close()
    FolderImage.remove(fixture.indexFolder)
    try flip(fixture, segment.record.name) { _ in Int(frame.offset) + Format.frameHeaderByteCount + 9 }
    try fixture.reopen()
    #expect(fixture.store.report.losses == [lost])
    try fixture.store.close()
    var random = SplitMix64(seed: 5)
    let outcome = try Store.acceptLoss(
      of: lost, lost: [lost], in: fixture.path, clock: fixture.clock, random: &random)
    #expect(!outcome.isHeld)
    for _ in 0..<2 {
      try fixture.reopen()
      #expect(fixture.store.visible == first)
      #expect(try isReadable(fixture))
      #expect(try isFlagged(fixture, "c1") && isFlagged(fixture, "never seen"))
      try fixture.store.close()
    }
  }

  @Test("a read of the past before the damage in its segment is answered, one behind it refused")
  func beforeDamage() throws {
    let fixture = try StoreFixture.compacting()
    let first = try fixture.push("a", 1).frame.lsns.last
    let second = try fixture.push("a", 2).frame.lsns
    var others = 0
    while fixture.store.log.view.finished.isEmpty {
      others += 1
      try fixture.push("other\(others)", 7)
    }
    let frame = try fixture.frame(of: second.first)
    let name = try #require(fixture.store.log.view.finished.first?.record.name)
    try fixture.closeAndReopen()
    try flip(fixture, name) { _ in Int(frame.offset) + Format.frameHeaderByteCount + 9 }
    let read = ReadTime(nanoseconds: fixture.now.nanoseconds)
    for _ in 0..<2 {
      #expect(try history(fixture, "a", .lsn(first, at: read)).entries.count == 1)
      #expect(throws: StoreError.self) { try history(fixture, "a") }
    }
  }

  @Test(
    "an acceptance that was cut off before the log was history is flagged until compaction ends it, and an erasure that was lost stands"
  )
  func cutOff() throws {
    let fixture = try StoreFixture.compacting()
    try fixture.push("c1", 1)
    let key = ErasedKey(name: "card_id", value: .string("c1"))
    let lost = try fixture.store.erase([key], in: "shop").lsns
    try fixture.push("c2", 2)
    try fixture.store.checkpoint()
    let frame = try fixture.frame(of: lost.first)
    let segment = try #require(fixture.store.log.view.segments.first { $0.record.first <= lost.first })
    try fixture.store.close()
    try flip(fixture, segment.record.name) { _ in Int(frame.offset) + Format.frameHeaderByteCount + 9 }
    // As `Store.acceptLoss` does it, up to a kill.
    var random = SplitMix64(seed: 5)
    _ = try Log.acceptLoss(
      of: lost, held: true, in: fixture.path, on: RealDisk(), clock: fixture.clock, random: &random
    ) { _ in lost.last }
    try fixture.reopen()
    #expect(try fixture.read("c1").first?.reason == .erased)
    #expect(try isFlagged(fixture, "c2"))
    try fixture.store.compact()
    try fixture.closeAndReopen()
    #expect(try !isFlagged(fixture, "c2"))
    try fixture.rebuild()
    #expect(try fixture.read("c1").first?.reason == .erased)
    #expect(try fixture.read("c2").first?.value == .int64(2))
  }

  @Test(
    "a loss below the checkpoint is accepted: the newest rows and the definitions stay, the LSNs are lost for good",
    arguments: [0, 5])
  func below(_ place: Int) throws {
    let fixture = try StoreFixture.compacting()
    var frames: [FrameMoment] = []
    for card in Self.cards {
      frames.append(try fixture.push(card, Int64(frames.count)).frame)
      fixture.clock.advance(nanoseconds: 1_000)
    }
    try fixture.store.checkpoint()
    let before = try reads(fixture)
    // The definitions have the first LSN of all.
    let lost = place == 0 ? LSNRange(.first, through: .first) : frames[place].lsns
    let frame = try fixture.frame(of: lost.first)
    let segment = try #require(fixture.store.log.view.segments.first { $0.record.first <= lost.first })
    try fixture.store.close()
    try flip(fixture, segment.record.name) { _ in Int(frame.offset) + Format.frameHeaderByteCount + 9 }
    var random = SplitMix64(seed: 5)
    let outcome = try Store.acceptLoss(
      of: lost, lost: [lost], in: fixture.path, clock: fixture.clock, random: &random)
    #expect(outcome.isHeld && outcome.trouble == nil)
    #expect(outcome.rescue == Rescue(rows: place == 0 ? 0 : 1, events: place == 0 ? 0 : 1))
    #expect(outcome.log.accepted.map(\.lsns) == [lost])
    try fixture.reopen()
    #expect(fixture.store.report.losses == [])
    #expect(fixture.store.log.view.finished.isEmpty, "all of it is history")
    let rows = try reads(fixture)
    #expect(values(rows) == values(before))
    let read = ReadTime(nanoseconds: fixture.now.nanoseconds)
    #expect(throws: StoreError.lsnLost(lost.first, lost)) {
      try fixture.store.past(.lsn(lost.first, at: read))
    }
    let page = try history(fixture, Self.cards[place])
    #expect(page.entries.count == 1 && page.moment.isFlagged)
    if place > 0 {
      let again = try #require(page.entries.first)
      // Known when the next frame was appended, at the latest.
      #expect(again.event.knownAt.nanoseconds == frames[place + 1].time.nanoseconds)
      #expect(try !isFlagged(fixture, Self.cards[place]))
    }
    try fixture.rebuild()
    #expect(try reads(fixture) == rows)
    try fixture.push("c1", 77)
    #expect(try fixture.read("c1").first?.value == .int64(77))
  }

  @Test("all of a long log becomes history behind an accepted loss part by part, in one edit")
  func longLog() throws {
    let fixture = try StoreFixture.compacting {
      $0.packByteCountMax = 20_000
      $0.mergeRunsMin = 1_000
    }
    var lsns: [LSNRange] = []
    for place in 0..<400 { lsns.append(try fixture.push("c\(place % 40)", Int64(place)).frame.lsns) }
    try fixture.store.checkpoint()
    let before = try reads(fixture)
    let segments = fixture.store.log.view.finished.count
    try #require(segments > 6)
    let lost = lsns[5]
    let frame = try fixture.frame(of: lost.first)
    let segment = try #require(fixture.store.log.view.segments.last { $0.record.first <= lost.first })
    try fixture.store.close()
    try flip(fixture, segment.record.name) { _ in Int(frame.offset) + Format.frameHeaderByteCount + 9 }
    // As `Store.acceptLoss` does it, but for how much one pack may have.
    var random = SplitMix64(seed: 5)
    _ = try Log.acceptLoss(
      of: lost, held: true, in: fixture.path, on: RealDisk(), clock: fixture.clock, random: &random
    ) { _ in lost.last }
    try fixture.reopen()
    try fixture.store.compact()
    #expect(fixture.store.log.view.finished.isEmpty && fixture.store.statistics.compaction.packs == 1)
    #expect(files(fixture, .ledger).count == 1)
    let runs = files(fixture, .run)
    #expect(runs.count >= segments / 3, "\(runs.count) runs of \(segments) segments")
    #expect(try reads(fixture) == before)
    try fixture.rebuild()
    #expect(try reads(fixture) == before)
    let page = try history(fixture, "c1")
    #expect(page.entries.map(\.event.lsn) == (0..<10).map { lsns[1 + 40 * $0].first })
  }

  @Test("a file is given up again after a kill that left its replacement half made")
  func halfMade() throws {
    let (fixture, before) = try packed()
    let ledger = files(fixture, .ledger)[0]
    try fixture.store.close()
    try flip(fixture, ledger.name) { $0 / 2 }
    let image = try FolderImage(of: fixture.path)
    _ = try giveUp(fixture, ledger.name)
    let names = try RealDisk().names(in: fixture.path + "/history")
    let made = try #require(names.first { image.files["/history/" + $0] == nil })
    try image.write(to: fixture.path)
    let half = try RealDisk().open("\(fixture.path)/history/\(made).tmp", .create)
    half.close()
    guard case .done = try giveUp(fixture, ledger.name) else {
      Issue.record("it was not given up")
      return
    }
    try fixture.reopen()
    #expect(values(try reads(fixture)) == values(before))
  }
}

extension StoreFixture {
  /// The frame that holds an LSN, where it lies in its segment.
  fileprivate func frame(of lsn: LSN) throws -> FrameHeader {
    var scanner = try store.log.scan(from: lsn)
    let found = try scanner.next()
    return try #require(found)
  }
}
