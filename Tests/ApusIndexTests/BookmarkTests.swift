import ApusBytes
import ApusIndex
import ApusTestSupport
import Testing

@Suite("Bookmarks")
struct BookmarkTests {
  /// Keys with some views each, and what they have now.
  fileprivate struct Model {
    var rows: [[UInt8]: TestRow] = [:]
    var lsn: UInt64 = 1_000
    fileprivate var random: SplitMix64
    private let entities: Int
    private let views: UInt32

    init(seed: UInt64, entities: Int, views: UInt32) {
      random = SplitMix64(seed: seed)
      self.entities = entities
      self.views = views
      for id in 0..<entities {
        for view in 1...views where random.chance(0.8) { rows[Keys.whole(id, view: view)] = row(1_000) }
      }
    }

    private mutating func row(_ lsn: UInt64) -> TestRow {
      let count = random.chance(0.02) ? 2_000 + random.below(9_000) : random.below(200)
      return TestRow(lsn: lsn, bytes: random.bytes(count))
    }

    var sorted: [(key: [UInt8], row: TestRow)] {
      rows.map { ($0.key, $0.value) }.sorted { $0.key.lexicographicallyPrecedes($1.key) }
    }

    mutating func entity() -> Int { random.below(entities) }

    mutating func key() -> [UInt8] { Keys.whole(entity(), view: UInt32(1 + random.below(Int(views)))) }

    func has(_ id: Int) -> [UInt32: TestRow] {
      var found: [UInt32: TestRow] = [:]
      for view in 1...views { if let row = rows[Keys.whole(id, view: view)] { found[view] = row } }
      return found
    }

    /// Some rows become others, some of them of another length, some come, and some go.
    mutating func change(_ count: Int) -> [TestUpdate] {
      lsn += 1
      var updates: [[UInt8]: TestUpdate] = [:]
      for _ in 0..<count {
        let key = key()
        let row = random.chance(0.3) ? nil : row(lsn)
        rows[key] = row
        updates[key] = TestUpdate(key: key, lsn: lsn, row: row?.bytes)
      }
      return updates.values.sorted { $0.key.lexicographicallyPrecedes($1.key) }
    }
  }

