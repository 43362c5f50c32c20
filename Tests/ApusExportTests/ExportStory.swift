// One seed, one story: a store is told things, packed, merged, restarted and erased from, and between that sets are exported with options of every kind;
// each cell is compared with the oracle's. A set that was made is made again later, otherwise, and must be the same.

import ApusBytes
import ApusColumnar
import ApusContracts
import ApusExport
import ApusHistory
import ApusLog
import ApusStore
import ApusSystem
import ApusTestSupport

final class ExportStory {
  struct Summary: Sendable {
    var stories = 0
    var counts: [String: Int] = [:]
    static func += (a: inout Summary, b: Summary) {
      a.stories += b.stories
      a.counts.merge(b.counts) { $0 + $1 }
    }
  }

  private let seed: UInt64
  private let fixture: ExportFixture
  private var random: SplitMix64
  private var summary = Summary()
  private var step = 0
  // What is defined.
  private var cardType: ToldKeyType
  private var ttls: [String: Int64?] = [:]
  private var hasMore = false
  private var histories = false
  private let start: Int64
  /// Sets that were made, to be made again.
  private var made: [Made] = []

  private struct Made {
    var lsn: LSN
    var features: [String]?
    var labels: [[Value?]]
    var options: ExportOptions
    var hasLSNs: Bool
    var identity: SHA256.Digest
    var digest: SHA256.Digest
    var quality: SetQuality?
    var erases: Int
    var horizons: [String: Int64]
  }

  enum ToldKeyType: String, CaseIterable {
    case int64, string, int32, bytes
    var type: ColumnType {
      switch self {
      case .int64: ColumnType(.int64)
      case .int32: ColumnType(.int32)
      case .string: ColumnType(.string)
      case .bytes: ColumnType(.bytes)
      }
    }
  }

  private init(_ seed: UInt64) throws {
    self.seed = seed
    var random = SplitMix64(seed: seed)
    cardType = random.pick(ToldKeyType.allCases)
    let blocks = random.pick([(1, 2), (2, 5), (3, 9), (8_192, 100_000)])
    fixture = try ExportFixture(seed: seed, blocks: blocks) { options in
      options.log.ceilingStep = random.pick([16, 1_000])
      options.generationByteCount = random.pick([600, 1 << 20])
    }
    histories = random.chance(0.3)
    self.random = random
    start = fixture.now
  }

  static func play(_ seed: UInt64) throws -> Summary {
    do {
      let story = try ExportStory(seed)
      do { try story.play() } catch {
        throw ExportFailure("step \(story.step): \(error)")
      }
      story.summary.stories = 1
      return story.summary
    } catch {
      throw ExportFailure("seed \(seed): \(error)")
    }
  }

  private func count(_ what: String) { summary.counts[what, default: 0] += 1 }

  private func play() throws {
    try define()
    for _ in 0..<random.within(6...14) {
      step += 1
      fixture.clock.advance(nanoseconds: UInt64(random.pick([0, 1, 2, 5, 1_000])))
      switch random.below(14) {
      case 0..<6: try push()
      case 6: try erase()
      case 7:
        try fixture.store.compact(erasing: random.coin())
        count("compacted")
      case 8:
        try fixture.reopen(killing: random.coin())
        count("restarted")
      case 9:
        try define()
        count("redefined")
      case 10 where histories:
        fixture.clock.advance(nanoseconds: 172_800_000_000_000)
        try push()
        try fixture.store.compact()
        count("days passed")
      default: try export()
      }
    }
    step += 1
    try export()
    if random.coin() { try fixture.store.compact() }
    if random.coin() { try fixture.reopen(killing: random.coin()) }
    try again()
  }

  // MARK: Definitions

  private func define() throws {
    let (ttlA, nanosA) = random.pick(
      [("none", nil), ("1s", 1_000_000_000), ("10s", 10_000_000_000)] as [(String, Int64?)])
    let (ttlB, nanosB) = random.pick(
      [("none", nil), ("1s", 1_000_000_000), ("2s", 2_000_000_000)] as [(String, Int64?)])
    hasMore = hasMore || !ttls.isEmpty && random.coin()
    ttls = ["a": nanosA, "b": nanosB]
    let text = """
      project: p
      entities:
        card: {keys: {card_id: \(cardType.rawValue)}}
        pair: {keys: {left: int64, right: int64}}
      views:
        a:
          entity: card
          ttl: \(ttlA)
          \(histories ? "history: 3d" : "")
          features:
            f0: {type: int64}
            f1: {type: float64}
            f2: {type: string}
            f3: {type: "float32[2]"}
            f4: {type: "list<int64>"}
            f5: {type: bool}
            \(hasMore ? "f6: {type: timestamp}" : "")
        b:
          entity: pair
          ttl: \(ttlB)
          features:
            g0: {type: int32}
            g1: {type: bytes}
      services:
        s:
          features:
            - {view: a, take: [f0, f1, f2, f3, f4, f5]}
            - {view: b, as: one, keys: {left: l1, right: r1}}
            - {view: b, as: two, keys: {left: r1, right: l1}}
          defaults: {f0: 7, f2: none, one__g0: 3}
      """
    try fixture.apply(text, ttls: ttls, keys: ["a": ["card_id"], "b": ["left", "right"]])
  }

