// Two sets and what differs between them: each cause made on purpose and named, random histories held against a plain list of events, and rows that are
// matched by name.

import ApusBytes
import ApusColumnar
import ApusContracts
import ApusExport
import ApusStore
import ApusTestSupport
import Testing

/// A set, as its manifest and its file would have it.
struct HeldDiffSet {
  var side: DiffSide
  let set: HeldSet
  let lsn: LSN
  let options: ExportOptions
  let erasures: LSN
  let features: [String]

  /// Of the features of view `a`, for labels of (card, time).
  init(
    _ fixture: ExportFixture, _ features: [String], _ labels: [(card: String?, time: Int64)],
    at point: SnapshotPoint = .newest, lsns: [LSN]? = nil, name: String = "set",
    change: (inout ExportOptions) -> Void = { _ in }
  ) throws {
    var options = ExportOptions()
    change(&options)
    self.options = options
    self.features = features
    // Not held: what a snapshot reads cannot go.
    let snapshot = try fixture.store.snapshot(point)
    lsn = snapshot.lsn
    erasures = snapshot.erasureEpoch
    let vector = try snapshot.catalog.vector(features: features, in: ExportFixture.project)
    var builder = SpineBuilder(fields: [
      ColumnField("card_id", ColumnType(.string)),
      ColumnField("event_timestamp", ColumnType(.timestamp(.nanoseconds, isUTC: true))),
      ColumnField("label", ColumnType(.int64)),
    ])
    if lsns != nil { builder.fields.append(ColumnField("lsn", ColumnType(.int64))) }
    for (row, label) in labels.enumerated() {
      builder.rows.append([
        label.card.map { .string($0) }, .timestamp(nanoseconds: label.time), .int64(Int64(row % 3)),
        lsns.map { .int64(Int64(clamping: $0[row].rawValue)) },
      ])
    }
    let (set, report) = try fixture.export(snapshot, vector, builder.spine(cutAt: 7), options)
    self.set = set
    side = DiffSide(
      name: name, contentDigest: "\(report.contentDigest)", spineDigest: "\(report.spineDigest)",
      rows: report.rows, fields: report.fields,
      roles: [DiffSide.Role(name: "card", columns: ["card_id"])], time: "event_timestamp", timeUnit: 1,
      lsn: report.lsnColumn, prefix: options.prefix, features: report.features.map(\.name),
      kinds: options.columns)
  }

  var source: HeldSpine { HeldSpine(set.schema, set.batches) }

  func making(_ fixture: ExportFixture) throws -> DiffMaking {
    var choices = SpineChoices()
    choices.time = "event_timestamp"
    choices.lsn = side.lsn
    let snapshot = try fixture.store.snapshot(.lsn(lsn))
    return DiffMaking(
      side, snapshot, try snapshot.catalog.vector(features: features, in: ExportFixture.project), options,
      choices, isText: false, erasures: erasures, losses: [])
  }

  func diff(
    _ other: HeldDiffSet, _ fixture: ExportFixture, memory: Int = 1 << 26, limit: Int = 100
  ) throws -> DiffReport {
    let (a, b) = (features, other.features)
    let causes = StoreCauses(
      side, try making(fixture), other.side, try other.making(fixture),
      isAskedOtherwise: options.identity.split(separator: "\n").filter { !$0.hasPrefix("columns") }
        != other.options.identity.split(separator: "\n").filter { !$0.hasPrefix("columns") },
      memory: memory, scratch: fixture.scratch()
    ) { isOfA, catalog in try? catalog.vector(features: isOfA ? a : b, in: ExportFixture.project) }
    var diff = SetDiff(side, other.side, limit: limit, memory: memory, scratch: fixture.scratch())
    return try diff.run(source, other.source, causes)
  }
}

@Suite("Two sets")
struct DiffTests {
  private static func text(ttl: String = "none", more: String = "") -> String {
    """
    project: p
    entities:
      card: {keys: {card_id: string}}
    views:
      a:
        entity: card
        ttl: \(ttl)
        \(more)
        features:
          count: {type: int64}
          action: {type: string}
    """
  }

  private static let features = ["a@1:count", "a@1:action"]

