// The traps that released systems fell into, as SEMANTICS lists them: each with the smallest history that springs it.

import ApusBytes
import ApusColumnar
import ApusContracts
import ApusExport
import ApusStore
import ApusSystem
import ApusTestSupport
import Testing

@Suite("Traps that others fell into")
struct TrapTests {
  private static let text = """
    project: p
    entities:
      card: {keys: {card_id: string}}
      pair: {keys: {left: int64, right: int64}}
    views:
      a:
        entity: card
        ttl: TTL
        features:
          count: {type: int64}
          name: {type: string}
      b:
        entity: pair
        ttl: none
        features:
          value: {type: int64}
    services:
      s: {features: [{view: a, take: [count, name]}]}
      t: {features: [{view: b, take: [value]}]}
    """

  private func fixture(ttl: String = "none") throws -> ExportFixture {
    let fixture = try ExportFixture(blocks: (2, 4))
    try fixture.apply(
      Self.text.replacing("TTL", with: ttl), ttls: ["a": nil, "b": nil],
      keys: ["a": ["card_id"], "b": ["left", "right"]])
    fixture.clock.advance(nanoseconds: 3_600_000_000_000)
    return fixture
  }

  private func row(
    _ card: String, _ time: Int64, _ count: Int64?, created: Int64? = nil, known: Int64? = nil
  ) -> ExportFixture.Row {
    ExportFixture.Row(
      key: [.string(card)], eventTime: time, createdAt: created, knownAt: known,
      said: ["count": count.map { Value.int64($0) }])
  }

  private func pair(_ left: Int64, _ right: Int64, _ time: Int64, _ value: Int64) -> ExportFixture.Row {
    ExportFixture.Row(
      key: [.int64(left), .int64(right)], eventTime: time, said: ["value": .some(.int64(value))])
  }

  private static let cardFields = [
    ColumnField("card_id", ColumnType(.string)),
    ColumnField("event_timestamp", ColumnType(.timestamp(.nanoseconds, isUTC: true))),
  ]

  /// What `count` is at labels.
  private func counts(
    _ fixture: ExportFixture, _ labels: [(String?, Int64?)], service: String = "s",
    change: (inout ExportOptions) -> Void = { _ in }
  ) throws -> [Int64?] {
    let (set, _) = try export(fixture, labels, change: change)
    return try labels.indices.map { row in
      if case .int64(let value)? = try set.value("count", row, .scalar(.int64)) { value } else { nil }
    }
  }

  private func export(
    _ fixture: ExportFixture, _ labels: [(String?, Int64?)], change: (inout ExportOptions) -> Void = { _ in }
  ) throws -> (set: HeldSet, report: ExportReport) {
    let rows: [[Value?]] = labels.map {
      [$0.0.map { .string($0) }, $0.1.map { .timestamp(nanoseconds: $0) }]
    }
    let spine = try SpineBuilder(fields: Self.cardFields, rows: rows).spine()
    var options = ExportOptions()
    options.columns = Set(ExportColumnKind.allCases)
    change(&options)
    return try fixture.export(
      try fixture.store.snapshot(), try vector(fixture, "s"), spine, options)
  }

