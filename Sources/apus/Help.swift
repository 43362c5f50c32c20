// Help is made from the verbs' table, so it cannot promise what the parser does not know.

enum Help {
  static func lines(of verbs: [Verb]) -> [String] {
    verbs.isEmpty ? overview : Array(verbs.map(lines(of:)).joined(separator: ["", ""]))
  }

  private static var overview: [String] {
    var verbs = Verb.all.map { ($0.name, $0.summary) }
    verbs.append(("help [VERB]", "this list, or all about a verb"))
    verbs.append(("--version", "the version of this program, and of the format it knows"))
    return ["apus: a feature store", "", "Usage: apus VERB [OPTION]...", ""]
      + columns(verbs) + ["", "`apus help VERB` shows options, examples and exit codes."]
  }

  private static func lines(of verb: Verb) -> [String] {
    let parts =
      (verb.parts.isEmpty ? "" : " [\(verb.parts.joined(separator: "|"))]")
      + (verb.operands.map { " \($0.spelled)" } ?? "")
    let required = verb.options.filter(\.isRequired).map { " \(spelled($0))" }.joined()
    return [
      "apus \(verb.name): \(verb.summary)", "", "Usage: apus \(verb.name)\(parts)\(required) [OPTION]...", "",
    ]
      + verb.about
      + ["", "Options:"]
      + columns(verb.options.map { (spelled($0), $0.meaning + ($0.isRequired ? " (required)" : "")) })
      + ["", "Examples:"] + verb.examples.flatMap { ["  $ \($0.command)", "      \($0.meaning)"] }
      + ["", "Exit codes:"] + columns(verb.exits.map { ("\($0.code.rawValue)", $0.meaning) })
  }

  private static func spelled(_ option: Verb.Option) -> String {
    option.name + (option.value.map { " \($0)" } ?? "")
  }

  private static func columns(_ rows: [(String, String)]) -> [String] {
    let width = rows.map(\.0.count).max() ?? 0
    return rows.map { "  \(Table.padded($0.0, to: width, .left))   \($0.1)" }
  }
}