  static let types: [String: FeatureType] = [
    "f0": .scalar(.int64), "f1": .scalar(.float64), "f2": .scalar(.string),
    "f3": .vector(of: .float32, count: 2) ?? .scalar(.bool), "f4": .list(of: .int64),
    "f5": .scalar(.bool), "f6": .scalar(.timestamp), "g0": .scalar(.int32), "g1": .scalar(.bytes),
  ]

  // MARK: Telling

  private func card() -> Value {
    switch cardType {
    case .int64: .int64(random.pick([0, 1, 11, -1, .max]))
    case .int32: .int32(random.pick([0, 1, 11, -1, .min]))
    case .string:
      .string(random.pick(["1", "11", "", "a\u{0}b", "long enough to pass eight", "long enough to pass 8"]))
    case .bytes: .bytes(random.pick([[], [0], [0, 0], [1], [255, 1]]))
    }
  }

  private func pair() -> [Value] { [.int64(random.pick([1, 11])), .int64(random.pick([1, 11]))] }

  private func value(_ feature: String) -> Value? {
    if random.chance(0.15) { return nil }
    return switch feature {
    case "f0": .int64(random.pick([0, 1, 9_007_199_254_740_993, .min]))
    case "f1": .float64(random.pick([0.5, -0.0, 1e300]))
    case "f2": .string(random.pick(["", "x", "żółw"]))
    case "f3": .vector(.float32([Float(random.below(3)), 2]))
    case "f4": .list(.int64((0..<random.below(3)).map { _ in Int64(random.below(5)) }))
    case "f5": .bool(random.coin())
    case "f6": .timestamp(nanoseconds: Int64(random.below(9)))
    case "g0": .int32(Int32(random.below(4)))
    default: .bytes(random.bytes(random.below(3)))
    }
  }

  private func push() throws {
    let choice: KnownAtChoice = random.pick([
      .live, .live, .now, .eventTime, .eventTimePlus(nanoseconds: 3), .column,
    ])
    let view = random.chance(0.6) ? "a" : "b"
    let names = view == "a" ? ["f0", "f1", "f2", "f3", "f4", "f5"] + (hasMore ? ["f6"] : []) : ["g0", "g1"]
    let isWhole = random.chance(0.4)
    var rows: [ExportFixture.Row] = []
    for _ in 0..<random.within(1...9) {
      let eventTime = fixture.now - Int64(random.pick([0, 0, 1, 2, 3, 4, 8, 20, 2_000_000_000]))
      var row = ExportFixture.Row(
        key: view == "a" ? [card()] : pair(), eventTime: eventTime, createdAt: nil, knownAt: nil, said: nil)
      if random.chance(0.3) { row.createdAt = fixture.now - Int64(random.below(4)) }
      if choice == .column {
        row.knownAt = eventTime + Int64(random.below(Int(min(9, fixture.now - eventTime)) + 1))
      }
      if random.chance(0.85) {
        var said: [String: Value?] = [:]
        for name in names where isWhole || random.chance(0.5) { said[name] = .some(value(name)) }
        row.said = said
      }
      rows.append(row)
    }
    try fixture.push(view, rows, choice)
    count("pushed")
  }

  private func erase() throws {
    if random.coin() {
      try fixture.erase("card_id", card())
    } else {
      try fixture.erase(random.pick(["left", "right"]), .int64(random.pick([1, 11])))
    }
    fixture.clock.advance(nanoseconds: 1)
    count("erased")
  }

  // MARK: Exporting

  private func options() -> ExportOptions {
    var options = ExportOptions()
    options.mode = random.chance(0.6) ? .known : .happened
    options.isStrict = random.chance(0.3)
    options.delayNanoseconds = random.pick([0, 0, 1, 4, 1_000])
    options.beyondHistory = .null
    options.staleOK = random.chance(0.3)
    options.columns = Set(ExportColumnKind.allCases)
    reshape(&options)
    return options
  }

