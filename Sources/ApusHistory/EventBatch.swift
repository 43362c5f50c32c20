// Events in memory: one run of bytes for keys, cells and producers, and one entry for each event that says where its own
// begin. They stand in the order in which they were added. 0 ≤ where a part begins ≤ where it ends ≤ the bytes there are.

import ApusBytes
import ApusContracts

package struct EventBatch: Sendable {
  private struct Entry: Sendable {
    var head: HistoryEventHead
    var keyAt: Int
    var cellsAt: Int
    var producerAt: Int
    var end: Int
  }

  private var bytes: [UInt8] = []
  private var entries: [Entry] = []

  package init() {}

  package var count: Int { entries.count }
  package var isEmpty: Bool { entries.isEmpty }
  /// What one entry takes besides.
  static let entryByteCount = MemoryLayout<Entry>.stride
  /// What keys, cells and producers take.
  package var byteCount: Int { bytes.count }

  package mutating func reserve(events: Int, bytes byteCount: Int) {
    entries.reserveCapacity(events)
    bytes.reserveCapacity(byteCount)
  }

  /// Makes room for so much more, and as much as is there already where that is more: who asks again and again pays once.
  mutating func reserveMore(events: Int, bytes byteCount: Int) {
    if entries.capacity - entries.count < events {
      entries.reserveCapacity(max(entries.count + events, entries.count * 2))
    }
    if bytes.capacity - bytes.count < byteCount {
      bytes.reserveCapacity(max(bytes.count + byteCount, bytes.count * 2))
    }
  }

  package mutating func removeAll() {
    bytes.removeAll(keepingCapacity: true)
    entries.removeAll(keepingCapacity: true)
  }

  package mutating func append(_ event: HistoryEventView) {
    append(event.head, key: event.key, cells: event.cells, producer: event.producer)
  }

  package mutating func append(
    _ head: HistoryEventHead, key: RawSpan, cells: RawSpan, producer: RawSpan = RawSpan()
  ) {
    let keyAt = bytes.count
    Self.append(key, to: &bytes)
    let cellsAt = bytes.count
    Self.append(cells, to: &bytes)
    let producerAt = bytes.count
    Self.append(producer, to: &bytes)
    entries.append(
      Entry(head: head, keyAt: keyAt, cellsAt: cellsAt, producerAt: producerAt, end: bytes.count))
  }

  package mutating func append(_ event: HistoryEvent) {
    let producer = Array((event.producer ?? "").utf8)
    append(
      event.head, key: unsafe event.key.span.bytes, cells: unsafe event.cells.span.bytes,
      producer: unsafe producer.span.bytes)
  }

  private static func append(_ span: RawSpan, to bytes: inout [UInt8]) {
    // The array copies before the span ends.
    unsafe span.withUnsafeBytes { unsafe bytes.append(contentsOf: $0) }
  }

  package func head(_ place: Int) -> HistoryEventHead { entries[place].head }

  @_lifetime(borrow self)
  package func key(_ place: Int) -> RawSpan {
    let entry = entries[place]
    return unsafe bytes.span.bytes.extracting(entry.keyAt..<entry.cellsAt)
  }

  @_lifetime(borrow self)
  package func event(_ place: Int) -> HistoryEventView {
    let entry = entries[place]
    let all = unsafe bytes.span.bytes
    return HistoryEventView(
      entry.head, key: all.extracting(entry.keyAt..<entry.cellsAt),
      cells: all.extracting(entry.cellsAt..<entry.producerAt),
      producer: all.extracting(entry.producerAt..<entry.end))
  }
}
