// The verbs that ask about entities, and end them.

extension Verb {
  static let get = Verb(
    name: "get",
    operands: Operands(name: "KEY=VALUE", count: 1...64, needed: "keys, or `-` for lines of them"),
    reach: .both,
    summary: "show the features of an entity as they are served",
    about: [
      "Shows each feature's value, what it is (present, null, or why it is blank), how",
      "old it is, and when it became true. Keys are those that the service asks for:",
      "`apus describe fraud` lists them. With `-`, each line of standard input is one",
      "entity, {\"card_id\": \"c42\"} or card_id=c42,payer_id=7, and so is each line of the",
      "answer. All of an answer is read at one LSN.",
    ],
    options: dataOrServer + [
      Option(name: "--service", value: "NAME[@N]", meaning: "the features of a service"),
      Option(name: "--features", value: "LIST", meaning: "these features, with commas: VIEW:FEATURE"),
      Option(name: "--view", value: "NAME[@N]", meaning: "all features of a view"),
      Option(name: "--min-lsn", value: "N", meaning: "answer from this LSN on; a server waits 10 s for it"),
      Option(name: "--at-lsn", value: "N", meaning: "as it was served at this LSN"),
      Option(
        name: "--time", value: "TIME", meaning: "with --at-lsn: what ages are judged at; now if not said"),
      Option(name: "--at", value: "TIME", meaning: "what was known at this moment"),
      Option(name: "--pin", value: "NAME", meaning: "as it was at the moment that this pin keeps"),
      Option(name: "--stale", value: nil, meaning: "show values that are out of age, too"),
      Option(name: "--receipts", value: nil, meaning: "show what `apus explain --receipt` takes"),
      project, json,
    ],
    examples: [
      Example(
        command: "apus get card_id=c42 payer_id=7 payee_id=9 --service fraud@1",
        meaning: "what a model would get now"),
      Example(
        command: "apus get card_id=c42 --view card_activity --stale --data DIR",
        meaning: "a whole row, whatever its age"),
      Example(
        command: "apus get card_id=c42 --view card_activity --at 2026-11-19T14:03:22Z",
        meaning: "what was known then"),
      Example(
        command: "cat keys.jsonl | apus get - --features card_activity:txn_count_24h",
        meaning: "many entities, a line each"),
    ],
    exits: [(.done, "shown, also where cells are blank"), (.failed, failed), (.usage, usage)])

  /// How a moment of the past is named.
  private static let moments = [
    Option(name: "--at-lsn", value: "N", meaning: "as it was at this LSN"),
    Option(name: "--time", value: "TIME", meaning: "with --at-lsn: what ages are judged at; now if not said"),
    Option(name: "--at", value: "TIME", meaning: "what was known at this moment"),
    Option(name: "--pin", value: "NAME", meaning: "as it was at the moment that this pin keeps"),
  ]

  static let history = Verb(
    name: "history",
    operands: Operands(name: "KEY=VALUE", count: 1...64, needed: "the keys of an entity"),
    reach: .both,
    summary: "show every event of an entity in a view",
    about: [
      "Events come in the order in which they were written, each with when it became",
      "true, since when it was known, who said it and what it says. Those that win a",
      "feature at the moment are marked. Of an erased key there is nothing to show;",
      "what was refused is shown with --refused, as long as it waits as a dead letter.",
    ],
    options: dataOrServer + [
      Option(name: "--view", value: "NAME[@N]", meaning: "of which view", isRequired: true),
      Option(name: "--from", value: "TIME", meaning: "only what became true from then on"),
      Option(name: "--to", value: "TIME", meaning: "only what became true up to then"),
      Option(name: "--limit", value: "N", meaning: "so many events at most; 100 if not said"),
      Option(name: "--newest-first", value: nil, meaning: "what was written last comes first"),
      Option(name: "--refused", value: nil, meaning: "show what was refused and waits, too, with the rule"),
    ] + moments + [project, json],
    examples: [
      Example(command: "apus history card_id=c42 --view card_activity", meaning: "all that was ever said"),
      Example(
        command:
          "apus history card_id=c42 --view card_activity --from 2026-11-01T00:00:00Z --json --data DIR",
        meaning: "for a program"),
    ],
    exits: [(.done, "shown, also when there is nothing"), (.failed, failed), (.usage, usage)])

