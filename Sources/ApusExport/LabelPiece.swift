// Labels of one role in the order of the spine, one for each row, from some row on. What they are sorted by and what they are asked for stand apart, so that
// sorting moves little.

import ApusBytes

package struct LabelPiece: Sendable {
  /// The row of the first label.
  let firstRow: Int
  private(set) var keyBytes: [UInt8] = []
  private(set) var keyEnds: [Int] = []
  private(set) var times: [Int64] = []
  private(set) var limits: [Int64] = []
  /// Empty unless the spine has them.
  private(set) var lsns: [UInt64] = []
  /// Every key has eight bytes: then its prefix is the key, and saves a look at where it lies.
  private(set) var areShort = true

  package init(firstRow: Int, capacity: Int = 0) {
    self.firstRow = firstRow
    keyBytes.reserveCapacity(8 * capacity)
    keyEnds.reserveCapacity(capacity)
    times.reserveCapacity(capacity)
    limits.reserveCapacity(capacity)
  }

  package var count: Int { times.count }

  var byteCount: Int { keyBytes.count + 8 * (keyEnds.count + times.count + limits.count + lsns.count) }

  /// Adds the label of the next row.
  package mutating func add(_ key: RawSpan, _ label: Label) {
    precondition(label.row == firstRow + count, "labels come row by row")
    // The array copies before the span ends.
    unsafe key.withUnsafeBytes { unsafe keyBytes.append(contentsOf: $0) }
    keyEnds.append(keyBytes.count)
    times.append(label.time)
    limits.append(label.limit)
    if let lsn = label.lsn { lsns.append(lsn) }
    areShort = areShort && key.byteCount == 8
  }

  /// Adds the labels of the next rows.
  package mutating func add(_ next: LabelPiece) {
    precondition(next.firstRow == firstRow + count, "labels come row by row")
    let start = keyBytes.count
    keyBytes += next.keyBytes
    keyEnds.reserveCapacity(keyEnds.count + next.count)
    for end in next.keyEnds { keyEnds.append(start + end) }
    times += next.times
    limits += next.limits
    lsns += next.lsns
    areShort = areShort && next.areShort
  }

  func keyRange(_ place: Int) -> Range<Int> { (place == 0 ? 0 : keyEnds[place - 1])..<keyEnds[place] }

  @_lifetime(borrow self)
  package func key(_ place: Int) -> RawSpan { unsafe keyBytes.span.bytes.extracting(keyRange(place)) }

  func lsn(_ place: Int) -> UInt64? { lsns.isEmpty ? nil : lsns[place] }

  func label(_ place: Int) -> Label {
    Label(row: firstRow + place, time: times[place], limit: limits[place], lsn: lsn(place))
  }
}
