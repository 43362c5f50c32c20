// What a training set is asked to be: everything here but threads, memory and places is part of its identity.

/// What a label sees.
package enum ExportMode: String, CaseIterable, Sendable {
  /// What a reader could have known by the label's time.
  case known
  /// What had become true by then, whether anybody knew.
  case happened
}

/// What becomes of labels before a view's horizon.
package enum BeyondHistory: String, CaseIterable, Sendable { case error, null }

/// Columns beside the values.
package enum ExportColumnKind: String, CaseIterable, Sendable {
  case statuses, reasons, eventTimes = "event-times", lsns

  /// What the column of a feature is called, behind its name and `__`.
  var suffix: String {
    switch self {
    case .statuses: "status"
    case .reasons: "reason"
    case .eventTimes: "event_time"
    case .lsns: "lsn"
    }
  }
}

package struct ExportOptions: Equatable, Sendable {
  package var mode = ExportMode.known
  /// Whether the label's own instant is left out.
  package var isStrict = false
  /// Every event counts as seen that much later.
  package var delayNanoseconds: Int64 = 0
  package var beyondHistory = BeyondHistory.error
  /// Shows values that are out of age; their status says so.
  package var staleOK = false
  /// In the order of `ExportColumnKind`.
  package var columns: Set<ExportColumnKind> = []
  /// Before the names of features.
  package var prefix = ""

  // Of no effect on what comes out.
  package var threads = 2
  /// Bytes that are held at once, about.
  package var memory = 1 << 30
  /// Labels that are answered together, and rows that are put in order together. Smaller ones are for tests.
  package var chunkLabels = 32_768
  package var rangeRows = 262_144

  package init() {}

  /// What of them is part of a set's identity, one `name=value` after another.
  package var identity: String {
    var parts = [
      "mode=\(mode.rawValue)", "strict=\(isStrict)", "delay=\(delayNanoseconds)",
      "beyond-history=\(beyondHistory.rawValue)", "stale-ok=\(staleOK)", "prefix=\(prefix)",
    ]
    let kinds = ExportColumnKind.allCases.filter { columns.contains($0) }
    parts.append("columns=\(kinds.map(\.rawValue).joined(separator: ","))")
    return parts.joined(separator: "\n")
  }
}