  private func fixture(seed: UInt64 = 7, ttl: String = "none", more: String = "") throws -> ExportFixture {
    let fixture = try ExportFixture(seed: seed, blocks: (2, 6))
    try fixture.apply(Self.text(ttl: ttl, more: more), ttls: ["a": nil], keys: ["a": ["card_id"]])
    fixture.clock.advance(nanoseconds: 10_000_000_000)
    return fixture
  }

  private func say(
    _ fixture: ExportFixture, _ card: String, at time: Int64, _ count: Int64?, _ choice: KnownAtChoice = .live
  ) throws {
    var said: [String: Value?] = [:]
    if let count { said["count"] = .some(.int64(count)) }
    try fixture.push(
      "a",
      [ExportFixture.Row(key: [.string(card)], eventTime: time, said: count == nil ? nil : said)], choice)
  }

  // MARK: Causes

  /// Two sets with something done between them; all that differs is one cell of `count`.
  private func cause(
    ttl: String = "none", label: Int64 = 5_000_000_000,
    change: @escaping (inout ExportOptions) -> Void = { _ in },
    _ body: (ExportFixture, Int64) throws -> Void
  ) throws -> (cause: DiffCause?, cell: DiffCell) {
    let fixture = try fixture(ttl: ttl)
    let start = fixture.now
    try say(fixture, "c1", at: start - 100, 3)
    try say(fixture, "c2", at: start - 100, 4)
    let labels =
      [("c1", start + label), ("c2", start + 5_000_000_000), (nil, start)] as [(card: String?, time: Int64)]
    let a = try HeldDiffSet(fixture, Self.features, labels)
    fixture.clock.advance(nanoseconds: 1_000)
    try body(fixture, start)
    let b = try HeldDiffSet(fixture, Self.features, labels, change: change)
    // What is said does not depend on which is called A, nor on where the events lie.
    try fixture.store.compact()
    let report = try a.diff(b, fixture)
    let swapped = try b.diff(a, fixture)
    #expect(report.isOneSpine && report.paired == 3 && report.differing == 1, "\(report.features)")
    let cell = try #require(report.features[0].examples.first)
    let other = try #require(swapped.features[0].examples.first)
    #expect(cell.cause == other.cause && cell.event == other.event && cell.a == other.b && cell.b == other.a)
    let cause = try #require(cell.cause)
    #expect(cell.row.key.first?.value == "c1" && report.features[0].causes == [cause: 1])
    return (cause, cell)
  }

  @Test("a late event, a correction, a backfill and a delete are told by the event that won")
  func events() throws {
    let late = try cause { fixture, start in try say(fixture, "c1", at: start - 50, 9) }
    #expect(late.cause == .late && late.cell.a == "3" && late.cell.b == "9")
    let event = try #require(late.cell.event)
    #expect(event.knownAt == event.appendedAt && !event.isKnownAtAssumed && !event.isDelete)
    let correction = try cause { fixture, start in try say(fixture, "c1", at: start - 100, 9) }
    #expect(correction.cause == .correction)
    let assumed = try cause { fixture, start in try say(fixture, "c1", at: start - 50, 9, .eventTime) }
    #expect(assumed.cause == .backfill && assumed.cell.event?.isKnownAtAssumed == true)
    let given = try cause { fixture, start in
      var said: [String: Value?] = [:]
      said["count"] = .some(.int64(9))
      try fixture.push(
        "a",
        [
          ExportFixture.Row(
            key: [.string("c1")], eventTime: start - 50, knownAt: start - 20, said: said)
        ], .column)
    }
    #expect(given.cause == .backfill && given.cell.event?.isKnownAtAssumed == false)
    let delete = try cause { fixture, start in
      try say(fixture, "c1", at: start - 50, nil)
      try say(fixture, "c2", at: start - 200, 8)
    }
    #expect(delete.cause == .delete && delete.cell.a == "3" && delete.cell.b == nil)
  }

  @Test("an erasure is the cause where a set has what nobody may read any more")
  func erased() throws {
    let found = try cause { fixture, _ in try fixture.erase("card_id", .string("c1")) }
    #expect(found.cause == .erase && found.cell.a == "3" && found.cell.b == nil && found.cell.event == nil)
  }

