// What a push tells when it is done: every line of the file is counted, and those that are not in are named with the rule, an
// example, and the command that shows them.

import ApusContracts
import ApusIngest
import ApusLog
import ApusStore
import ApusSystem

struct PushReport {
  /// In text; JSON names every line.
  private static let unreadableShown = 20
  private static let hour: Int64 = 3_600_000_000_000

  private let report: LoadReport
  private let plan: PushPlan
  private let choice: KnownAtChoice
  private let isDryRun: Bool

  init(_ report: LoadReport, _ plan: PushPlan, _ choice: KnownAtChoice, isDryRun: Bool) {
    self.report = report
    self.plan = plan
    self.choice = choice
    self.isDryRun = isDryRun
  }

  var code: ExitCode { report.isClean ? .done : .setAside }

  private var file: String { plan.options.path == "-" ? "standard input" : plan.options.path }

  func give(_ isJSON: Bool, _ output: Output) {
    if isJSON { output.line(json) } else { lines.forEach { output.line($0) } }
  }

  // MARK: For people

  private var lines: [String] {
    var counts = ["\(Numbers.grouped(report.accepted)) accepted"]
    if report.setAside > 0 { counts.append("\(Numbers.grouped(report.setAside)) set aside") }
    if report.refused > 0 { counts.append("\(Numbers.grouped(report.refused)) refused and kept nowhere") }
    if report.erased > 0 { counts.append("\(Numbers.grouped(report.erased)) erased keys") }
    let unreadable = report.unreadable.reduce(0) { $0 + $1.lines.count }
    if unreadable > 0 { counts.append("\(Numbers.count(unreadable, "line")) unreadable") }
    if report.passedOver > 0 { counts.append("\(Numbers.grouped(report.passedOver)) were in already") }
    var lines = [(isDryRun ? "dry run: " : "") + counts.joined(separator: "   ")]
    lines += ruleLines
    lines += unreadableLines
    lines += warnings.map { "  warning: \($0)" }
    if let next { lines.append("  next: \(next)") }
    return lines
  }

  private var rules: [LoadReport.RuleReport] {
    report.rules.sorted { ($1.count, $0.line) < ($0.count, $1.line) }
  }

  private var ruleLines: [String] {
    guard !rules.isEmpty else { return [] }
    let width = rules.map { Numbers.grouped($0.count).count }.max() ?? 0
    let names = rules.map { rule in
      rule.rule.split(separator: ".", maxSplits: 1).joined(separator: " ")
    }
    let nameWidth = names.map(\.count).max() ?? 0
    return zip(rules, names).map { rule, name in
      "  \(Table.padded(Numbers.grouped(rule.count), to: width, .right)) × "
        + "\(Table.padded(name, to: nameWidth, .left))   e.g. \(file):\(rule.place) \(rule.example)"
    }
  }

  private var unreadableLines: [String] {
    let shown = report.unreadable.prefix(Self.unreadableShown).map { found in
      "  unreadable: \(file):\(found.spelled) \(found.fault)"
    }
    let rest = report.unreadable.count - shown.count
    return rest > 0 ? shown + ["  … and \(Numbers.grouped(rest)) more; --json names every line"] : shown
  }

  private var warnings: [String] {
    var all: [String] = []
    if report.assumedUTC > 0 {
      all.append(
        "\(Numbers.count(report.assumedUTC, "time")) without an offset \(report.assumedUTC == 1 ? "was" : "were") "
          + "taken for UTC; --timezone says otherwise")
    }
    let now = SystemClock().wall().nanoseconds
    let isLate = choice == .now || choice == .live
    if isLate, let oldest = report.oldest, oldest.nanoseconds < now - Self.hour, report.accepted > 0 {
      all.append(
        "rows are as old as \(oldest.wall.inWords) and known only from now on: labels before now do not see them; "
          + "--known-at says otherwise")
    }
    if report.setBack > 0 {
      all.append("\(Numbers.count(report.setBack, "event time")) ahead of the clock, set back to it")
    }
    return all
  }

