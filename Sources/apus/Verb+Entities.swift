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
      Option(name: "--min-lsn", value: "N", meaning: "refuse to answer from before this LSN"),
      Option(name: "--stale", value: nil, meaning: "show values that are out of age, too"),
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
        command: "cat keys.jsonl | apus get - --features card_activity:txn_count_24h",
        meaning: "many entities, a line each"),
    ],
    exits: [(.done, "shown, also where cells are blank"), (.failed, failed), (.usage, usage)])
}
