// Why cells are what they are, and all that was ever said of a key.

package import ApusBytes
package import ApusContracts
import ApusHistory

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

  fileprivate init(_ event: HistoryEventView) {
    let head = event.head
    operation = head.operation
    eventTime = head.eventTime
    createdAt = head.createdAt
    knownAt = head.knownAt
    isKnownAtAssumed = head.isKnownAtAssumed
    lsn = head.lsn
    producer = event.producer.isEmpty ? nil : event.producer.validatedString()
  }
}

/// An event, as far as it speaks of one feature.
package struct ToldCandidate: Equatable, Sendable {
  package let event: PastEvent
  /// Null, value or deleted.
  package let content: Cell.Content
  /// As it stands in a row; empty unless the content is a value.
  package let value: [UInt8]
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

/// One event of a key's history.
package struct HistoryEntry: Sendable {
  package let event: PastEvent
  private let view: ViewVersionID
  private let cells: [UInt8]
  /// Whether it is the winner of some feature at the moment.
  package let wins: Bool
  /// As of now.
  private let layout: RowLayout

  fileprivate init(_ event: HistoryEventView, wins: Bool, _ layout: RowLayout) {
    self.event = PastEvent(event)
    view = event.head.viewVersion
    cells = event.cells.copied()
    self.wins = wins
    self.layout = layout
  }

  /// What an upsert says of these features; a delete says nothing.
  package func inputs(_ features: [PreparedVector.Feature]) throws(StoreError) -> [FeatureInput] {
    if event.isDelete { return features.map { _ in .absent } }
    let bytes = cells
    do throws(RowError) {
      let cells = try RowCells(unsafe bytes.span.bytes, layout: layout)
      var inputs: [FeatureInput] = []
      for feature in features { inputs.append(try cells.input(feature.slot)) }
      return inputs
    } catch {
      throw .history(.cells(view, event.lsn, error))
    }
  }
}

package struct HistoryPage: Sendable {
  package let moment: ReadMoment
  /// In the order of their LSNs.
  package let entries: [HistoryEntry]
  package let hasMore: Bool
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

  /// The events of a key that became true from `from` through `to`, behind an LSN.
  package func history(
    of view: CatalogView, key: RawSpan, from: EventTime = EventTime(nanoseconds: .min),
    to: EventTime = EventTime(nanoseconds: .max), after: LSN = .none, limit: Int
  ) throws(StoreError) -> HistoryPage {
    try check(view.id)
    do throws(KeyError) { try view.keySchema.check(key) } catch { throw .badKey(row: 0, role: "", error) }
    let wanted = ViewKey(view: view.id, key: key.copied())
    let found = try PastKey(wanted, try events.find([wanted])[0], self)
    let fold = try found.explained()
    var winners: Set<Int> = []
    for feature in 0..<found.layout.count {
      if let winner = fold.winner(feature) { winners.insert(winner.place) }
    }
    var places = (0..<found.events.count).filter { place in
      let head = found.events.head(place)
      return head.lsn > after && from <= head.eventTime && head.eventTime <= to
        && sight.sees(head.eventTime, head.knownAt)
    }
    places.sort { found.events.head($0).lsn < found.events.head($1).lsn }
    let entries = places.prefix(limit).map { place in
      HistoryEntry(found.events.event(place), wins: winners.contains(place), found.layout)
    }
    return HistoryPage(moment: moment, entries: entries, hasMore: places.count > limit)
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
    var value: [UInt8] = []
    if candidate.content == .value {
      do throws(HistoryError) {
        value = try event.row(layout: layout).cells.raw(feature.slot).copied()
      } catch {
        throw .history(error)
      }
    }
    return ToldCandidate(event: PastEvent(event), content: candidate.content, value: value)
  }
}
