// The verbs, each told once: what is parsed, what the help says and what the tests compare with the reference all come
// from this table.

struct Verb: Equatable {
  struct Option: Equatable {
    let name: String
    /// What stands for its value in the help; nil for a switch.
    let value: String?
    let meaning: String
    var isRequired = false
  }

  struct Example: Equatable {
    let command: String
    let meaning: String
  }

  /// One word or two.
  let name: String
  /// Words that may follow, the first of which is meant when none does.
  var parts: [String] = []
  let summary: String
  let about: [String]
  let options: [Option]
  let examples: [Example]
  let exits: [(code: ExitCode, meaning: String)]

  static func == (a: Verb, b: Verb) -> Bool { a.name == b.name }

  static let all: [Verb] = [.check, .inspectLog, .inspectManifest]

  /// The verbs of two words that begin with this one.
  static func family(_ first: String) -> [Verb] { all.filter { $0.name.hasPrefix(first + " ") } }

  static func named(_ name: String) -> Verb? { all.first { $0.name == name } }
}

extension Verb {
  private static let data = Option(
    name: "--data", value: "DIR", meaning: "the store's folder", isRequired: true)
  private static let json = Option(name: "--json", value: nil, meaning: "answer in JSON, errors too")
  private static let failed = "it could not be done: no store, in use, no permission, ..."
  private static let usage = "the command line makes no sense"

  static let check = Verb(
    name: "check",
    summary: "verify every byte of a store",
    about: [
      "Reads the manifest and every segment from the first byte to the last, and",
      "says what is damaged, missing or out of place. Changes nothing. The store",
      "must not be in use; reading it is enough.",
    ],
    options: [data, json],
    examples: [
      Example(command: "apus check --data DIR", meaning: "a report to read"),
      Example(command: "apus check --data DIR --json | jq .problems", meaning: "for a program"),
    ],
    exits: [
      (.done, "sound: every byte is as it was written"),
      (.failed, "it could not be checked: no store, in use, no permission, ..."),
      (.checkFailed, "problems were found"), (.usage, usage),
    ])

  static let inspectLog = Verb(
    name: "inspect log", parts: ["stat", "dump"],
    summary: "show what is in a log",
    about: [
      "stat (also when neither word is given) shows what the manifest says of the",
      "log, and its segments. dump shows every frame in order, marks and seals",
      "included, with damage and gaps where they lie. Changes nothing. The store",
      "must not be in use.",
    ],
    options: [
      data,
      Option(name: "--from", value: "LSN", meaning: "dump: begin with the frame that holds this LSN"),
      Option(name: "--limit", value: "N", meaning: "dump: end after so many frames"),
      Option(name: "--payload", value: nil, meaning: "dump: show the frames' payloads, too"),
      Option(name: "--json", value: nil, meaning: "answer in JSON (dump: one object a line), errors too"),
    ],
    examples: [
      Example(command: "apus inspect log --data DIR", meaning: "segments and their LSNs"),
      Example(command: "apus inspect log dump --data DIR --from 1200 --limit 10", meaning: "ten frames"),
      Example(command: "apus inspect log dump --data DIR --from 7 --limit 1 --payload", meaning: "bytes"),
    ],
    exits: [(.done, "shown, damage included"), (.failed, failed), (.usage, usage)])

  static let inspectManifest = Verb(
    name: "inspect manifest",
    summary: "show the manifest's edits, in words",
    about: [
      "Shows each edit of the manifest in force, from its snapshot on, and how its",
      "tail ends. Changes nothing. The store must not be in use.",
    ],
    options: [data, json],
    examples: [Example(command: "apus inspect manifest --data DIR", meaning: "what was promised, in order")],
    exits: [(.done, "shown"), (.failed, failed), (.usage, usage)])
}
