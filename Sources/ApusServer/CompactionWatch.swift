// What a server's log says of compaction: a line when it cannot go on, another when the reason changes, and one when it goes on.
// Nobody waits for compaction, so nobody else is told.

package import ApusStore

package struct CompactionWatch: Sendable {
  package typealias Line = (
    level: Configuration.LogLevel, message: String, fields: [(key: String, value: LogValue)]
  )

  /// The reason that was told last, while it lasts.
  private var told: String?

  package init() {}

  /// What there is to say when this is in the way, or nothing is.
  package mutating func look(_ trouble: StoreError?) -> Line? {
    guard trouble?.reason != told else { return nil }
    told = trouble?.reason
    guard let trouble else { return (.info, "history is compacted again", []) }
    return (
      .warn, "history is not compacted",
      [("why", .text("\(trouble)")), ("next", .text(trouble.next))]
    )
  }
}
