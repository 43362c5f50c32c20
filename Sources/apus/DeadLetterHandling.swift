// `apus dead-letters replay` and `purge`: letters become events by the contract of today, or are given up. Neither acts on
// everything unless that is said; what stays refused is told by rule, and waits as before.

import ApusBytes
import ApusContracts
import ApusStore
import ApusSystem

enum DeadLetterHandling {
  struct Options: Equatable {
    var how: HandledHow
    var filter = DeadLetterFilter()
    var lsns: LSNRange?
    var age: Period?
    var isOfErasedOnly = false
    var limit: UInt64?
    var isDryRun = false
  }

  static func run(_ options: Options, _ answer: Answer) throws(Trouble) -> ExitCode {
    let told: Told
    if options.isDryRun {
      let facts = try answer.facts()
      let now = SystemClock().wall()
      let selection = try Self.selection(options, facts, answer.place, now)
      let outcome: DeadLetterOutcome
      do throws(StoreError) {
        outcome = try facts.judgeDeadLetters(selection, options.how, at: now)
      } catch {
        throw Trouble(error, answer.place)
      }
      told = Told(outcome, options, facts.state.registry, answer)
    } else {
      // A folder is let go of in between: what was found by name stays what it is.
      let (selection, registry) = try wanted(options, answer)
      let outcome = try answer.changing { (store) throws(StoreError) in
        switch options.how {
        case .replayed: try store.replayDeadLetters(selection)
        case .purged: try store.purgeDeadLetters(selection)
        }
      }
      told = Told(outcome, options, registry, answer)
    }
    if let failure = told.outcome.failure { throw told.trouble(failure) }
    if let lsn = options.filter.lsn, told.outcome.last == nil {
      let isNarrowed =
        options.filter != DeadLetterFilter(lsn: lsn) || options.age != nil || options.isOfErasedOnly
      throw Trouble(noLetter: lsn, isNarrowed: isNarrowed, answer)
    }
    answer.give(told.lines, told.json)
    return told.outcome.refusedCount > 0 ? .setAside : .done
  }

  private static func wanted(
    _ options: Options, _ answer: Answer
  ) throws(Trouble) -> (DeadLetterSelection, Registry) {
    let facts = try answer.facts()
    return (try selection(options, facts, answer.place, SystemClock().wall()), facts.state.registry)
  }

  private static func selection(
    _ options: Options, _ facts: StoreFacts, _ place: StorePlace, _ now: WallTime
  ) throws(Trouble) -> DeadLetterSelection {
    var selection = DeadLetterSelection()
    selection.views = try options.filter.views(facts.state.registry, place)
    selection.rule = options.filter.rule
    if let lsns = options.lsns { selection.lsns = lsns }
    selection.arrivedBefore = options.age.map { age in
      let (moment, overflow) = now.nanoseconds.subtractingReportingOverflow(age.nanoseconds)
      return WallTime(nanoseconds: overflow ? .min : moment)
    }
    selection.isOfErasedOnly = options.isOfErasedOnly
    selection.limit = options.limit ?? .max
    return selection
  }
}

/// What is said of an outcome.
private struct Told {
  let outcome: DeadLetterOutcome
  private let options: DeadLetterHandling.Options
  private let registry: Registry
  private let place: StorePlace

  init(
    _ outcome: DeadLetterOutcome, _ options: DeadLetterHandling.Options, _ registry: Registry,
    _ answer: Answer
  ) {
    self.outcome = outcome
    self.options = options
    self.registry = registry
    place = answer.place
  }

  private var verb: String { options.how == .replayed ? "replayed" : "purged" }

  private func spelling(of view: ViewVersionID) -> String {
    registry[view].map(registry.spelling(of:)) ?? "view version \(view)"
  }

  // MARK: For people

  var lines: [String] {
    var lines = [(options.isDryRun ? "dry run: " : "") + counts.joined(separator: "   ")]
    // Of letters that are gone the rules say nothing new; of refused ones they say what to do.
    lines += table(outcome.refused.isEmpty ? outcome.handled : outcome.refused)
    if outcome.setBack > 0 {
      lines.append(
        "  warning: \(Numbers.count(outcome.setBack, "event time")) ahead of the clock, set back to it")
    }
    if let next { lines.append("  next: \(next)") }
    return lines
  }

