// Many streams of one view version's events as one: by (key, stamp), each event once. Every stream must ascend, and no two may hold
// the same event, since their ranges of LSNs do not overlap; both are checked here, as each event passes.

import ApusBytes
import ApusContracts

package final class RunMerge: EventCursor {
  /// A heap of the streams that have an event, the least of them first. `current` is the root's while `hasCurrent`.
  private var heap: [Source] = []
  private var waiting: [any EventCursor]
  private var hasCurrent = false

  private struct Source {
    let cursor: any EventCursor
    var place: EventPlace
    var prefix: UInt64
  }

  package init(_ cursors: [any EventCursor]) { waiting = cursors }

  /// A stream alone is what it is: runs judge their own order.
  package static func merging(_ cursors: [any EventCursor]) -> any EventCursor {
    if cursors.count == 1, let only = cursors.first { return only }
    return RunMerge(cursors)
  }

  package var current: EventPlace { heap[0].place }

  package func advance() throws(HistoryError) -> Bool {
    if hasCurrent {
      try step()
    } else {
      for cursor in waiting where try cursor.advance() { push(cursor) }
      waiting = []
      hasCurrent = true
    }
    return !heap.isEmpty
  }

  /// Moves the first stream on, and judges what comes next by what was there.
  private func step() throws(HistoryError) {
    guard let before = heap.first else { return }
    if try before.cursor.advance() {
      let place = before.cursor.current
      heap[0].place = place
      heap[0].prefix = place.key.prefixWord
    } else {
      let last = heap.removeLast()
      if heap.isEmpty { return }
      heap[0] = last
    }
    sink(0)
    let next = heap[0].place
    let order = EventOrder.compare(before.place, next)
    guard order < 0 else {
      let head = next.head
      throw order == 0 ? .twice(head.viewVersion, head.lsn) : .order(head.viewVersion, head.lsn)
    }
  }

  private func push(_ cursor: any EventCursor) {
    let place = cursor.current
    heap.append(Source(cursor: cursor, place: place, prefix: place.key.prefixWord))
    var at = heap.count - 1
    while at > 0, comesFirst(at, (at - 1) / 2) {
      heap.swapAt(at, (at - 1) / 2)
      at = (at - 1) / 2
    }
  }

  private func sink(_ start: Int) {
    var at = start
    while true {
      var least = at
      for child in [2 * at + 1, 2 * at + 2] where child < heap.count && comesFirst(child, least) {
        least = child
      }
      if least == at { return }
      heap.swapAt(at, least)
      at = least
    }
  }

  private func comesFirst(_ a: Int, _ b: Int) -> Bool {
    if heap[a].prefix != heap[b].prefix { return heap[a].prefix < heap[b].prefix }
    return EventOrder.compare(heap[a].place, heap[b].place) < 0
  }
}