  static let explain = Verb(
    name: "explain",
    operands: Operands(name: "KEY=VALUE", count: 1...64, needed: "the keys of an entity"),
    reach: .both,
    summary: "show why the features of an entity are what they are",
    about: [
      "Shows for each feature the event that won, and of those that did not the one that",
      "came nearest, with why: it is older, was not yet known, or a delete ended it.",
      "With --receipt it is what was answered then; a service need not be named.",
    ],
    options: dataOrServer + [
      Option(name: "--service", value: "NAME[@N]", meaning: "the features of a service"),
      Option(name: "--features", value: "LIST", meaning: "these features, with commas: VIEW:FEATURE"),
      Option(name: "--view", value: "NAME[@N]", meaning: "all features of a view"),
    ] + moments + [
      Option(name: "--receipt", value: "R", meaning: "as it was answered: `apus get --receipts` says it"),
      project, json,
    ],
    examples: [
      Example(command: "apus explain card_id=c42 --view card_activity", meaning: "why is it so now?"),
      Example(
        command: "apus explain card_id=c42 --view card_activity --at 2026-11-19T14:03:22Z --data DIR",
        meaning: "why was it so then?"),
    ],
    exits: [(.done, "shown, also where cells are blank"), (.failed, failed), (.usage, usage)])

  static let scan = Verb(
    name: "scan",
    operands: Operands(name: "VIEW", count: 1...1, needed: "the name of a view"), reach: .both,
    summary: "show what is stored in a view, entity by entity",
    about: [
      "Entities come in the order of their encoded keys, each with its values as they",
      "are stored, whatever their age. What was never said, was deleted or erased is",
      "left empty. Where it ends before the view does, it says how to go on.",
    ],
    options: dataOrServer + [
      Option(name: "--limit", value: "N", meaning: "so many entities at most; 100 if not said"),
      Option(name: "--after", value: "HEX", meaning: "go on where an earlier scan ended, as it said"),
      project, json,
    ],
    examples: [
      Example(command: "apus scan card_activity", meaning: "the first entities"),
      Example(
        command: "apus scan card_activity@1 --limit 1000000 --json --data DIR", meaning: "all, for a program"
      ),
    ],
    exits: [(.done, "shown, also when there is nothing"), (.failed, failed), (.usage, usage)])

  static let delete = Verb(
    name: "delete",
    operands: Operands(name: "VIEW KEY=VALUE", count: 2...65, needed: "a view and the keys of an entity"),
    reach: .both,
    summary: "end an entity's row in one view, as of now",
    about: [
      "Writes that the entity is no more: its features are not found from now on, until",
      "a later event brings it back. What was written before stays in the log; to have",
      "that forgotten, see `apus erase`.",
    ],
    options: dataOrServer + [project, json],
    examples: [Example(command: "apus delete card_activity card_id=c42", meaning: "one row of one view")],
    exits: [(.done, "it is deleted, whether there was a row or none"), (.failed, failed), (.usage, usage)])

  static let erase = Verb(
    name: "erase",
    operands: Operands(name: "KEY=VALUE", count: 1...64, needed: "a key of some entity"), reach: .both,
    summary: "forget everything that was ever said of a key, for good",
    about: [
      "Everything of every view of the project whose key has one of these values is",
      "gone for readers at once, dead letters too, and nothing brings it back. Nothing is",
      "asked: --dry-run says what would go. Events that become true later are taken.",
    ],
    options: dataOrServer + [
      Option(name: "--dry-run", value: nil, meaning: "say what would be erased, and change nothing"),
      project, json,
    ],
    examples: [
      Example(command: "apus erase card_id=c42 --dry-run", meaning: "how many rows are found?"),
      Example(command: "apus erase card_id=c42 --data DIR", meaning: "for good"),
    ],
    exits: [(.done, "it is erased, or would be"), (.failed, failed), (.usage, usage)])
}
