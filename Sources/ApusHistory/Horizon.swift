// Behind a horizon nobody asks any more how it was before. Of one key's events with known-at ≤ H and LSN ≤ F, the *settled* ones, every
// read that is still answered sees all: it asks for a moment ≥ H and an LSN ≥ F. So what loses among them loses for good, whatever
// else is seen, and is let go. The others are kept as they are. What is kept folds to the same row at every such read.

package import ApusBytes
package import ApusContracts

package struct Horizon: Equatable, Sendable {
  /// H: nobody asks for a moment before it.
  package var moment: KnownAt
  /// F: nobody asks for an LSN before it.
  package var through: LSN
  /// D: every event that is still to come has an event time that is not before it. Nil: it may have any.
  package var oldest: EventTime?

  package init(moment: KnownAt, through: LSN, oldest: EventTime?) {
    self.moment = moment
    self.through = through
    self.oldest = oldest
  }

  package func settles(_ head: HistoryEventHead) -> Bool {
    head.knownAt <= moment && head.lsn <= through
  }
}

/// What a horizon took from the events that passed.
package struct HorizonTally: Equatable, Sendable {
  package var events: UInt64 = 0
  /// Features of events that were kept.
  package var features: UInt64 = 0
}

/// Folds the settled events of one key among themselves.
package struct HorizonFold: ~Copyable {
  private let horizon: Horizon
  private let layout: RowLayout
  private var builder: RowBuilder
  private var cells = ByteWriter()
  /// Which features a newer settled event speaks of.
  private var isSaid: [Bool]
  /// What becomes of each event of the group.
  private var fates: [Fate] = []
  package private(set) var tally = HorizonTally()

  private enum Fate { case kept, trimmed, dropped }

  /// `layout` is the newest one of the view version.
  package init(_ horizon: Horizon, layout: RowLayout) {
    self.horizon = horizon
    self.layout = layout
    builder = RowBuilder(layout)
    isSaid = [Bool](repeating: false, count: layout.count)
  }

  /// What is kept of one key's events, which stand in the order of their stamps and stay in it.
  ///
  /// `isAll` says that the key has no other event, in another run or behind the horizon's own record in the log, that is older
  /// than D. Then a delete older than D goes, once nothing older than itself is left: it has nothing to hide any more.
  package mutating func fold(_ events: EventBatch, isAll: Bool) throws(HistoryError) -> EventBatch {
    try judge(events)
    if isAll { judgeDelete(events) }
    var kept = EventBatch()
    for place in 0..<events.count {
      switch fates[place] {
      case .kept: kept.append(events.event(place))
      case .trimmed: try trim(events, place, into: &kept)
      case .dropped: tally.events += 1
      }
    }
    return kept
  }

  /// From the newest to the oldest: whoever speaks first of a feature wins it, and a delete all of what is older.
  private mutating func judge(_ events: EventBatch) throws(HistoryError) {
    fates.removeAll(keepingCapacity: true)
    fates.append(contentsOf: repeatElement(.kept, count: events.count))
    for feature in isSaid.indices { isSaid[feature] = false }
    trims.removeAll(keepingCapacity: true)
    var isCleared = false
    for place in (0..<events.count).reversed() {
      let head = events.head(place)
      guard horizon.settles(head) else { continue }
      if isCleared {
        fates[place] = .dropped
      } else if head.isDelete {
        isCleared = true
      } else {
        fates[place] = try judge(events.event(place), place)
      }
    }
  }

  /// The features that are taken from trimmed events, each after its event's place, newest event first.
  private var trims: [(place: Int, feature: Int)] = []

  private mutating func judge(_ event: HistoryEventView, _ place: Int) throws(HistoryError) -> Fate {
    let cells = try Self.cells(of: event, layout)
    let before = trims.count
    var wins = false
    for feature in 0..<layout.count where cells.state(feature) != .absent {
      if isSaid[feature] {
        trims.append((place, feature))
      } else {
        isSaid[feature] = true
        wins = true
      }
    }
    if wins { return trims.count == before ? .kept : .trimmed }
    trims.removeLast(trims.count - before)
    return .dropped
  }

  /// At most one settled delete is left, the newest.
  private mutating func judgeDelete(_ events: EventBatch) {
    guard let oldest = horizon.oldest else { return }
    guard let first = fates.firstIndex(where: { $0 != .dropped }) else { return }
    let head = events.head(first)
    if head.isDelete, horizon.settles(head), head.eventTime < oldest { fates[first] = .dropped }
  }

  private mutating func trim(
    _ events: EventBatch, _ place: Int, into kept: inout EventBatch
  ) throws(HistoryError) {
    let event = events.event(place)
    let old = try Self.cells(of: event, layout)
    for feature in isSaid.indices { isSaid[feature] = false }
    for trim in trims where trim.place == place {
      isSaid[trim.feature] = true
      tally.features += 1
    }
    builder.removeAll()
    do throws(RowError) {
      for slot in layout.slots {
        switch isSaid[slot.index] ? .absent : old.state(slot.index) {
        case .absent: try builder.appendAbsent()
        case .null: try builder.appendNull()
        case .value: try builder.append(raw: old.raw(slot))
        }
      }
    } catch {
      throw .cells(event.head.viewVersion, event.head.lsn, error)
    }
    cells.removeAll()
    builder.writeCells(into: &cells)
    kept.append(event.head, key: event.key, cells: cells.bytes, producer: event.producer)
  }

  @_lifetime(copy event)
  private static func cells(
    of event: HistoryEventView, _ layout: borrowing RowLayout
  ) throws(HistoryError) -> RowCells {
    do throws(RowError) { return try RowCells(event.cells, layout: layout) } catch {
      throw .cells(event.head.viewVersion, event.head.lsn, error)
    }
  }
}