  private var counts: [String] {
    if outcome.last == nil { return ["no dead letters wait that are of this kind"] }
    var counts: [String] = []
    if outcome.handledCount > 0 || outcome.erased == 0 || outcome.refusedCount > 0 {
      counts.append("\(Numbers.grouped(outcome.handledCount)) \(verb)")
    }
    if outcome.refusedCount > 0 { counts.append("\(Numbers.grouped(outcome.refusedCount)) still refused") }
    if outcome.erased > 0 { counts.append("\(Numbers.grouped(outcome.erased)) of erased keys purged") }
    return counts
  }

  private func table(_ tallies: [LetterTally]) -> [String] {
    let shown = tallies.sorted { ($1.letters, $0.view, $0.rule) < ($0.letters, $1.view, $1.rule) }
    let names = shown.map {
      $0.rule.split(separator: ".", maxSplits: 1).joined(separator: " ")
    }
    let width = shown.map { Numbers.grouped($0.letters).count }.max() ?? 0
    let nameWidth = names.map(\.count).max() ?? 0
    return zip(shown, names).map { tally, name in
      "  \(Table.padded(Numbers.grouped(tally.letters), to: width, .right)) × "
        + "\(Table.padded(name, to: nameWidth, .left))   \(spelling(of: tally.view))   "
        + "e.g. LSN \(tally.example) \(tally.words)"
    }
  }

  private var next: String? {
    let command = "apus dead-letters"
    let part = options.how == .replayed ? "replay" : "purge"
    if options.isDryRun {
      guard outcome.handledCount > 0 || outcome.erased > 0 else { return nil }
      return "\(command) \(part)\(selected)\(limit)\(place.option)"
    }
    if outcome.isCut, let last = outcome.last {
      return "\(command) \(part)\(narrowed) --from \(last.next)\(end)\(limit)\(place.option)"
    }
    guard let refused = outcome.refused.max(by: { $0.letters < $1.letters }) else { return nil }
    return "\(command) show --lsn \(refused.example)\(place.option)"
  }

  /// What was said of which letters are meant, but for their LSNs.
  private var narrowed: String {
    var words = ""
    if let rule = options.filter.rule { words += " --rule \(Shell.word(rule))" }
    if let view = options.filter.view { words += " --view \(view)" }
    if let age = options.age { words += " --older-than \(age)" }
    if options.isOfErasedOnly { words += " --erased" }
    return words
  }

  private var selected: String {
    var words = narrowed
    if let first = options.lsns?.first, first > .first { words += " --from \(first)" }
    words += end
    return words.isEmpty ? " --all" : words
  }

  private var end: String {
    guard let last = options.lsns?.last, last < LSN(.max) else { return "" }
    return " --to \(last)"
  }

  private var limit: String { options.limit.map { " --limit \($0)" } ?? "" }

  // MARK: For programs

  var json: JSON {
    [
      "dry_run": .boolean(options.isDryRun), verb: .number(outcome.handledCount),
      "erased": .number(outcome.erased), "still_refused": .number(outcome.refusedCount),
      "set_back": .number(outcome.setBack), "bytes": .number(outcome.byteCount),
      "cut": .boolean(outcome.isCut), "last": outcome.last.map { .number($0.rawValue) } ?? .null,
      "lsn": outcome.frame.map { .number($0.lsns.last.rawValue) } ?? .null,
      "rules": .list(outcome.handled.map(json)), "refused": .list(outcome.refused.map(json)),
    ]
  }

  private func json(_ tally: LetterTally) -> JSON {
    [
      "view": .text(spelling(of: tally.view)), "rule": .text(tally.rule), "letters": .number(tally.letters),
      "example": .number(tally.example.rawValue), "why": .text(tally.words),
    ]
  }

  // MARK: When it fails

  /// It ended before all were handled; what it says is done is done.
  func trouble(_ failure: StoreError) -> Trouble {
    let cause = Trouble(failure, place)
    return Trouble(
      cause.name, "\(cause.what); \(counts.joined(separator: ", ")) before", at: cause.places,
      next: "\(cause.next); then the same command goes on with the rest", details: ["report": json])
  }
}