  /// Asks for some keys, most of them again and again, and for all that some entities have.
  private static func check(
    _ reader: inout IndexReader, _ model: Model, _ hot: [[UInt8]], _ what: @autoclosure () -> String
  ) throws {
    var asker = model
    let asked = hot + (0..<40).map { _ in asker.key() } + hot.shuffled(using: &asker)
    for (key, row) in zip(asked, try reader.rows(asked)) {
      #expect(row == model.rows[key], "\(what()), \(key)")
    }
    for _ in 0..<6 {
      let id = asker.entity()
      // By the first view, as the store asks, which has a bookmark from the second time on.
      for _ in 0..<2 { #expect(try reader.views(of: id) == model.has(id), "\(what()), entity \(id)") }
    }
  }

  /// Room for all, room for some, and room for so few that nearly all are crowded out.
  static let sizes = [IndexOptions().bookmarkByteCountMax, 8 << 10, 0]

  @Test(
    "give the rows of the snapshot that is read, whatever is committed between reads and during them",
    arguments: sizes, [UInt64(1), 2])
  func model(byteCount: Int, seed: UInt64) throws {
    var options = IndexOptions()
    options.bookmarkByteCountMax = byteCount
    var model = Model(seed: seed, entities: 400, views: 5)
    let index = try Fixture().build(model.sorted, complete: 1_000, options: options)
    var quick = try index.reader()
    var slow = try index.reader()
    try slow.renew()
    var seenBySlow = model
    let hot = (0..<60).map { _ in model.key() }
    for round in 1...30 {
      let what = "\(byteCount) bytes, seed \(seed), round \(round)"
      try quick.renew()
      try Self.check(&quick, model, hot, what)
      try Self.check(&quick, model, hot, what)
      if round % 2 == 0 { quick.reset() }
      // The writer uses pages again that were freed before, under those bookmarks.
      for _ in 0..<(round % 4) {
        try index.checkpoint(model.change(round % 3 == 0 ? 300 : 9), through: model.lsn)
      }
      try Self.check(&slow, seenBySlow, hot, "\(what), of the older snapshot")
      if round % 7 == 0 {
        slow.reset()
        try slow.renew()
        seenBySlow = model
      }
      quick.reset()
    }
    #expect(byteCount == 0 || quick.keysByBookmark > 1_000, "seed \(seed): \(quick.keysByBookmark)")
    #expect(try index.scrubbed().isSound)
  }

  @Test("are followed from the second time on that a key of a snapshot is sought")
  func followed() throws {
    var model = Model(seed: 3, entities: 2_000, views: 3)
    let rows = model.sorted
    let index = try Fixture().build(rows, complete: 1_000)
    var reader = try index.reader()
    try reader.renew()
    // Until the table has grown to its size.
    for _ in 0..<8 { _ = try reader.rows(rows.map(\.key)) }
    let before = reader.keysByBookmark
    #expect(try reader.rows(rows.map(\.key)) == rows.map(\.row))
    let found = reader.keysByBookmark - before
    #expect(found > rows.count * 9 / 10, "\(found) of \(rows.count)")
    // Another snapshot begins without any.
    reader.reset()
    try index.checkpoint(model.change(1), through: model.lsn)
    try reader.renew()
    let after = reader.keysByBookmark
    var asked = Set<[UInt8]>()
    for (key, _) in rows.prefix(500) where asked.insert(key).inserted { _ = try reader.rows([key]) }
    #expect(reader.keysByBookmark == after)
    // None is made of what is not there.
    for _ in 0..<3 { #expect(try reader.rows([Keys.whole(1, view: 99)]) == [nil]) }
    #expect(reader.keysByBookmark == after)
  }

  @Test("lead into walks over leaves and branches, to the last row of the tree", arguments: [UInt64(1), 2])
  func walks(seed: UInt64) throws {
    // Some fifty rows of an entity, on three leaves or more; the tree has three levels.
    var model = Model(seed: seed, entities: 300, views: 60)
    let index = try Fixture().build(model.sorted, complete: 1_000)
    var reader = try index.reader()
    try reader.renew()
    for _ in 0..<6 {
      for id in 0..<300 {
        #expect(try reader.views(of: id) == model.has(id), "seed \(seed), entity \(id)")
      }
    }
    #expect(reader.keysByBookmark > 600, "seed \(seed)")
    reader.reset()
    try index.checkpoint(model.change(2_000), through: model.lsn)
    try reader.renew()
    for id in 0..<300 { #expect(try reader.views(of: id) == model.has(id), "seed \(seed), entity \(id)") }
  }

  @Test("of all readers have no more than their share of memory, and give it back")
  func memory() throws {
    var options = IndexOptions()
    options.bookmarkByteCountMax = 100_000
    let rows = RowTests.rows(20_000)
    let index = try Fixture().build(rows, complete: 1_000, options: options)
    #expect(index.bookmarkByteCount == 0)
    do {
      var one = try index.reader()
      var other = try index.reader()
      let small = index.bookmarkByteCount
      #expect(small > 0 && small < 10_000)
      try one.renew()
      try other.renew()
      for _ in 0..<3 {
        #expect(try one.rows(rows.map(\.key)) == rows.map(\.row))
        #expect(try other.rows(rows.map(\.key)) == rows.map(\.row))
      }
      #expect(index.bookmarkByteCount > small && index.bookmarkByteCount <= 100_000)
    }
    #expect(index.bookmarkByteCount == 0)
  }
}

extension BookmarkTests.Model: RandomNumberGenerator {
  mutating func next() -> UInt64 { random.next() }
}

extension IndexReader {
  /// All that an entity has, sought by its first view.
  fileprivate mutating func views(of id: Int) throws(IndexError) -> [UInt32: TestRow] {
    var sought = SoughtKeys()
    sought.append(unsafe Keys.whole(id, view: 1).span.bytes, rows: 60)
    try seek(&sought)
    var rows: [UInt32: TestRow] = [:]
    var next: UInt32 = 0
    while let found = try view(of: &sought, at: 0, from: next) {
      guard let row = try row(of: &sought, at: 0, view: found) else { break }
      rows[found] = TestRow(lsn: row.lsn.rawValue, bytes: row.bytes.copied())
      next = found + 1
    }
    return rows
  }
}
