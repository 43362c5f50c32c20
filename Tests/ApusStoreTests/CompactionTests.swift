// What compaction promises: history is in runs and ledgers, the log gives up what they have, and nothing that anybody may ask is another
// than before: not now, not after a restart, and not when the index is made anew from them.

import ApusBytes
import ApusContracts
import ApusHistory
import ApusLog
import ApusStore
import ApusSystem
import ApusTestSupport
import Testing

extension StoreFixture {
  /// A store with small segments that compacts when it is asked.
  static func compacting(
    _ text: String = StoreFixture.text, seed: UInt64 = 7, on simulated: SimulatedDisk? = nil,
    change: (inout StoreOptions) -> Void = { _ in }
  ) throws -> StoreFixture {
    try StoreFixture(text, seed: seed, on: simulated) { options in
      options.log.segmentByteCount = 8_192
      options.compacts = false
      change(&options)
    }
  }

  var indexFolder: String { simulated == nil ? path + "/index" : folder.path("index") }

  /// Opens the store again with an index that is made anew from all there is.
  func rebuild() throws {
    try store.close()
    FolderImage.remove(indexFolder)
    try reopen()
    #expect(store.report.index == .rebuilt(because: "there was none"))
  }

  var activity: ViewVersionID { ViewVersionID(1) }

  /// The events that runs hold, by LSN.
  func packedEvents() throws -> [LSN: HistoryEvent] {
    var found: [LSN: HistoryEvent] = [:]
    let view = store.log.view
    for record in view.history where record.kind == .run {
      let path = view.folder.at(record.name)
      let attributes = try RunAttributes(unsafe record.attributes.span.bytes, path: path)
      let subject = try #require(RunSubject(attributes.viewVersion, in: store.catalog.registry))
      let cursor = try options.runs.events(
        of: subject, first: record.first, attributes,
        as: HistoryFileID(store: view.storeID.bytes, file: record.id.rawValue),
        in: view.folder.disk.open(path, .read))
      while try cursor.advance() {
        let place = cursor.current
        #expect(
          found.updateValue(HistoryEvent(copying: place.event), forKey: place.head.lsn) == nil,
          "an event is in two runs")
      }
    }
    return found
  }

  /// The events that the log holds.
  func loggedEvents() throws -> [LSN: HistoryEvent] {
    var found: [LSN: HistoryEvent] = [:]
    var scanner = try store.log.scan(from: store.log.view.floor)
    while let frame = try scanner.next() {
      guard frame.type == .records else { continue }
      var walker = RecordWalker(scanner.payload, base: frame.lsns.first)
      while let record = try walker.next() {
        guard record.kind == .event else { continue }
        let event = try EventView(record.body, appendNanoseconds: frame.appendTime.nanoseconds)
        found[record.lsn] = HistoryEvent(
          HistoryEventHead(event, record.lsn), key: event.key.copied(), cells: event.cellBytes.copied())
      }
    }
    return found
  }

  /// All events, wherever they are; none is in both.
  func allEvents() throws -> [LSN: HistoryEvent] {
    try loggedEvents().merging(packedEvents()) { logged, _ in
      Issue.record("LSN \(logged.head.lsn) is in the log and in a run")
      return logged
    }
  }
}

@Suite("Compaction")
struct CompactionTests {
  private func filled(_ fixture: StoreFixture, _ rounds: Int = 3) throws {
    for round in 0..<rounds {
      for card in 0..<60 {
        try fixture.push("c\(card)", Int64(round * 100 + card))
        fixture.clock.advance(nanoseconds: 1_000)
      }
      _ = try fixture.store.append(
        fixture.batch([("bad\(round)", [.value(.int64(-1)), .absent, .absent])]))
    }
  }

  @Test("segments become runs and a ledger, and what is read and hashed stays the same")
  func packs() throws {
    let fixture = try StoreFixture.compacting()
    try filled(fixture)
    let before = try fixture.allEvents()
    let reads = try (0..<60).map { try fixture.read("c\($0)") }
    try fixture.store.checkpoint()
    let hash = try fixture.store.stateHash()
    // These were finished by the process that packs them; an opening finds them so.
    let finished = fixture.store.log.view.finished.compactMap(\.seal).reduce(0) { $0 + $1.byteCount }
    let report = try fixture.store.compact()
    #expect(report.packs == 1 && report.events == 180 && report.erasedEvents == 0)
    #expect(finished > 0 && report.takenByteCount >= finished)
    #expect(report.writeAmplification > 0 && report.writeAmplification < 10, "\(report)")
    let view = fixture.store.log.view
    #expect(view.floor > LSN(180) && view.finished.isEmpty)
    #expect(Set(view.history.map(\.kind)) == [.run, .ledger])
    #expect(try fixture.allEvents() == before)
    #expect(try fixture.store.stateHash() == hash)
    #expect(fixture.store.statistics.history.debtSegments == 0)
    #expect(fixture.store.statistics.history.views[fixture.activity]?.events == 180)
    try fixture.closeAndReopen()
    #expect(try fixture.store.stateHash() == hash)
    try fixture.rebuild()
    #expect(try fixture.store.stateHash() == hash)
    #expect(try (0..<60).map { try fixture.read("c\($0)") } == reads)
    #expect(try fixture.allEvents() == before)
    // It goes on where it was.
    try fixture.push("c1", 7)
    try fixture.rebuild()
    #expect(try fixture.read("c1").first?.value == .int64(7))
    #expect(try fixture.read("c2") == reads[2])
  }

