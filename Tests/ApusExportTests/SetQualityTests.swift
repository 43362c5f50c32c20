// Sets that are checked as they are written: what fails, what is only told, and that no figure depends on how a set was made.

import ApusBytes
import ApusColumnar
import ApusContracts
import ApusExport
import ApusStore
import ApusSystem
import ApusTestSupport
import Testing

@Suite("Quality checks of a set")
struct SetQualityTests {
  private static let text = """
    project: p
    entities:
      card: {keys: {card_id: string}}
    views:
      a:
        entity: card
        ttl: none
        features:
          amount: {type: float64, finite: false}
          count: {type: int64}
          country: {type: string}
          tags: {type: "list<string>"}
          vector: {type: "float32[2]"}
    services:
      s: {features: [{view: a, take: [amount, count, country, tags, vector]}]}
    """

  private let fixture: ExportFixture

  init() throws {
    fixture = try ExportFixture(blocks: (8, 64))
    try fixture.apply(Self.text, ttls: ["a": nil], keys: ["a": ["card_id"]])
    fixture.clock.advance(nanoseconds: 3_600_000_000_000)
  }

  private func push(
    _ cards: Int, ago: Int64 = 0, _ said: (Int) -> [String: Value?]
  ) throws {
    for start in stride(from: 0, to: cards, by: 100) {
      try fixture.push(
        "a",
        (start..<min(cards, start + 100)).map {
          ExportFixture.Row(key: [.string("c\($0)")], eventTime: fixture.now - ago, said: said($0))
        }, .eventTime)
    }
  }

  /// A row for each card at each of so many moments, the last one now.
  private func spine(_ cards: Int, ago: Int64 = 0, cutAt size: Int = 100) throws -> HeldSpine {
    try SpineBuilder(
      fields: [
        ColumnField("card_id", ColumnType(.string)),
        ColumnField("event_timestamp", ColumnType(.timestamp(.nanoseconds, isUTC: true))),
        ColumnField("label", ColumnType(.int64)),
      ],
      rows: (0..<cards).map {
        [.string("c\($0)"), .timestamp(nanoseconds: fixture.now - ago), .int64(Int64($0 % 4))]
      }
    ).spine(cutAt: size)
  }

  private func quality(
    _ spine: any SpineSource, _ text: String = "{}", _ change: (inout ExportOptions) -> Void = { _ in }
  ) throws -> SetQuality {
    let checks = try SetChecks(reading: Array(text.utf8), named: "c.yaml")
    return try quality(spine, checks, change)
  }

  private func quality(
    _ spine: any SpineSource, _ checks: SetChecks, _ change: (inout ExportOptions) -> Void = { _ in }
  ) throws -> SetQuality {
    let snapshot = try fixture.store.snapshot()
    let name = try #require(VersionedName(spelling: "s"))
    let vector = try snapshot.catalog.vector(service: name, in: ExportFixture.project)
    var options = ExportOptions()
    change(&options)
    return try #require(try fixture.export(snapshot, vector, spine, options, checks: checks).report.quality)
  }

  private func finding(_ quality: SetQuality, _ check: String, _ of: String) throws -> SetQuality.Finding {
    try #require(quality.findings.first { $0.check == check && $0.of == of }, "no \(check) of \(of)")
  }

  private func usual(_ card: Int) -> [String: Value?] {
    [
      "amount": .some(.float64(Double(card % 50) / 4)), "count": .some(.int64(Int64(card))),
      "country": .some(.string(["SE", "NO", ""][card % 3])),
      "tags": .some(.list(.string(card % 2 == 0 ? [] : ["x"]))), "vector": .some(.vector(.float32([0, 0]))),
    ]
  }

