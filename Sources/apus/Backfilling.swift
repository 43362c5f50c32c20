// `apus backfill`: a version of a view is filled from another. What it would do is known before the first row; what it did is told with what
// was set aside, by rule, as a push tells it.
//
// A server gives it a short while, and is asked again until all is done: its thread for such work serves others, too.

import ApusBytes
import ApusContracts
import ApusStore
import ApusSystem
import ApusWire

enum Backfilling {
  struct Options: Equatable {
    var target: VersionedName
    var source: VersionedName
    var renames: [FeatureRename] = []
    var leavingOut: [String] = []
    var rows: Int?
    var seconds: UInt64?
    var isDryRun = false
    var project: String?
  }

  /// How long a server works before it answers, and how long when nothing is written that another answer could go on behind.
  private static let servedNanoseconds: UInt64 = 1_000_000_000
  private static let servedDryNanoseconds: UInt64 = 5_000_000_000

  static func run(_ options: Options, _ answer: Answer) throws(Trouble) -> ExitCode {
    let (naming, _) = try answer.definitions()
    let project = try naming.project(options.project)
    let target = try naming.version(options.target, in: project)
    let source = try naming.version(options.source, in: project)
    guard !target.isRetired else {
      throw Trouble(
        "retired", "\(options.target) is retired, and takes no rows", at: answer.data,
        next: "`apus describe \(options.target.name)\(answer.place.option)` lists its versions")
    }
    let given = options.seconds.map { $0.multipliedReportingOverflow(by: 1_000_000_000) }
    var nanoseconds = given.map { $0.overflow ? .max : $0.partialValue }
    if answer.isServed {
      nanoseconds = min(
        nanoseconds ?? .max, options.isDryRun ? servedDryNanoseconds : servedNanoseconds)
    }
    let wish = BackfillWish(
      from: source.id, to: target.id, options.renames, leavingOut: options.leavingOut,
      rows: options.rows ?? StoreLimits.backfillRows,
      nanoseconds: nanoseconds, isDryRun: options.isDryRun)
    let report = try answer.changing { (store) throws(StoreError) in try store.backfill(wish) }
    let told = Told(
      report, source: naming.registry.spelling(of: source), target: naming.registry.spelling(of: target),
      options, answer.place)
    if let failure = report.failure { throw told.trouble(failure) }
    answer.give(told.lines, told.json)
    if !report.isComplete, !options.isDryRun { return .more }
    return (options.isDryRun ? report.counts : report.total).setAside > 0 ? .setAside : .done
  }

  /// Asks a server again and again, until it is done or time is up; only the last answer is shown.
  static func run(
    _ options: Options, _ connection: inout RemoteConnection, _ words: [String], _ output: Output
  ) throws(Trouble) -> ExitCode {
    let clock = SystemClock()
    let began = clock.monotonic().nanoseconds
    while true {
      let reply = try Remote.ask(&connection, words, [])
      let passed = (clock.monotonic().nanoseconds &- began) / 1_000_000_000
      let isOver = options.seconds.map { passed >= $0 } ?? false
      if reply.exitCode != ExitCode.more.rawValue || isOver { return Remote.show(reply, output) }
    }
  }
}

/// What is said of a report.
private struct Told {
  private let report: BackfillReport
  private let source: String
  private let target: String
  private let options: Backfilling.Options
  private let place: StorePlace

  init(
    _ report: BackfillReport, source: String, target: String, _ options: Backfilling.Options,
    _ place: StorePlace
  ) {
    self.report = report
    self.source = source
    self.target = target
    self.options = options
    self.place = place
  }

  /// A dry run counts what is still to come.
  private var counts: BackfillCounts { options.isDryRun ? report.counts : report.total }

  // MARK: For people

