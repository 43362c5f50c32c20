// What each view version has seen: how many events, and how far they reach. A view version of which there is no event is
// not in it. The array ends with the greatest id that has events, so equal activities are equal arrays.

package import ApusBytes
package import ApusContracts
package import ApusSystem

package struct ViewActivity: Equatable, Sendable {
  package var events: UInt64
  /// The greatest event time, not that of the last event.
  package var newestEventTime: EventTime
  package var lastAppendTime: WallTime
  package var lastLSN: LSN

  package init(events: UInt64, newestEventTime: EventTime, lastAppendTime: WallTime, lastLSN: LSN) {
    self.events = events
    self.newestEventTime = newestEventTime
    self.lastAppendTime = lastAppendTime
    self.lastLSN = lastLSN
  }

  @inline(__always)
  mutating func note(_ eventTime: EventTime, _ lsn: LSN, _ time: WallTime) {
    if events == 0 || eventTime > newestEventTime { newestEventTime = eventTime }
    events &+= 1
    lastAppendTime = time
    lastLSN = lsn
  }
}

package struct Activity: Equatable, Sendable {
  /// The view version with id *i* is element *i* - 1; one without events says 0.
  private var views: [ViewActivity] = []

  package init() {}

  package var isEmpty: Bool { views.isEmpty }

  package subscript(id: ViewVersionID) -> ViewActivity? {
    guard id.rawValue >= 1, Int(id.rawValue) <= views.count else { return nil }
    let view = views[Int(id.rawValue) - 1]
    return view.events == 0 ? nil : view
  }

  /// Those with events, in the order of their ids.
  package var listed: [(id: ViewVersionID, activity: ViewActivity)] {
    views.enumerated().filter { $0.element.events > 0 }.map {
      (ViewVersionID(UInt32(truncatingIfNeeded: $0.offset + 1)), $0.element)
    }
  }

  /// The greatest event time of any view version; nil before the first event.
  package var newestEventTime: EventTime? { listed.map(\.activity.newestEventTime).max() }

  /// False, and nothing happened, when the array does not reach the id: no later view version had events so far.
  @inline(__always)
  mutating func note(_ id: ViewVersionID, _ eventTime: EventTime, _ lsn: LSN, _ time: WallTime) -> Bool {
    let place = Int(id.rawValue) - 1
    guard place >= 0, place < views.count else { return false }
    views[place].note(eventTime, lsn, time)
    return true
  }

  /// Lets the array reach an id, of which the caller knows that it is a view version's, and an event follows.
  mutating func reach(_ id: ViewVersionID) { grow(through: Int(id.rawValue) - 1) }

  /// What a note says of a view version, after those with lower ids.
  mutating func restore(_ id: ViewVersionID, _ activity: ViewActivity) {
    grow(through: Int(id.rawValue) - 1)
    views[Int(id.rawValue) - 1] = activity
  }

  private mutating func grow(through place: Int) {
    let none = ViewActivity(
      events: 0, newestEventTime: EventTime(nanoseconds: 0), lastAppendTime: WallTime(nanoseconds: 0),
      lastLSN: .none)
    views.append(contentsOf: repeatElement(none, count: place + 1 - views.count))
  }
}
