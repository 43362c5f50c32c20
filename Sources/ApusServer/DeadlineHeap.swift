// When each connection of a loop is to be looked at next. A place has at most one entry, so ten thousand connections have at most ten
// thousand entries, however often their deadlines move.
//
// A binary heap: no entry is earlier than its parent, and `positions` says where the entry of each place lies.

package struct DeadlineHeap {
  package init() {}

  private struct Entry {
    var deadline: UInt64
    var place: Int
  }

  private var entries: [Entry] = []
  /// By place; -1 where there is none.
  private var positions: [Int] = []

  package var count: Int { entries.count }

  /// The earliest of all.
  package var first: (deadline: UInt64, place: Int)? { entries.first.map { ($0.deadline, $0.place) } }

  /// Nil where there is none.
  package func deadline(of place: Int) -> UInt64? {
    guard place < positions.count, positions[place] >= 0 else { return nil }
    return entries[positions[place]].deadline
  }

  /// `UInt64.max` is never, and takes the entry away.
  package mutating func set(_ place: Int, to deadline: UInt64) {
    while positions.count <= place { positions.append(-1) }
    let at = positions[place]
    if deadline == .max {
      if at >= 0 { remove(at) }
    } else if at < 0 {
      positions[place] = entries.count
      entries.append(Entry(deadline: deadline, place: place))
      rise(from: entries.count - 1)
    } else {
      entries[at].deadline = deadline
      settle(at)
    }
  }

  private mutating func remove(_ at: Int) {
    positions[entries[at].place] = -1
    let last = entries.removeLast()
    guard at < entries.count else { return }
    entries[at] = last
    positions[last.place] = at
    settle(at)
  }

  private mutating func settle(_ at: Int) {
    rise(from: at)
    sink(from: at)
  }

  private mutating func rise(from start: Int) {
    var at = start
    while at > 0, entries[at].deadline < entries[(at - 1) / 2].deadline {
      exchange(at, (at - 1) / 2)
      at = (at - 1) / 2
    }
  }

  private mutating func sink(from start: Int) {
    var at = start
    while true {
      var least = at
      for child in (2 * at + 1)...(2 * at + 2) where child < entries.count {
        if entries[child].deadline < entries[least].deadline { least = child }
      }
      if least == at { return }
      exchange(at, least)
      at = least
    }
  }

  private mutating func exchange(_ a: Int, _ b: Int) {
    entries.swapAt(a, b)
    positions[entries[a].place] = a
    positions[entries[b].place] = b
  }
}