  private func vector(_ fixture: ExportFixture, _ service: String) throws -> PreparedVector {
    try fixture.store.catalog.vector(
      service: try #require(VersionedName(spelling: service)), in: ExportFixture.project)
  }

  @Test("keys are told apart by their parts: (1, 11) is not (11, 1), and neither is (111, 1) or (1, 111)")
  func separators() throws {
    let fixture = try fixture()
    let now = fixture.now
    try fixture.push("b", [pair(1, 11, now, 1), pair(11, 1, now, 2), pair(111, 1, now, 3)], .eventTime)
    let fields = [
      ColumnField("left", ColumnType(.int64)), ColumnField("right", ColumnType(.int64)),
      ColumnField("event_timestamp", ColumnType(.timestamp(.nanoseconds, isUTC: true))),
    ]
    let keys: [(Int64, Int64)] = [(1, 11), (11, 1), (111, 1), (1, 111)]
    let spine = try SpineBuilder(
      fields: fields, rows: keys.map { [.int64($0.0), .int64($0.1), .timestamp(nanoseconds: now)] }
    ).spine()
    let (set, _) = try fixture.export(
      try fixture.store.snapshot(), try vector(fixture, "t"), spine, ExportOptions())
    let values = try keys.indices.map { try set.value("value", $0, .scalar(.int64)) }
    #expect(values == [.int64(1), .int64(2), .int64(3), nil])
  }

  @Test("a row stays when its entity has only future events, only expired ones, or none")
  func rowsStay() throws {
    let fixture = try fixture(ttl: "1s")
    let now = fixture.now
    try fixture.push(
      "a", [row("future", now, 1), row("old", now - 9_000_000_000, 2)], .eventTime)
    let labels = [("future", now - 5), ("old", now), ("nobody", now)]
    #expect(try counts(fixture, labels) == [nil, nil, nil])
    let (set, report) = try export(fixture, labels)
    #expect(set.rowCount == 3 && report.rows == 3)
    let reasons = try (0..<3).map { try set.value("count__reason", $0, .scalar(.string)) }
    #expect(reasons == [.string("not_yet_known"), nil, .string("never_seen")])
    #expect(try set.cell("count__status", 1) { $0.load($1, as: Int8.self) } == 4)
  }

  @Test("of two events with equal times one wins, the later in the log, and there is one row")
  func doubleTies() throws {
    let fixture = try fixture()
    let now = fixture.now
    try fixture.push("a", [row("c", now, 1, created: now), row("c", now, 2, created: now)], .eventTime)
    #expect(try counts(fixture, [("c", now)]) == [2])
    try fixture.store.compact()
    #expect(try counts(fixture, [("c", now)]) == [2])
  }

  @Test("a correction of the same instant wins, in the log, in a run, and across both")
  func corrections() throws {
    let fixture = try fixture()
    let time = fixture.now
    try fixture.push("a", [row("c", time, 1)], .eventTime)
    try fixture.store.compact()
    fixture.clock.advance(nanoseconds: 1)
    try fixture.push("a", [row("c", time, 2)], .eventTime)
    #expect(try counts(fixture, [("c", time)]) == [2])
    try fixture.store.compact()
    #expect(try counts(fixture, [("c", time)]) == [2])
  }

  @Test("the edge of the ttl is inside, and one nanosecond more is out")
  func ttl() throws {
    let fixture = try fixture(ttl: "1s")
    let time = fixture.now - 2_000_000_000
    try fixture.push("a", [row("c", time, 1)], .eventTime)
    #expect(try counts(fixture, [("c", time + 1_000_000_000), ("c", time + 1_000_000_001)]) == [1, nil])
    #expect(
      try counts(fixture, [("c", time + 1_000_000_001)]) { $0.staleOK = true } == [1], "as it is asked for")
  }

