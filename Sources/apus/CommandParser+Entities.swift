// What the verbs about entities make of their words.

import ApusBytes
import ApusContracts
import ApusStore
import ApusSystem
import ApusWire

extension CommandParser {
  static func get(_ words: Words, _ project: String?) throws(UsageError) -> Get.Options {
    var options = Get.Options(what: try wanted(words), project: project)
    options.minimum = try words.number("--min-lsn").map { LSN($0) }
    options.isStale = words.has("--stale")
    options.showsReceipts = words.has("--receipts")
    try takeMoment(words, &options)
    guard options.moment == nil && options.pin == nil || options.minimum == nil else {
      throw words.refusal("--min-lsn is about what is served now", "--min-lsn", next: "leave it out")
    }
    guard words.operands != [EntityInput.name] else { return options }
    options.entity = try entity(words, words.operands)
    return options
  }

  private static func takeMoment(_ words: Words, _ options: inout Get.Options) throws(UsageError) {
    options.pin = words.value("--pin")
    if options.pin != nil {
      try words.refuse(["--at", "--at-lsn", "--time"], "another moment than --pin", say: "say one of them")
    }
    options.moment = try moment(words)
  }

  /// `--at-lsn N [--time TIME]`, or `--at TIME`.
  private static func moment(_ words: Words) throws(UsageError) -> PastMoment? {
    let time = try words.moment("--time")
    if let lsn = try words.number("--at-lsn") {
      try words.refuse(["--at"], "another moment than --at-lsn", say: "say one of them")
      let now = SystemClock().wall().nanoseconds
      return .lsn(LSN(lsn), at: ReadTime(nanoseconds: time ?? now))
    }
    try words.refuse(["--time"], "what ages are judged at with --at-lsn", say: "add --at-lsn N")
    return try words.moment("--at").map { .known(by: ReadTime(nanoseconds: $0)) }
  }

  static func explain(_ words: Words, _ project: String?) throws(UsageError) -> Explain.Options {
    let receipt = try receipt(words)
    var what: Get.Wanted
    if let receipt, !["--service", "--features", "--view"].contains(where: words.has) {
      what = .receipt(receipt.fingerprint)
    } else {
      what = try wanted(words)
    }
    var options = Explain.Options(what: Get.Options(what: what, project: project), receipt: receipt)
    try takeMoment(words, &options.what)
    options.what.entity = try entity(words, words.operands)
    return options
  }

  private static func receipt(_ words: Words) throws(UsageError) -> AnswerReceipt? {
    guard let text = words.value("--receipt") else { return nil }
    try words.refuse(
      ["--at", "--at-lsn", "--time", "--pin"], "another moment than the receipt's", say: "say one of them")
    guard let receipt = AnswerReceipt(text) else {
      throw words.refusal(
        "--receipt needs what an answer came with, r1_ and 80 hexadecimal digits, and not `\(text)`",
        "--receipt", next: "`apus get --receipts` shows them, and `apus get --json` has them")
    }
    return receipt
  }

  static func history(_ words: Words, _ project: String?) throws(UsageError) -> History.Options {
    guard let view = words.value("--view") else {
      throw words.refusal("`history` needs to know of which view", nil, next: "say --view NAME")
    }
    var what = Get.Options(what: .view(try words.versionedName(view)), project: project)
    try takeMoment(words, &what)
    what.entity = try entity(words, words.operands)
    var options = History.Options(what: what)
    if let from = try words.moment("--from") { options.from = EventTime(nanoseconds: from) }
    if let to = try words.moment("--to") { options.to = EventTime(nanoseconds: to) }
    if let limit = try words.number("--limit") {
      guard limit > 0 else { throw words.refusal("--limit is at least 1", "--limit") }
      options.limit = limit
    }
    options.isNewestFirst = words.has("--newest-first")
    options.includesRefused = words.has("--refused")
    return options
  }

  static func wanted(_ words: Words) throws(UsageError) -> Get.Wanted {
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
