// The verbs that change what a store has agreed to, and the one that shows it.

extension Verb {
  private static let paths = Operands(
    name: "PATH", count: 1...Int.max, needed: "files of definitions, or a folder of them")
  private static let version = Operands(
    name: "NAME@N", count: 1...1, needed: "a version of a view, as in `card_activity@2`")

  static let plan = Verb(
    name: "plan", operands: paths, reach: .both,
    summary: "say what applying definitions would change, and for whom",
    about: [
      "Compares definitions with what the store has, and says of each difference",
      "whether producers are refused and whether readers see something new or miss",
      "something. PATH is a file, or a folder of .yaml, .yml and .json files. Changes",
      "nothing; a store that is not there yet is planned as an empty one.",
    ],
    options: dataOrServer + [
      Option(name: "--check", value: nil, meaning: "exit code 3 when anything would change"), json,
    ],
    examples: [
      Example(
        command: "apus plan Config/examples/fraud --data DIR", meaning: "changes, and the next command"),
      Example(
        command: "apus plan defs --data DIR --check", meaning: "in a pipeline: is the store as the files say?"
      ),
    ],
    exits: [
      (.done, "planned"), (.failed, "the definitions are wrong, or it could not be done"),
      (.checkFailed, "with --check: something would change"), (.usage, usage),
    ])

  static let apply = Verb(
    name: "apply", operands: paths, reach: .both,
    summary: "change a store's definitions, as planned",
    about: [
      "Plans, and does it in one step. What may refuse rows of producers needs",
      "--accept producers; what services in use read differently needs --accept",
      "readers. What the files leave out is kept. Makes the store where there is none.",
    ],
    options: dataOrServer + [
      Option(name: "--accept", value: "WHO", meaning: "readers, producers, or both with a comma"),
      Option(name: "--expect", value: "HEX", meaning: "refuse unless the fingerprint is still the plan's"),
      Option(name: "--dry-run", value: nil, meaning: "say what would be done, or refused, and do nothing"),
      json,
    ],
    examples: [
      Example(
        command: "apus apply Config/examples/fraud --data DIR", meaning: "the first time, or a safe change"),
      Example(
        command: "apus apply defs --data DIR --accept readers", meaning: "readers may see something new"),
    ],
    exits: [
      (.done, "applied, or there was nothing to change"),
      (.failed, "wrong definitions, not accepted, or it could not be done; nothing was changed"),
      (.usage, usage),
    ])

  static let promote = Verb(
    name: "promote", operands: version, reach: .both,
    summary: "make a version of a view the one its name means",
    about: [
      "A view's name without a number means the current version. Services that were",
      "applied before keep the versions that they read.",
    ],
    options: dataOrServer + [project, json],
    examples: [
      Example(
        command: "apus promote card_activity@2 --data DIR", meaning: "from now on `card_activity` is @2")
    ],
    exits: [(.done, "it is the current version"), (.failed, failed), (.usage, usage)])

  static let retire = Verb(
    name: "retire",
    operands: Operands(name: "NAME@N", count: 0...1, needed: version.needed), reach: .both,
    summary: "end a version of a view or of a service, for good",
    about: [
      "A retired version takes no rows and is not served; what was written stays in",
      "the log. A view version that a service in use reads is not retired, and the",
      "current version of a view is the last to go.",
    ],
    options: dataOrServer + [
      Option(name: "--service", value: "NAME@N", meaning: "retire this version of a service"), project,
      json,
    ],
    examples: [
      Example(command: "apus retire card_activity@1 --data DIR", meaning: "end a version of a view"),
      Example(command: "apus retire --service fraud@1 --data DIR", meaning: "end a version of a service"),
    ],
    exits: [(.done, "it is retired"), (.failed, "it is in use, or it could not be done"), (.usage, usage)])

  static let describe = Verb(
    name: "describe",
    operands: Operands(name: "NAME[@N]", count: 0...1, needed: "the name of a view or a service"),
    reach: .both,
    summary: "show what a store has: definitions, rows, events, services",
    about: [
      "Without a name, everything in short. With a view: its features, types, rules,",
      "settings, and who reads it. With a service: its columns in order, defaults,",
      "roles and request keys. Changes nothing.",
    ],
    options: dataOrServer + [project, json],
    examples: [
      Example(command: "apus describe --data DIR", meaning: "everything in short"),
      Example(command: "apus describe card_activity@1 --data DIR", meaning: "one version of a view"),
      Example(command: "apus describe fraud --data DIR", meaning: "the newest version of a service in use"),
    ],
    exits: [(.done, "shown"), (.failed, failed), (.usage, usage)])
}
