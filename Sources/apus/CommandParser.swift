// From words to a command: a pure function. Nothing is guessed; what is not understood is refused, with what was probably meant.

import ApusContracts

enum CommandParser {
  static func parse(_ arguments: [String]) -> Result<Command, UsageError> {
    do throws(UsageError) { return .success(try command(arguments)) } catch { return .failure(error) }
  }

  private static func command(_ arguments: [String]) throws(UsageError) -> Command {
    guard let first = arguments.first else {
      throw UsageError(
        what: "no verb was given", place: "the command line", next: "`apus help` lists the verbs")
    }
    switch first {
    case "help": return .help(try topic(Array(arguments.dropFirst())))
    case "--help", "-h": return .help([])
    case "--version": return .version
    default: break
    }
    let asksForHelp = arguments.contains("--help") || arguments.contains("-h")
    if asksForHelp { return .help(try topic(arguments.filter { !$0.hasPrefix("-") })) }
    let (verb, rest) = try verb(in: arguments)
    let words = try Words(of: rest, for: verb)
    let target = try words.target()
    return .run(try job(verb, words), at: target, json: words.has("--json"))
  }

  /// The verbs that the words begin with: `inspect` alone means every `inspect …`.
  private static func topic(_ words: [String]) throws(UsageError) -> [Verb] {
    guard let first = words.first else { return [] }
    let family = Verb.family(first)
    if words.count == 1, !family.isEmpty { return family }
    return [try verb(in: words).0]
  }

  /// The verb that the words begin with, and the words behind it.
  private static func verb(in words: [String]) throws(UsageError) -> (Verb, [String]) {
    let first = words[0]
    if let verb = Verb.named(first) { return (verb, Array(words.dropFirst())) }
    let family = Verb.family(first)
    guard !family.isEmpty else {
      let known = Verb.all.map { String($0.name.prefix { $0 != " " }) } + ["help", "--version", "--help"]
      throw UsageError(
        what: first.hasPrefix("-") ? "the verb comes first" : "`\(first)` is not a verb of this version",
        place: "apus \(first)",
        next: Suggestion.next(
          for: first, among: known, list: Verb.all.map { "`\($0.name)`" }, see: "apus help"))
    }
    let seconds = family.map { String($0.name.dropFirst(first.count + 1)) }
    guard words.count > 1, !words[1].hasPrefix("-") else {
      throw UsageError(
        what: "`\(first)` needs to know what", place: "apus \(first)",
        next: "say " + family.map { "`apus \($0.name)`" }.joined(separator: " or "))
    }
    guard let verb = Verb.named("\(first) \(words[1])") else {
      throw UsageError(
        what: "`\(first)` knows nothing of `\(words[1])`", place: "apus \(first) \(words[1])",
        next: Suggestion.next(for: words[1], among: seconds, see: "apus help \(first)"))
    }
    return (verb, Array(words.dropFirst(2)))
  }
}
