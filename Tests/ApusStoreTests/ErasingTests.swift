// What erasing for good promises: afterwards no byte of the key, nor of what was said of it, is in any file of the store, and everybody else
// is answered as before. Whatever ends it on the way, the erasure is pending or done, and nothing rises again.

import ApusBytes
import ApusContracts
import ApusHistory
import ApusLog
import ApusStore
import ApusSystem
import ApusTestSupport
import Testing

/// Words that stand nowhere but in what is to be erased.
private enum Trace {
  static let card = "4929-trace-of-a-card"
  static let shop: Int64 = 0x5A17_E0C3_77D1_0B29
  static let action = "a trace of what it did"
  static let remark = "a trace of what was remarked"

  static var all: [[UInt8]] { [card, action, remark].map { Array($0.utf8) } }
}

extension StoreFixture {
  fileprivate static let erasing = """
    project: shop
    entities:
      card: {keys: {card_id: string}}
      pair: {keys: {card_id: string, shop_id: int64}}
    views:
      activity:
        entity: card
        ttl: 30d
        features:
          count: {type: int64, min: 0}
          mean: {type: float64}
          action: {type: string}
      pairs:
        entity: pair
        ttl: none
        features:
          remark: {type: string}
    services:
      score:
        features:
          - {view: activity, take: [count, mean, action]}
        defaults: {count: 0}
    """

  fileprivate func remark(_ card: String, _ shop: Int64, _ words: String) throws {
    var batch = store.batch(.live, .setAside)
    let name = try #require(VersionedName(spelling: "pairs"))
    try batch.turn(to: try #require(store.catalog.view(name, in: "shop")))
    batch.upsert(
      key: [.string(card), .int64(shop)], GivenTimes(eventTime: now), [.value(.string(words))])
    _ = try store.append(batch.admitted())
  }

  /// A letter: the count is below what it may be.
  fileprivate func refuse(_ card: String, _ action: String) throws {
    _ = try store.append(
      batch([(card, [.value(.int64(-1)), .absent, .value(.string(action))])]))
  }

  /// Rows, pairs and letters of others and of the one that is to be erased.
  fileprivate func tell(_ round: Int64) throws {
    for card in 0..<20 {
      try push("c\(card)", round * 100 + Int64(card), 0.5, "buy")
      clock.advance(nanoseconds: 1_000)
    }
    try push(Trace.card, round, 0.25, Trace.action)
    try remark("c1", 1, "hello \(round)")
    try remark(Trace.card, 1, Trace.remark)
    try remark("c2", Trace.shop, Trace.remark)
    try refuse("c3", "refused \(round)")
    try refuse(Trace.card, Trace.action)
    clock.advance(nanoseconds: 1_000_000)
  }

  fileprivate func eraseTrace() throws {
    _ = try store.erase(
      [
        ErasedKey(name: "card_id", value: .string(Trace.card)),
        ErasedKey(name: "shop_id", value: .int64(Trace.shop)),
      ], in: "shop")
    clock.advance(nanoseconds: 1_000_000)
  }

  /// Every file that the store uses, by its path, as it is and with what is compressed in it laid open.
  fileprivate func files() throws -> [String: [UInt8]] {
    var found: [String: [UInt8]] = [:]
    if let simulated {
      func add(_ path: String) throws {
        for name in try simulated.names(in: path) {
          let below = path + "/" + name
          guard let entry = try simulated.entry(at: below) else { continue }
          if entry.isFolder { try add(below) } else { found[below] = try simulated.contents(of: below) }
        }
      }
      try add("store")
      for (name, bytes) in try FolderImage(of: indexFolder).files { found["index" + name] = bytes }
    } else {
      found = try FolderImage(of: path).files
    }
    for (lsn, event) in try packedEvents() { found["event \(lsn)"] = event.key + event.cells }
    let view = store.log.view
    for record in view.history where record.kind == .ledger {
      let path = view.folder.at(record.name)
      let reader = try LedgerReader(
        view.folder.disk.open(path, .read),
        HistoryFileID(store: view.storeID.bytes, file: record.id.rawValue), first: record.first,
        LedgerAttributes(unsafe record.attributes.span.bytes, path: path))
      found["note of \(record.name)"] = try reader.note()
      try reader.forEachLetter { lsn, _, bytes in
        found["letter \(lsn)"] = bytes.copied()
        return true
      }
    }
    return found
  }

  /// Which files have one of the words.
  fileprivate func traces() throws -> [String] {
    let words = Trace.all
    return try files().filter { _, bytes in words.contains { bytes.has($0) } }.keys.sorted()
  }

  fileprivate var isPending: Bool {
    get throws { try store.facts().state.pendingErasures != nil }
  }
}

extension [UInt8] {
  /// Whether `word` stands in it.
  fileprivate func has(_ word: [UInt8]) -> Bool {
    guard let first = word.first, count >= word.count else { return false }
    var from = startIndex
    while let at = self[from...].firstIndex(of: first) {
      if at + word.count > count { return false }
      if self[at..<(at + word.count)].elementsEqual(word) { return true }
      from = at + 1
    }
    return false
  }
}

@Suite("Erasing for good")
struct ErasingTests {
  private func make(_ change: (inout StoreOptions) -> Void = { _ in }) throws -> StoreFixture {
    try StoreFixture.compacting(StoreFixture.erasing, change: change)
  }

