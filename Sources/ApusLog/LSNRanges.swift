package import ApusBytes

/// A set of LSNs, kept as ranges that ascend and neither overlap nor touch.
package struct LSNRanges: Equatable, Sendable {
  package private(set) var ranges: [LSNRange] = []

  package init() {}

  package init(_ ranges: some Sequence<LSNRange>) {
    for range in ranges { insert(range) }
  }

  package var isEmpty: Bool { ranges.isEmpty }

  package mutating func insert(_ range: LSNRange) {
    guard !range.isEmpty else { return }
    // All that overlap or touch it become one with it.
    let start = firstIndex { $0.last.next >= range.first }
    let end = firstIndex { $0.first > range.last.next }
    var whole = range
    if start < end {
      whole = LSNRange(
        min(range.first, ranges[start].first), through: max(range.last, ranges[end - 1].last))
    }
    ranges.replaceSubrange(start..<end, with: [whole])
  }

  /// The range that holds an LSN.
  package func range(of lsn: LSN) -> LSNRange? {
    let at = firstIndex { $0.last >= lsn }
    return at < ranges.count && ranges[at].contains(lsn) ? ranges[at] : nil
  }

  /// Whether every LSN of `range` is in the set; true of an empty one.
  package func covers(_ range: LSNRange) -> Bool {
    range.isEmpty || self.range(of: range.first).map { range.last <= $0.last } ?? false
  }

  /// The index of the first range of which `holds` is true, by bisection: it is true of all behind that one.
  private func firstIndex(where holds: (LSNRange) -> Bool) -> Int {
    var low = 0
    var high = ranges.count
    while low < high {
      let middle = low + (high - low) / 2
      if holds(ranges[middle]) { high = middle } else { low = middle + 1 }
    }
    return low
  }
}
