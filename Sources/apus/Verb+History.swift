// The verbs that hold history, or copy it from one version of a view to another.

extension Verb {
  static let pin = Verb(
    name: "pin",
    operands: Operands(name: "NAME", count: 0...1, needed: "the name of a pin"),
    reach: .both,
    summary: "keep a moment readable, and see what that costs",
    about: [
      "Without a name, lists the pins: of which LSN and moment each is, how old, what it",
      "holds back and what is said of it. With one, pins what is there now, or the moment",
      "that is named: until the pin is released, or its time is over, no horizon of its",
      "views rises above it, so that `get`, `history` and `explain` with --pin answer as",
      "they do now. Compaction goes on. An erasure is stronger than a pin.",
    ],
    options: dataOrServer + [
      Option(name: "--at-lsn", value: "N", meaning: "pin what was there at this LSN"),
      Option(name: "--at", value: "TIME", meaning: "pin what had been appended by then"),
      Option(
        name: "--view", value: "NAME[@N]", meaning: "hold only this one; may be said again; else all views",
        isRepeatable: true),
      Option(name: "--note", value: "TEXT", meaning: "what it is for, and whose it is"),
      Option(name: "--expires", value: "TIME", meaning: "let go of it by itself after that: 30d, 12h"),
      Option(name: "--release", value: nil, meaning: "let go of the pin"),
      project, json,
    ],
    examples: [
      Example(command: "apus pin", meaning: "which are there, and what do they cost?"),
      Example(
        command: "apus pin audit-2026 --note 'ticket 4711' --expires 90d", meaning: "what is there now"),
      Example(
        command: "apus pin q3 --at 2026-10-01T00:00:00Z --view card_activity --data DIR",
        meaning: "one view as of a day"),
      Example(command: "apus pin audit-2026 --release", meaning: "it holds nothing any more"),
    ],
    exits: [(.done, "pinned, released or listed"), (.failed, failed), (.usage, usage)])
}

extension Verb {
  static let backfill = Verb(
    name: "backfill",
    operands: Operands(name: "VIEW@N", count: 1...1, needed: "the version that is to be filled"),
    reach: .both,
    summary: "say of one version of a view all that was said of another",
    about: [
      "Every event of the version --from is written again, with its event time, its",
      "created-at, its known-at and whether that was assumed: a label of then sees in the",
      "new version what it saw in the old one. Deletes come too, erased keys do not.",
      "Features go by their names, or as --map says, and none that --except names; a type",
      "may only widen, and a required feature that nothing tells is refused before the",
      "first row. Rows that the",
      "new contract refuses are set aside. It goes on where it was left, and the same",
      "again takes what came since. Rows pushed meanwhile to either version are welcome:",
      "of two events the later stamp wins, as always.",
    ],
    options: dataOrServer + [
      Option(name: "--from", value: "VIEW@N", meaning: "the version to read", isRequired: true),
      Option(
        name: "--map", value: "OLD=NEW", meaning: "this feature tells that one; may be said again",
        isRepeatable: true),
      Option(
        name: "--except", value: "OLD", meaning: "this feature is not taken; may be said again",
        isRepeatable: true),
      Option(name: "--batch", value: "N", meaning: "rows of one frame; 4096 if not said"),
      Option(name: "--seconds", value: "N", meaning: "end after so long, with exit code 75 if there is more"),
      Option(name: "--dry-run", value: nil, meaning: "say what would be, change nothing"),
      project, json,
    ],
    examples: [
      Example(command: "apus backfill card@2 --from card@1 --dry-run", meaning: "what would be refused?"),
      Example(
        command: "apus backfill card@2 --from card@1 --map total=total_eur --data DIR",
        meaning: "a feature has a new name"),
      Example(command: "apus backfill card@2 --from card@1", meaning: "again, before `apus promote card@2`"),
    ],
    exits: [
      (.done, "done, or nothing was new; of a dry run: nothing would be refused"), (.failed, failed),
      (.setAside, "done, and rows were set aside since it began"), (.usage, usage),
      (.more, "with --seconds: time is up, and there is more"),
    ])
}