  @Test("a definition is the cause where one event won in both sets and its age is judged otherwise")
  func defined() throws {
    let fixture = try fixture()
    let start = fixture.now
    try say(fixture, "c1", at: start - 100, 3)
    let labels: [(card: String?, time: Int64)] = [("c1", start + 5_000_000_000)]
    let a = try HeldDiffSet(fixture, Self.features, labels)
    try fixture.apply(Self.text(ttl: "1s"), ttls: ["a": 1_000_000_000])
    let b = try HeldDiffSet(fixture, Self.features, labels)
    let report = try a.diff(b, fixture)
    #expect(report.causes == [.definition: 1])
    #expect(try b.diff(a, fixture).causes == [.definition: 1])
  }

  @Test("options are the cause where the older question gives the older value at the newer LSN")
  func options() throws {
    let strict = try cause(label: -100, change: { $0.mode = .happened }) { _, _ in }
    #expect(strict.cause == .options && strict.cell.a == nil && strict.cell.b == "3")
    // Time and the asking both changed the cell: time is told.
    let both = try cause(change: { $0.mode = .happened }) { fixture, start in
      try say(fixture, "c1", at: start - 50, 9)
    }
    #expect(both.cause == .late)
  }

  @Test("sets that repeat LSNs differ by what was asked, and never by what came in between")
  func repeated() throws {
    let fixture = try fixture(ttl: "1s")
    let start = fixture.now
    try say(fixture, "c1", at: start - 2_000_000_000, 3)
    let first = try fixture.store.snapshot().lsn
    let labels: [(card: String?, time: Int64)] = [("c1", start), ("c1", start)]
    let lsns = [first, first]
    let a = try HeldDiffSet(fixture, Self.features, labels, lsns: lsns)
    try say(fixture, "c1", at: start - 100, 9)
    let same = try HeldDiffSet(fixture, Self.features, labels, lsns: lsns)
    #expect(a.side.contentDigest == same.side.contentDigest)
    #expect(try a.diff(same, fixture).differing == 0)
    let b = try HeldDiffSet(fixture, Self.features, labels, lsns: lsns) { $0.staleOK = true }
    let report = try a.diff(b, fixture)
    #expect(report.causes == [.options: 2] && report.features[0].examples.first?.b == "3")
    let later = try fixture.store.snapshot().lsn
    let c = try HeldDiffSet(fixture, Self.features, labels, lsns: [later, first])
    let moved = try a.diff(c, fixture)
    #expect(moved.paired == 1 && moved.onlyA.count == 1 && moved.onlyB.count == 1)
    #expect(moved.onlyB.shown.first?.lsn == Int64(clamping: later.rawValue))
  }

  @Test("where reasons are compared, something that was written and is not seen is a late event")
  func unseen() throws {
    let fixture = try fixture()
    let labels: [(card: String?, time: Int64)] = [("c1", fixture.now)]
    let a = try HeldDiffSet(fixture, Self.features, labels) { $0.columns = [.reasons] }
    fixture.clock.advance(nanoseconds: 1_000)
    try say(fixture, "c1", at: fixture.now, 3)
    let b = try HeldDiffSet(fixture, Self.features, labels) { $0.columns = [.reasons, .lsns] }
    let report = try a.diff(b, fixture)
    #expect(report.causes == [.late: 1] && report.features[0].examples.first?.kinds == [.reasons])
  }

  @Test("a horizon that rose is the cause where a set can say nothing any more")
  func horizon() throws {
    let fixture = try fixture(more: "history: 3d")
    let start = fixture.now
    try say(fixture, "c1", at: start - 100, 3)
    let labels: [(card: String?, time: Int64)] = [("c1", start + 1_000)]
    let a = try HeldDiffSet(fixture, Self.features, labels)
    fixture.clock.advance(nanoseconds: 6 * 86_400_000_000_000)
    try say(fixture, "c1", at: fixture.now, 5)
    try fixture.store.compact()
    let b = try HeldDiffSet(fixture, Self.features, labels) { $0.beyondHistory = .null }
    let report = try a.diff(b, fixture)
    #expect(report.causes == [.horizon: 1], "\(report.features)")
  }

