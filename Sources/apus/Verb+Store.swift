// The verbs that look after what was written: rows set aside, and whether all is as it was written.

extension Verb {
  static let deadLetters = Verb(
    name: "dead-letters", parts: ["list", "show", "replay", "purge"], reach: .both,
    summary: "show the rows that were refused and kept, admit them again, or give them up",
    about: [
      "list (also when no such word is given) counts them by view and rule, with the",
      "oldest and an example of each. show shows them whole, the oldest first.",
      "replay judges them by the contract of today: what passes becomes an event that",
      "is known from now on, with its own event time, and what is still refused waits",
      "as before. max_lateness judges live pushes, and no replay. purge gives them up",
      "for good. Both need to be told which, or --all. Letters of erased keys are not",
      "shown, and both purge them.",
    ],
    options: dataOrServer + [
      Option(name: "--view", value: "NAME[@N]", meaning: "only letters of this view, or of one version"),
      Option(name: "--rule", value: "RULE", meaning: "only those that this rule refused"),
      Option(name: "--limit", value: "N", meaning: "but for list: so many at most; show: 20 if not said"),
      Option(name: "--lsn", value: "N", meaning: "but for list: the letter with this LSN"),
      Option(name: "--from", value: "LSN", meaning: "replay, purge: from this LSN on"),
      Option(name: "--to", value: "LSN", meaning: "replay, purge: up to this LSN"),
      Option(name: "--older-than", value: "TIME", meaning: "replay, purge: that came before that: 7d, 12h"),
      Option(name: "--erased", value: nil, meaning: "replay, purge: only letters of erased keys"),
      Option(name: "--all", value: nil, meaning: "replay, purge: every letter"),
      Option(name: "--dry-run", value: nil, meaning: "replay, purge: say what would be, change nothing"),
      project, json,
    ],
    examples: [
      Example(command: "apus dead-letters --data DIR", meaning: "how many, of what, since when"),
      Example(
        command: "apus dead-letters show --rule last_action.one_of --data DIR", meaning: "whole rows"),
      Example(
        command: "apus dead-letters replay --dry-run", meaning: "how many would pass by now, and why not"),
      Example(
        command: "apus dead-letters replay --rule last_action.one_of", meaning: "after the contract's fix"),
      Example(command: "apus dead-letters purge --older-than 7d", meaning: "makes room in the quota"),
    ],
    exits: [
      (.done, "shown; replayed or purged, or would be"), (.failed, failed),
      (.setAside, "replay: some are still refused"), (.usage, usage),
    ])

  static let check = Verb(
    name: "check",
    summary: "verify every byte of a store",
    about: [
      "Reads the manifest, every segment and every file of history from the first byte",
      "to the last, and every key of the index, and says what is damaged, missing or",
      "out of place: all of it, not only what comes first.",
      "With --deep, replays the whole log into a second index and compares the two.",
      "Changes nothing. The store must not be in use; reading it is enough.",
    ],
    options: [
      data, Option(name: "--deep", value: nil, meaning: "replay the log and compare it with the index"),
      Option(
        name: "--scratch", value: "DIR", meaning: "deep: where the second index is made; /tmp if not said"),
      json,
    ],
    examples: [
      Example(command: "apus check --data DIR", meaning: "a report to read"),
      Example(command: "apus check --data DIR --json | jq .problems", meaning: "for a program"),
      Example(
        command: "apus check --data DIR --deep --scratch DIR", meaning: "is the index what the log says?"),
    ],
    exits: [
      (.done, "sound: every byte is as it was written"),
      (.failed, "it could not be checked: no store, in use, no permission, ..."),
      (.checkFailed, "problems were found"), (.usage, usage),
    ])

  static let repair = Verb(
    name: "repair", reach: .both,
    summary: "say what is wrong with a store and mend what you name",
    about: [
      "Without a flag, changes nothing: says what is wrong, and which flag mends it.",
      "With one of the flags, does that, and says what it did. Nothing is asked; what",
      "cannot be undone happens only when it is named. The store must not be in use;",
      "a server is asked, without --data, for --confirm-clock and nothing else.",
    ],
    options: dataOrServer + [
      Option(name: "--rebuild-index", value: nil, meaning: "make the index anew from the log"),
      Option(name: "--confirm-clock", value: nil, meaning: "believe the clock after a jump, and log that"),
      Option(
        name: "--accept-loss", value: "FROM..TO",
        meaning: "give up these LSNs for good, or of a history/FILE what cannot be read"),
      Option(
        name: "--clear-aside", value: nil, meaning: "remove what starts and repairs moved aside, for good"),
      json,
    ],
    examples: [
      Example(command: "apus repair --data DIR", meaning: "what is wrong?"),
      Example(
        command: "apus repair --accept-loss 1200..1207 --data DIR", meaning: "records that no backup has"),
    ],
    exits: [
      (.done, "nothing is wrong, or what was named is mended"),
      (.failed, "it could not be done; nothing was changed"),
      (.checkFailed, "without a flag: something is wrong"), (.usage, usage),
    ])

  static let compact = Verb(
    name: "compact",
    summary: "make history of a store's log now",
    about: [
      "Finished segments of the log become runs, Parquet files that any tool reads, and",
      "ledgers with all else; small ones are merged. A server does so by itself. Nothing",
      "that can be asked changes. With --erase the bytes of keys that were erased go from",
      "every file at once, and a receipt is logged. The store must not be in use.",
    ],
    options: [
      data, Option(name: "--erase", value: nil, meaning: "carry out erasures now, before their time"), json,
    ],
    examples: [
      Example(command: "apus compact --data DIR", meaning: "before a backup, or to look at the runs"),
      Example(command: "apus compact --erase --data DIR", meaning: "no byte of an erased key is left"),
    ],
    exits: [
      (.done, "there is nothing more to compact"), (.failed, "it could not be done; nothing is lost"),
      (.usage, usage),
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
