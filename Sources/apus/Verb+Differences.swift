// The verbs that hold answers against each other: two sets, or serving and training.

extension Verb {
  static let diff = Verb(
    name: "diff", operands: Operands(name: "MANIFEST", count: 2...2, needed: "two manifests"),
    reach: .nowhere,
    summary: "what differs between two training sets, and why",
    about: [
      "Names what differs in what the sets are of, the rows that only one has, and of",
      "each feature the cells that changed, with examples. With --data, the folder of",
      "the store, each cell has its cause: erase, horizon, lost records, definition,",
      "options, delete, correction, backfill or late event. The sets stand beside their",
      "manifests, and are read whole. A server cannot be asked: the sets are files",
      "here, and the causes need the folder.",
    ],
    options: [
      Option(
        name: "--data", value: "DIR", meaning: "the store's folder, which no process has open: for the causes"
      ),
      Option(name: "--limit", value: "N", meaning: "examples of each feature; 10 if not said"),
      Option(name: "--memory", value: "SIZE", meaning: "bytes to hold at once: 512MiB; 1GiB if not said"),
      json,
    ],
    examples: [
      Example(
        command: "apus diff may.manifest.json june.manifest.json --data DIR",
        meaning: "what a month changed, and why"),
      Example(
        command: "apus diff a.manifest.json b.manifest.json --limit 3",
        meaning: "without the store: only what"),
    ],
    exits: [
      (.done, "the content is the same"),
      (.failed, "a set or a manifest cannot be read, or a cell differs and nothing explains it"),
      (.checkFailed, "they differ"), (.usage, usage),
    ])

  static let skew = Verb(
    name: "skew", reach: .both,
    summary: "prove that serving and training say the same",
    about: [
      "Asks a sample of entities by the path that serves, then the exporter for the same",
      "LSNs and moments, and compares value, status, reason and event of every cell,",
      "bit by bit. An eighth of the sample is made up. With --receipts, the file has",
      "answers that were kept, as `apus get --json` prints them: what was served then is",
      "made again both ways. Writes may go on meanwhile. Of a server it is the process",
      "that serves which is proved.",
    ],
    options: dataOrServer + [
      Option(name: "--service", value: "NAME[@N]", meaning: "the features of a service"),
      Option(name: "--features", value: "LIST", meaning: "these features, with commas: VIEW:FEATURE"),
      Option(name: "--view", value: "NAME[@N]", meaning: "all features of a view"),
      Option(name: "--sample", value: "N", meaning: "how many entities; 1000 if not said"),
      Option(
        name: "--seed", value: "N", meaning: "which ones; if not said, others each time, and it is told"),
      Option(name: "--receipts", value: "FILE", meaning: "answers that were kept, in place of a sample"),
      Option(name: "--limit", value: "N", meaning: "differences that are shown; 10 if not said"),
      project, json,
    ],
    examples: [
      Example(command: "apus skew --service fraud@1 --sample 2000", meaning: "of the server that runs here"),
      Example(
        command: "apus skew --receipts served.jsonl --data DIR", meaning: "of answers that somebody kept"),
    ],
    exits: [
      (.done, "every cell is the same"), (.failed, failed), (.checkFailed, "a cell differs"), (.usage, usage),
    ])
}
