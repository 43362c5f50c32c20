// A frozen generation in the order of its keys, for the checkpoint: it walks the index with a cursor, forward only.
//
// Only the order is made: 32 bytes a key while it is sorted, nothing where the keys came in order. Keys and rows stay where they are.

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
    entries = Self.sorted(generation.entries)
  }

  package var count: Int { entries.count }

  /// Looks at keys and versions from a place on, all of them before any is needed: keys in order lie anywhere in memory, and the processor waits
  /// for them together.
  func touch(from place: Int) {
    let places = place..<min(place + OverlayLimits.scoutedKeysMax, count)
    for place in places { entries[place].touch() }
    for place in places { entries[place].newest.touch(OverlayVersion.copiedByteCount) }
  }

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

    @inline(__always)
    func digit(_ number: Int) -> Int {
      Int(truncatingIfNeeded: prefix &>> UInt64(truncatingIfNeeded: number &* 8) & 0xFF)
    }
  }

  private static func sorted(_ entries: [OverlayEntry]) -> [OverlayEntry] {
    guard let first = entries.first, !ascend(entries) else { return entries }
    var shared = first.keyByteCount
    for entry in entries { shared = first.key.sharedPrefix(with: entry.key, atMost: shared) }
    var places = entries.map { entry in Place(entry, after: shared) }
    sortByPrefix(&places)
    // Those of one prefix stand side by side now.
    var start = 0
    while start < places.count {
      var end = start + 1
      while end < places.count, places[end].prefix == places[start].prefix { end += 1 }
      if end > start + 1 {
        places[start..<end].sort { a, b in a.entry.key.compare(to: b.entry.key) < 0 }
      }
      start = end
    }
    return places.map(\.entry)
  }

  /// As the keys of a load mostly do.
  private static func ascend(_ entries: [OverlayEntry]) -> Bool {
    for at in entries.indices.dropFirst() where entries[at - 1].key.compare(to: entries[at].key) >= 0 {
      return false
    }
    return true
  }

  /// Byte by byte from the last to the first, each time keeping the order of before; a byte that all have in common is passed.
  private static func sortByPrefix(_ places: inout [Place]) {
    let digits = 8
    let values = 256
    var counts = [Int](repeating: 0, count: digits * values)
    for place in places {
      for digit in 0..<digits { counts[digit &* values &+ place.digit(digit)] &+= 1 }
    }
    var other = places
    for digit in 0..<digits where counts[digit * values + places[0].digit(digit)] < places.count {
      var next = 0
      for value in digit * values..<(digit + 1) * values {
        let count = counts[value]
        counts[value] = next
        next += count
      }
      for place in places {
        let value = digit &* values &+ place.digit(digit)
        other[counts[value]] = place
        counts[value] &+= 1
      }
      swap(&places, &other)
    }
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
