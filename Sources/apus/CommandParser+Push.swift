// What `push` makes of its words.

import ApusContracts
import ApusIngest

extension CommandParser {
  static func push(_ words: Words, _ project: String?) throws(UsageError) -> Job {
    var options = Push.Options(
      view: try words.versionedName(words.operands[0]), path: words.operands[1], project: project)
    try format(&options, words)
    options.load.keys = try keys(words)
    options.load.eventTime = try eventTime(words)
    options.load.createdAt = words.value("--created-at")
    try knownAt(&options, words)
    options.load.event = try oneOf("--mode", words, [("upsert", .upsert), ("delete", .delete)]) ?? .upsert
    options.load.features = words.value("--features").map { text in
      text.split(separator: ",").map(String.init)
    }
    if options.load.event == .delete {
      try words.refuse(["--features"], "for --mode upsert: a delete speaks of none", say: "say --mode upsert")
    }
    options.load.ignoresUnknown = words.has("--ignore-unknown")
    options.load.timeUnit = try oneOf("--time-unit", words, TimeUnit.allCases.map { ($0.rawValue, $0) })
    options.zone = words.value("--timezone")
    options.producer = words.value("--producer")
    options.isDryRun = words.has("--dry-run")
    options.isAllOrNothing = words.has("--all-or-nothing")
    if words.value("--data") == nil {
      try words.refuse(
        ["--dry-run", "--all-or-nothing"],
        "for a folder that no process has open: a server judges rows as it takes them",
        say: "say --data DIR")
    }
    if options.isAllOrNothing, options.path == "-" {
      throw words.refusal(
        "--all-or-nothing reads a file twice, and standard input comes once", "--all-or-nothing",
        next: "name a file, or leave --all-or-nothing out")
    }
    return .push(options)
  }

  static func oneOf<T>(
    _ name: String, _ words: Words, _ choices: [(word: String, value: T)]
  ) throws(UsageError) -> T? {
    guard let text = words.value(name) else { return nil }
    guard let found = choices.first(where: { $0.word == text }) else {
      throw words.refusal(
        "\(name) knows nothing of `\(text)`", name,
        next: "say one of \(choices.map(\.word).joined(separator: ", "))")
    }
    return found.value
  }

  private static func format(_ options: inout Push.Options, _ words: Words) throws(UsageError) {
    let named = FileFormat.named(by: options.path)
    let given = try oneOf("--format", words, FileFormat.allCases.map { ($0.rawValue, $0) })
    let format = given ?? named?.format
    options.load.formatSource = given != nil ? .given : named != nil ? .name : .nothing
    if let format { options.load.format = format }
    if let named, named.format == format { options.load.delimiter = named.delimiter }
    guard let text = words.value("--delimiter") else { return }
    guard format == .csv else {
      throw words.refusal("--delimiter is for CSV files", "--delimiter", next: "leave it out")
    }
    let byte = text == "tab" || text == "\\t" ? 0x09 : text.utf8.count == 1 ? text.utf8.first ?? 0 : 0
    guard byte == 0x09 || byte >= 0x20 && byte < 0x7F && byte != 0x22 else {
      throw words.refusal(
        "--delimiter needs one character of ASCII other than a quote, or `tab`, and not `\(text)`",
        "--delimiter")
    }
    options.load.delimiter = byte
  }

  /// `card_id=cc_num`, several with commas.
  static func keys(_ words: Words) throws(UsageError) -> [String: String] {
    guard let text = words.value("--key") else { return [:] }
    var keys: [String: String] = [:]
    for pair in text.split(separator: ",", omittingEmptySubsequences: false) {
      let ends = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
      guard ends.count == 2, !ends[0].isEmpty, !ends[1].isEmpty, keys[ends[0]] == nil else {
        throw words.refusal(
          "--key needs a key and its column, as in card_id=cc_num, several with commas, and not `\(text)`",
          "--key")
      }
      keys[ends[0]] = ends[1]
    }
    return keys
  }

  private static func eventTime(_ words: Words) throws(UsageError) -> EventTimeAsked {
    guard let column = words.value("--event-time") else {
      return words.has("--no-event-time") ? .none : .usual
    }
    try words.refuse(["--no-event-time"], "not for a file that has a column of it", say: "choose one of them")
    return .column(column)
  }

  private static func knownAt(_ options: inout Push.Options, _ words: Words) throws(UsageError) {
    guard let text = words.value("--known-at") else { return }
    let plus = "event-time+"
    let column = "column:"
    switch text {
    case "live": options.choice = .live
    case "now": options.choice = .now
    case "event-time": options.choice = .eventTime
    default:
      if text.hasPrefix(column), text.utf8.count > column.utf8.count {
        options.choice = .column
        options.load.knownAt = String(text.dropFirst(column.count))
      } else if text.hasPrefix(plus), let delay = try? Period(spelling: String(text.dropFirst(plus.count))) {
        options.choice = .eventTimePlus(nanoseconds: delay.nanoseconds)
      } else {
        throw words.refusal(
          "--known-at knows nothing of `\(text)`", "--known-at",
          next: "say live, now, event-time, event-time+15m or column:NAME")
      }
    }
  }
}
