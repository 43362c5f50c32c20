// Sets as files: what is written is what was joined, in each format; and whatever fails on the way, there is the whole set or the one before.

import ApusBytes
import ApusColumnar
import ApusContracts
import ApusExport
import ApusHistory
import ApusLog
import ApusStore
import ApusSystem
import ApusTestSupport
import Testing

@Suite("Sets as files")
struct SetFileTests {
  private static let text = """
    project: p
    entities:
      card: {keys: {card_id: string}}
    views:
      a:
        entity: card
        ttl: none
        features:
          count: {type: int64}
          vector: {type: "float32[3]"}
          tags: {type: "list<string>"}
          seen: {type: timestamp}
          raw: {type: bytes}
          ok: {type: bool}
    services:
      s: {features: [{view: a, take: [count, vector, tags, seen, raw, ok]}]}
    """

  private func fixture(events: Int = 30) throws -> ExportFixture {
    let fixture = try ExportFixture(blocks: (4, 16))
    try fixture.apply(Self.text, ttls: ["a": nil], keys: ["a": ["card_id"]])
    fixture.clock.advance(nanoseconds: 3_600_000_000_000)
    var rows: [ExportFixture.Row] = []
    for number in 0..<events {
      let tags: [String] = ["a, \"b\"", "", "ż"].suffix(number % 4)
      var said: [String: Value?] = [:]
      said["count"] = .some(.int64(Int64(number)))
      said["vector"] = .some(.vector(.float32([Float(number), 0.5, -1])))
      said["tags"] = .some(number % 3 == 0 ? nil : Value.list(.string(tags)))
      said["seen"] = .some(.timestamp(nanoseconds: Int64(number) * 1_000_000_007))
      said["raw"] = .some(.bytes([0, 255, UInt8(number)]))
      said["ok"] = .some(.bool(number % 2 == 0))
      rows.append(
        ExportFixture.Row(
          key: [.string("c\(number % 10)")], eventTime: fixture.now - Int64(number), said: said))
    }
    try fixture.push("a", rows, .eventTime)
    return fixture
  }

  private func spine(_ fixture: ExportFixture, _ rows: Int = 25) throws -> HeldSpine {
    try SpineBuilder(
      fields: [
        ColumnField("card_id", ColumnType(.string)),
        ColumnField("event_timestamp", ColumnType(.timestamp(.nanoseconds, isUTC: true))),
      ],
      rows: (0..<rows).map { [.string("c\($0 % 12)"), .timestamp(nanoseconds: fixture.now - Int64($0 % 5))] }
    ).spine(cutAt: 7)
  }

  private func export(
    _ fixture: ExportFixture, _ snapshot: Snapshot, to sink: any ExportSink, _ spine: any SpineSource,
    _ options: ExportOptions = ExportOptions()
  ) throws -> ExportReport {
    let name = try #require(VersionedName(spelling: "s"))
    let vector = try snapshot.catalog.vector(service: name, in: ExportFixture.project)
    return try Export(snapshot, vector, options, SpineChoices(), scratch: fixture.scratch()).run(
      spine, to: sink)
  }

  /// All rows of a set or a file, as one batch.
  private func rows(_ spine: any SpineSource) throws -> [[String]] {
    let reading = try spine.open()
    var rows: [[String]] = []
    while let batch = try reading.next() {
      for row in 0..<batch.rowCount {
        rows.append(
          batch.columns.map { column in
            if column.isNull(row) { return "null" }
            return column.elements(of: row).map { element in
              switch column.type.element {
              case .string: column.string(element)
              case .bytes: "\(column.bytes(element).copied())"
              case .bool: "\(column.bool(element))"
              case .float32: "\(column.float32(element))"
              default: "\(column.int64(element))"
              }
            }.joined(separator: "|")
          })
      }
    }
    return rows
  }

  @Test("what is read back from Parquet and from Arrow is what was joined, and each can be a spine again")
  func formats() throws {
    let fixture = try fixture()
    let snapshot = try fixture.store.snapshot()
    let held = HeldSet()
    let report = try export(fixture, snapshot, to: held, spine(fixture))
    let expected = try rows(HeldSpine(held.schema, held.batches))
    #expect(expected.count == 25)
    for format in [SetFormat.parquet, .arrow] {
      let path = fixture.folder.path("set.\(format.rawValue)")
      let file = try SetFile(path, format, on: fixture.disk)
      #expect(try export(fixture, snapshot, to: file, spine(fixture)).contentDigest == report.contentDigest)
      try file.publish(manifest: [0x7B, 0x7D])
      let again: any SpineSource =
        format == .parquet ? ParquetSpine(path, on: fixture.disk) : ArrowSpine(path)
      #expect(try rows(again) == expected, "\(format)")
      var options = ExportOptions()
      options.prefix = "again_"
      let second = HeldSet()
      _ = try export(fixture, snapshot, to: second, again, options)
      #expect(second.rowCount == 25)
    }
  }