  // MARK: Sets that are not what they should be

  @Test("a cell that no store ever gave is unexplained, and a set that is not its manifest's is refused")
  func tampered() throws {
    let fixture = try fixture()
    let start = fixture.now
    try say(fixture, "c1", at: start - 100, 3)
    let labels: [(card: String?, time: Int64)] = [("c1", start)]
    let a = try HeldDiffSet(fixture, Self.features, labels)
    try say(fixture, "c1", at: start - 100, 4)
    let b = try HeldDiffSet(fixture, Self.features, labels)
    // B's rows under A's manifest.
    var diff = SetDiff(a.side, b.side, limit: 1, memory: 1 << 20, scratch: fixture.scratch())
    #expect {
      try diff.run(b.source, b.source, nil)
    } throws: { error in
      guard case DiffError.notItsManifest("set", let expected, let found)? = error as? DiffError else {
        return false
      }
      return expected.hasSuffix(a.side.contentDigest) && found == b.side.contentDigest
    }
    // A set that says of itself that it was made at another LSN.
    var wrong = try HeldDiffSet(fixture, Self.features, labels, at: .lsn(a.lsn))
    wrong.side.contentDigest = b.side.contentDigest
    let causes = StoreCauses(
      a.side, try a.making(fixture), wrong.side, try wrong.making(fixture), isAskedOtherwise: false,
      memory: 1 << 20, scratch: fixture.scratch()
    ) { _, catalog in try? catalog.vector(features: Self.features, in: ExportFixture.project) }
    var other = SetDiff(a.side, wrong.side, limit: 1, memory: 1 << 20, scratch: fixture.scratch())
    #expect(try other.run(a.source, b.source, causes).causes == [.unexplained: 1])
  }

  // MARK: Rows

  @Test(
    "rows of other spines are matched by key and time, duplicates in turn, however little memory there is")
  func names() throws {
    let fixture = try fixture()
    let start = fixture.now
    for card in 0..<9 { try say(fixture, "c\(card)", at: start - Int64(card), Int64(card)) }
    for seed in UInt64(1)...12 {
      var random = SplitMix64(seed: seed)
      func labels() -> [(card: String?, time: Int64)] {
        (0..<random.within(0...120)).map { _ in
          (random.chance(0.1) ? nil : "c\(random.below(9))", start + Int64(random.below(3)))
        }
      }
      let (rowsA, rowsB) = (labels(), labels())
      let a = try HeldDiffSet(fixture, Self.features, rowsA)
      let b = try HeldDiffSet(fixture, Self.features, rowsB) { $0.prefix = "b_" }
      let report = try a.diff(b, fixture, memory: random.pick([1, 2_000, 1 << 26]), limit: 1_000)
      var left: [String: Int] = [:]
      for row in rowsB { left["\(row)", default: 0] += 1 }
      var paired = 0
      for row in rowsA where left["\(row)", default: 0] > 0 {
        left["\(row)", default: 0] -= 1
        paired += 1
      }
      #expect(report.paired == paired && report.differing == 0, "seed \(seed)")
      #expect(report.onlyA.count == rowsA.count - paired && report.onlyB.count == rowsB.count - paired)
      #expect(report.onlyB.shown.count == report.onlyB.count)
      #expect(report.features.map(\.name) == ["count", "action"])
    }
  }

  // MARK: Against a plain list

  @Test("of random histories every cell that differs is found, with the cause that a list of events gives")
  func stories() throws {
    var causes: [DiffCause: Int] = [:]
    for seed in UInt64(1)...150 {
      do {
        let story = try DiffStory(seed)
        causes.merge(try story.play()) { $0 + $1 }
      } catch {
        Issue.record("seed \(seed): \(error)")
        return
      }
    }
    #expect(causes[.unexplained] == nil)
    for cause in [DiffCause.erase, .definition, .options, .delete, .correction, .backfill, .late] {
      #expect(causes[cause, default: 0] > 0, "\(cause) never happened: \(causes)")
    }
  }
}
