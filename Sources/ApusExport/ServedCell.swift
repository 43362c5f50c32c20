// What one cell was answered with: by the path that serves inference, by a read of the past, or by the exporter. All of them say it in these words, so
// that they can be held against each other; equality is that of bits.

package import ApusBytes
package import ApusContracts

package struct ServedCell: Equatable, Sendable {
  package var status: CellStatus
  /// Of what is not found.
  package var reason: BlankReason?
  /// Its own, also when it is out of age; a default that stands in for it is not.
  package var value: Value?
  /// Of the event that won, nanoseconds; nil where nothing is seen.
  package var eventTime: Int64?
  package var lsn: LSN?

  package init(
    status: CellStatus, reason: BlankReason? = nil, value: Value? = nil, eventTime: Int64? = nil,
    lsn: LSN? = nil
  ) {
    self.status = status
    self.reason = reason
    self.value = value
    self.eventTime = eventTime
    self.lsn = lsn
  }
}

/// What two answers disagree about.
package enum SkewPart: String, CaseIterable, Sendable {
  case status, reason, value
  /// Another event won, and happens to say the same.
  case event
}

extension ServedCell {
  /// The first thing that another answer says otherwise. Of reasons and events only where both name one.
  package func difference(from other: ServedCell) -> SkewPart? {
    if status != other.status { return .status }
    if let reason, let theirs = other.reason, reason != theirs { return .reason }
    if value != other.value { return .value }
    if let lsn, let theirs = other.lsn, lsn != theirs { return .event }
    if let eventTime, let theirs = other.eventTime, eventTime != theirs { return .event }
    return nil
  }
}

/// What was answered of one entity, at one LSN and moment.
package struct ServedAnswer: Sendable {
  /// By the names that a request calls keys by.
  package var entity: [String: Value]
  package var lsn: LSN
  package var time: ReadTime
  /// In the order of the vector's columns.
  package var cells: [ServedCell]

  package init(entity: [String: Value], lsn: LSN, time: ReadTime, cells: [ServedCell]) {
    self.entity = entity
    self.lsn = lsn
    self.time = time
    self.cells = cells
  }
}