  @Test(
    "no file has the key or its values: not log, runs, ledgers, index or manifest; others are read as before")
  func nothingIsLeft() throws {
    let fixture = try make()
    // Some of it in runs and ledgers, some in the log, some in the overlay.
    try fixture.tell(1)
    try fixture.store.compact()
    try fixture.tell(2)
    try fixture.store.compact()
    try fixture.tell(3)
    #expect(try !fixture.traces().isEmpty)
    let before = try fixture.allEvents()
    try fixture.eraseTrace()
    let others = try (0..<20).map { try fixture.read("c\($0)") }
    #expect(try fixture.isPending)
    // Nothing answers, but the bytes are still there.
    #expect(try fixture.read(Trace.card).map(\.reason) == [.erased, .erased, .erased])
    #expect(try fixture.traces().contains { $0.hasSuffix("data.mdb") })
    let report = try fixture.store.compact(erasing: true)
    #expect(report.erasings == 1)
    #expect(try fixture.traces() == [])
    #expect(try !fixture.isPending)
    let receipt = try #require(try fixture.store.facts().state.receipts.last)
    #expect(receipt.events == 9 && receipt.letters == 3)
    #expect(receipt.files.count { $0.hasSuffix(".parquet") } == 4)
    #expect(try (0..<20).map { try fixture.read("c\($0)") } == others)
    let words = Trace.all
    let expected = before.filter { _, event in !words.contains { (event.key + event.cells).has($0) } }
    #expect(try fixture.allEvents() == expected)
    #expect(before.count == expected.count + 9)
    // A rebuild brings nothing back, and makes the same index.
    try fixture.store.checkpoint()
    let hash = try fixture.store.stateHash()
    try fixture.rebuild()
    #expect(try fixture.store.stateHash() == hash)
    #expect(try fixture.traces() == [])
    #expect(try fixture.store.compact(erasing: true).erasings == 0)
  }

  @Test("of letters only those of erased keys go, and the quota with them")
  func letters() throws {
    let fixture = try make()
    try fixture.tell(1)
    try fixture.store.compact()
    try fixture.tell(2)
    try fixture.eraseTrace()
    #expect(try fixture.store.facts().state.deadLetters.letters == 4)
    try fixture.store.compact(erasing: true)
    let facts = try fixture.store.facts()
    #expect(facts.state.deadLetters.letters == 2)
    var cards: [Value] = []
    try DeadLetterSearch(in: fixture.store.log, facts.state.deadLetters, facts.catalog).forEach {
      cards += $0.letter.key
      return true
    }
    #expect(cards == [.string("c3"), .string("c3")])
  }

  @Test("a key that begins anew keeps what is new, and is erased a second time as the first")
  func twice() throws {
    let fixture = try make()
    try fixture.tell(1)
    try fixture.eraseTrace()
    try fixture.store.compact(erasing: true)
    try fixture.push(Trace.card, 77, 0.25, "new")
    try fixture.store.compact(erasing: true)
    #expect(try fixture.read(Trace.card).first?.value == .int64(77))
    try fixture.tell(2)
    try fixture.store.compact()
    #expect(try !fixture.traces().isEmpty)
    try fixture.eraseTrace()
    #expect(try fixture.isPending)
    try fixture.store.compact(erasing: true)
    #expect(try fixture.traces() == [])
    #expect(try fixture.store.facts().state.receipts.count == 2)
    #expect(try fixture.read("c5").first?.value == .int64(205))
  }

  @Test("what is moved aside is told in the receipt, for a person to judge")
  func aside() throws {
    let fixture = try make()
    try fixture.tell(1)
    try fixture.store.compact()
    try fixture.store.close()
    let stray = fixture.path + "/history/somebody's.parquet"
    let file = try RealDisk().open(stray, .create)
    try file.writeAll(unsafe Array("PAR1".utf8).span.bytes, at: 0)
    file.close()
    try fixture.reopen()
    try fixture.eraseTrace()
    try fixture.store.compact(erasing: true)
    let receipt = try #require(try fixture.store.facts().state.receipts.last)
    #expect(receipt.files.count { $0.hasPrefix("aside/") } == 1)
  }

