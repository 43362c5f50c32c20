// What each verb makes of its words.

import ApusBytes
import ApusContracts

extension CommandParser {
  static func job(_ verb: Verb, _ words: Words) throws(UsageError) -> Job {
    if verb.reach == .nowhere || verb.reach == .server { return try serverJob(verb, words) }
    let project = try words.name("--project")
    switch verb {
    case .plan: return .plan(words.operands, check: words.has("--check"))
    case .apply: return .apply(words.operands, try applyOptions(words))
    case .promote: return .promote(try words.version(words.operands[0]), project: project)
    case .retire: return try retirement(words, project)
    case .describe:
      let name = try words.operands.first.map { text throws(UsageError) in try words.versionedName(text) }
      return .describe(name, project: project)
    case .push: return try push(words, project)
    case .get: return .get(try get(words, project))
    case .history: return .history(try history(words, project))
    case .explain: return .explain(try explain(words, project))
    case .scan: return .scan(try scan(words, project))
    case .export: return try export(words, project)
    case .skew: return try skew(words, project)
    case .delete:
      return .delete(
        Delete.Options(
          view: try words.versionedName(words.operands[0]),
          entity: try entity(words, Array(words.operands.dropFirst())), project: project))
    case .erase:
      return .erase(
        Erase.Options(
          words: try entity(words, words.operands), project: project, isDryRun: words.has("--dry-run")))
    case .status: return .status(project: nil)
    case .deadLetters: return try deadLetters(words, project)
    case .check:
      guard words.has("--deep") else {
        try words.refuse(
          ["--scratch"], "only with --deep: nothing else makes a second index", say: "add --deep")
        return .check(scratch: nil)
      }
      return .check(scratch: try words.path("--scratch") ?? Check.usualScratch)
    case .repair: return .repair(try repairAction(words))
    case .compact: return .compact(erasing: words.has("--erase"))
    case .pin: return try pin(words, project)
    case .backfill: return try backfill(words, project)
    case .inspectManifest: return .inspectManifest
    default: return try inspectLog(words)
    }
  }

  private static func inspectLog(_ words: Words) throws(UsageError) -> Job {
    guard words.part == "dump" else {
      try words.refuse(["--from", "--limit", "--payload"], "for dump", say: "say `apus inspect log dump`")
      return .inspectLog
    }
    var options = LogLines.Options()
    options.from = try words.number("--from") ?? 0
    options.limit = try words.number("--limit") ?? .max
    options.payload = words.has("--payload")
    options.json = words.has("--json")
    return .dumpLog(options)
  }

  private static func applyOptions(_ words: Words) throws(UsageError) -> Apply.Options {
    var options = Apply.Options()
    options.isDryRun = words.has("--dry-run")
    if let text = words.value("--expect") {
      guard let fingerprint = Fingerprint(text) else {
        throw words.refusal(
          "--expect needs the 64 hexadecimal digits of a fingerprint, and not `\(text)`", "--expect",
          next: "`apus plan` prints it")
      }
      options.expected = fingerprint
    }
    if let text = words.value("--accept") {
      let known = PlanParty.allCases.map(\.rawValue)
      for word in text.split(separator: ",", omittingEmptySubsequences: false) {
        guard let party = PlanParty(rawValue: String(word)) else {
          throw words.refusal(
            "--accept knows nothing of `\(word)`", "--accept",
            next: Suggestion.next(for: String(word), among: known, see: "apus help apply"))
        }
        options.accepted.insert(party)
      }
    }
    return options
  }

  private static func retirement(_ words: Words, _ project: String?) throws(UsageError) -> Job {
    switch (words.operands.first, words.value("--service")) {
    case (let view?, nil): return .retire(try words.version(view), project: project)
    case (nil, let service?): return .retireService(try words.version(service), project: project)
    case (nil, nil):
      throw words.refusal(
        "`retire` needs to know what", nil, next: "say `apus retire NAME@N` or `apus retire --service NAME@N`"
      )
    case (_?, _?):
      throw words.refusal(
        "one version is retired at a time", "--service",
        next: "leave out the view or the service, and say it again")
    }
  }

  private static func repairAction(_ words: Words) throws(UsageError) -> Repair.Action? {
    let flags = ["--rebuild-index", "--confirm-clock", "--accept-loss", "--clear-aside"].filter(words.has)
    guard flags.count <= 1 else {
      throw words.refusal(
        "one thing is mended at a time", flags.joined(separator: " "), next: "say them one after another")
    }
    guard words.has("--data") || flags.first == "--confirm-clock" else {
      throw UsageError(
        what: "`repair` needs to know the store's folder", place: "apus repair",
        next: "say `apus repair --data DIR`; a server is asked for --confirm-clock alone")
    }
    switch flags.first {
    case "--rebuild-index": return .rebuildIndex
    case "--confirm-clock": return .confirmClock
    case "--clear-aside": return .clearAside
    case "--accept-loss":
      // LSNs have neither letters nor dashes, and every file of history has both.
      if let name = words.value("--accept-loss"), name.contains("-") || name.contains("/") {
        return .giveUp(name)
      }
      return .acceptLoss(try words.lsns("--accept-loss"))
    default: return nil
    }
  }
}
