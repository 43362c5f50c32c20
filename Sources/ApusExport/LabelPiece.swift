// Labels of one role in the order in which they came, mostly one for each row of some part of a spine. What they are sorted by and what they are asked for stand
// apart, so that sorting moves little.

import ApusBytes

package struct LabelPiece: Sendable {
  private var keyBytes: [UInt8] = []
  private var keyEnds: [Int] = []
  private(set) var times: [Int64] = []
  private(set) var limits: [Int64] = []
  /// Empty unless the spine has them.
  private var lsns: [UInt64] = []
  /// The row of the first label, and as long as each label is of the row after the last one's that is all there is to know.
  private var firstRow = 0
  private var rows: [Int] = []
  /// Every key has eight bytes: then its prefix is the key, and saves a look at where it lies.
  private(set) var areShort = true

  package init(capacity: Int = 0) {
    keyBytes.reserveCapacity(8 * capacity)
    keyEnds.reserveCapacity(capacity)
    times.reserveCapacity(capacity)
    limits.reserveCapacity(capacity)
  }

  package var count: Int { times.count }

  var byteCount: Int {
    keyBytes.count + 8 * (keyEnds.count + times.count + limits.count + lsns.count + rows.count)
  }

  package mutating func add(_ key: RawSpan, _ label: Label) {
    add(row: label.row)
    // The array copies before the span ends.
    unsafe key.withUnsafeBytes { unsafe keyBytes.append(contentsOf: $0) }
    keyEnds.append(keyBytes.count)
    times.append(label.time)
    limits.append(label.limit)
    if let lsn = label.lsn { lsns.append(lsn) }
    areShort = areShort && key.byteCount == 8
  }

  /// Adds the labels of another piece behind these.
  package mutating func add(_ next: LabelPiece) {
    if count == 0 {
      self = next
      return
    }
    if !rows.isEmpty || !next.rows.isEmpty || next.firstRow != firstRow + count {
      if rows.isEmpty { rows = Array(firstRow..<(firstRow + count)) }
      rows += next.rows.isEmpty ? Array(next.firstRow..<(next.firstRow + next.count)) : next.rows
    }
    let start = keyBytes.count
    keyBytes += next.keyBytes
    for end in next.keyEnds { keyEnds.append(start + end) }
    times += next.times
    limits += next.limits
    lsns += next.lsns
    areShort = areShort && next.areShort
  }

  /// Before the label of this row is added.
  private mutating func add(row: Int) {
    if count == 0 { firstRow = row }
    if rows.isEmpty {
      if row == firstRow + count { return }
      rows = Array(firstRow..<(firstRow + count))
    }
    rows.append(row)
  }

  func keyRange(_ place: Int) -> Range<Int> { (place == 0 ? 0 : keyEnds[place - 1])..<keyEnds[place] }

  @_lifetime(borrow self)
  package func key(_ place: Int) -> RawSpan { unsafe keyBytes.span.bytes.extracting(keyRange(place)) }

  package func row(_ place: Int) -> Int { rows.isEmpty ? firstRow + place : rows[place] }

  func lsn(_ place: Int) -> UInt64? { lsns.isEmpty ? nil : lsns[place] }

  func label(_ place: Int) -> Label {
    Label(row: row(place), time: times[place], limit: limits[place], lsn: lsn(place))
  }
}
