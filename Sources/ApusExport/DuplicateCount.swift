// Rows that were there before: labels of one key that see the same come one after another, so it is enough to look at the one before.

import ApusBytes

/// Fed with the chunks of one stream in their order, or made of each by itself and then put together in their order.
struct DuplicateCount: Sendable {
  private(set) var count = 0
  private var isEmpty = true
  /// The key and the label at the beginning.
  private var firstKey: [UInt8] = []
  private var first: Int64?
  /// The key and the label at the end of the chunk before; labels of one key may go on in the next.
  private var lastKey: [UInt8] = []
  private var last: Int64?

  init() {}

  init(of chunk: borrowing LabelChunk) { take(chunk) }

  /// Puts the count of what comes behind to it.
  mutating func append(_ next: DuplicateCount) {
    if next.isEmpty { return }
    if isEmpty {
      self = next
      return
    }
    count += next.count
    if let label = next.first, label == last, next.firstKey == lastKey { count += 1 }
    (lastKey, last) = (next.lastKey, next.last)
  }

  mutating func take(_ chunk: borrowing LabelChunk) {
    if isEmpty, chunk.keyCount > 0 {
      isEmpty = false
      firstKey = chunk.key(0).copied()
      if !firstKey.isEmpty { first = chunk.limits[0] }
    }
    // A label's limit is its time less the same delay, or its LSN.
    for key in 0..<chunk.keyCount {
      let bytes = chunk.key(key)
      // Labels without a key are the same as none.
      if bytes.isEmpty {
        last = nil
        lastKey = []
        continue
      }
      if key > 0 || !(unsafe lastKey.span.bytes.isEqual(to: bytes)) { last = nil }
      for label in chunk.labels(ofKey: key) {
        let limit = chunk.limits[label]
        if limit == last { count += 1 }
        last = limit
      }
      if key == chunk.keyCount - 1 { lastKey = bytes.copied() }
    }
  }
}

/// The keys of all roles of a row as one of 16 bytes.
struct CombinedKeys: Sendable {
  /// Of the rows that have all keys.
  private(set) var labels = LabelPiece()
  private var hash = SipHash(wide: 0, 0)
  private var isWhole = true

  /// Roles come in their order, row by row.
  mutating func take(_ key: RawSpan, _ label: Label, role: Int, of roles: Int) {
    if role == 0 {
      hash = SipHash(wide: 0, 0)
      isWhole = true
    }
    if key.isEmpty { isWhole = false }
    hash.take(counted: key)
    guard role == roles - 1, isWhole else { return }
    let (first, second) = hash.finishWide()
    var writer = ByteWriter()
    writer.write(first)
    writer.write(second)
    labels.add(writer.bytes, label)
  }
}