  private var next: String? {
    guard !isDryRun, report.setAside > 0, let rule = rules.first else { return nil }
    // What was refused and not kept has rules, too, of which there may be no letter.
    let named = report.refused == 0 ? " --rule \(Shell.word(rule.rule))" : ""
    return "apus dead-letters show\(named)\(plan.option)"
  }

  // MARK: For programs

  private var json: JSON {
    [
      "file": .text(plan.options.path), "view": .text(plan.target.spelling), "dry_run": .boolean(isDryRun),
      "known_at": .text(choice.spelled(plan.options.load.knownAt)),
      "complete": .boolean(report.isComplete), "lines": .number(report.lines), "rows": .number(report.rows),
      "blank_lines": .number(report.blankLines), "passed_over": .number(report.passedOver),
      "accepted": .number(report.accepted), "set_aside": .number(report.setAside),
      "refused": .number(report.refused), "erased": .number(report.erased),
      "set_back": .number(report.setBack),
      "rules": .list(
        rules.map {
          [
            "rule": .text($0.rule), "rows": .number($0.count), "line": .number($0.line),
            "row_group": $0.group.map { .number($0) } ?? .null, "example": .text($0.example),
          ]
        }),
      "unreadable": .list(
        report.unreadable.map {
          [
            "first_line": .number($0.lines.lowerBound), "last_line": .number($0.lines.upperBound),
            "why": .text("\($0.fault)"),
          ]
        }),
      "warnings": .list(warnings.map { .text($0) }),
    ]
  }

  // MARK: When it fails

  /// Of a load that takes all or nothing.
  var refusal: Trouble {
    let count =
      report.setAside + report.refused + report.erased + report.unreadable.reduce(0) { $0 + $1.lines.count }
    return Trouble(
      "rows_refused", "nothing was written: \(Numbers.count(count, "row")) would be refused",
      at: (ruleLines + unreadableLines).map { String($0.drop { $0 == " " }) },
      next: "mend the file, or leave --all-or-nothing out: such rows are set aside then",
      details: ["report": json])
  }
}

extension LoadReport.RuleReport {
  /// Behind the file's name.
  fileprivate var place: String {
    group.map { " row \(Numbers.grouped(line)) (row group \($0))" } ?? "\(line)"
  }
}

extension UnreadableLines {
  fileprivate var spelled: String {
    lines.count == 1 ? "\(lines.lowerBound)" : "\(lines.lowerBound)-\(lines.upperBound)"
  }
}

extension PushPlan {
  /// A load that ended before its file did.
  func trouble<Failure: Error>(
    _ stop: LoadStop<Failure>, _ report: LoadReport, isDryRun: Bool, _ told: (Failure) -> Trouble
  ) -> Trouble {
    let cause: Trouble
    switch stop {
    case .refused(let refusal): cause = trouble(refusal)
    case .read(let error): cause = Trouble(LogError.system(error), data: options.path)
    case .sink(let error): cause = told(error)
    case .unreadable(let line):
      cause = Trouble(
        "file_wrong", "more than \(Numbers.grouped(LoadReport.unreadableMax)) lines are no rows",
        at: "\(options.path):\(line)",
        next: "look whether the file is what it is called; --dry-run --json names lines")
    }
    if isDryRun || report.accepted + report.setAside == 0 { return cause }
    let done =
      "\(Numbers.grouped(report.accepted)) rows were accepted and \(Numbers.grouped(report.setAside)) set aside before"
    return Trouble(
      cause.name, "\(cause.what); \(done)", at: cause.places,
      next: options.producer == nil
        ? cause.next : "\(cause.next); then the same command goes on behind what is in",
      details: [
        "accepted": .number(report.accepted), "set_aside": .number(report.setAside),
        "lines": .number(report.lines),
      ])
  }

