// Events that became true by a label's time and were known only later: they wait here, the first to be known first, and are taken when a label
// may see them.

/// A heap, of one key.
struct LateEvents {
  struct Event {
    /// The first limit that sees it.
    var entry: Int64
    var rank: Int
    var place: EventPlaceCode
    var time: Int64
    /// Where in `masks` what it speaks of begins; below zero: of everything.
    var mask: Int
  }

  private var heap: [Event] = []
  private(set) var masks: [UInt64] = []

  mutating func begin() {
    if heap.isEmpty, masks.isEmpty { return }
    heap.removeAll(keepingCapacity: true)
    masks.removeAll(keepingCapacity: true)
  }

  mutating func add(
    _ entry: Int64, _ rank: Int, _ place: EventPlaceCode, _ time: Int64, saying mask: Span<UInt64>?
  ) {
    var at = -1
    if let mask {
      at = masks.count
      for index in mask.indices { masks.append(mask[index]) }
    }
    heap.append(Event(entry: entry, rank: rank, place: place, time: time, mask: at))
    var child = heap.count - 1
    while child > 0, heap[child].entry < heap[(child - 1) / 2].entry {
      heap.swapAt(child, (child - 1) / 2)
      child = (child - 1) / 2
    }
  }

  /// The next that a limit sees.
  mutating func next(seenBy limit: Int64) -> Event? {
    guard let first = heap.first, first.entry <= limit else { return nil }
    let last = heap.removeLast()
    if heap.isEmpty { return first }
    heap[0] = last
    var at = 0
    while true {
      var least = at
      for child in [2 * at + 1, 2 * at + 2] where child < heap.count && heap[child].entry < heap[least].entry
      {
        least = child
      }
      if least == at { return first }
      heap.swapAt(at, least)
      at = least
    }
  }
}
