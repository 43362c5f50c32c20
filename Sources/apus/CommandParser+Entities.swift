// What the verbs about entities make of their words.

import ApusBytes
import ApusContracts

extension CommandParser {
  static func get(_ words: Words, _ project: String?) throws(UsageError) -> Get.Options {
    var options = Get.Options(what: try wanted(words), project: project)
    options.minimum = try words.number("--min-lsn").map { LSN($0) }
    options.isStale = words.has("--stale")
    guard words.operands != [EntityInput.name] else { return options }
    options.entity = try entity(words, words.operands)
    return options
  }

  private static func wanted(_ words: Words) throws(UsageError) -> Get.Wanted {
    let given = ["--service", "--features", "--view"].filter(words.has)
    guard let option = given.first, given.count == 1 else {
      throw words.refusal(
        given.isEmpty
          ? "`\(words.verbName)` needs to know which features"
          : "\(given.joined(separator: " and ")) are two things",
        given.last, next: "say one of --service NAME, --view NAME and --features VIEW:FEATURE,VIEW:FEATURE")
    }
    let text = words.value(option) ?? ""
    switch option {
    case "--service": return .service(try words.versionedName(text))
    case "--view": return .view(try words.versionedName(text))
    default:
      return .features(text.split(separator: ",", omittingEmptySubsequences: false).map(String.init))
    }
  }

  static func scan(_ words: Words, _ project: String?) throws(UsageError) -> Scan.Options {
    var options = Scan.Options(view: try words.versionedName(words.operands[0]), project: project)
    if let limit = try words.number("--limit") {
      guard limit > 0 else { throw words.refusal("--limit is at least 1", "--limit") }
      options.limit = limit
    }
    if let text = words.value("--after") {
      guard let key = Hex.bytes(text) else {
        throw words.refusal(
          "--after needs hexadecimal digits, as an earlier scan said them, and not `\(text)`", "--after")
      }
      options.after = key
    }
    return options
  }

  static func entity(_ words: Words, _ pairs: [String]) throws(UsageError) -> EntityWords {
    do throws(EntityWords.Fault) { return try EntityWords(pairs: pairs) } catch {
      throw words.refusal(error.what, nil)
    }
  }
}
