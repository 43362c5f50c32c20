// One seed, one story of sets that are held against each other: what differs is counted by looking at every cell, and why is worked out from a plain list
// of what was said, by the table of Differences.md.

import ApusBytes
import ApusColumnar
import ApusContracts
import ApusExport
import ApusStore
import ApusTestSupport

final class DiffStory {
  private let fixture: ExportFixture
  private var random: SplitMix64
  private var appended: [UInt64: Int64] = [:]
  private var ttl: Int64?
  private static let features = ["a@1:f0", "a@1:f1"]

  private struct Made {
    var set: HeldDiffSet
    var question: ToldQuestion
    var labels: [(card: String?, time: Int64)]
    var erasures: UInt64
  }

  init(_ seed: UInt64) throws {
    random = SplitMix64(seed: seed)
    fixture = try ExportFixture(seed: seed, blocks: random.pick([(1, 2), (3, 9)]))
    try define("none", nil)
    fixture.clock.advance(nanoseconds: 10_000_000_000)
  }

  private func define(_ spelling: String, _ ttl: Int64?) throws {
    self.ttl = ttl
    try fixture.apply(
      """
      project: p
      entities:
        card: {keys: {card_id: string}}
      views:
        a:
          entity: card
          ttl: \(spelling)
          features: {f0: {type: int64}, f1: {type: string}}
      """, ttls: ["a": ttl], keys: ["a": ["card_id"]])
  }

  func play() throws -> [DiffCause: Int] {
    let start = fixture.now
    let labels = (0..<12).map { _ in
      (card: random.chance(0.05) ? nil : "c\(random.below(3))", time: start + Int64(random.below(40)))
    }
    var made: [Made] = []
    for _ in 0..<random.within(6...12) {
      fixture.clock.advance(nanoseconds: UInt64(random.pick([1, 1, 2, 5])))
      switch random.below(9) {
      case 0..<5: try push()
      case 5 where random.coin():
        try fixture.erase("card_id", .string("c\(random.below(3))"))
        fixture.clock.advance(nanoseconds: 1)
      case 6:
        let (spelling, ttl) = random.pick([("none", nil), ("1s", 1_000_000_000)] as [(String, Int64?)])
        try define(spelling, ttl)
      case 7: try fixture.store.compact(erasing: random.coin())
      default: made.append(try make(labels))
      }
    }
    made.append(try make(labels))
    var causes: [DiffCause: Int] = [:]
    for (place, a) in made.enumerated() {
      for b in made[place...] where random.chance(0.6) {
        let found = random.coin() ? try check(a, b) : try check(b, a)
        causes.merge(found) { $0 + $1 }
      }
    }
    return causes
  }

  private func push() throws {
    let choice: KnownAtChoice = random.pick([.live, .live, .live, .eventTime, .column])
    var rows: [ExportFixture.Row] = []
    for _ in 0..<random.within(1...3) {
      var time = fixture.now - Int64(random.pick([0, 1, 2, 3, 4, 1_500_000_000]))
      // What was said of that moment is said again.
      if random.chance(0.3), let before = fixture.told.events.last?.eventTime { time = before }
      var row = ExportFixture.Row(key: [.string("c\(random.below(3))")], eventTime: time)
      if choice == .column { row.knownAt = time + Int64(random.below(Int(min(4, fixture.now - time)) + 1)) }
      if random.chance(0.85) {
        var said: [String: Value?] = [:]
        if random.chance(0.8) {
          said["f0"] = .some(random.chance(0.1) ? nil : .int64(Int64(random.below(99))))
        }
        if random.chance(0.6) { said["f1"] = .some(.string("x\(random.below(99))")) }
        row.said = said
      }
      rows.append(row)
    }
    let now = fixture.now
    // Of rows of erased keys none is there.
    if let lsns = try fixture.push("a", rows, choice), lsns.first <= lsns.last {
      for lsn in lsns.first.rawValue...lsns.last.rawValue { appended[lsn] = now }
    }
  }