  @Test("a run is read for a view version of its types, with features that came later, and for no other")
  func types() throws {
    let fixture = try StoreFixture.compacting()
    try filled(fixture, 1)
    try fixture.store.compact()
    let view = fixture.store.log.view
    let record = try #require(view.history.first { $0.kind == .run })
    let path = view.folder.at(record.name)
    let attributes = try RunAttributes(unsafe record.attributes.span.bytes, path: path)
    func count(_ change: (String) -> String) throws -> Int {
      let other = try StoreFixture(change(StoreFixture.text))
      let subject = try #require(RunSubject(fixture.activity, in: other.store.catalog.registry))
      let cursor = try fixture.options.runs.events(
        of: subject, first: record.first, attributes,
        as: HistoryFileID(store: view.storeID.bytes, file: record.id.rawValue),
        in: view.folder.disk.open(path, .read))
      var count = 0
      while try cursor.advance() { count += 1 }
      return count
    }
    let last = "action: {type: string, one_of: [buy, refund]}"
    #expect(try count { $0 } == 60)
    #expect(try count { $0.replacing(last, with: last + "\n      more: {type: bool}") } == 60)
    #expect(throws: HistoryError.self) {
      try count { $0.replacing("mean: {type: float64}", with: "mean: {type: int32}") }
    }
    #expect(throws: HistoryError.self) {
      try count { $0.replacing("card_id: string", with: "card_id: int64") }
    }
    // A feature that no definition knows.
    #expect(throws: HistoryError.self) {
      try count {
        $0.replacing("\n      " + last, with: "").replacing(", action]", with: "]")
      }
    }
  }

  @Test("an erasure that writes runs again knows of no feature that came behind what is packed with it")
  func featuresBehindAnErasure() throws {
    let fixture = try StoreFixture.compacting()
    try filled(fixture, 1)
    try fixture.store.compact()
    _ = try fixture.store.erase([ErasedKey(name: "card_id", value: .string("c3"))], in: "shop")
    // Into segments behind the erasure's.
    try filled(fixture, 3)
    let last = "action: {type: string, one_of: [buy, refund]}"
    let more = StoreFixture.text.replacing(last, with: last + "\n      more: {type: bool}")
    try fixture.apply(more)
    let reads = try ["c1", "c3"].map { try fixture.read($0) }
    let report = try fixture.store.compact(erasing: true)
    #expect(report.erasings == 1 && report.erasedEvents > 0)
    let hash = try fixture.store.stateHash()
    try fixture.rebuild()
    #expect(try fixture.store.stateHash() == hash)
    #expect(try ["c1", "c3"].map { try fixture.read($0) } == reads)
  }

  @Test("runs and ledgers are merged when there are enough of a size, and nothing changes")
  func merges() throws {
    let fixture = try StoreFixture.compacting { $0.mergeRunsMin = 3 }
    for _ in 0..<3 {
      try filled(fixture, 1)
      try fixture.store.compact()
    }
    let hash = try fixture.store.stateHash()
    let report = try fixture.store.compact()
    #expect(report.packs == 3 && report.merges == 2)
    let view = fixture.store.log.view
    #expect(view.history.map(\.kind).sorted { $0.rawValue < $1.rawValue } == [.run, .ledger])
    #expect(try fixture.packedEvents().count == 180)
    try fixture.rebuild()
    #expect(try fixture.store.stateHash() == hash)
  }

  @Test("dead letters that wait are found in ledgers, and those that were handled are not kept by merges")
  func letters() throws {
    let fixture = try StoreFixture.compacting { $0.mergeRunsMin = 2 }
    func found() throws -> [LSN] {
      let facts = try fixture.store.facts()
      var found: [LSN] = []
      try DeadLetterSearch(in: fixture.store.log, facts.state.deadLetters, facts.catalog).forEach {
        found.append($0.lsn)
        return true
      }
      return found
    }
    try filled(fixture, 2)
    let before = try found()
    #expect(before.count == 2)
    try fixture.store.compact()
    #expect(fixture.store.log.view.finished.isEmpty)
    #expect(try found() == before)
    try filled(fixture, 1)
    #expect(try found().prefix(2) == before[...])
    #expect(try found().count == 3)
    try fixture.store.compact()
    try fixture.store.compact()
    #expect(try found().count == 3)
    try fixture.rebuild()
    #expect(try found().count == 3)
  }

  @Test("definitions, producers and erasures from before the floor are in force after a rebuild")
  func everythingElse() throws {
    let fixture = try StoreFixture.compacting()
    let opening = try fixture.store.openProducer("loader")
    try filled(fixture, 2)
    _ = try fixture.store.erase([ErasedKey(name: "card_id", value: .string("c3"))], in: "shop")
    let erased = try fixture.read("c3")
    let hash = try {
      try fixture.store.checkpoint()
      return try fixture.store.stateHash()
    }()
    let report = try fixture.store.compact()
    #expect(report.erasedEvents == 2)
    #expect(try fixture.packedEvents().count == 118)
    #expect(try fixture.store.stateHash() == hash)
    try fixture.rebuild()
    #expect(try fixture.store.stateHash() == hash)
    #expect(try fixture.read("c3") == erased)
    #expect(try fixture.store.facts().state.producers[opening.producer]?.name == "loader")
    // A key that was erased begins anew.
    fixture.clock.advance(nanoseconds: 1_000_000)
    try fixture.push("c3", 9)
    #expect(try fixture.read("c3").first?.value == .int64(9))
    try fixture.store.checkpoint()
    let after = try fixture.store.stateHash()
    try fixture.rebuild()
    #expect(try fixture.store.stateHash() == after)
    let facts = try fixture.store.facts()
    #expect(try facts.state.registry(asOf: LSN(0)).views.isEmpty)
    #expect(try facts.state.registry(asOf: LSN(1)).views.count == 1)
  }

  @Test("a run that is not what was written is told, and never used", arguments: [0, 1])
  func damage(kind: Int) throws {
    let fixture = try StoreFixture.compacting()
    try filled(fixture, 1)
    try fixture.store.compact()
    let wanted = kind == 0 ? FileKind.run : .ledger
    let record = try #require(fixture.store.log.view.history.first { $0.kind == wanted })
    try fixture.store.close()
    let file = try RealDisk().open(fixture.path + "/" + record.name, .readWrite)
    let bytes = try file.readAll()
    let flipped = [bytes[bytes.count / 2] ^ 1]
    try file.writeAll(unsafe flipped.span.bytes, at: UInt64(bytes.count / 2))
    // The index has all that was asked for so far.
    try fixture.reopen()
    #expect(try fixture.read("c1").first?.value == .int64(1))
    try fixture.store.close()
    FolderImage.remove(fixture.indexFolder)
    do {
      try fixture.reopen()
      Issue.record("a store was made of damaged history")
    } catch let error as StoreError {
      guard case .history(.damaged) = error else { throw error }
    }
    try file.writeAll(unsafe bytes.span.bytes, at: 0)
    try fixture.reopen()
    #expect(try fixture.read("c1").first?.value == .int64(1))
  }

  private static let forgetful = StoreFixture.text.replacing("ttl: 30d", with: "ttl: 30d\n    history: none")

  @Test("a view without history keeps the newest value of each key: a merge lets the others go")
  func horizon() throws {
    let fixture = try StoreFixture.compacting(Self.forgetful) { $0.mergeRunsMin = 2 }
    for _ in 0..<2 {
      try filled(fixture, 2)
      try fixture.store.compact()
    }
    // A horizon rises once a day.
    fixture.clock.advance(nanoseconds: 86_400_000_000_001)
    try fixture.store.checkpoint()
    let reads = try (0..<60).map { try fixture.read("c\($0)") }
    let report = try fixture.store.compact()
    #expect(report.merges >= 1)
    let horizon = try #require(try fixture.store.facts().state.horizons[fixture.activity])
    #expect(horizon.through > .none && horizon.through < fixture.store.log.view.floor)
    #expect(report.droppedEvents == 180)
    #expect(try fixture.packedEvents().count == 60)
    for card in 0..<60 { #expect(try fixture.read("c\(card)").first?.value == .int64(Int64(100 + card))) }
    #expect(try (0..<60).map { try fixture.read("c\($0)") } == reads)
    try fixture.store.checkpoint()
    let hash = try fixture.store.stateHash()
    try fixture.rebuild()
    #expect(try fixture.store.stateHash() == hash)
    #expect(try (0..<60).map { try fixture.read("c\($0)") } == reads)
    #expect(try fixture.store.facts().state.horizons[fixture.activity] == horizon)
  }

  @Test("what somebody reads is compacted when it was read")
  func pinned() throws {
    let fixture = try StoreFixture.compacting()
    try filled(fixture, 1)
    var pin: LogPin? = fixture.store.log.pin(from: .first)
    let lowest = try #require(pin?.lsn)
    #expect(throws: StoreError.log(.pinned(lowest: lowest))) { try fixture.store.compact() }
    #expect(fixture.store.log.view.history.isEmpty)
    #expect(try fixture.disk.names(in: fixture.path + "/history").isEmpty)
    pin = nil
    #expect(pin == nil)
    #expect(try fixture.store.compact().packs == 1)
  }

  @Test("the store compacts by itself when there are segments enough", .timeLimit(.minutes(2)))
  func byItself() throws {
    let fixture = try StoreFixture.compacting {
      $0.compacts = true
      $0.packSegmentsMin = 2
    }
    try filled(fixture, 3)
    try fixture.store.checkpoint()
    // Asked for by nobody: the count of packs is what tells.
    while fixture.store.statistics.compaction.packs == 0 { try fixture.push("more", 1) }
    #expect(fixture.store.log.view.floor > .first)
    #expect(try fixture.allEvents().values.filter { !$0.key.starts(with: Array("more".utf8)) }.count == 180)
  }
}