  @Test(
    "whatever call fails, there is the set of before or the whole new one, no draft, and the next run ends well"
  )
  func everyFault() throws {
    let fixture = try fixture()
    let snapshot = try fixture.store.snapshot()
    let path = fixture.folder.path("set.parquet")
    var options = ExportOptions()
    options.memory = 500
    options.rangeRows = 4
    func make() throws {
      let file = try SetFile(path, .parquet, on: fixture.disk)
      let scratch = SetFile.scratch(for: path, on: fixture.disk)
      let name = try #require(VersionedName(spelling: "s"))
      let vector = try snapshot.catalog.vector(service: name, in: ExportFixture.project)
      _ = try Export(snapshot, vector, options, SpineChoices(), scratch: scratch).run(
        spine(fixture), to: file)
      try file.publish(manifest: [0x7B, 0x7D])
    }
    var failures = 0
    for number in 1...400 {
      let calls = Monitor(0)
      fixture.disk.fail { call, name in
        guard name.contains("set.") else { return nil }
        let count = calls.withLock { count in
          count += 1
          return count
        }
        // The set's own cleaning up is let through.
        return count == number && call != .remove ? .noSpace : nil
      }
      var isMade = false
      do {
        try make()
        isMade = true
      } catch let error as ExportError {
        failures += 1
        #expect(error.code == "disk_full", "\(error)")
      }
      fixture.disk.fail(nil)
      let names = try fixture.disk.names(in: fixture.folder.path).filter { $0.contains("set") }
      #expect(names.allSatisfy { !$0.hasPrefix(".") }, "call \(number): \(names)")
      if try fixture.disk.entry(at: path) != nil {
        #expect(try rows(ParquetSpine(path, on: fixture.disk)).count == 25)
      }
      if isMade, calls.withLock({ $0 }) < number { break }
    }
    #expect(failures > 20, "\(failures) calls failed")
    try make()
  }