  func trouble(_ refusal: LoadRefusal) -> Trouble {
    func wrong(_ what: String, _ next: String, name: String = "file_wrong") -> Trouble {
      Trouble(name, what, at: options.path, next: next)
    }
    func meant(_ nearest: String?, _ other: String) -> String {
      nearest.map { "did you mean `\($0)`? Else \(other)" } ?? other
    }
    let describe = "`apus describe \(target.spelling)\(option)` lists keys and features"
    switch refusal {
    case .empty:
      return wrong(
        "the file is empty: it has no header", "give a CSV file a first line that names its columns")
    case .unknownFormat:
      return wrong(
        "which format is this? Its name ends in none of .csv, .tsv, .jsonl, .ndjson, .parquet, .arrows, and its first bytes do not tell",
        "say --format csv or --format jsonl", name: "unknown_format")
    case .notAFile:
      return wrong(
        "Parquet is read from its end, and a pipe has none before it is over",
        "name a file; an Arrow stream can come through a pipe")
    case .arrowFile:
      return wrong(
        "this is an Arrow file, of which only the stream is read",
        "write a stream, as pyarrow.ipc.new_stream or Polars' write_ipc_stream do, or Parquet")
    case .columnar(let words):
      return wrong(words, "write the file again; pyarrow, Polars and DuckDB write what is read here")
    case .unreadableColumn(let column, let why, let advice):
      return wrong(
        "the column `\(column)` cannot be read: \(why)", advice.isEmpty ? "write it as another type" : advice)
    case .columnType(let column, let has, let wants, let purpose):
      return wrong(
        "the column `\(column)` has the type \(has), and \(purpose) wants \(wants)",
        "cast the column before writing the file: nothing is converted here that could lose something")
    case .notUTF8(let why):
      return wrong("the file is not UTF-8: \(why)", "convert it, as `iconv -t UTF-8` does")
    case .headerWrong(let fault): return wrong(fault.words, "mend the first line of the file")
    case .columnTwice(let column):
      return wrong("two columns are called `\(column)`", "rename one of them")
    case .unknownColumn(let column, let nearest, let view):
      return wrong(
        "\(view) knows nothing of the column `\(column)`",
        meant(nearest, "--ignore-unknown passes over such columns; \(describe)"))
    case .unknownKey(let key, let view, let keys):
      return wrong(
        "--key names `\(key)`, and the keys of \(view) are \(keys.joined(separator: ", "))", describe)
    case .unknownFeature(let feature, let nearest, let view):
      return wrong("\(view) has no feature `\(feature)`", meant(nearest, describe))
    case .missingColumn(let column, let purpose, let nearest, let columns):
      return wrong(
        "there is no column `\(column)`, which is wanted for \(purpose)",
        meant(nearest, "the columns are \(columns.joined(separator: ", "))"))
    case .noEventTime(let candidates):
      return wrong(
        "which column is the event time? There is none called `\(LoadOptions.usualEventTime)`",
        candidates.isEmpty
          ? "say --no-event-time when rows become true as they come in"
          : "say --event-time COLUMN, with one of \(candidates.joined(separator: ", "))")
    case .featureInDelete(let column):
      return wrong(
        "a delete speaks of no feature, and the column `\(column)` is one",
        "leave it out of the file, or say --ignore-unknown")
    case .needsTimeUnit(let column, let value):
      return wrong(
        "the column `\(column)` holds a whole number for a time: \(value)",
        "say what it counts: --time-unit s, ms, us or ns")
    case .otherSource:
      return wrong(
        "the producer has not finished another file, and this is not it",
        "push that file to its end first, or name another producer", name: "other_source")
    case .changedSource:
      return wrong(
        "the file is not what the producer read before: bytes that are in already have changed",
        "restore the file, or name another producer for the new one", name: "other_source")
    }
  }
}
