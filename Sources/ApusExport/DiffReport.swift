// What a comparison of two sets came to. Differences.md says what the words mean.

package import ApusBytes

/// Why a cell differs. In the order in which they are asked for: the first that holds is the one.
package enum DiffCause: String, CaseIterable, Sendable {
  case erase, horizon, loss = "lost_records", definition, options, delete, correction, backfill
  case late = "late_event"
  case unexplained

  package var inWords: String {
    switch self {
    case .erase: "erase"
    case .horizon: "horizon"
    case .loss: "lost records"
    case .definition: "definition"
    case .options: "options"
    case .delete: "delete"
    case .correction: "correction"
    case .backfill: "backfill"
    case .late: "late event"
    case .unexplained: "unexplained"
    }
  }
}

/// The event that made a cell differ, which only the later one of two snapshots has.
package struct DiffEvent: Equatable, Sendable {
  package var lsn: LSN
  /// Nanoseconds, all of them.
  package var eventTime: Int64
  package var createdAt: Int64
  package var knownAt: Int64
  package var appendedAt: Int64
  package var isDelete: Bool
  package var isKnownAtAssumed: Bool
}

/// A cell that differs.
package struct DiffCell: Equatable, Sendable {
  package var row: DiffRow
  /// As a set in CSV spells it; nil for a null.
  package var a: String?
  package var b: String?
  /// What beside the value differs.
  package var kinds: [ExportColumnKind]
  /// Nil where nobody asked.
  package var cause: DiffCause?
  package var event: DiffEvent?
}

package struct DiffReport: Sendable {
  package struct Feature: Sendable {
    /// Without prefixes.
    package var name: String
    package var differing = 0
    package var causes: [DiffCause: Int] = [:]
    package var examples: [DiffCell] = []

    init(_ name: String) { self.name = name }
  }

  package var rowsA = 0
  package var rowsB = 0
  package var paired = 0
  /// Whether rows were matched by their place, since both sets are of one spine.
  package var isOneSpine: Bool
  package var onlyA: DiffLoners
  package var onlyB: DiffLoners
  /// Features that both have, in A's order.
  package var features: [Feature] = []
  package var featuresOnlyA: [String] = []
  package var featuresOnlyB: [String] = []
  /// Features of another type, and so of no values to compare.
  package var retyped: [String] = []
  /// Other columns that both have, of which so many rows differ.
  package var others: [(name: String, differing: Int)] = []

  package var cells: Int { paired * features.count }
  package var differing: Int { features.reduce(0) { $0 + $1.differing } }
  package var causes: [DiffCause: Int] {
    features.reduce(into: [:]) { sum, feature in sum.merge(feature.causes) { $0 + $1 } }
  }
}
