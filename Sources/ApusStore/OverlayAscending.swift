// A frozen generation in the order of its keys, for the checkpoint: it walks the index with a cursor, forward only.
//
// Only the order is made: 16 bytes a key. Keys and rows stay where they are.

package import ApusBytes

extension FrozenGeneration {
  /// The keys in ascending order, each with its newest version. Sorts once; to be kept by whoever walks it.
  package func ascendingKeys() -> OverlayAscending { OverlayAscending(self) }
}

/// The keys of a generation, ascending as bytes and each once.
@safe
package struct OverlayAscending: ~Copyable {
  private let generation: FrozenGeneration
  private let entries: [OverlayEntry]

  fileprivate init(_ generation: FrozenGeneration) {
    self.generation = generation
    entries = generation.ascending ?? Self.sorted(generation)
  }

  package var count: Int { entries.count }

  @_lifetime(borrow self)
  package func key(at place: Int) -> RawSpan { lend(entries[place].key) }

  /// The fold of all the generation's events of the key at this place.
  @_lifetime(borrow self)
  package func version(at place: Int) -> RawSpan { lend(entries[place].newest.bytes) }

  /// The LSN of the last event in that fold.
  package func lsn(at place: Int) -> LSN { LSN(entries[place].newest.lsn) }

  @_lifetime(borrow self)
  private func lend(_ bytes: RawSpan) -> RawSpan {
    // The bytes lie in the generation's memory, which `self` holds, and never change.
    unsafe _overrideLifetime(bytes, borrowing: self)
  }
}

extension OverlayAscending {
  /// Eight bytes decide most comparisons. Keys of one view begin alike, so these are the eight that follow what
  /// all keys have in common.
  private struct Place {
    let prefix: UInt64
    let entry: OverlayEntry

    init(_ entry: OverlayEntry, after shared: Int) {
      self.entry = entry
      let key = entry.key
      var prefix: UInt64 = 0
      for at in 0..<8 {
        let byte = shared + at < key.byteCount ? key.byte(at: shared + at) : 0
        prefix = prefix << 8 | UInt64(byte)
      }
      self.prefix = prefix
    }
  }

  private static func sorted(_ generation: FrozenGeneration) -> [OverlayEntry] {
    var entries: [OverlayEntry] = []
    entries.reserveCapacity(generation.keyCount)
    generation.table.forEach { entry in entries.append(entry) }
    guard let first = entries.first else { return [] }

    var shared = first.keyByteCount
    for entry in entries { shared = first.key.sharedPrefix(with: entry.key, atMost: shared) }
    var places = entries.map { entry in Place(entry, after: shared) }
    places.sort { a, b in
      a.prefix != b.prefix ? a.prefix < b.prefix : a.entry.key.compare(to: b.entry.key) < 0
    }
    for at in places.indices { entries[at] = places[at].entry }
    return entries
  }
}

extension RawSpan {
  fileprivate func byte(at place: Int) -> UInt8 {
    // The caller has compared `place` with `byteCount`.
    unsafe unsafeLoad(fromUncheckedByteOffset: place, as: UInt8.self)
  }

  fileprivate func sharedPrefix(with other: RawSpan, atMost limit: Int) -> Int {
    let limit = min(limit, byteCount, other.byteCount)
    var at = 0
    while at < limit && byte(at: at) == other.byte(at: at) { at += 1 }
    return at
  }
}
