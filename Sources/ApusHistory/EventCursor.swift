// Events one after another, wherever they come from: memory, a run, or many runs at once. They ascend by (key, stamp), and
// all are of one view version.

import ApusBytes
import ApusContracts

/// Stands before the first event until `advance` was called once. Used by one thread.
package protocol EventCursor: AnyObject {
  /// Goes to the next event; false, for good, behind the last one.
  func advance() throws(HistoryError) -> Bool

  /// Where the event lies that the cursor stands on. To be asked only after `advance` said true.
  var current: EventPlace { get }
}

/// One event of a batch. Cheap to copy: the batch is shared.
package struct EventPlace: Sendable {
  package let batch: EventBatch
  package let place: Int

  package init(_ batch: EventBatch, _ place: Int) {
    self.batch = batch
    self.place = place
  }

  package var head: HistoryEventHead { batch.head(place) }

  package var key: RawSpan {
    @_lifetime(borrow self) get { batch.key(place) }
  }

  package var event: HistoryEventView {
    @_lifetime(borrow self) get { batch.event(place) }
  }
}

/// The order of a run: by key, then by stamp. Below, at or above zero.
package enum EventOrder {
  package static func compare(_ a: borrowing EventPlace, _ b: borrowing EventPlace) -> Int {
    let byKey = a.key.compare(to: b.key)
    if byKey != 0 { return byKey }
    let (first, second) = (a.head.stamp, b.head.stamp)
    return first < second ? -1 : first == second ? 0 : 1
  }
}
