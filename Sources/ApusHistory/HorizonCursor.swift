// A stream of events from which a horizon takes what it lets go. One key's events are held at a time, and of them never more than
// twice those that are kept, or `groupEventsMin`.

import ApusBytes
package import ApusContracts

package final class HorizonCursor: EventCursor {
  private let source: any EventCursor
  private var state: State
  private let isAll: Bool
  /// What is kept of the key that is being given out.
  private var group = EventBatch()
  private var at = -1
  /// The source stands on the first event of the next key.
  private var isAhead = false

  /// A class cannot lend what it holds and change it; a struct can.
  private struct State: ~Copyable { var fold: HorizonFold }

  /// `isAll`: no other event older than D is, or will be, of any key of this stream (`HorizonFold.fold`).
  package init(_ source: any EventCursor, _ horizon: Horizon, layout: RowLayout, isAll: Bool) {
    self.source = source
    state = State(fold: HorizonFold(horizon, layout: layout))
    self.isAll = isAll
  }

  /// What was let go so far.
  package var tally: HorizonTally { state.fold.tally }

  package var current: EventPlace { EventPlace(group, at) }

  package func advance() throws(HistoryError) -> Bool {
    at += 1
    while at >= group.count {
      guard try nextGroup() else { return false }
      at = 0
    }
    return true
  }

  /// False when the source has no further key. The group may come out empty.
  private func nextGroup() throws(HistoryError) -> Bool {
    if !isAhead {
      guard try source.advance() else {
        group = EventBatch()
        at = 0
        return false
      }
    }
    isAhead = false
    let first = source.current
    var events = EventBatch()
    events.append(first.event)
    var limit = Self.groupEventsMin
    while try source.advance() {
      let place = source.current
      guard place.key.isEqual(to: first.key) else {
        isAhead = true
        break
      }
      events.append(place.event)
      if events.count >= limit {
        events = try state.fold.fold(events, isAll: false)
        limit = max(Self.groupEventsMin, 2 * events.count)
      }
    }
    group = try state.fold.fold(events, isAll: isAll)
    return true
  }

  private static let groupEventsMin = 65_536
}
