// Events without those that were erased: what a merge, a pack's successor and an erasure keep of a run.

import ApusBytes
import ApusContracts
import ApusHistory

final class UnerasedEvents: EventCursor {
  private let source: any EventCursor
  private let view: CatalogView
  private let erasures: Erasures
  /// Of the key that came last: events of one key stand side by side, and each key is hashed once.
  private var key: [UInt8] = []
  private var floor: LSN?
  private var hasBegun = false
  /// How many were left out.
  private(set) var erased: UInt64 = 0

  init(_ source: any EventCursor, _ view: CatalogView, _ erasures: Erasures) {
    self.source = source
    self.view = view
    self.erasures = erasures
  }

  var current: EventPlace { source.current }

  func advance() throws(HistoryError) -> Bool {
    while try source.advance() {
      let place = source.current
      let known = key
      if !hasBegun || !place.key.isEqual(to: unsafe known.span.bytes) {
        hasBegun = true
        key = place.key.copied()
        floor = erasures.erase(of: place.key, in: view)?.floor
      }
      guard let floor, place.head.lsn <= floor else { return true }
      erased += 1
    }
    return false
  }
}
