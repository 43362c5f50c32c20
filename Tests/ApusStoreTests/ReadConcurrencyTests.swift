// Readers on their own threads, while one thread writes, freezes and drops, and another checkpoints and replaces the index.

import ApusBytes
import ApusContracts
import ApusIndex
import ApusStore
import ApusSystem
import ApusTestSupport
import Synchronization
import Testing

@Suite("Reading beside writing")
struct ReadConcurrencyTests {
  private static let keyCount = 4
  /// Three views of each key in each round.
  private static let lsnsPerRound = UInt64(3 * keyCount)

  /// What the threads of one story share.
  private final class Shared: Sendable {
    struct Work: Sendable {
      var generations: [FrozenGeneration] = []
      var done = 0
      var isOver = false
    }

    let work = Monitor(Work())
    let readersLeft: Atomic<Int>
    let reads = Atomic<Int>(0)
    let rebuilding = Atomic<Int>(0)
    let rebuilt = Atomic<Int>(0)
    let wrong = Monitor<[String]>([])

    init(readers: Int) { readersLeft = Atomic(readers) }

    func complain(_ text: String) {
      wrong.withLock { wrong in
        if wrong.count < 10 { wrong.append(text) }
      }
    }
  }

  /// At L every cell of every row says the round of L.
  private static func read(_ store: StoreShared, _ vector: PreparedVector, count: Int, _ shared: Shared)
    throws
  {
    var reader = try StoreReader(of: store)
    var keys = RequestKeys(for: vector)
    for key in 0..<keyCount { try keys.append(values: [[.string("c\(key)")], [.int64(Int64(key))]]) }
    var earlier = LSN.none
    var reads = 0
    while reads < count {
      do throws(StoreError) {
        let table = try reader.table(vector, keys)
        reads += 1
        let lsn = table.moment.lsn
        if lsn < earlier { shared.complain("\(lsn) after \(earlier)") }
        earlier = lsn
        let round = Int64(lsn.rawValue / lsnsPerRound)
        for row in 0..<keyCount {
          let values = (0..<3).map { table[row, $0].value }
          let expected: [Value?] =
            round == 0 ? [nil, nil, nil] : [.int64(round), .float64(Double(round)), .int32(Int32(round))]
          if values != expected { shared.complain("\(values) in row \(row) at \(lsn), round \(round)") }
        }
      } catch {
        guard error == .rebuilding else { throw error }
        shared.rebuilding.add(1, ordering: .relaxed)
      }
    }
    shared.reads.add(reads, ordering: .relaxed)
  }

  /// Checkpoints what it is given; every so often it rebuilds the index under the next epoch, with none in between.
  private static func checkpoint(
    _ store: StoreShared, _ catalog: Catalog, _ first: Index, _ keys: Set<[UInt8]>,
    _ folder: TemporaryFolder, _ shared: Shared
  ) throws {
    var index = first
    var count = 0
    while true {
      var next: FrozenGeneration?
      _ = shared.work.wait(for: nil) { work in
        next = work.generations.first
        return next != nil || work.isOver
      }
      guard let generation = next else { return }
      do {
        var writer = try index.writer()
        try ReadFixture.checkpoint(generation, catalog, &writer)
      }
      shared.work.withLock { work in
        work.generations.removeFirst()
        work.done += 1
      }
      count += 1
      if count % 7 == 0 {
        store.publish { $0.index = nil }
        let old = index
        index = try ReadFixture.rebuilt(old, rows: try ReadFixture.rows(of: old, keys), in: folder)
        store.publish { [index] in $0.index = index }
        shared.rebuilt.add(1, ordering: .relaxed)
      }
    }
  }

  @Test(
    "all rows of a read are of one LSN, while generations freeze and drop and the index is folded and replaced"
  )
  func oneLSN() throws {
    let seed: UInt64 = 17
    let readers = 2
    var fixture = try ReadFixture(readingText)
    let vector = try fixture.vector("activity:count", "risk:score", "profile:level")
    let shared = Shared(readers: readers)
    let store = fixture.shared
    var threads: [SystemThread] = []
    for number in 0..<readers {
      threads.append(
        try SystemThread.start(name: "reader-\(number)") {
          do {
            try Self.read(store, vector, count: 6_000, shared)
          } catch {
            shared.complain("\(error)")
          }
          shared.readersLeft.subtract(1, ordering: .releasing)
        })
    }
    var keys: Set<[UInt8]> = []
    for key in 0..<Self.keyCount {
      keys.insert(try ReadFixture.wholeKey(try fixture.view("activity"), [.string("c\(key)")]))
      keys.insert(try ReadFixture.wholeKey(try fixture.view("risk"), [.string("c\(key)")]))
      keys.insert(try ReadFixture.wholeKey(try fixture.view("profile"), [.int64(Int64(key))]))
    }
    let (catalog, index, folder) = (fixture.catalog, fixture.index, fixture.temporary)
    let checkpointer = try SystemThread.start(name: "checkpointer") { [keys] in
      do {
        try Self.checkpoint(store, catalog, index, keys, folder, shared)
      } catch {
        shared.complain("\(error)")
      }
    }

    var random = SplitMix64(seed: seed)
    var round: Int64 = 0
    var drops = 0
    while shared.readersLeft.load(ordering: .acquiring) > 0 {
      round += 1
      for key in 0..<Self.keyCount {
        let now = fixture.now
        try fixture.put("activity", [.string("c\(key)")], ["count": .value(.int64(round))], at: now)
        try fixture.put("risk", [.string("c\(key)")], ["score": .value(.float64(Double(round)))], at: now)
        try fixture.put("profile", [.int64(Int64(key))], ["level": .value(.int32(Int32(round)))], at: now)
      }
      fixture.publish()
      if random.chance(0.4), fixture.writer.generationCount < 4, let frozen = try fixture.writer.freeze() {
        shared.work.withLock { $0.generations.append(frozen) }
        shared.work.notifyAll()
      }
      let isDone = shared.work.withLock { work in
        defer { work.done = max(0, work.done - 1) }
        return work.done > 0
      }
      if isDone, let oldest = fixture.writer.frozen.first {
        fixture.writer.drop(oldest)
        drops += 1
      }
    }
    shared.work.withLock { $0.isOver = true }
    shared.work.notifyAll()
    for thread in threads { thread.join() }
    checkpointer.join()
    let wrong = shared.wrong.withLock { $0 }
    #expect(wrong == [], "seed \(seed)")
    #expect(shared.reads.load(ordering: .relaxed) == readers * 6_000)
    #expect(drops > 0 && shared.rebuilt.load(ordering: .relaxed) > 0)
    let reports = fixture.reports.withLock { $0 }
    #expect(reports == [])
  }
}
