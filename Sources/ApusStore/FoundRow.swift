// What a key has in one view at the LSN and time of a read: borrowed, and judged cell by cell.
//
// An erased key's events up to the floor are not there: neither their values nor their deletes nor their stamps leave
// here. Store.md says why hiding cells by their winner's LSN is what folding without those events would give.

package import ApusBytes
public import ApusContracts

@usableFromInline
package struct FoundRow: ~Escapable {
  /// As it is stored: `judge` decides what of it may be shown.
  @usableFromInline let row: RowView
  /// The moment that ages are judged at.
  @usableFromInline package let time: ReadTime
  /// Nil: never out of age.
  @usableFromInline package let ttlNanoseconds: Int64?
  /// Nothing at or below this LSN is there; nil when nobody erased the key.
  package let erasedThrough: LSN?
  /// Whether `erasedThrough` says anything: inlined code cannot name an LSN.
  @usableFromInline let hasErasure: Bool

  @_lifetime(copy row)
  init(_ row: RowView, at time: ReadTime, ttlNanoseconds: Int64?, erasedThrough: LSN?) {
    self.row = row
    self.time = time
    self.ttlNanoseconds = ttlNanoseconds
    self.erasedThrough = erasedThrough
    hasErasure = erasedThrough != nil
  }

  /// The status of a feature, and what it follows from.
  @inlinable @inline(__always)
  package func judge(_ feature: PreparedVector.Feature) -> FoundCell {
    let cell = row.cell(feature.slot.index)
    if hasErasure, isErased(cell) {
      return FoundCell(.unseen, Cell.Judgement(status: .notFound, reason: .erased), at: time)
    }
    return FoundCell(cell, cell.status(at: time, ttlNanoseconds: ttlNanoseconds), at: time)
  }

  @usableFromInline
  func isErased(_ cell: Cell) -> Bool {
    guard let erasedThrough else { return false }
    return cell.stamp.lsn <= erasedThrough
  }

  /// The bytes of a value as they stand in the row, for whoever has judged that it may be shown; none when there is none.
  @inlinable @_lifetime(copy self)
  package func raw(_ feature: PreparedVector.Feature) -> RawSpan { row.cells.raw(feature.slot) }
}

/// A cell of a reply, without its value.
@usableFromInline
package struct FoundCell: Sendable {
  @usableFromInline let cell: Cell
  @usableFromInline let judgement: Cell.Judgement
  @usableFromInline let time: ReadTime

  @inlinable @inline(__always)
  init(_ cell: Cell, _ judgement: Cell.Judgement, at time: ReadTime) {
    self.cell = cell
    self.judgement = judgement
    self.time = time
  }

  @inlinable package var content: Cell.Content { cell.content }
  @inlinable package var status: CellStatus { judgement.status }
  @inlinable package var reason: BlankReason? { judgement.reason }

  /// The winner's; nil when nothing may be seen.
  package var stamp: Stamp? { cell.content == .unseen ? nil : cell.stamp }

  /// From the winner's event time to the read's; below zero when the event is ahead of it.
  package var ageNanoseconds: Int64? {
    guard let stamp else { return nil }
    let (age, overflow) = time.nanoseconds.subtractingReportingOverflow(stamp.eventTime.nanoseconds)
    return overflow ? (time.nanoseconds < 0 ? .min : .max) : age
  }

  /// Whether the value may be shown; `stale` when the caller asks for values that are out of age, too.
  @inlinable @inline(__always)
  package func hasValue(stale: Bool = false) -> Bool {
    status == .present || stale && status == .outsideMaxAge && content == .value
  }

  /// Whether a service's default stands in for it.
  package func isBlank(stale: Bool = false) -> Bool {
    status.isBlank && !(stale && status == .outsideMaxAge)
  }
}
