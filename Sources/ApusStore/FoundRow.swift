// What a key has in one view at the LSN and time of a read: borrowed, and judged cell by cell.
//
// An erased key's events up to the floor are not there: neither their values nor their deletes nor their stamps leave
// here. Store.md says why hiding cells by their winner's LSN is what folding without those events would give.

package import ApusBytes
package import ApusContracts

package struct FoundRow: ~Escapable {
  /// As it is stored: `judge` decides what of it may be shown.
  let row: RowView
  /// The moment that ages are judged at.
  package let time: ReadTime
  /// Nil: never out of age.
  package let ttlNanoseconds: Int64?
  /// Nothing at or below this LSN is there; nil when nobody erased the key.
  package let erasedThrough: LSN?

  @_lifetime(copy row)
  init(_ row: RowView, at time: ReadTime, ttlNanoseconds: Int64?, erasedThrough: LSN?) {
    self.row = row
    self.time = time
    self.ttlNanoseconds = ttlNanoseconds
    self.erasedThrough = erasedThrough
  }

  /// The status of a feature, and what it follows from.
  package func judge(_ feature: PreparedVector.Feature) -> FoundCell {
    let cell = row.cell(feature.slot.index)
    if let erasedThrough, cell.stamp.lsn <= erasedThrough {
      return FoundCell(
        content: .unseen, judgement: Cell.Judgement(status: .notFound, reason: .erased), stamp: nil,
        ageNanoseconds: nil)
    }
    let judgement = cell.status(at: time, ttlNanoseconds: ttlNanoseconds)
    if cell.content == .unseen {
      return FoundCell(content: .unseen, judgement: judgement, stamp: nil, ageNanoseconds: nil)
    }
    let (age, overflow) = time.nanoseconds.subtractingReportingOverflow(cell.stamp.eventTime.nanoseconds)
    return FoundCell(
      content: cell.content, judgement: judgement, stamp: cell.stamp,
      ageNanoseconds: overflow ? (time.nanoseconds < 0 ? .min : .max) : age)
  }

  /// The bytes of a value as they stand in the row, for whoever has judged that it may be shown; none when there is none.
  @_lifetime(copy self)
  package func raw(_ feature: PreparedVector.Feature) -> RawSpan { row.cells.raw(feature.slot) }
}

/// A cell of a reply, without its value.
package struct FoundCell: Equatable, Sendable {
  package let content: Cell.Content
  private let judgement: Cell.Judgement
  /// The winner's; nil when nothing may be seen.
  package let stamp: Stamp?
  /// From the winner's event time to the read's; below zero when the event is ahead of it.
  package let ageNanoseconds: Int64?

  init(content: Cell.Content, judgement: Cell.Judgement, stamp: Stamp?, ageNanoseconds: Int64?) {
    self.content = content
    self.judgement = judgement
    self.stamp = stamp
    self.ageNanoseconds = ageNanoseconds
  }

  package var status: CellStatus { judgement.status }
  package var reason: BlankReason? { judgement.reason }

  /// Whether the value may be shown; `stale` when the caller asks for values that are out of age, too.
  package func hasValue(stale: Bool = false) -> Bool {
    status == .present || stale && status == .outsideMaxAge && content == .value
  }

  /// Whether a service's default stands in for it.
  package func isBlank(stale: Bool = false) -> Bool {
    status.isBlank && !(stale && status == .outsideMaxAge)
  }
}
