// The verbs that move rows.

extension Verb {
  static let push = Verb(
    name: "push",
    operands: Operands(
      name: "VIEW FILE", count: 2...2, needed: "a view and a file, or `-` for standard input"),
    reach: .both,
    summary: "load a file of rows into a view",
    about: [
      "Reads CSV with a header (.csv, .tsv), one JSON object a line (.jsonl, .ndjson),",
      "Parquet or an Arrow stream, from a file or, as `-`, from standard input (Parquet",
      "only from a file). An empty CSV field is null, \"\" is the empty text, a column or",
      "key that is missing is absent. Rows that break a rule",
      "are set aside as dead letters. With a producer, another run of the same command",
      "goes on behind what is in, and loads nothing twice. Files.md has all of it.",
    ],
    options: dataOrServer + [
      Option(
        name: "--event-time", value: "COLUMN", meaning: "when a row became true; event_timestamp if not said"),
      Option(name: "--no-event-time", value: nil, meaning: "rows become true when they come in"),
      Option(
        name: "--known-at", value: "WHEN", meaning: "live, now, event-time, event-time+15m or column:NAME"),
      Option(name: "--created-at", value: "COLUMN", meaning: "the producer's own revision time"),
      Option(name: "--key", value: "KEY=COLUMN", meaning: "a key's column, where its name is another"),
      Option(name: "--features", value: "LIST", meaning: "only these, with commas; else all that are there"),
      Option(name: "--ignore-unknown", value: nil, meaning: "pass over columns that the view does not know"),
      Option(name: "--timezone", value: "ZONE", meaning: "of times without an offset: +02:00, Europe/Berlin"),
      Option(name: "--time-unit", value: "UNIT", meaning: "of times that are whole numbers: s, ms, us or ns"),
      Option(name: "--mode", value: "MODE", meaning: "upsert, or delete to end the rows of these keys"),
      Option(name: "--format", value: "FORMAT", meaning: "csv, jsonl, parquet, arrow; else found out"),
      Option(name: "--delimiter", value: "CHAR", meaning: "of a CSV file: one character, or tab"),
      Option(name: "--producer", value: "NAME", meaning: "remember how far the file was read"),
      Option(name: "--dry-run", value: nil, meaning: "judge every row, and write nothing; with --data"),
      Option(
        name: "--all-or-nothing", value: nil, meaning: "write nothing unless every row is good; with --data"),
      project, json,
    ],
    examples: [
      Example(
        command: "apus push card_activity jan.csv --event-time ts --data DIR", meaning: "history, or new rows"
      ),
      Example(
        command: "apus push card_activity jan.csv --known-at event-time+15m --producer jan --data DIR",
        meaning: "known a quarter of an hour later; may be killed and said again"),
      Example(
        command: "apus push card_activity feb.csv --producer feb --server 127.0.0.1:7399",
        meaning: "into a store that is served"),
      Example(
        command: "cat rows.jsonl | apus push card_activity - --format jsonl --dry-run --data DIR",
        meaning: "would these rows be accepted?"),
    ],
    exits: [
      (.done, "every row is in"), (.failed, "it could not be done, or not to the end"),
      (.setAside, "done, but rows were set aside or lines are unreadable"), (.usage, usage),
    ])
}
