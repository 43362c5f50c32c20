// Why cells are what they are: of each the event that won, and of those that lost the one that came nearest.

package import ApusBytes
package import ApusContracts
import ApusHistory
import ApusSystem

/// An event, but for its key and what it says.
package struct PastEvent: Equatable, Sendable {
  package let operation: EventOperation
  package let eventTime: EventTime
  package let createdAt: CreatedAt
  package let knownAt: KnownAt
  package let isKnownAtAssumed: Bool
  package let lsn: LSN
  package let producer: String?

  package var isDelete: Bool { operation == .delete }

  init(_ event: HistoryEventView) {
    let head = event.head
    operation = head.operation
    eventTime = head.eventTime
    createdAt = head.createdAt
    knownAt = head.knownAt
    isKnownAtAssumed = head.isKnownAtAssumed
    lsn = head.lsn
    producer = event.producer.isEmpty ? nil : event.producer.validatedString()
  }

  /// A letter as the event that it would have been: what was not given is told as of its arrival. Who sent it is not kept.
  init(_ found: FoundDeadLetter) {
    let (letter, arrived) = (found.letter, found.arrived.nanoseconds)
    operation = letter.event
    eventTime = letter.times.eventTime ?? EventTime(nanoseconds: arrived)
    createdAt = letter.times.createdAt ?? CreatedAt(nanoseconds: arrived)
    knownAt = letter.times.knownAt ?? KnownAt(nanoseconds: arrived)
    isKnownAtAssumed = false
    lsn = found.lsn
    producer = nil
  }
}

/// An event, as far as it speaks of one feature.
package struct ToldCandidate: Equatable, Sendable {
  package let event: PastEvent
  /// Null, value or deleted.
  package let content: Cell.Content
  /// Nil unless the content is a value.
  package let value: Value?
}

package struct CellExplanation: Sendable {
  package let row: Int
  package let feature: PreparedVector.Feature
  /// `card_activity@1`
  package let view: String
  package let cell: FoundCell
  /// An out-of-age winner is one.
  package let winner: ToldCandidate?
  /// Of those that lost, the one with the greatest stamp, seen or not.
  package let runnerUp: (candidate: ToldCandidate, why: PastFold.Loss)?
}

extension PastRead {
  /// Every cell of every row, with its winner and the first that lost; in the order in which `read` lends them.
  package func explain(
    _ vector: PreparedVector, _ keys: borrowing RequestKeys, _ body: (CellExplanation) -> Void
  ) throws(StoreError) {
    try forEachGroup(vector, keys) { (row, group, key) throws(StoreError) in
      try key.explain(row, vector.groups[group].features, body)
    }
  }
}

extension PastKey {
  fileprivate func explain(
    _ row: Int, _ features: [PreparedVector.Feature], _ body: (CellExplanation) -> Void
  ) throws(StoreError) {
    let fold = try explained()
    try forEachCell(features) { (feature, cell, _) throws(StoreError) in
      let index = feature.slot.index
      let isRemoved = isRemoved(feature)
      var runnerUp: (candidate: ToldCandidate, why: PastFold.Loss)?
      if !isRemoved, let (candidate, why) = fold.runnerUp(index) {
        runnerUp = (try told(candidate, feature), why)
      }
      var winner: ToldCandidate?
      if !isRemoved, let candidate = fold.winner(index) { winner = try told(candidate, feature) }
      body(
        CellExplanation(
          row: row, feature: feature, view: view.spelling, cell: cell, winner: winner, runnerUp: runnerUp))
    }
  }

  private func told(
    _ candidate: PastFold.Candidate, _ feature: PreparedVector.Feature
  ) throws(StoreError) -> ToldCandidate {
    let event = events.event(candidate.place)
    var value: Value?
    if candidate.content == .value {
      do throws(RowError) {
        let cells = try RowCells(event.cells, layout: layout)
        value = try Value(cells.raw(feature.slot), of: feature.slot)
      } catch {
        throw .history(.cells(event.head.viewVersion, event.head.lsn, error))
      }
    }
    return ToldCandidate(event: PastEvent(event), content: candidate.content, value: value)
  }
}
