// What became of an export: what the manifest tells of it.

package import ApusBytes
package import ApusColumnar

package struct ExportReport: Equatable, Sendable {
  package var rows = 0
  /// Of the whole set, spine columns first.
  package var fields: [ColumnField] = []
  package var spineDigest: SHA256.Digest
  package var contentDigest: SHA256.Digest
  package var identity: SHA256.Digest
  /// What the identity was made of, one `name=value` in a line.
  package var identityText: String
  /// In the order of the features.
  package var features: [Feature] = []
  /// Rows of which some role had no key, and rows without a time.
  package var withoutKey = 0
  package var withoutTime = 0
  /// Label times that were taken for UTC.
  package var assumedUTC = 0
  package var timeColumn = ""
  package var lsnColumn: String?
  /// Nil when nothing was checked.
  package var quality: SetQuality?
  /// What was put aside in files.
  package var scratchByteCount: UInt64 = 0

  package struct Feature: Equatable, Sendable {
    package var name: String
    package var view: String
    package var feature: String
    package var counts: CellCounts
  }
}

/// How far an export is.
package struct ExportProgress: Equatable, Sendable {
  package enum Phase: String, Sendable { case reading, joining, writing }
  package var phase: Phase
  package var done: Int
  /// Nil while nobody knows.
  package var total: Int?

  package init(phase: Phase, done: Int, total: Int?) {
    (self.phase, self.done, self.total) = (phase, done, total)
  }
}