  /// What no cell depends on.
  private func reshape(_ options: inout ExportOptions) {
    options.threads = random.within(1...3)
    options.chunkLabels = random.pick([1, 2, 7, 1_000])
    options.rangeRows = random.pick([1, 3, 8, 1_000])
    options.memory = random.pick([400, 3_000, 1 << 30])
  }

  private func label(_ lsns: [UInt64]?) -> [Value?] {
    let time: Int64? =
      random.chance(0.04)
      ? nil
      : fixture.now - Int64(random.pick([-3, 0, 1, 2, 3, 4, 5, 8, 9, 30, 1_500_000_000, 5_000_000_000]))
    let pair = self.pair()
    return [
      random.chance(0.05) ? nil : card(), random.chance(0.05) ? nil : pair[0], pair[1],
      time.map { .timestamp(nanoseconds: $0) }, .string("label"),
      lsns.map { .int64(Int64(random.pick($0))) },
    ]
  }

  private func export() throws {
    let lsns = fixture.told.events.map(\.lsn)
    guard !lsns.isEmpty else { return }
    var point = SnapshotPoint.newest
    if random.chance(0.4) { point = .lsn(LSN(random.pick(lsns))) }
    let snapshot = try fixture.store.snapshot(point)
    var options = options()
    let hasLSNs = random.chance(0.25)
    if hasLSNs {
      options.mode = .known
      options.isStrict = false
      options.delayNanoseconds = 0
    }
    let some = lsns.filter { $0 <= snapshot.lsn.rawValue }
    let labels = (0..<random.within(0...40)).map { _ in label(hasLSNs ? some : nil) }
    var features: [String]?
    if random.chance(0.3) {
      features = ["a:f1", "a:f4"] + (definesMore(snapshot) ? ["a:f6"] : [])
    }
    try check(snapshot, labels, options, features, hasLSNs: hasLSNs, at: nil)
  }

  private func definesMore(_ snapshot: Snapshot) -> Bool {
    guard let name = VersionedName(spelling: "a"), let view = snapshot.catalog.view(name, in: "p") else {
      return false
    }
    return view.layout.count > 6
  }

  /// All sets again, in other shapes.
  private func again() throws {
    for made in made {
      let snapshot = try fixture.store.snapshot(.lsn(made.lsn))
      guard made.erases == fixture.told.erases.count, made.horizons == horizons(snapshot).mapValues(\.time)
      else {
        continue
      }
      var options = made.options
      reshape(&options)
      try check(snapshot, made.labels, options, made.features, hasLSNs: made.hasLSNs, at: made)
      count("made again")
    }
  }

  private func horizons(_ snapshot: Snapshot) -> [String: (time: Int64, lsn: UInt64)] {
    var found: [String: (time: Int64, lsn: UInt64)] = [:]
    for name in ["a", "b"] {
      guard let spelling = VersionedName(spelling: name),
        let view = snapshot.catalog.view(spelling, in: ExportFixture.project),
        let horizon = snapshot.horizon(of: view.id)
      else { continue }
      found[name] = (horizon.moment.nanoseconds, horizon.through.rawValue)
    }
    return found
  }

