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

  /// The same from its parts, as `IndexKey` puts them together.
  package mutating func append(
    project: UInt32, entity: UInt32, key: RawSpan, view: UInt32, rows: Int = 1
  ) {
    precondition(project != UInt32.max, "no project has the number of the index's own records")
    precondition(
      key.byteCount >= 1 && key.byteCount <= KeyLimits.byteCountMax, "an encoded key has 1 to 400 bytes")
    let start = bytes.count
    // Big-endian.
    bytes.write(project.byteSwapped)
    bytes.write(entity.byteSwapped)
    bytes.write(key)
    let prefixEnd = bytes.count
    bytes.write(view.byteSwapped)
    add(from: start, prefixEnd: prefixEnd, rows: rows)
  }

  /// Adds what the whole keys of an entity's key begin with.
  package mutating func append(prefix: RawSpan, rows: Int) {
    append(prefix, prefixByteCount: prefix.byteCount, rows: rows)
  }

  private mutating func append(_ key: RawSpan, prefixByteCount: Int, rows: Int) {
    precondition(prefixByteCount >= 0, "a whole key has a view version")
    let start = bytes.count
    bytes.write(key)
    add(from: start, prefixEnd: start + prefixByteCount, rows: rows)
  }

  private mutating func add(from start: Int, prefixEnd: Int, rows: Int) {
    precondition(count < Self.countMax, "so many keys are sought at a time")
    searches.append(
      TreeSearch(
        keyAt: start, prefixEnd: prefixEnd, keyEnd: bytes.count, rows: max(1, min(rows, Self.rowsMax))))
  }

  /// The key that was added as the one at `place`.
  @_lifetime(borrow self)
  package func key(at place: Int) -> RawSpan {
    bytes.bytes.extracting(searches[place].keyAt..<searches[place].keyEnd)
  }

  /// Lends all keys, one after another, and what is noted of each.
  @inline(__always)
  mutating func lend<T>(
    _ body: (RawSpan, inout [TreeSearch]) throws(IndexError) -> T
  ) throws(IndexError) -> T {
    try Self.lend(bytes, &searches, body)
  }

  /// Lends what the rows of the same entity's key begin with, and the search for one of them.
  @inline(__always)
  mutating func lend<T>(
    _ place: Int, _ body: (RawSpan, inout TreeSearch) throws(IndexError) -> T
  ) throws(IndexError) -> T {
    let (start, end) = (searches[place].keyAt, searches[place].prefixEnd)
    return try Self.lend(bytes, &searches) { (keys, searches) throws(IndexError) in
      var searches = searches.mutableSpan
      return try body(keys.extracting(start..<end), &searches[place])
    }
  }

  // It borrows one part while another changes.
  @inline(__always)
  private static func lend<T>(
    _ bytes: borrowing ByteWriter, _ searches: inout [TreeSearch],
    _ body: (RawSpan, inout [TreeSearch]) throws(IndexError) -> T
  ) throws(IndexError) -> T {
    try body(bytes.bytes, &searches)
  }
}