/// A crash at any call of a pack or a merge.
@Suite("A crash while compacting")
struct CompactionCrashTests {
  private func story(_ fixture: StoreFixture) throws {
    for round in 0..<2 {
      for card in 0..<12 {
        try fixture.push("c\(card)", Int64(round * 100 + card))
        fixture.clock.advance(nanoseconds: 1_000)
      }
      _ = try fixture.store.append(
        fixture.batch([("bad\(round)", [.value(.int64(-1)), .absent, .absent])]))
      try fixture.store.compact()
    }
    try fixture.store.compact()
  }

  private func make(_ disk: SimulatedDisk) throws -> StoreFixture {
    try StoreFixture.compacting(on: disk) { $0.mergeRunsMin = 2 }
  }

  @Test("at any call of the disk: no event is lost, doubled or risen again, and the state hashes as before")
  func everyCall() throws {
    let whole = SimulatedDisk(seed: 5)
    let reference = try make(whole)
    let first = whole.calls.total
    try story(reference)
    let last = whole.calls.total
    #expect(reference.store.statistics.compaction.merges >= 2)
    var outcomes: Set<LSN> = []
    for number in stride(from: first + 1, through: last, by: 3) {
      let disk = SimulatedDisk(seed: 5)
      let fixture = try make(disk)
      disk.failPower(beforeCall: number)
      do { try story(fixture) } catch is StoreError {}
      fixture.store.abandon()
      try fixture.reopen(on: disk.crash(seed: UInt64(number)))
      outcomes.insert(fixture.store.log.view.floor)
      try expectWhole(fixture, number)
    }
    #expect(outcomes.count > 2)
    print("\(last - first) calls, every third: nothing lost, doubled or risen again")
  }