  var lines: [String] {
    var lines = [head, "  " + figures.joined(separator: "   ")]
    lines += report.refused.sorted { ($1.count, $0.rule) < ($0.count, $1.rule) }.map { tally in
      let rule = tally.rule.split(separator: ".", maxSplits: 1).joined(separator: " ")
      return "  \(Numbers.grouped(tally.count)) × \(rule)   e.g. \(tally.words)"
    }
    lines.append("  features: " + report.map.ways.map(spelled).joined(separator: ", "))
    if !report.map.left.isEmpty {
      lines.append("  not taken of \(source): \(report.map.left.joined(separator: ", "))")
    }
    if !report.map.untold.isEmpty {
      lines.append("  absent in \(target): \(report.map.untold.joined(separator: ", "))")
    }
    if let horizon = report.horizon {
      lines.append(
        "  history of \(source) begins at \(horizon.inWords), and so does that of \(target) now")
    }
    lines.append("  next: \(next)")
    return lines
  }

  private var head: String {
    if options.isDryRun {
      return "dry run: of \(source) into \(target)"
        + (report.isComplete ? "" : "; the first events only: a server takes 5 s for it")
    }
    guard report.isComplete else { return "\(target) is not filled from \(source) yet; what follows is done" }
    let new = place.option.isEmpty || report.counts != BackfillCounts() ? "" : "; nothing was new"
    return "\(target) has what \(source) had up to LSN \(report.through)\(new)"
  }

  private var figures: [String] {
    var figures = [
      "\(Numbers.count(counts.accepted, "event")) \(options.isDryRun ? "would be written" : "written")"
    ]
    func add(_ count: UInt64, _ what: String) {
      if count > 0 { figures.append("\(Numbers.grouped(count)) \(what)") }
    }
    add(counts.setAside, "set aside")
    add(counts.erased, "of erased keys")
    add(counts.beyond, "older than the history of \(target)")
    add(counts.silent, "that say nothing of it")
    return figures
  }

  private func spelled(_ way: BackfillMap.Way) -> String {
    way.old == way.new ? way.new : "\(way.old)=\(way.new)"
  }

  private var command: String {
    "apus backfill \(options.target) --from \(options.source)"
      + options.renames.map { " --map \($0.old)=\($0.new)" }.joined()
      + options.leavingOut.map { " --except \($0)" }.joined()
  }

  private var next: String {
    if options.isDryRun || !report.isComplete { return command + place.option }
    if counts.setAside > 0 { return "apus dead-letters list --view \(options.target)\(place.option)" }
    return "the same again takes what \(source) is told from now on; then `apus promote \(options.target)`"
  }

  // MARK: For programs

  var json: JSON {
    let head: JSON = [
      "source": .text(source), "target": .text(target), "dry_run": .boolean(options.isDryRun),
      "complete": .boolean(report.isComplete),
      "through_lsn": report.through == .none ? .null : .number(report.through.rawValue),
      "lsn": report.frame.map { .number($0.lsns.last.rawValue) } ?? .null,
      "producer": .text(report.producer),
      "history_begins": report.horizon.map { .text("\($0)") } ?? .null,
    ]
    let figures: JSON = [
      "now": json(report.counts), "in_all": json(report.total),
      "refused": .list(
        report.refused.map {
          ["rule": .text($0.rule), "rows": .number($0.count), "why": .text($0.words)]
        }),
      "features": .list(report.map.ways.map { ["from": .text($0.old), "to": .text($0.new)] }),
      "not_taken": .list(report.map.left.map { .text($0) }),
      "absent": .list(report.map.untold.map { .text($0) }),
    ]
    return head.adding(figures)
  }

  private func json(_ counts: BackfillCounts) -> JSON {
    [
      "written": .number(counts.accepted), "set_aside": .number(counts.setAside),
      "erased": .number(counts.erased), "beyond_history": .number(counts.beyond),
      "silent": .number(counts.silent),
    ]
  }

  // MARK: When it fails

  /// It ended before all was done; what it says is done is done.
  func trouble(_ failure: StoreError) -> Trouble {
    let cause = Trouble(failure, place)
    return Trouble(
      cause.name, "\(cause.what); \(figures.joined(separator: ", ")) before", at: cause.places,
      next: "\(cause.next); then the same command goes on with the rest", details: ["report": json])
  }
}
