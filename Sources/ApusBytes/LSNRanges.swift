// A set of LSNs as ranges: ascending, none empty, none with LSN 0, and between two of them lies at least one LSN. So equal
// sets are equal arrays, and have one encoding.

package struct LSNRanges: Equatable, Sendable {
  package private(set) var ranges: [LSNRange] = []

  package init() {}

  /// The union of ranges in whatever order; empty ones and LSN 0 add nothing.
  package init(_ ranges: some Sequence<LSNRange>) {
    let sorted = ranges.map { LSNRange(max($0.first, .first), through: $0.last) }.filter { !$0.isEmpty }
      .sorted { $0.first < $1.first }
    for range in sorted { append(range) }
  }

  package var isEmpty: Bool { ranges.isEmpty }

  /// How many LSNs; the ranges are apart, so the sum is at most the greatest LSN.
  package var count: UInt64 { ranges.reduce(0) { $0 + $1.count } }

  package var last: LSN? { ranges.last?.last }

  package func contains(_ lsn: LSN) -> Bool { range(of: lsn) != nil }

  /// Whether every LSN of `range` is in the set; true of an empty one.
  package func covers(_ range: LSNRange) -> Bool {
    range.isEmpty || self.range(of: range.first).map { range.last <= $0.last } ?? false
  }

  /// The range that holds an LSN.
  package func range(of lsn: LSN) -> LSNRange? {
    var low = 0
    var high = ranges.count
    while low < high {
      let middle = (low + high) / 2
      if ranges[middle].last < lsn { low = middle + 1 } else { high = middle }
    }
    return low < ranges.count && ranges[low].contains(lsn) ? ranges[low] : nil
  }

  package mutating func insert(_ range: LSNRange) { formUnion(LSNRanges(CollectionOfOne(range))) }

  /// Takes in all of the others, in one pass over both.
  package mutating func formUnion(_ others: LSNRanges) {
    if let first = others.ranges.first, last.map({ $0 < first.first }) ?? true {
      for range in others.ranges { append(range) }
      return
    }
    var union = LSNRanges()
    var mine = ranges[...]
    var theirs = others.ranges[...]
    while let a = mine.first, let b = theirs.first {
      if a.first <= b.first {
        union.append(a)
        mine = mine.dropFirst()
      } else {
        union.append(b)
        theirs = theirs.dropFirst()
      }
    }
    for range in mine { union.append(range) }
    for range in theirs { union.append(range) }
    self = union
  }

  /// Adds a range that begins no earlier than those here do.
  private mutating func append(_ range: LSNRange) {
    // The first is above `previous`, so one that touches or overlaps the last range is joined to it.
    if let end = ranges.last, range.first.previous <= end.last {
      ranges[ranges.count - 1] = LSNRange(end.first, through: max(end.last, range.last))
    } else {
      ranges.append(range)
    }
  }
}