  @Test(
    "a call that fails, or a disk that is full, leaves the store as it was, and it is compacted afterwards",
    arguments: [Errno.noSpace, .inputOutput])
  func failedCalls(errno: Errno) throws {
    let whole = SimulatedDisk(seed: 5)
    let reference = try make(whole)
    let first = whole.calls.total
    try story(reference)
    let last = whole.calls.total
    var told = 0
    for number in stride(from: first + 1, through: last, by: 5) {
      let disk = SimulatedDisk(seed: 5)
      let fixture = try make(disk)
      disk.failCall(number, with: errno)
      do { try story(fixture) } catch is StoreError { told += 1 }
      // A full disk passes: the same store goes on.
      if errno == .noSpace, !fixture.store.health.hasStopped {
        try fixture.push("after", 1)
        try expectWhole(fixture, number)
      }
      fixture.store.abandon()
      try fixture.reopen(on: disk.killProcess())
      try expectWhole(fixture, number)
    }
    #expect(told > 10)
    print("\(last - first) calls, every fifth, with \(errno): \(told) told, nothing lost")
  }

  /// Nothing is lost, doubled or risen again, whatever is done with the store from here on.
  private func expectWhole(_ fixture: StoreFixture, _ number: Int) throws {
    let events = try fixture.allEvents()
    #expect(events.count >= fixture.acknowledged, "call \(number)")
    try fixture.store.checkpoint()
    let hash = try fixture.store.stateHash()
    try fixture.rebuild()
    #expect(try fixture.store.stateHash() == hash, "call \(number)")
    #expect(try fixture.allEvents() == events, "call \(number)")
    try fixture.store.compact()
    #expect(try fixture.allEvents() == events, "call \(number)")
    #expect(try fixture.store.stateHash() == hash, "call \(number)")
  }
}