  @Test("a set that was there stays as it is when the next one fails")
  func keepsTheOld() throws {
    let fixture = try fixture()
    let path = fixture.folder.path("set.csv")
    let file = try SetFile(path, .csv, on: fixture.disk)
    _ = try export(fixture, try fixture.store.snapshot(), to: file, spine(fixture))
    try file.publish(manifest: [0x7B, 0x7D])
    let bad = try SpineBuilder(
      fields: [ColumnField("nothing", ColumnType(.string))], rows: [[.string("x")]]
    ).spine()
    let second = try SetFile(path, .csv, on: fixture.disk)
    #expect(throws: ExportError.self) {
      try export(fixture, try fixture.store.snapshot(), to: second, bad)
    }
    second.abandon()
    let names = try fixture.disk.names(in: fixture.folder.path).filter { $0.contains("set") }
    #expect(names == ["set.csv", "set.manifest.json"])
  }

  @Test("a snapshot that is held reads the same while the store packs, merges and goes on")
  func held() throws {
    let fixture = try fixture()
    let snapshot = try fixture.store.snapshot()
    let labels = try spine(fixture)
    let before = try export(fixture, snapshot, to: HeldSet(), labels)
    for round in 0..<4 {
      fixture.clock.advance(nanoseconds: 5)
      try fixture.push(
        "a",
        [
          ExportFixture.Row(
            key: [.string("c1")], eventTime: fixture.now, said: ["count": .int64(Int64(round))])
        ])
      _ = try? fixture.store.compact()
    }
    let after = try export(fixture, snapshot, to: HeldSet(), labels)
    #expect(after.contentDigest == before.contentDigest && after.identity == before.identity)
  }

  @Test("a snapshot by time has the last record that was appended by then, in the log and below its floor")
  func byTime() throws {
    let fixture = try fixture()
    var moments: [(Int64, UInt64)] = []
    for round in 0..<6 {
      fixture.clock.advance(nanoseconds: 10)
      let lsns = try fixture.push(
        "a",
        [
          ExportFixture.Row(
            key: [.string("c1")], eventTime: fixture.now, said: ["count": .int64(Int64(round))])
        ])
      moments.append((fixture.now, try #require(lsns).last.rawValue))
      if round == 3 { try fixture.store.compact() }
    }
    for (place, (moment, lsn)) in moments.enumerated() {
      #expect(try fixture.store.snapshot(.time(WallTime(nanoseconds: moment))).lsn.rawValue == lsn)
      if place > 0 {
        #expect(
          try fixture.store.snapshot(.time(WallTime(nanoseconds: moment - 1))).lsn.rawValue
            == moments[place - 1].1)
      }
    }
    #expect(throws: StoreError.self) { try fixture.store.snapshot(.lsn(LSN(1 << 40))) }
  }

  @Test("what a reader of the past answers at an LSN and a time is what a set repeats, cell by cell")
  func repeatsWhatWasServed() throws {
    for seed in 1...20 as ClosedRange<UInt64> {
      var random = SplitMix64(seed: seed)
      let fixture = try fixture(events: 12)
      var served: [(card: String, time: Int64, lsn: LSN, table: [FeatureTable.Cell])] = []
      let name = try #require(VersionedName(spelling: "s"))
      for _ in 0..<15 {
        fixture.clock.advance(nanoseconds: UInt64(random.below(4)))
        var said: [String: Value?] = [:]
        if random.coin() {
          said["count"] = .some(random.chance(0.2) ? nil : .int64(Int64(random.below(100))))
        }
        if random.coin() { said["ok"] = .bool(random.coin()) }
        let card = "c\(random.below(4))"
        try fixture.push(
          "a",
          [
            ExportFixture.Row(
              key: [.string(card)], eventTime: fixture.now - Int64(random.below(5)),
              said: random.chance(0.15) ? nil : said)
          ])
        if random.chance(0.2) { try fixture.store.compact() }
        let vector = try fixture.store.catalog.vector(service: name, in: ExportFixture.project)
        var keys = RequestKeys(for: vector)
        let asked = "c\(random.below(4))"
        try keys.append(named: ["card_id": .string(asked)])
        var reader = try fixture.store.reader()
        let table = try reader.table(vector, keys)
        served.append(
          (asked, table.moment.time.nanoseconds, table.moment.lsn, table.names.indices.map { table[0, $0] }))
      }
      let fields = [
        ColumnField("card_id", ColumnType(.string)),
        ColumnField("event_timestamp", ColumnType(.timestamp(.nanoseconds, isUTC: true))),
        ColumnField("lsn", ColumnType(.int64)),
      ]
      let spine = try SpineBuilder(
        fields: fields,
        rows: served.map {
          [.string($0.card), .timestamp(nanoseconds: $0.time), .int64(Int64($0.lsn.rawValue))]
        }
      ).spine()
      var options = ExportOptions()
      options.columns = Set(ExportColumnKind.allCases)
      let set = HeldSet()
      _ = try export(fixture, try fixture.store.snapshot(), to: set, spine, options)
      let types: [FeatureType] = [
        .scalar(.int64), try #require(.vector(of: .float32, count: 3)), .list(of: .string),
        .scalar(.timestamp),
        .scalar(.bytes), .scalar(.bool),
      ]
      for (row, answer) in served.enumerated() {
        for (place, feature) in ["count", "vector", "tags", "seen", "raw", "ok"].enumerated() {
          let cell = answer.table[place]
          #expect(
            try set.cell("\(feature)__status", row) { $0.load($1, as: Int8.self) }
              == Int8(cell.status.rawValue),
            "seed \(seed) row \(row) \(feature)")
          #expect(
            try set.value(feature, row, types[place]) == cell.value, "seed \(seed) row \(row) \(feature)")
          let lsn = try set.value("\(feature)__lsn", row, .scalar(.int64))
          #expect(
            lsn == cell.stamp.map { .int64(Int64($0.lsn.rawValue)) }, "seed \(seed) row \(row) \(feature)")
        }
      }
    }
  }

  @Test("in a spine of text keys are read as their types are written, and what is none names its row")
  func textKeys() throws {
    let fixture = try ExportFixture()
    try fixture.apply(
      """
      project: p
      entities:
        odd: {keys: {raw: bytes, small: int32, when: timestamp, yes: bool}}
      views:
        a: {entity: odd, ttl: none, features: {count: {type: int64}}}
      services:
        s: {features: [{view: a, take: [count]}]}
      """, ttls: ["a": nil], keys: ["a": ["raw", "small", "when", "yes"]])
    let contents: [[UInt8]] = [[], [0], [255, 1], [1, 2, 3], [9, 8, 7, 6]]
    for (place, raw) in contents.enumerated() {
      try fixture.push(
        "a",
        [
          ExportFixture.Row(
            key: [.bytes(raw), .int32(-5), .timestamp(nanoseconds: 1), .bool(true)], eventTime: fixture.now,
            said: ["count": .some(.int64(Int64(place)))])
        ])
    }
    let names = ["raw", "small", "when", "yes", "event_timestamp"]
    let now = "2026-01-01T00:00:00Z"
    func export(_ rows: [[String]]) throws -> [Value?] {
      let held = try SpineBuilder(
        fields: names.map { ColumnField($0, ColumnType(.string)) }, rows: rows.map { $0.map { .string($0) } }
      ).spine()
      let reading = held.open()
      let batch = try reading.next()
      let text = HeldSpine(reading.schema, batch.map { [$0] } ?? [], isText: true)
      let set = HeldSet()
      _ = try self.export(fixture, try fixture.store.snapshot(), to: set, text)
      return try rows.indices.map { try set.value("count", $0, .scalar(.int64)) }
    }
    let key = ["-5", "1970-01-01T00:00:00.000000001Z", "true", now]
    let found = try export(["", "AA==", "/wE=", "AQID", "CQgHBg=="].map { [$0] + key })
    #expect(found == (0..<5).map { .int64(Int64($0)) })
    for bad in ["AA=", "A===", "AB==", "@@@@", "AA==AA=="] {
      #expect(throws: ExportError.self, "\(bad)") { try export([[bad] + key]) }
    }
    #expect(throws: ExportError.badValue(column: "small", row: 0, "\"3000000000\" is no int32")) {
      try export([["AA==", "3000000000"] + key.dropFirst()])
    }
  }
}
