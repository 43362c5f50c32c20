// What `dead-letters` makes of its words. Letters are handled only when it is said which, or that all are meant.

import ApusBytes
import ApusContracts
import ApusStore

extension CommandParser {
  private static let ofSelections = [
    "--from", "--to", "--older-than", "--erased", "--all", "--dry-run",
  ]

  static func deadLetters(_ words: Words, _ project: String?) throws(UsageError) -> Job {
    var filter = DeadLetterFilter(rule: words.value("--rule"), project: project)
    filter.view = try words.value("--view").map { text throws(UsageError) in try words.versionedName(text) }
    switch words.part {
    case "replay": return .handleDeadLetters(try handling(.replayed, filter, words))
    case "purge": return .handleDeadLetters(try handling(.purged, filter, words))
    case "show":
      try words.refuse(ofSelections, "for replay and purge", say: "say `apus dead-letters replay`")
      filter.lsn = try words.number("--lsn").map { LSN($0) }
      return .showDeadLetters(filter, limit: try words.number("--limit") ?? DeadLetterLines.usualLimit)
    default:
      try words.refuse(ofSelections, "for replay and purge", say: "say `apus dead-letters replay`")
      try words.refuse(
        ["--limit", "--lsn"], "for show, replay and purge", say: "say `apus dead-letters show`")
      return .listDeadLetters(filter)
    }
  }

  private static func handling(
    _ how: HandledHow, _ filter: DeadLetterFilter, _ words: Words
  ) throws(UsageError) -> DeadLetterHandling.Options {
    var options = DeadLetterHandling.Options(how: how, filter: filter)
    options.lsns = try lsns(words)
    options.filter.lsn = try words.number("--lsn").map { LSN($0) }
    options.age = try words.period("--older-than")
    options.isOfErasedOnly = words.has("--erased")
    options.isDryRun = words.has("--dry-run")
    if let limit = try words.number("--limit") {
      guard limit > 0 else { throw words.refusal("--limit is at least 1", "--limit") }
      options.limit = limit
    }
    let isSelected =
      filter.rule != nil || filter.view != nil || options.lsns != nil || options.age != nil
      || options.isOfErasedOnly
    let verb = "\(words.verbName) \(words.part ?? "")"
    if words.has("--all"), isSelected {
      throw words.refusal(
        "--all means every letter, and something else says which", "--all", next: "leave one of them out")
    }
    guard isSelected || words.has("--all") || options.isDryRun else {
      throw words.refusal(
        "`\(verb)` needs to know which letters", words.part,
        next: "say --rule, --view, --lsn, --from and --to, --older-than or --erased; --all means every one")
    }
    return options
  }

  private static func lsns(_ words: Words) throws(UsageError) -> LSNRange? {
    let (first, last) = (try words.number("--from"), try words.number("--to"))
    guard let one = try words.number("--lsn") else {
      guard first != nil || last != nil else { return nil }
      let range = LSNRange(first.map { LSN($0) } ?? .first, through: last.map { LSN($0) } ?? LSN(.max))
      guard !range.isEmpty else {
        throw words.refusal("no LSN is from \(range.first) to \(range.last)", "--to")
      }
      return range
    }
    try words.refuse(["--from", "--to"], "for several letters, and --lsn for one", say: "say one of the two")
    return LSNRange(LSN(one), through: LSN(one))
  }
}