  @Test("nothing older takes the place of a value that is out of age, or null")
  func nothingOlder() throws {
    let fixture = try fixture(ttl: "1s")
    let time = fixture.now - 5_000_000_000
    try fixture.push("a", [row("c", time, 1), row("c", time + 1, nil)], .eventTime)
    let (set, _) = try export(fixture, [("c", time + 1)])
    #expect(try set.value("count", 0, .scalar(.int64)) == nil)
    #expect(
      try set.cell("count__status", 0) { $0.load($1, as: Int8.self) } == 2, "a stored null is one answer")
  }

  @Test("rows that were backfilled are not seen by labels before they were known")
  func backfill() throws {
    let fixture = try fixture()
    let time = fixture.now - 1_000_000
    try fixture.push("a", [row("c", time, 1)], .now)
    #expect(try counts(fixture, [("c", time + 5), ("c", fixture.now)]) == [nil, 1])
    #expect(try counts(fixture, [("c", time + 5)]) { $0.mode = .happened } == [1])
  }

  @Test("a backfilled correction wins over what it corrects, from when it was known")
  func backfilledCorrection() throws {
    let fixture = try fixture()
    let time = fixture.now - 1_000_000
    try fixture.push("a", [row("c", time, 1)], .eventTime)
    try fixture.push("a", [row("c", time, 2, created: fixture.now)], .now)
    #expect(try counts(fixture, [("c", fixture.now - 1), ("c", fixture.now)]) == [1, 2])
  }

  @Test("integers stay integers beside nulls, beyond what a float could hold")
  func integers() throws {
    let fixture = try fixture()
    try fixture.push("a", [row("c", fixture.now, 9_007_199_254_740_993)], .eventTime)
    let (set, _) = try export(fixture, [("nobody", fixture.now), ("c", fixture.now)])
    let field = try #require(set.schema.fields.first { $0.name == "count" })
    #expect(field.type == ColumnType(.int64))
    #expect(try set.value("count", 1, .scalar(.int64)) == .int64(9_007_199_254_740_993))
  }

  @Test("a naive time is UTC, and coarser units are not rounded into the future")
  func naiveAndCoarse() throws {
    let fixture = try fixture()
    let second = fixture.now / 1_000_000_000 - 10
    let time = second * 1_000_000_000
    try fixture.push("a", [row("c", time, 1), row("c", time + 1, 2)], .eventTime)
    for unit in [ColumnTimeUnit.seconds, .milliseconds, .microseconds, .nanoseconds] {
      let scale: Int64 =
        switch unit {
        case .seconds: 1
        case .milliseconds: 1_000
        case .microseconds: 1_000_000
        case .nanoseconds: 1_000_000_000
        }
      let fields = [Self.cardFields[0], ColumnField("at", ColumnType(.timestamp(unit, isUTC: false)))]
      let spine = try SpineBuilder(
        fields: fields, rows: [[.string("c"), .timestamp(nanoseconds: second * scale)]]
      ).spine()
      let (set, report) = try fixture.export(
        try fixture.store.snapshot(), try vector(fixture, "s"), spine, ExportOptions())
      #expect(try set.value("count", 0, .scalar(.int64)) == .int64(1), "what is 1 ns ahead is not joined")
      #expect(report.assumedUTC == 1)
    }
  }

  @Test("rows with the same key and time stay as many rows, in their order")
  func duplicates() throws {
    let fixture = try fixture()
    let now = fixture.now
    try fixture.push("a", [row("c", now, 1), row("d", now, 2)], .eventTime)
    let labels = [("d", now), ("c", now), ("d", now), ("c", now), ("d", now)]
    #expect(try counts(fixture, labels) == [2, 1, 2, 1, 2])
  }

  @Test("a spine's column that is called like a feature is refused, and a prefix is the way out")
  func names() throws {
    let fixture = try fixture()
    let fields = Self.cardFields + [ColumnField("count", ColumnType(.int64))]
    let spine = try SpineBuilder(
      fields: fields, rows: [[.string("c"), .timestamp(nanoseconds: fixture.now), .int64(4)]]
    ).spine()
    let snapshot = try fixture.store.snapshot()
    #expect(throws: ExportError.nameTaken("count", by: "a column of the spine and a feature")) {
      try fixture.export(snapshot, try vector(fixture, "s"), spine, ExportOptions())
    }
    var options = ExportOptions()
    options.prefix = "f_"
    let (set, _) = try fixture.export(snapshot, try vector(fixture, "s"), spine, options)
    #expect(set.schema.fields.map(\.name) == ["card_id", "event_timestamp", "count", "f_count", "f_name"])
  }

  @Test("a null in a key matches nothing, not even the empty key, and a row without a time stays")
  func nulls() throws {
    let fixture = try fixture()
    try fixture.push("a", [row("", fixture.now, 1)], .eventTime)
    let labels: [(String?, Int64?)] = [(nil, fixture.now), ("", fixture.now), ("", nil), (nil, nil)]
    #expect(try counts(fixture, labels) == [nil, 1, nil, nil])
  }

  @Test(
    "a value one nanosecond in the label's future is not joined, and one at its instant is, unless strict")
  func nanoseconds() throws {
    let fixture = try fixture()
    let time = fixture.now - 100
    try fixture.push("a", [row("c", time, 1), row("c", time + 1, 2)], .eventTime)
    for mode in ExportMode.allCases {
      #expect(
        try counts(fixture, [("c", time - 1), ("c", time), ("c", time + 1)]) { $0.mode = mode } == [
          nil, 1, 2,
        ])
      #expect(
        try counts(fixture, [("c", time), ("c", time + 1), ("c", time + 2)]) {
          $0.mode = mode
          $0.isStrict = true
        } == [nil, 1, 2])
      #expect(
        try counts(fixture, [("c", time + 9), ("c", time + 10), ("c", time + 11)]) {
          $0.mode = mode
          $0.delayNanoseconds = 10
        } == [nil, 1, 2])
    }
  }

  @Test("a delete hides nothing from labels before it, and later events begin anew")
  func deletes() throws {
    let fixture = try fixture()
    let time = fixture.now - 100
    try fixture.push("a", [row("c", time, 1)], .eventTime)
    try fixture.push(
      "a", [ExportFixture.Row(key: [.string("c")], eventTime: time + 10, said: nil)], .eventTime)
    try fixture.push("a", [row("c", time + 20, 3)], .eventTime)
    #expect(try counts(fixture, [("c", time + 9), ("c", time + 10), ("c", time + 20)]) == [1, nil, 3])
  }

  @Test("ties do not depend on threads, memory, chunks or ranges: digest and identity are the same")
  func threads() throws {
    let fixture = try fixture()
    let now = fixture.now
    for round in 0..<5 {
      let rows = (0..<40).map { row("c\($0 % 7)", now - Int64($0 % 3), Int64($0 + 100 * round)) }
      try fixture.push("a", rows, round % 2 == 0 ? .eventTime : .now)
      if round == 2 { try fixture.store.compact() }
      fixture.clock.advance(nanoseconds: 1)
    }
    let labels: [(String?, Int64?)] = (0..<100).map { ("c\($0 % 9)", now + Int64($0 % 5) - 2) }
    var digests: Set<String> = []
    for (threads, memory, chunk, range) in [
      (1, 1 << 30, 32_768, 262_144), (2, 1 << 30, 1, 1), (3, 2_000, 7, 3), (1, 400, 5, 1_000),
      (2, 32 << 20, 13, 50),
    ] {
      let (_, report) = try export(fixture, labels) {
        $0.threads = threads
        $0.memory = memory
        $0.chunkLabels = chunk
        $0.rangeRows = range
      }
      digests.insert("\(report.identity) \(report.contentDigest)")
    }
    #expect(digests.count == 1)
  }

  @Test("labels before a view's horizon stop the set or are blank, and never get another value")
  func horizon() throws {
    let fixture = try fixture()
    try fixture.apply(
      Self.text.replacing("TTL", with: "none\n    history: 1d"), ttls: ["a": nil, "b": nil],
      keys: ["a": ["card_id"]])
    let time = fixture.now
    try fixture.push("a", [row("c", time - 10, 1), row("c", time, 2)], .eventTime)
    try fixture.store.compact()
    fixture.clock.advance(nanoseconds: 172_800_000_000_000)
    try fixture.push("a", [row("c", fixture.now, 3)])
    try fixture.store.compact()
    let snapshot = try fixture.store.snapshot()
    let view = try #require(VersionedName(spelling: "a"))
    let id = try #require(snapshot.catalog.view(view, in: ExportFixture.project)).id
    #expect(snapshot.horizon(of: id) != nil, "the horizon was raised")
    let labels: [(String?, Int64?)] = [("c", fixture.now - 86_400_000_000_001), ("c", fixture.now)]
    #expect(throws: ExportError.self) { try export(fixture, labels) }
    let (set, _) = try export(fixture, labels) { $0.beyondHistory = .null }
    #expect(try set.value("count", 0, .scalar(.int64)) == nil)
    #expect(try set.value("count__reason", 0, .scalar(.string)) == .string("beyond_history"))
    #expect(try set.value("count", 1, .scalar(.int64)) == .int64(3))
  }

  @Test("a spine without rows makes a set without rows, with all of its columns")
  func empty() throws {
    let fixture = try fixture()
    let (set, report) = try export(fixture, [])
    #expect(set.rowCount == 0 && report.rows == 0)
    #expect(set.schema.fields.map(\.name).prefix(4) == ["card_id", "event_timestamp", "count", "name"])
  }

  @Test("pages that are damaged refuse the set by the file's name, and those nobody needs do not")
  func damage() throws {
    let fixture = try fixture()
    try fixture.push("a", (0..<20).map { row("c\($0)", fixture.now, Int64($0)) }, .eventTime)
    try fixture.store.compact()
    let names = try fixture.disk.names(in: fixture.path + "/history").filter { $0.hasSuffix(".parquet") }
    let name = try #require(names.first)
    let path = fixture.path + "/history/" + name
    let file = try fixture.disk.open(path, .readWrite)
    let flipped: [UInt8] = [0xAA, 0x55, 0xAA]
    try file.writeAll(unsafe flipped.span.bytes, at: 30)
    do {
      _ = try export(fixture, [("c0", fixture.now)])
      Issue.record("damage was passed")
    } catch {
      #expect("\(error)".contains(name), "\(error)")
    }
  }
}