  private func make(_ labels: [(card: String?, time: Int64)]) throws -> Made {
    var question = ToldQuestion()
    question.mode = random.chance(0.7) ? .known : .happened
    question.isStrict = random.chance(0.15)
    question.delay = random.pick([0, 0, 0, 2])
    question.staleOK = random.chance(0.15)
    let isTold = random.coin()
    let asked = question
    let set = try HeldDiffSet(fixture, Self.features, labels) { options in
      options.mode = asked.mode == .known ? .known : .happened
      options.isStrict = asked.isStrict
      options.delayNanoseconds = asked.delay
      options.staleOK = asked.staleOK
      if isTold { options.columns = Set(ExportColumnKind.allCases) }
    }
    question.through = set.lsn.rawValue
    return Made(
      set: set, question: question, labels: labels, erasures: fixture.told.erases.map(\.lsn).max() ?? 0)
  }

  // MARK: By the table

  private func told(_ made: Made, _ row: Int, _ feature: String, through: UInt64? = nil) -> ToldCell {
    var question = made.question
    if let through { question.through = through }
    let label = ToldLabel(
      key: made.labels[row].card.map { [.string($0)] }, time: made.labels[row].time, lsn: nil)
    return fixture.told.cell("a", feature, label, question, filling: nil)
  }

  /// What a set has of a cell; of what is told beside it only what is compared.
  private func held(_ made: Made, _ row: Int, _ feature: String, isTold: Bool) throws -> ToldCell {
    let type = feature == "f0" ? FeatureType.scalar(.int64) : .scalar(.string)
    var cell = ToldCell(status: -1)
    cell.value = try made.set.set.value(feature, row, type)
    guard isTold else { return cell }
    cell.status = Int(try made.set.set.cell("\(feature)__status", row) { $0.load($1, as: Int8.self) })
    if case .string(let text)? = try made.set.set.value("\(feature)__reason", row, .scalar(.string)) {
      cell.reason = text
    }
    if case .timestamp(let time)? = try made.set.set.value("\(feature)__event_time", row, .scalar(.timestamp))
    {
      cell.eventTime = time
    }
    if case .int64(let lsn)? = try made.set.set.value("\(feature)__lsn", row, .scalar(.int64)) {
      cell.lsn = UInt64(lsn)
    }
    return cell
  }

  private func compared(_ cell: ToldCell, isTold: Bool) -> ToldCell {
    isTold ? cell : ToldCell(status: -1, value: cell.value)
  }

  private func cause(_ a: Made, _ b: Made, _ row: Int, _ feature: String, isTold: Bool) throws -> DiffCause {
    let (older, newer) = b.question.through < a.question.through ? (b, a) : (a, b)
    func isSame(_ made: Made, _ cell: ToldCell) throws -> Bool {
      try held(made, row, feature, isTold: isTold) == compared(cell, isTold: isTold)
    }
    let (before, after) = (told(older, row, feature), told(newer, row, feature))
    let between = told(older, row, feature, through: newer.question.through)
    let floor = older.labels[row].card.flatMap { fixture.told.floor("a", [.string($0)]) } ?? 0
    let faithful = (try isSame(older, before), try isSame(newer, after))
    if !faithful.0, floor > older.erasures { return .erase }
    if !faithful.1, floor > newer.erasures { return .erase }
    guard faithful.0, faithful.1 else { return .unexplained }
    if try isSame(older, between) { return .options }
    if before.lsn == between.lsn {
      return between.lsn == nil && between.reason == "not_yet_known" ? .late : .definition
    }
    guard let event = fixture.told.events.first(where: { $0.lsn == between.lsn }) else { return .unexplained }
    if event.said == nil { return .delete }
    if event.eventTime == before.eventTime { return .correction }
    let isBackfill = event.isAssumed || event.knownAt < appended[event.lsn] ?? 0
    return isBackfill ? .backfill : .late
  }

  private func check(_ a: Made, _ b: Made) throws -> [DiffCause: Int] {
    let report = try a.set.diff(
      b.set, fixture, memory: random.pick([1, 1 << 20, 1 << 26]), limit: 1_000)
    let isTold = !a.set.options.columns.isEmpty && !b.set.options.columns.isEmpty
    for (place, feature) in ["f0", "f1"].enumerated() {
      var expected: [DiffCause: Int] = [:]
      for row in a.labels.indices {
        let own = try held(a, row, feature, isTold: isTold)
        if own == (try held(b, row, feature, isTold: isTold)) { continue }
        expected[try cause(a, b, row, feature, isTold: isTold), default: 0] += 1
      }
      guard report.features[place].causes == expected,
        report.features[place].differing == expected.values.reduce(0, +)
      else {
        throw ExportFailure(
          "\(feature): \(report.features[place]), expected \(expected); \(a.question), \(b.question)")
      }
    }
    return report.causes
  }
}
