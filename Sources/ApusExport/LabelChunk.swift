// Labels of one role, sorted by key and then by what they may see: a piece of all of them that one thread answers. Keys ascend, and within a key
// the limits do; labels of one key may go on in the next chunk.

import ApusBytes

/// Labels that are answered together.
struct LabelChunk: Sendable {
  /// The bytes of all keys, each once; where each ends; and where its labels end.
  private(set) var keyBytes: [UInt8] = []
  private(set) var keyEnds: [Int] = []
  private(set) var labelEnds: [Int] = []
  /// What an age is judged at.
  private(set) var times: [Int64] = []
  /// The greatest entry that is seen.
  private(set) var limits: [Int64] = []
  /// The LSN that a label repeats; empty unless the spine has them.
  private(set) var lsns: [UInt64] = []
  /// The labels' places in the spine.
  private(set) var rows: [Int] = []

  var count: Int { rows.count }
  var keyCount: Int { keyEnds.count }

  init(capacity: Int = 0) {
    times.reserveCapacity(capacity)
    limits.reserveCapacity(capacity)
    rows.reserveCapacity(capacity)
  }

  /// Labels of a key come one after another. The empty key is that of labels which have none.
  mutating func append(_ key: RawSpan, _ label: Label) {
    if !isLast(key) {
      // The array copies before the span ends.
      unsafe key.withUnsafeBytes { unsafe keyBytes.append(contentsOf: $0) }
      keyEnds.append(keyBytes.count)
      labelEnds.append(rows.count)
    }
    append(label)
  }

  /// Another label of the key that came last.
  mutating func append(again label: Label) { append(label) }

  private mutating func append(_ label: Label) {
    times.append(label.time)
    limits.append(label.limit)
    rows.append(label.row)
    if let lsn = label.lsn { lsns.append(lsn) }
    labelEnds[labelEnds.count - 1] = rows.count
  }

  private func isLast(_ key: RawSpan) -> Bool {
    if keyEnds.isEmpty || keyBytes.count - lastKeyStart != key.byteCount { return false }
    return unsafe keyBytes.span.bytes.extracting(lastKeyStart..<keyBytes.count).isEqual(to: key)
  }

  private var lastKeyStart: Int { keyEnds.count > 1 ? keyEnds[keyEnds.count - 2] : 0 }

  @_lifetime(borrow self)
  func key(_ index: Int) -> RawSpan {
    unsafe keyBytes.span.bytes.extracting((index == 0 ? 0 : keyEnds[index - 1])..<keyEnds[index])
  }

  func labels(ofKey index: Int) -> Range<Int> { (index == 0 ? 0 : labelEnds[index - 1])..<labelEnds[index] }
}

/// One row of the spine, as one role asks for it.
package struct Label: Equatable, Sendable {
  package var row: Int
  package var time: Int64
  package var limit: Int64
  package var lsn: UInt64?

  package init(row: Int, time: Int64, limit: Int64, lsn: UInt64? = nil) {
    self.row = row
    self.time = time
    self.limit = limit
    self.lsn = lsn
  }
}
