import ApusBytes
import ApusIndex
import ApusSystem
import ApusTestSupport
import Testing

@Suite("Rows of an index")
struct RowTests {
  /// `count` entities' keys with `views` view versions each, in order.
  static func rows(_ count: Int, views: UInt32 = 1, seed: UInt64 = 1, byteCount: Int = 64) -> [(
    key: [UInt8], row: TestRow
  )] {
    var random = SplitMix64(seed: seed)
    return (0..<count).flatMap { id in
      (1...views).map { view in
        (Keys.whole(id, view: view), TestRow(lsn: random.next() % 1_000 + 1, bytes: random.bytes(byteCount)))
      }
    }
  }

  @Test("are found by their keys, and others are not")
  func get() throws {
    let fixture = try Fixture()
    let rows = RowTests.rows(500, views: 3)
    let index = try fixture.build(rows, complete: 1_000)
    var reader = try index.reader()
    try reader.renew()
    for (key, row) in rows { #expect(try reader.row(key) == row) }
    #expect(try reader.row(Keys.whole(500)) == nil)
    #expect(try reader.row(Keys.whole(3, view: 4)) == nil)
    #expect(try reader.row(Keys.whole(3, entity: 2)) == nil)
    let tally = try reader.tally(of: 2)
    #expect(tally.count == 500)
    #expect(try index.scrubbed().isSound)
  }

  @Test(
    "of one entity lie side by side, in the order of view versions, however many are expected",
    arguments: [.min, 0, 1, 2, 25, 1_000, .max])
  func views(expected: Int) throws {
    let fixture = try Fixture()
    let rows = RowTests.rows(50, views: 25)
    let index = try fixture.build(rows, complete: 1_000)
    var reader = try index.reader()
    try reader.renew()
    for id in [0, 7, 49] {
      var found: [TestRow] = []
      var views: [UInt32] = []
      let prefix = Keys.prefix(id)
      try reader.forEachView(of: unsafe prefix.span.bytes, rows: expected) { view, row in
        views.append(view)
        found.append(TestRow(lsn: row.lsn.rawValue, bytes: row.bytes.copied()))
      }
      #expect(views == Array(1...25))
      #expect(found == rows[(id * 25)..<(id * 25 + 25)].map(\.row))
    }
    var count = 0
    let prefix = Keys.prefix(50)
    try reader.forEachView(of: unsafe prefix.span.bytes, rows: expected) { _, _ in count += 1 }
    #expect(count == 0)
  }

  @Test("sort as their keys' values do: project, entity, key, view", arguments: [UInt64(1), 2, 3])
  func order(seed: UInt64) throws {
    var random = SplitMix64(seed: seed)
    struct Parts: Comparable {
      var project: UInt32
      var entity: UInt32
      var text: [UInt8]
      var view: UInt32
      static func < (a: Parts, b: Parts) -> Bool {
        if a.project != b.project { return a.project < b.project }
        if a.entity != b.entity { return a.entity < b.entity }
        if a.text != b.text { return a.text.lexicographicallyPrecedes(b.text) }
        return a.view < b.view
      }
    }
    func number() -> UInt32 { random.coin() ? UInt32(random.below(3)) : UInt32(random.next() % 0xFFFF_FFFF) }
    let all = (0..<400).map { _ in
      Parts(project: number(), entity: number(), text: random.bytes(random.below(12)), view: number())
    }
    func key(_ parts: Parts) throws -> [UInt8] {
      var encoder = KeyEncoder()
      try encoder.append(bytes: unsafe parts.text.span.bytes)
      var key = IndexKey()
      key.set(project: parts.project, entity: parts.entity, key: encoder.bytes)
      key.set(view: parts.view)
      return key.bytes.copied()
    }
    let keys = try all.sorted().map(key)
    #expect(zip(keys, keys.dropFirst()).allSatisfy { !$1.lexicographicallyPrecedes($0) })
    let index = try Fixture().build([])
    let updates = Set(keys).sorted { $0.lexicographicallyPrecedes($1) }.map {
      TestUpdate(key: $0, lsn: 1, row: $0)
    }
    try index.checkpoint(updates, through: 1)
    for update in updates { #expect(try index.row(update.key)?.bytes == update.row) }
    #expect(try index.scrubbed(step: 7).isSound)
  }

  @Test("of no bytes and of a megabyte are kept, and so is a note of any length")
  func sizes() throws {
    var random = SplitMix64(seed: 4)
    let index = try Fixture().build([])
    for (round, byteCount) in [0, 1, 2_000, 2_040, 4_096, 100_000, 1 << 20, 3].enumerated() {
      let lsn = UInt64(round + 1)
      let row = random.bytes(byteCount)
      let note = random.bytes(byteCount)
      try index.checkpoint(
        [
          TestUpdate(key: Keys.whole(1), lsn: lsn, row: row),
          TestUpdate(key: Keys.whole(round + 2), lsn: lsn, row: row),
        ], through: lsn, note: note)
      #expect(try index.row(Keys.whole(1)) == TestRow(lsn: lsn, bytes: row))
      #expect(try index.row(Keys.whole(round + 2)) == TestRow(lsn: lsn, bytes: row))
      var reader = try index.reader()
      try reader.renew()
      #expect(try reader.note { $0.copied() } == note)
      let damages = try index.scrubbed(step: 1).damages
      #expect(damages == [])
    }
  }

  @Test(
    "are read while a writer folds in checkpoints, each snapshot from one of them", .timeLimit(.minutes(2)))
  func besideAWriter() throws {
    let fixture = try Fixture()
    let keys = (0..<200).map { Keys.whole($0) }
    @Sendable func row(_ lsn: UInt64) -> [UInt8] {
      Array(repeating: UInt8(truncatingIfNeeded: lsn), count: 100)
    }
    let index = try fixture.build(keys.map { ($0, TestRow(lsn: 1, bytes: row(1))) })
    let isOver = Monitor(false)
    let mixed = Monitor<[String]>([])
    let threads = try (0..<3).map { number in
      try SystemThread.start(name: "reader \(number)") {
        do {
          var reader = try index.reader()
          var last: UInt64 = 0
          repeat {
            try reader.renew()
            let lsn = reader.touched.rawValue
            for key in keys where try reader.row(key) != TestRow(lsn: lsn, bytes: row(lsn)) {
              mixed.withLock { $0.append("a row is not of LSN \(lsn)") }
            }
            if lsn < last || reader.complete.rawValue != lsn { mixed.withLock { $0.append("went back") } }
            last = lsn
            reader.reset()
          } while !isOver.withLock { $0 }
        } catch {
          mixed.withLock { $0.append("\(error)") }
        }
      }
    }
    for lsn in UInt64(2)...150 {
      try index.checkpoint(keys.map { TestUpdate(key: $0, lsn: lsn, row: row(lsn)) }, through: lsn)
    }
    isOver.withLock { $0 = true }
    threads.forEach { $0.join() }
    #expect(mixed.withLock { $0 } == [])
    #expect(try index.scrubbed().isSound)
  }
}
