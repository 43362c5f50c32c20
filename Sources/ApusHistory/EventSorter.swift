// Events on their way into runs: taken in the order of the log, given back by view version, and within one by (key, stamp). They are
// held once, in chunks that never move, beside an index of 32 bytes for each, which alone decides nearly every comparison.

import ApusBytes
package import ApusContracts

package struct EventSorter: Sendable {
  /// What decides most comparisons stands in the index itself.
  private struct Entry: Sendable {
    let viewVersion: UInt32
    let chunk: UInt32
    /// The first 8 bytes of the key, a shorter one filled with zeroes.
    let prefix: UInt64
    let eventNanoseconds: Int64
    let place: UInt32
    /// Bytes of the key; of any longer one, 9.
    let keyByteCount: UInt32

    /// Whether both have one key, as far as the index can tell. Prefixes are equal.
    func hasKey(of other: Entry) -> Bool { keyByteCount == other.keyByteCount && keyByteCount <= 8 }
  }

  private var chunks: [EventBatch] = []
  private var filling = EventBatch()
  private var entries: [Entry] = []
  private var isSorted = true
  /// The bytes of keys, cells and producers of full chunks.
  private var fullByteCount = 0

  package init() {}

  package var count: Int { entries.count }
  /// What is held, about: to be compared with a budget.
  package var byteCount: Int {
    fullByteCount + filling.byteCount + count * (MemoryLayout<Entry>.stride + EventBatch.entryByteCount)
  }

  package mutating func add(_ event: HistoryEventView) {
    entries.append(
      Entry(
        viewVersion: event.head.viewVersion.rawValue, chunk: UInt32(truncatingIfNeeded: chunks.count),
        prefix: event.key.prefixWord, eventNanoseconds: event.head.eventTime.nanoseconds,
        // A chunk is full long before.
        place: UInt32(truncatingIfNeeded: filling.count),
        keyByteCount: UInt32(truncatingIfNeeded: min(9, event.key.byteCount))))
    filling.append(event)
    isSorted = false
    if filling.byteCount >= Self.chunkByteCount {
      fullByteCount += filling.byteCount
      chunks.append(filling)
      filling = EventBatch()
    }
  }

  /// Gives the events their order. Throws when two have the same LSN and view version.
  package mutating func sort() throws(HistoryError) {
    guard !isSorted else { return }
    if !filling.isEmpty {
      fullByteCount += filling.byteCount
      chunks.append(filling)
      filling = EventBatch()
    }
    let chunks = chunks
    entries.sort { Self.compare($0, $1, chunks) < 0 }
    for (a, b) in zip(entries, entries.dropFirst()) where Self.compare(a, b, chunks) == 0 {
      throw .twice(ViewVersionID(a.viewVersion), chunks[Int(a.chunk)].head(Int(a.place)).lsn)
    }
    isSorted = true
  }

  private static func compare(_ a: Entry, _ b: Entry, _ chunks: [EventBatch]) -> Int {
    if a.viewVersion != b.viewVersion { return a.viewVersion < b.viewVersion ? -1 : 1 }
    if a.prefix != b.prefix { return a.prefix < b.prefix ? -1 : 1 }
    if a.hasKey(of: b), a.eventNanoseconds != b.eventNanoseconds {
      return a.eventNanoseconds < b.eventNanoseconds ? -1 : 1
    }
    return EventOrder.compare(
      EventPlace(chunks[Int(a.chunk)], Int(a.place)), EventPlace(chunks[Int(b.chunk)], Int(b.place)))
  }

  /// The view versions that have events, ascending. After `sort`.
  package var viewVersions: [ViewVersionID] {
    var found: [ViewVersionID] = []
    var at = 0
    while at < entries.count {
      let version = entries[at].viewVersion
      found.append(ViewVersionID(version))
      at = end(of: version)
    }
    return found
  }

  /// The events of a view version by (key, stamp). After `sort`; what is added later is not among them.
  package func events(of version: ViewVersionID) -> any EventCursor {
    precondition(isSorted, "events have an order only after they were sorted")
    let first = version.rawValue == 0 ? 0 : end(of: version.rawValue - 1)
    return Cursor(chunks, entries, first..<end(of: version.rawValue))
  }

  /// How many events a view version has. After `sort`.
  package func count(of version: ViewVersionID) -> Int {
    let first = version.rawValue == 0 ? 0 : end(of: version.rawValue - 1)
    return end(of: version.rawValue) - first
  }

  /// Where the entries of a version, and of all lower ones, end.
  private func end(of version: UInt32) -> Int {
    var low = 0
    var high = entries.count
    while low < high {
      let middle = (low + high) / 2
      if entries[middle].viewVersion <= version { low = middle + 1 } else { high = middle }
    }
    return low
  }

  private static let chunkByteCount = 4 << 20

  private final class Cursor: EventCursor {
    private let chunks: [EventBatch]
    private let entries: [Entry]
    private var at: Int
    private let end: Int

    init(_ chunks: [EventBatch], _ entries: [Entry], _ range: Range<Int>) {
      self.chunks = chunks
      self.entries = entries
      at = range.lowerBound - 1
      end = range.upperBound
    }

    func advance() -> Bool {
      guard at + 1 < end else { return false }
      at += 1
      return true
    }

    var current: EventPlace { EventPlace(chunks[Int(entries[at].chunk)], Int(entries[at].place)) }
  }
}

extension RawSpan {
  /// The first 8 bytes as a number that sorts as they do; a shorter span is filled with zeroes.
  var prefixWord: UInt64 {
    if byteCount >= 8 {
      // There are 8 bytes.
      return UInt64(bigEndian: unsafe unsafeLoadUnaligned(fromUncheckedByteOffset: 0, as: UInt64.self))
    }
    var word: UInt64 = 0
    for at in 0..<byteCount {
      // Below the count.
      let byte = unsafe unsafeLoad(fromUncheckedByteOffset: at, as: UInt8.self)
      word |= UInt64(byte) << UInt64(56 - 8 * at)
    }
    return word
  }
}
