// What a key has in one view at the LSN and time of a read: borrowed, and judged cell by cell.
//
// An erased key's events up to the floor are not there: neither their values nor their deletes nor their stamps leave
// here. Store.md says why hiding cells by their winner's LSN is what folding without those events would give.

import ApusBytes
public import ApusContracts

@usableFromInline
package struct FoundRow: ~Escapable {
  /// As it is stored: what of it may be shown, `status` and `judge` decide.
  @usableFromInline internal let row: RowView
  /// The moment that ages are judged at.
  @usableFromInline package let time: ReadTime
  /// Nil: never out of age.
  @usableFromInline internal let ttlNanoseconds: Int64?
  /// Nothing at or below this LSN is there; nil when nobody erased the key.
  @usableFromInline internal let erasedThrough: UInt64?
  /// `CatalogView.removed` of the newest catalog.
  @usableFromInline internal let removed: Span<UInt64>
  /// Of every value, when all that is said was said by one event and nothing of it is hidden.
  @usableFromInline internal let statusOfAll: CellStatus?

  @inline(__always) @_lifetime(copy row, copy removed)
  init(
    _ row: RowView, without removed: Span<UInt64>, at time: ReadTime, ttlNanoseconds: Int64?,
    erasedThrough: LSN?
  ) {
    self.row = row
    self.removed = removed
    self.time = time
    self.erasedThrough = erasedThrough?.rawValue
    self.ttlNanoseconds = ttlNanoseconds
    statusOfAll =
      row.hasOneStamp && erasedThrough == nil && removed.isEmpty
      ? time.isOutOfAge(row.base, ttlNanoseconds: ttlNanoseconds) ? .outsideMaxAge : .present
      : nil
  }

  /// The status of a feature alone.
  @inlinable @inline(__always)
  package func status(_ feature: PreparedVector.Feature) -> CellStatus {
    guard let statusOfAll else { return judge(feature).status }
    return switch row.state(feature.slot.index) {
    case .value: statusOfAll
    case .null: statusOfAll == .present ? .nullValue : statusOfAll
    case .absent: .notFound
    }
  }

  /// The status of a feature, and what it follows from.
  @inlinable
  package func judge(_ feature: PreparedVector.Feature) -> FoundCell {
    if isRemoved(feature.slot.index) {
      return FoundCell(content: .unseen, status: .notFound, reason: .deleted, stamp: nil, ageNanoseconds: nil)
    }
    let cell = row.cell(feature.slot.index)
    if let erasedThrough, cell.stamp.lsnNumber <= erasedThrough {
      return FoundCell(content: .unseen, status: .notFound, reason: .erased, stamp: nil, ageNanoseconds: nil)
    }
    let judgement = cell.status(at: time, ttlNanoseconds: ttlNanoseconds)
    if cell.content == .unseen {
      return FoundCell(
        content: .unseen, status: judgement.status, reason: judgement.reason, stamp: nil, ageNanoseconds: nil)
    }
    let (age, overflow) = time.nanoseconds.subtractingReportingOverflow(cell.stamp.eventTimeNanoseconds)
    return FoundCell(
      content: cell.content, status: judgement.status, reason: judgement.reason, stamp: cell.stamp,
      ageNanoseconds: overflow ? (time.nanoseconds < 0 ? .min : .max) : age)
  }

  /// Whether anything may be seen of any of these features, be it a null or out of age.
  package func hasAny(of features: [PreparedVector.Feature]) -> Bool {
    features.contains { judge($0).status != .notFound }
  }

  /// A feature that its view no longer has is not served, whoever pinned it: what is stored of it is the past's.
  @inlinable
  internal func isRemoved(_ index: Int) -> Bool {
    let word = index / 64
    return word < removed.count && removed[word] >> UInt64(index % 64) & 1 == 1
  }

  /// Whether every feature before this index is *present*.
  package func arePresent(below end: Int) -> Bool {
    statusOfAll == .present && row.cells.haveValues(below: end)
  }

  /// The values of a run whose features are present, as they stand in the row.
  @_lifetime(copy self)
  package func raw(_ run: SlotRun) -> RawSpan { row.cells.raw(run) }

  /// The bytes of a value as they stand in the row, for whoever knows its status; none when there is none.
  @inlinable @inline(__always) @_lifetime(copy self)
  package func raw(_ feature: PreparedVector.Feature) -> RawSpan { row.cells.raw(feature.slot) }
}

/// A cell of a reply, without its value.
@usableFromInline
package struct FoundCell: Equatable, Sendable {
  @usableFromInline package let content: Cell.Content
  @usableFromInline package let status: CellStatus
  /// Only of what is not found.
  @usableFromInline package let reason: BlankReason?
  /// The winner's; nil when nothing may be seen.
  @usableFromInline package let stamp: Stamp?
  /// From the winner's event time to the read's; below zero when the event is ahead of it.
  @usableFromInline package let ageNanoseconds: Int64?

  @inlinable
  internal init(
    content: Cell.Content, status: CellStatus, reason: BlankReason?, stamp: Stamp?, ageNanoseconds: Int64?
  ) {
    self.content = content
    self.status = status
    self.reason = reason
    self.stamp = stamp
    self.ageNanoseconds = ageNanoseconds
  }

  /// Whether the value may be shown; `stale` when the caller asks for values that are out of age, too.
  @inlinable
  package func hasValue(stale: Bool = false) -> Bool {
    status == .present || stale && status == .outsideMaxAge && content == .value
  }

  /// Whether a service's default stands in for it.
  package func isBlank(stale: Bool = false) -> Bool {
    status.isBlank && !(stale && status == .outsideMaxAge)
  }
}
