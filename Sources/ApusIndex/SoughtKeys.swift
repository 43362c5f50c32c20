import ApusBytes

/// Keys that are sought together, and where each was found. Kept and filled anew, it stops allocating.
///
/// What was found is of the snapshot that `IndexReader.seek` looked into, and means nothing after that is given back: whoever asks a reader for rows of
/// places that another snapshot gave gets damage, and nothing worse.
package struct SoughtKeys: ~Copyable {
  /// More than memory answers at a time, and few enough to stay in the first cache.
  package static let countMax = 32

  /// No page has as many.
  private static let rowsMax = 1_024

  private var bytes = ByteWriter(capacity: 32 * countMax)
  var searches: [TreeSearch] = []
  /// The branches above the leaf of each key, as many for each.
  var branches: [TreeBranch] = []

  package init() { searches.reserveCapacity(Self.countMax) }

  package var count: Int { searches.count }

  package mutating func removeAll() {
    bytes.removeAll()
    searches.removeAll(keepingCapacity: true)
  }

  /// Adds a whole key. `rows` is about how many rows from there on will be asked for: a hint.
  package mutating func append(_ key: RawSpan, rows: Int = 1) {
    append(key, prefixByteCount: key.byteCount - IndexFormat.viewByteCount, rows: rows)
  }

  /// Adds what the whole keys of an entity's key begin with.
  package mutating func append(prefix: RawSpan, rows: Int) {
    append(prefix, prefixByteCount: prefix.byteCount, rows: rows)
  }

  private mutating func append(_ key: RawSpan, prefixByteCount: Int, rows: Int) {
    precondition(count < Self.countMax && prefixByteCount >= 0, "so many keys are sought at a time")
    let start = bytes.count
    bytes.write(key)
    searches.append(
      TreeSearch(
        keyAt: start, prefixEnd: start + prefixByteCount, keyEnd: bytes.count,
        rows: max(1, min(rows, Self.rowsMax))))
  }

  /// The key that was added as the one at `place`.
  @_lifetime(borrow self)
  package func key(at place: Int) -> RawSpan {
    bytes.bytes.extracting(searches[place].keyAt..<searches[place].keyEnd)
  }

  /// What the rows of the same entity's key begin with.
  @_lifetime(borrow self)
  func prefix(at place: Int) -> RawSpan {
    bytes.bytes.extracting(searches[place].keyAt..<searches[place].prefixEnd)
  }

  /// The row behind the one where the search at `place` is.
  mutating func goOn(_ place: Int) {
    searches[place].low &+= 1
    searches[place].rows &-= 1
  }

  /// Lends all keys, one after another, and what is noted of each.
  @inline(__always)
  mutating func lend(
    _ body: (RawSpan, inout [TreeSearch], inout [TreeBranch]) throws(IndexError) -> Void
  ) throws(IndexError) {
    try Self.lend(bytes, &searches, &branches, body)
  }

  // It borrows one part while others change.
  @inline(__always)
  private static func lend(
    _ bytes: borrowing ByteWriter, _ searches: inout [TreeSearch], _ branches: inout [TreeBranch],
    _ body: (RawSpan, inout [TreeSearch], inout [TreeBranch]) throws(IndexError) -> Void
  ) throws(IndexError) {
    try body(bytes.bytes, &searches, &branches)
  }
}
