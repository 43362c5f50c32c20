// What the verbs make of their words that hold history, or copy it from one version of a view to another.

import ApusBytes
import ApusContracts
import ApusStore
import ApusSystem

extension CommandParser {
  private static let ofPins = ["--at", "--at-lsn", "--view", "--note", "--expires"]

  /// Nothing: all of them are listed. A name: it is pinned, or let go of.
  static func pin(_ words: Words, _ project: String?) throws(UsageError) -> Job {
    guard let name = words.operands.first else {
      try words.refuse(ofPins + ["--release"], "for one pin", say: "say its name")
      return .listPins(project: project)
    }
    // Whoever says these means something else.
    guard !["list", "show", "release"].contains(name) else {
      throw words.refusal(
        "`\(name)` would be the name of a pin", name,
        next: name == "release"
          ? "`apus pin NAME --release` lets go of one" : "`apus pin` alone lists all of them")
    }
    if words.has("--release") {
      try words.refuse(ofPins, "what is pinned, and --release lets go of it", say: "leave out --release")
      return .unpin(name, project: project)
    }
    var options = Pinning.Options(name: name, project: project)
    if let lsn = try words.number("--at-lsn") {
      try words.refuse(["--at"], "another moment than --at-lsn", say: "say one of them")
      options.moment = .lsn(LSN(lsn))
    } else if let time = try words.moment("--at") {
      options.moment = .time(WallTime(nanoseconds: time))
    }
    for text in words.values("--view") { options.views.append(try words.versionedName(text)) }
    options.note = words.value("--note") ?? ""
    options.period = try words.period("--expires")
    return .pin(options)
  }
}

extension CommandParser {
  static func backfill(_ words: Words, _ project: String?) throws(UsageError) -> Job {
    let source = try words.version(try words.required("--from"))
    var options = Backfilling.Options(
      target: try words.version(words.operands[0]), source: source, project: project)
    for text in words.values("--map") {
      let parts = text.split(separator: "=", omittingEmptySubsequences: false).map(String.init)
      guard parts.count == 2, parts.allSatisfy({ DefinitionName.fault(in: $0) == nil }) else {
        throw words.refusal("--map needs OLD=NEW, the names of two features, and not `\(text)`", "--map")
      }
      options.renames.append(FeatureRename(old: parts[0], new: parts[1]))
    }
    for text in words.values("--except") {
      guard DefinitionName.fault(in: text) == nil else {
        throw words.refusal("--except needs the name of a feature, and not `\(text)`", "--except")
      }
      options.leavingOut.append(text)
    }
    if let rows = try words.number("--batch") {
      guard rows >= 1, rows <= StoreLimits.backfillRowsMax else {
        throw words.refusal("--batch is 1 to \(StoreLimits.backfillRowsMax) rows", "--batch")
      }
      options.rows = Int(clamping: rows)
    }
    if let seconds = try words.number("--seconds") {
      guard seconds >= 1 else { throw words.refusal("--seconds is at least 1", "--seconds") }
      options.seconds = seconds
    }
    options.isDryRun = words.has("--dry-run")
    return .backfill(options)
  }
}
