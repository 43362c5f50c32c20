// The verbs, each told once: what is parsed, what the help says and what the tests compare with the reference all come
// from this table.

struct Verb: Equatable {
  struct Option: Equatable {
    let name: String
    /// What stands for its value in the help; nil for a switch.
    let value: String?
    let meaning: String
    var isRequired = false
    /// It may be said several times.
    var isRepeatable = false
  }

  /// Words behind the verb that are no options.
  struct Operands: Equatable {
    let name: String
    let count: ClosedRange<Int>
    /// What to say when there are too few.
    let needed: String

    var spelled: String {
      let more = count.upperBound > max(1, count.lowerBound) ? "..." : ""
      return count.lowerBound == 0 ? "[\(name)\(more)]" : name + more
    }
  }

  struct Example: Equatable {
    let command: String
    let meaning: String
  }

  /// Where the store may be that a verb is about.
  enum Reach {
    /// A folder that no process has open.
    case folder
    /// Such a folder, or a server.
    case both
    case server
    /// It says itself what it is about.
    case nowhere
  }

  /// One word or two.
  let name: String
  /// Words that may follow, the first of which is meant when none does.
  var parts: [String] = []
  var operands: Operands?
  var reach = Reach.folder
  let summary: String
  let about: [String]
  let options: [Option]
  let examples: [Example]
  let exits: [(code: ExitCode, meaning: String)]

  static func == (a: Verb, b: Verb) -> Bool { a.name == b.name }

  static let all: [Verb] = [
    .serve, .plan, .apply, .promote, .retire, .describe, .push, .get, .history, .explain, .scan, .export,
    .diff, .skew,
    .delete, .erase, .deadLetters, .pin, .backfill,
    .status, .ping, .check,
    .repair, .compact,
    .inspectLog, .inspectManifest, .tokenCreate, .tokenList, .tokenRevoke, .configuration, .completions,
  ]

  /// The verbs of two words that begin with this one.
  static func family(_ first: String) -> [Verb] { all.filter { $0.name.hasPrefix(first + " ") } }

  static func named(_ name: String) -> Verb? { all.first { $0.name == name } }
}

extension Verb {
  static let data = Option(
    name: "--data", value: "DIR", meaning: "the store's folder", isRequired: true)
  /// Either the folder, or a server.
  static let dataOrServer =
    [Option(name: "--data", value: "DIR", meaning: "a store's folder that no process has open")]
    + remote
  static let remote = [
    Option(
      name: "--server", value: "ADDR",
      meaning: "HOST:PORT or unix:PATH; if not said, $APUS_URL or 127.0.0.1:7399"),
    Option(name: "--token-file", value: "FILE", meaning: "the token to show; if not said, $APUS_TOKEN_FILE"),
  ]
  static let json = Option(name: "--json", value: nil, meaning: "answer in JSON, errors too")
  static let project = Option(
    name: "--project", value: "NAME", meaning: "which project, where the store has several")
  static let failed = "it could not be done: no store, in use, no permission, ..."
  static let usage = "the command line makes no sense"
}