  private func check(
    _ snapshot: Snapshot, _ labels: [[Value?]], _ options: ExportOptions, _ features: [String]?,
    hasLSNs: Bool, at before: Made?
  ) throws {
    let vector: PreparedVector
    if let features {
      vector = try snapshot.catalog.vector(features: features, in: ExportFixture.project)
    } else {
      guard let name = VersionedName(spelling: "s") else { return }
      vector = try snapshot.catalog.vector(service: name, in: ExportFixture.project)
    }
    var fields = [
      ColumnField("card_id", cardType.type), ColumnField("l1", ColumnType(.int64)),
      ColumnField("r1", ColumnType(.int64)),
      ColumnField("event_timestamp", ColumnType(.timestamp(.nanoseconds, isUTC: true))),
      ColumnField("label", ColumnType(.string)),
    ]
    if hasLSNs { fields.append(ColumnField("lsn", ColumnType(.int64))) }
    let spine = try SpineBuilder(fields: fields, rows: labels.map { Array($0.prefix(fields.count)) }).spine(
      cutAt: random.within(1...20))
    let checks = try ToldQuality.checks(vector.columns.map(\.name))
    let (set, report) = try fixture.export(snapshot, vector, spine, options, checks: checks)
    guard set.rowCount == labels.count, report.rows == labels.count else {
      throw ExportFailure("\(set.rowCount) rows for \(labels.count)")
    }
    var question = ToldQuestion()
    question.mode = hasLSNs ? .lsn : options.mode == .known ? .known : .happened
    question.isStrict = options.isStrict
    question.delay = options.delayNanoseconds
    question.staleOK = options.staleOK
    question.through = snapshot.lsn.rawValue
    question.horizons = horizons(snapshot)
    for (row, label) in labels.enumerated() {
      for column in vector.columns { try check(set, row, label, column, question, options) }
    }
    try ToldQuality(
      set: set, labels: labels, vector: vector, question: question, told: fixture.told, types: Self.types
    ).check(report.quality)
    try checkPlain(snapshot, vector, spine, options, checks, report)
    if let before {
      guard before.quality == report.quality else { throw ExportFailure("the checks find something else") }
      guard before.identity == report.identity else { throw ExportFailure("another identity") }
      guard before.digest == report.contentDigest else { throw ExportFailure("another content digest") }
    } else {
      made.append(
        Made(
          lsn: snapshot.lsn, features: features, labels: labels, options: options, hasLSNs: hasLSNs,
          identity: report.identity, digest: report.contentDigest, quality: report.quality,
          erases: fixture.told.erases.count,
          horizons: question.horizons.mapValues(\.time)))
    }
    count("exported")
    count("exported \(question.mode)")
    if report.scratchByteCount > 0 { count("put aside") }
    if report.features.contains(where: { $0.counts.leaks > 0 }) { count("leaked") }
    if report.features.contains(where: { $0.counts.assumed > 0 }) { count("assumed") }
  }

  /// The same set without its columns of statuses is found to be the same, and one that is not checked has the same rows.
  private func checkPlain(
    _ snapshot: Snapshot, _ vector: PreparedVector, _ spine: HeldSpine, _ options: ExportOptions,
    _ checks: SetChecks, _ report: ExportReport
  ) throws {
    var other = options
    reshape(&other)
    guard random.chance(0.3) else { return }
    guard random.coin() else {
      let unchecked = try fixture.export(snapshot, vector, spine, other, checks: nil).report
      guard unchecked.contentDigest == report.contentDigest, unchecked.quality == nil else {
        throw ExportFailure("the checks change the set")
      }
      return
    }
    other.columns = random.pick([[], [.reasons], [.lsns, .statuses]])
    let plain = try fixture.export(snapshot, vector, spine, other, checks: checks).report
    guard plain.quality == report.quality else {
      throw ExportFailure(
        "the checks find something else without columns: \(String(describing: plain.quality)), \(String(describing: report.quality))"
      )
    }
  }

  private func check(
    _ set: HeldSet, _ row: Int, _ label: [Value?], _ column: PreparedVector.Column, _ question: ToldQuestion,
    _ options: ExportOptions
  ) throws {
    let view = String(column.view.prefix(1))
    let feature = String(column.name.suffix(2))
    var told = ToldLabel()
    if view == "a" {
      told.key = label[0].map { [$0] }
    } else if let left = label[1], let right = label[2] {
      told.key = column.name.hasPrefix("two") ? [right, left] : [left, right]
    }
    if case .timestamp(let time)? = label[3] { told.time = time }
    if case .int64(let lsn)? = label[5] { told.lsn = UInt64(lsn) }
    let expected = fixture.told.cell(view, feature, told, question, filling: column.filling)
    guard let type = Self.types[feature], type == column.type else {
      throw ExportFailure("type of \(feature)")
    }
    var found = ToldCell(status: -1)
    found.status = Int(try set.cell("\(column.name)__status", row) { $0.load($1, as: Int8.self) })
    if case .string(let reason)? = try set.value("\(column.name)__reason", row, .scalar(.string)) {
      found.reason = reason
    }
    found.value = try set.value(column.name, row, type)
    if case .timestamp(let time)? = try set.value("\(column.name)__event_time", row, .scalar(.timestamp)) {
      found.eventTime = time
    }
    if case .int64(let lsn)? = try set.value("\(column.name)__lsn", row, .scalar(.int64)) {
      found.lsn = UInt64(lsn)
    }
    guard found == expected else {
      throw ExportFailure(
        "row \(row) \(label) \(column.name), \(question), \(options): found \(found), expected \(expected)")
    }
    count("cell \(expected.status) \(expected.reason ?? "")")
  }
}
