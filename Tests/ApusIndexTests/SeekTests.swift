import ApusBytes
import ApusIndex
import ApusTestSupport
import Testing

@Suite("Keys sought together")
struct SeekTests {
  /// What an index of one page, of two levels, of three and of more has.
  static let sizes = [0, 1, 5, 300, 6_000]

  /// Rows of random keys, some of them as long as keys may be, and some values with pages of their own.
  private static func rows(_ count: Int, _ random: inout SplitMix64) -> [(key: [UInt8], row: TestRow)] {
    var rows: [[UInt8]: TestRow] = [:]
    while rows.count < count {
      let key = key(&random)
      let byteCount = random.chance(0.02) ? 2_000 + random.below(9_000) : random.below(120)
      rows[key] = TestRow(lsn: UInt64(random.below(1_000) + 1), bytes: random.bytes(byteCount))
    }
    return rows.map { ($0.key, $0.value) }.sorted { $0.key.lexicographicallyPrecedes($1.key) }
  }

  private static func key(_ random: inout SplitMix64) -> [UInt8] {
    var key = IndexKey()
    let byteCount = random.chance(0.1) ? 300 + random.below(101) : 1 + random.below(12)
    let encoded = random.bytes(byteCount)
    unsafe key.set(
      project: UInt32(1 + random.below(2)), entity: UInt32(1 + random.below(2)), key: encoded.span.bytes,
      view: UInt32(1 + random.below(3)))
    return key.bytes.copied()
  }

  @Test(
    "are found as LMDB finds them, those that are there and those that are not, however many at a time",
    arguments: sizes, [UInt64(1), 2, 3])
  func againstLMDB(count: Int, seed: UInt64) throws {
    var random = SplitMix64(seed: seed)
    let fixture = try Fixture()
    let rows = Self.rows(count, &random)
    let index = try fixture.build(rows, complete: 1_000)
    var reader = try index.reader()
    try reader.renew()
    var asked: [[UInt8]] = rows.map(\.key)
    for _ in 0..<200 { asked.append(Self.key(&random)) }
    // Before the first key and behind the last.
    asked.append(Keys.whole(0, view: 0, entity: 0, project: 0))
    asked.append(Keys.whole(0, project: .max - 1))
    // Neighbours: a byte more, a byte less, a byte that is another.
    for (key, _) in rows.prefix(300) {
      asked.append(key + [0])
      asked.append(Array(key.dropLast()))
      var other = key
      other[random.below(key.count)] &+= 1
      asked.append(other)
    }
    asked.shuffle(using: &random)
    let found = try reader.rows(asked)
    for (key, row) in zip(asked, found) {
      #expect(try reader.row(key) == row, "seed \(seed), key \(key)")
    }
    var have = Set<[UInt8]>()
    for (key, row) in zip(asked, found) where row != nil { have.insert(key) }
    #expect(have.count == count)
    for number in 1...SoughtKeys.countMax {
      let some = Array(asked.suffix(number))
      #expect(try reader.rows(some) == Array(found.suffix(number)))
    }
  }

  @Test("are found in the snapshot that is read, while the tree changes under it", arguments: [UInt64(1), 2])
  func snapshots(seed: UInt64) throws {
    var random = SplitMix64(seed: seed)
    let fixture = try Fixture()
    var rows = Self.rows(2_000, &random)
    let index = try fixture.build(rows, complete: 1_000)
    var reader = try index.reader()
    try reader.renew()
    let keys = rows.map(\.key)
    for round in 1...5 {
      let before = rows.map(\.row)
      let lsn = UInt64(1_000 + round)
      let updates = rows.indices.filter { _ in random.chance(0.3) }.map { place in
        rows[place].row = TestRow(lsn: lsn, bytes: random.bytes(random.below(300)))
        return TestUpdate(key: rows[place].key, lsn: lsn, row: rows[place].row.bytes)
      }
      try index.checkpoint(updates, through: lsn)
      #expect(try reader.rows(keys) == before, "seed \(seed)")
      reader.reset()
      try reader.renew()
      #expect(try reader.rows(keys) == rows.map(\.row), "seed \(seed)")
    }
  }

  @Test("are found after all of them were removed, and lie nowhere then")
  func removed() throws {
    var random = SplitMix64(seed: 4)
    let fixture = try Fixture()
    let rows = Self.rows(500, &random)
    let index = try fixture.build(rows, complete: 1_000)
    try index.checkpoint(rows.map { TestUpdate(key: $0.key, lsn: 1_001, row: nil) }, through: 1_001)
    var reader = try index.reader()
    try reader.renew()
    #expect(try reader.rows(rows.map(\.key)).allSatisfy { $0 == nil })
  }

  @Test("that were sought in another index's snapshot give damage or nothing, and no other row")
  func foreign() throws {
    var random = SplitMix64(seed: 5)
    let rows = Self.rows(6_000, &random)
    let (large, small) = (try Fixture(), try Fixture())
    let index = try large.build(rows, complete: 1_000)
    let other = try small.build([], complete: 1_000)
    var reader = try index.reader()
    var stranger = try other.reader()
    try reader.renew()
    try stranger.renew()
    var sought = SoughtKeys()
    for (key, _) in rows.suffix(SoughtKeys.countMax) { unsafe sought.append(key.span.bytes) }
    try reader.seek(&sought)
    for place in 0..<sought.count {
      do throws(IndexError) {
        _ = try stranger.row(of: &sought, at: place)
        Issue.record("a row of another index, or none")
      } catch {
        guard case .damaged = error else {
          Issue.record("\(error)")
          continue
        }
      }
    }
  }
}