  @Test("a set that is checked for nothing more has its order and its duplicates judged, and the rest told")
  func standard() throws {
    try push(100, usual)
    let quality = try quality(try spine(100))
    #expect(
      quality.findings.filter { $0.verdict == .passed }.map(\.check) == ["temporal_order", "duplicates"])
    #expect(quality.findings.allSatisfy { $0.verdict == .passed || $0.verdict == .told })
    #expect(try finding(quality, "zero_share", "tags").figure == 0.5)
    #expect(try finding(quality, "zero_share", "vector").figure == 1)
    #expect(try finding(quality, "constant", "vector").figure == 1)
    #expect(try finding(quality, "zero_share", "country").figure == 0.33)
    #expect(quality.profiles[1].least == "0" && quality.profiles[1].greatest == "99")
  }

  @Test("rows that repeat keys and time fail the set, over chunks and spills too")
  func duplicates() throws {
    try push(3, usual)
    let fields = [
      ColumnField("card_id", ColumnType(.string)),
      ColumnField("event_timestamp", ColumnType(.timestamp(.nanoseconds, isUTC: true))),
    ]
    let now = fixture.now
    let rows: [[Value?]] = (0..<200).map {
      [.string("c\($0 % 3)"), .timestamp(nanoseconds: now - Int64($0 % 5))]
    }
    for chunk in [1, 7, 1_000] {
      let quality = try quality(try SpineBuilder(fields: fields, rows: rows).spine(cutAt: 13)) {
        ($0.chunkLabels, $0.memory) = (chunk, chunk == 7 ? 400 : 1 << 30)
      }
      let finding = try finding(quality, "duplicates", "")
      #expect(finding.figure == 0.925 && finding.verdict == .failed && quality.isFailed, "\(finding)")
    }
    let nobody: [[Value?]] = (0..<10).map { _ in [nil, .timestamp(nanoseconds: now)] }
    let quality = try quality(try SpineBuilder(fields: fields, rows: nobody).spine())
    #expect(try finding(quality, "duplicates", "").figure == 0, "null is no entity, and none twice")
  }

  @Test("the figures are the same with one thread or three, in little memory, and in another order of rows")
  func determinism() throws {
    try push(2_500) { card in
      var said = usual(card)
      said["amount"] = .some(.float64(Double(card) * 1.7))
      said["country"] = .some(.string("x\(card % 300)"))
      return said
    }
    let expected = try quality(try spine(2_600), "segments: {s: {column: label, in: [1, 2]}}") {
      $0.threads = 1
    }
    for (threads, memory, chunk, range, cut) in [
      (1, 32 << 20, 32_768, 262_144, 100), (2, 32 << 20, 32_768, 262_144, 7), (3, 4_000, 100, 90, 1_000),
    ] {
      let other = try quality(try spine(2_600, cutAt: cut), "segments: {s: {column: label, in: [1, 2]}}") {
        ($0.threads, $0.memory, $0.chunkLabels, $0.rangeRows) = (threads, memory, chunk, range)
      }
      #expect(other == expected, "\(threads) threads")
    }
    guard case .categories(.bins) = expected.profiles[2].values else {
      Issue.record("300 categories were kept")
      return
    }
  }

  @Test("a set of no rows, a feature that is always null, and numbers at the ends of 64 bits")
  func edges() throws {
    let empty = try quality(
      try spine(0), "{null_share: 0.1, coverage: 1, segments: {s: all}, against: online}")
    #expect(!empty.isFailed)
    #expect(try finding(empty, "coverage", "s").verdict == .notJudged)
    #expect(try finding(empty, "null_share", "amount").verdict == .notJudged)
    #expect(try finding(empty, "duplicates", "").figure == 0)
    try push(40) { card in
      [
        "amount": Value?.none, "count": .some(.int64(card % 2 == 0 ? .min : .max)),
        "country": .some(.string("")),
      ]
    }
    let quality = try quality(
      try spine(40),
      "{null_share: 0.9, constant: refuse, segments: {s: {column: count, max: -9223372036854775808}}}")
    #expect(try finding(quality, "null_share", "amount").verdict == .failed)
    #expect(
      quality.profiles[0].nulls == 40
        && quality.profiles[0].values == .numbers(Histogram(shift: 0, buckets: [])))
    #expect(
      quality.profiles[1].least == "-9223372036854775808"
        && quality.profiles[1].greatest == "9223372036854775807")
    #expect(try finding(quality, "constant", "country").verdict == .failed)
    #expect(
      try finding(quality, "constant", "amount").verdict == .passed, "what has no value is not constant")
    #expect(try finding(quality, "coverage", "s").words.hasPrefix("0 of 20 rows"))
  }

  @Test("NaN and the infinities are counted, and judged apart")
  func nan() throws {
    try push(30) { card in
      ["amount": .some(.float64([.nan, .infinity, -.infinity][card % 3])), "count": .some(.int64(1))]
    }
    let quality = try quality(try spine(30))
    let profile = quality.profiles[0]
    #expect(profile.present == 30 && profile.nan == 10)
    #expect(profile.least == "\"-inf\"" && profile.greatest == "\"inf\"")
    var checks = SetChecks()
    checks.against = .reference(SetReference(name: "itself", quality.profiles))
    let again = try self.quality(
      try spine(30), try SetChecks(reading: Array(checks.spelling.utf8), named: "t"))
    #expect(try finding(again, "psi", "amount").figure == 0)
    #expect(try finding(again, "ks", "amount").figure == 0)
  }

  @Test(
    "against an earlier set by its profiles: what did not change passes, what did fails, what is new is told")
  func drift() throws {
    try push(600, ago: 10, usual)
    let earlier = try quality(try spine(600))
    try push(600) { card in
      var said = usual(card)
      if card % 2 == 0 { said["country"] = .some(.string("FI")) }
      said["amount"] = .some(.float64(Double(card % 50) / 2))
      return said
    }
    var checks = try SetChecks(reading: Array("{unseen: 0.1, ks: 0.3}".utf8), named: "c")
    checks.against = .reference(SetReference(name: "the earlier set", earlier.profiles))
    let now = try quality(try spine(600), checks)
    #expect(now.reference == "the earlier set")
    #expect(try finding(now, "psi", "count").verdict == .passed)
    #expect(try finding(now, "psi", "amount").verdict == .failed)
    #expect(try finding(now, "ks", "amount").verdict == .failed)
    #expect(try finding(now, "unseen", "country").figure == 0.5)
    #expect(try finding(now, "unseen", "country").verdict == .failed)
    #expect(!now.findings.contains { $0.check == "psi" && $0.of == "vector" })
    // At a moment when the old values were there it is the same set.
    let then = try quality(try spine(600, ago: 5), checks)
    #expect(try !then.isFailed && finding(then, "psi", "amount").figure == 0)
    checks.against = .reference(SetReference(name: "another", Array(earlier.profiles.dropFirst())))
    #expect(try finding(try quality(try spine(600), checks), "psi", "amount").verdict == .notJudged)
  }

  @Test("against the online rows: each entity of the set as it is now")
  func online() throws {
    try push(400, ago: 1_000, usual)
    try push(400) { card in
      var said = usual(card)
      said["amount"] = .some(.float64(100 + Double(card)))
      return said
    }
    let old = try quality(try spine(400, ago: 500), "against: online")
    #expect(try finding(old, "psi", "amount").verdict == .failed)
    #expect(try finding(old, "psi", "count").figure == 0)
    #expect(old.reference?.hasPrefix("the online rows at LSN ") == true)
    let new = try quality(try spine(400), "against: online") { ($0.prefix, $0.columns) = ("p_", [.statuses]) }
    #expect(try !new.isFailed && finding(new, "psi", "amount").figure == 0)
    // Packed into history, where nothing of it is left in the log, it is the same.
    try fixture.store.compact()
    #expect(try quality(try spine(400, ago: 500), "against: online") == old)
  }

  @Test("a row that came from after its label is found, whoever says that there is none")
  func order() throws {
    var random = SplitMix64(seed: 21)
    for round in 0..<200 {
      var order = TemporalOrder()
      var expected: [Int] = []
      var row = 0
      for _ in 0..<random.within(1...3) {
        let start = random.below(3)
        var moments = ColumnBuilder(ColumnType(.timestamp(.nanoseconds, isUTC: true)), named: "m")
        var limits: [Int64] = []
        for place in 0..<(start + random.below(20)) {
          let moment: Int64? = random.chance(0.2) ? nil : Int64(random.within(-2...9))
          if let moment { moments.append(moment) } else { moments.appendNull() }
          guard place >= start else { continue }
          limits.append(random.pick([.min, .max, 5, 9]))
          if let moment, moment > limits[limits.count - 1] { expected.append(row) }
          row += 1
        }
        let column = try moments.finish()
        order.take(limits, column, from: column.count - limits.count)
      }
      #expect(order.count == expected.count && order.first == expected.first, "round \(round)")
    }
    for (time, delay, isStrict, limit) in [
      (10, 0, false, 10), (10, 0, true, 9), (10, 3, false, 7), (.min, 1, true, .min), (.min, 0, true, .min),
      (.max, 0, true, .max - 1),
    ] as [(Int64, Int64, Bool, Int64)] {
      #expect(TemporalOrder.latest(time, delayNanoseconds: delay, isStrict: isStrict) == limit)
    }
  }

  @Test("checks of what the set does not have refuse it before it is begun, and say what there is")
  func refused() throws {
    try push(3, usual)
    let spine = try spine(3)
    func expect(_ text: String, _ what: String, _ next: String) throws {
      do {
        _ = try quality(spine, text)
        Issue.record("\(text) was taken")
      } catch let error as ExportError {
        #expect(error.code == "checks_refused")
        #expect(error.words.what == what && error.words.next == next)
      }
    }
    try expect(
      "features: {amuont: {psi: 1}}", "features of the checks: the set has no feature \"amuont\"",
      "did you mean \"amount\"?")
    try expect(
      "segments: {s: {column: nothing, min: 1}}",
      "the segment s is about the column \"nothing\", and the set has none",
      "the set has card_id, event_timestamp, label, amount, count, country, tags, vector")
    try expect(
      "segments: {s: {column: country, min: 1}}", "the segment s: the column country has string",
      "say in: with a list of texts; numbers of a CSV spine are texts, too: in: [\"1\"]")
    try expect(
      "segments: {s: {column: count, in: [1.5]}}", "the segment s: the column count has int64",
      "say in:, min: or max: with whole numbers of 64 bits")
    try expect(
      "segments: {s: {column: event_timestamp, min: 5}}",
      "the segment s: the column event_timestamp has timestamp[ns, UTC]",
      "say min: or max: with a moment in quotes, as in \"2026-11-20T00:00:00Z\"")
    try expect(
      "segments: {s: {column: tags, in: [x]}}", "the segment s: the column tags has list<string>",
      "name a column with one value in a row")
    try expect(
      "segments: {s: {column: label, in: [1], features: [zzz]}}",
      "the segment s of the checks: the set has no feature \"zzz\"",
      "it has amount, count, country, tags, vector")
  }
}