  @Test("readers go on while it is done, and see everybody else all the time", .timeLimit(.minutes(2)))
  func whileRead() throws {
    let fixture = try make()
    for round in 1...3 {
      try fixture.tell(Int64(round))
      try fixture.store.compact()
    }
    try fixture.eraseTrace()
    try fixture.store.checkpoint()
    // It reads from the index that goes, before and after.
    let service = try #require(VersionedName(spelling: "score"))
    let vector = try fixture.store.vector(service: service, in: "shop")
    var keys = RequestKeys(for: vector)
    for card in 0..<20 { try keys.append(named: ["card_id": .string("c\(card)")]) }
    var reader = try fixture.store.reader()
    let before = try reader.table(vector, keys)
    let store = fixture.store
    let isDone = Monitor(false)
    let failure = Monitor<StoreError?>(nil)
    _ = try SystemThread.start(name: "erase") {
      do throws(StoreError) { try store.compact(erasing: true) } catch { failure.withLock { $0 = error } }
      isDone.withLock { $0 = true }
      isDone.notifyAll()
    }
    var reads = 0
    while !isDone.withLock({ $0 }) || reads == 0 {
      let table = try reader.table(vector, keys)
      for row in 0..<20 { #expect(table[row, 0].value == before[row, 0].value) }
      reads += 1
    }
    #expect(failure.withLock { $0 } == nil)
    #expect(try fixture.traces() == [])
    let after = try reader.table(vector, keys)
    for row in 0..<20 { #expect(after[row, 0].value == before[row, 0].value) }
  }

  @Test("it is due at half of its time, and done by the store itself", .timeLimit(.minutes(2)))
  func due() throws {
    let fixture = try make {
      $0.compacts = true
      $0.packSegmentsMin = .max
      $0.eraseWithinNanoseconds = 60_000_000_000
    }
    try fixture.tell(1)
    try fixture.eraseTrace()
    let pending = try #require(try fixture.store.facts().state.pendingErasures)
    #expect(pending.count == 2)
    #expect(!pending.isDue(at: fixture.clock.wall(), within: 60_000_000_000))
    // A compaction that somebody asked for leaves it for its time.
    #expect(try fixture.store.compact().erasings == 0)
    fixture.clock.advance(nanoseconds: 30_000_000_000)
    #expect(pending.isDue(at: fixture.clock.wall(), within: 60_000_000_000))
    while try fixture.isPending {}
    #expect(try fixture.traces() == [])
  }

  @Test("moments decide when it is due: half of the time after, or a quarter ahead")
  func moments() {
    let pending = PendingErasures(count: 1, last: LSN(9), oldest: WallTime(nanoseconds: 1_000))
    #expect(!pending.isDue(at: WallTime(nanoseconds: 1_049), within: 100))
    #expect(pending.isDue(at: WallTime(nanoseconds: 1_050), within: 100))
    #expect(!pending.isDue(at: WallTime(nanoseconds: 975), within: 100))
    #expect(pending.isDue(at: WallTime(nanoseconds: 974), within: 100))
    #expect(pending.isDue(at: WallTime(nanoseconds: .min), within: 100))
    #expect(pending.deadline(within: 100) == WallTime(nanoseconds: 1_100))
  }
}

@Suite("A crash while erasing for good")
struct ErasingCrashTests {
  private func make(_ disk: SimulatedDisk) throws -> StoreFixture {
    let fixture = try StoreFixture.compacting(StoreFixture.erasing, on: disk)
    try fixture.tell(1)
    try fixture.store.compact()
    try fixture.tell(2)
    try fixture.eraseTrace()
    return fixture
  }

  @Test(
    "at any call of the disk: the erasure is pending or done, nothing rises again, and nobody else misses anything"
  )
  func everyCall() throws {
    let whole = SimulatedDisk(seed: 5)
    let reference = try make(whole)
    let first = whole.calls.total
    let others = try (0..<20).map { try reference.read("c\($0)").first?.value }
    try reference.store.compact(erasing: true)
    #expect(try reference.traces() == [])
    let (last, expected) = (whole.calls.total, try reference.allEvents())
    var outcomes: Set<Bool> = []
    for number in stride(from: first + 1, through: last + 1, by: 11) {
      let disk = SimulatedDisk(seed: 5)
      let fixture = try make(disk)
      disk.failPower(beforeCall: number)
      _ = try? fixture.store.compact(erasing: true)
      fixture.store.abandon()
      try fixture.reopen(on: disk.crash(seed: UInt64(number)))
      let isPending = try fixture.isPending
      outcomes.insert(isPending)
      if !isPending { #expect(try fixture.traces() == [], "call \(number)") }
      #expect(try fixture.read(Trace.card).map(\.reason) == [.erased, .erased, .erased], "call \(number)")
      #expect(try (0..<20).map { try fixture.read("c\($0)").first?.value } == others, "call \(number)")
      try fixture.store.compact(erasing: true)
      // Nothing that a crash left half made outlives the receipt.
      #expect(try fixture.traces() == [], "call \(number)")
      #expect(try fixture.allEvents() == expected, "call \(number)")
      try fixture.store.checkpoint()
      let hash = try fixture.store.stateHash()
      try fixture.rebuild()
      #expect(try fixture.store.stateHash() == hash, "call \(number)")
    }
    #expect(outcomes.contains(true))
    print("\(last - first) calls, every eleventh: pending or done")
  }
}
