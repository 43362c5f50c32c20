// The verb that makes training sets.

extension Verb {
  static let export = Verb(
    name: "export", parts: ["verify"],
    operands: Operands(name: "MANIFEST", count: 0...1, needed: "a manifest"),
    reach: .both,
    summary: "make a training set: what was known at each label's moment",
    about: [
      "For each row of the spine, a file of entities and times, the features as they",
      "could be known then; one row out for one row in, in their order. The set has its",
      "name only when it is whole, and a manifest beside it says what it is: its",
      "identity, a digest of its content, and how the cells of each feature came out.",
      "A spine with a column `lsn` repeats what was served at these LSNs. Without a",
      "spine, the rows are the moments at which a view's own events were known.",
      "Each set is checked while it is written: no cell from after its label, few",
      "duplicates, and what --checks says of segments, nulls and drift.",
      "`export verify` makes a set again from its manifest, and compares.",
    ],
    options: dataOrServer + [
      Option(name: "--spine", value: "FILE", meaning: "labels: .parquet, .arrow (a stream) or .csv"),
      Option(name: "--out", value: "FILE", meaning: "the set: .parquet, .arrow or .csv"),
      Option(name: "--service", value: "NAME[@N]", meaning: "the features of a service"),
      Option(name: "--features", value: "LIST", meaning: "these features, with commas: VIEW:FEATURE"),
      Option(name: "--view", value: "NAME[@N]", meaning: "all features of a view"),
      Option(
        name: "--time", value: "COLUMN",
        meaning: "the label's time; if not said, event_timestamp, or the only one"),
      Option(name: "--time-unit", value: "s|ms|us|ns", meaning: "what whole numbers in it count"),
      Option(name: "--timezone", value: "ZONE", meaning: "of times that have none: +02:00, Europe/Berlin"),
      Option(name: "--key", value: "KEY=COLUMN", meaning: "the spine's name for a key, several with commas"),
      Option(name: "--lsn", value: "COLUMN", meaning: "the LSNs to repeat; `lsn` if not said"),
      Option(name: "--from", value: "TIME", meaning: "without a spine: moments from this one on"),
      Option(name: "--to", value: "TIME", meaning: "without a spine: moments up to this one"),
      Option(name: "--at-lsn", value: "N", meaning: "from what was said up to this LSN"),
      Option(name: "--at", value: "TIME", meaning: "from what was written by this moment"),
      Option(name: "--pin", value: "NAME", meaning: "from what a pin keeps, see `apus pin`"),
      Option(
        name: "--ignore-known-at", value: nil,
        meaning: "by event time alone, as if all had been known at once"),
      Option(name: "--strict-before", value: nil, meaning: "leave out the label's own instant"),
      Option(name: "--delay", value: "TIME", meaning: "as if all had been known that much later: 90s"),
      Option(
        name: "--beyond-history", value: "error|null",
        meaning: "labels before what is kept; error if not said"),
      Option(name: "--stale-ok", value: nil, meaning: "keep values that are out of age"),
      Option(
        name: "--columns", value: "LIST", meaning: "also statuses, reasons, event-times, lsns: each a column"),
      Option(name: "--prefix", value: "TEXT", meaning: "before the names of the features"),
      Option(
        name: "--split", value: "time=T|hash=F",
        meaning: "a column `split`: train before T, or that share of entities"),
      Option(
        name: "--checks", value: "FILE", meaning: "what to check the set for, in YAML; `none` checks nothing"),
      Option(
        name: "--against", value: "MANIFEST|online",
        meaning: "compare with an earlier set, or with the current rows"),
      Option(name: "--spine-format", value: "parquet|arrow|csv", meaning: "where the name does not say it"),
      Option(name: "--out-format", value: "parquet|arrow|csv", meaning: "where the name does not say it"),
      Option(
        name: "--memory", value: "SIZE", meaning: "with --data: bytes to hold at once; 1GiB if not said"),
      Option(name: "--threads", value: "N", meaning: "with --data; if not said, all cores"),
      project, json,
    ],
    examples: [
      Example(
        command:
          "apus export --spine labels.parquet --time label_time --service fraud@1 --out train.parquet",
        meaning: "a training set, by the server"),
      Example(
        command:
          "apus export --spine labels.csv --features card_activity:txn_count_24h --out t.csv --data DIR",
        meaning: "one feature, in text"),
      Example(
        command: "apus export --view card_activity --from 2026-11-01 --out card.parquet --data DIR",
        meaning: "a view's own history, moment by moment"),
      Example(
        command:
          "apus export --spine new.parquet --service fraud@1 --against train.manifest.json --out new_set.parquet --data DIR",
        meaning: "has anything drifted since?"),
      Example(command: "apus export verify train.manifest.json --data DIR", meaning: "is it still the same?"),
    ],
    exits: [
      (.done, "the set is there"), (.failed, "there is no set; the one before, if any, is as it was"),
      (.checkFailed, "the set is there, and a check of it failed; verify: it comes out otherwise"),
      (.usage, usage),
    ])
}
