// All rows of a snapshot, one after another: for state hashes, and for those who want to describe an index.
//
// Keys ascend, each row is good for its key, and a walk over all of them meets as many as the snapshot says it has: a leaf that LMDB
// skips does not go unnoticed. That a leaf is an older one, of as many keys, only the scrub finds.

import ApusBytes
import ApusSystem

extension IndexReader {
  /// Lends every row whose whole key begins with `prefix`, in the order of keys; all rows when it is empty.
  package mutating func forEachRow(
    of prefix: RawSpan = RawSpan(), _ body: (_ key: RawSpan, IndexRow) throws(IndexError) -> Void
  ) throws(IndexError) {
    try forEachRow(of: prefix, wrapping: { $0 }, body)
  }

  /// The same for a body that throws errors of its own, which end the walk; `wrap` makes one of the index's.
  package mutating func forEachRow<Failure: Error>(
    of prefix: RawSpan = RawSpan(), wrapping wrap: (IndexError) -> Failure,
    _ body: (_ key: RawSpan, IndexRow) throws(Failure) -> Void
  ) throws(Failure) {
    var failure: Failure?
    do throws(IndexError) {
      try walk(prefix) { key, row in
        do throws(Failure) { try body(key, row) } catch { failure = error }
        return failure == nil
      }
    } catch {
      throw wrap(error)
    }
    if let failure { throw failure }
  }

  /// Lends whole keys that begin with `prefix` and come after `bound`, which begins so too, in their order, until `body`
  /// returns false. Their rows are not looked at.
  package mutating func forEachKey(
    of prefix: RawSpan, after bound: RawSpan, _ body: (_ key: RawSpan) -> Bool
  ) throws(IndexError) {
    try renewCursor()
    var previous = ByteWriter(capacity: IndexFormat.keyByteCountMax)
    var found = transaction.seek(atOrAfter: bound)
    while found.code == LMDB.success {
      let key = try key(at: found)
      guard region.inside({ key.starts(with: prefix) }) else { return }
      try judge(key, after: &previous)
      // Lent from our own memory: the file may be cut while the caller looks.
      if !previous.bytes.isEqual(to: bound), !body(previous.bytes) { return }
      found = transaction.next()
    }
    guard found.code == LMDB.notFound else { throw LMDB.error("mdb_cursor_get", found.code) }
  }

  /// Ends early when `body` returns false.
  private mutating func walk(
    _ prefix: RawSpan, _ body: (_ key: RawSpan, IndexRow) -> Bool
  ) throws(IndexError) {
    try renewCursor()
    var previous = ByteWriter(capacity: IndexFormat.keyByteCountMax)
    var count: UInt64 = 0
    // LMDB takes no key without bytes.
    var found = prefix.byteCount == 0 ? transaction.first() : transaction.seek(atOrAfter: prefix)
    while found.code == LMDB.success {
      let key = try key(at: found)
      guard region.inside({ key.starts(with: prefix) }) else { return }
      try judge(key, after: &previous)
      count += 1
      // Records come last.
      if key.projectOfKey != IndexFormat.recordsProject {
        guard body(key, try row(at: found.value, of: key)) else { return }
      }
      found = transaction.next()
    }
    guard found.code == LMDB.notFound else { throw LMDB.error("mdb_cursor_get", found.code) }
    guard prefix.byteCount == 0 else { return }
    if count != allProgress.entries {
      throw .damaged(.entries(expected: allProgress.entries, found: count))
    }
  }

  /// Whether a key is one, and comes after the one before it.
  private func judge(_ key: RawSpan, after previous: inout ByteWriter) throws(IndexError) {
    let before = region.enter()
    defer { region.leave(before) }
    guard key.viewOfKey != nil || key.projectOfKey == IndexFormat.recordsProject else {
      throw .damaged(.key(key.copied()))
    }
    guard previous.isEmpty || previous.bytes.compare(to: key) < 0 else {
      throw .damaged(.order(key: key.copied()))
    }
    previous.removeAll()
    previous.write(key)
  }
}
