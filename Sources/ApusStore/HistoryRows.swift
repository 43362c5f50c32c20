// Runs become rows: the events of a key are folded as they were when they were appended, by the same fold. The rows of all view
// versions come in the order of the index's keys, each key once.

import ApusBytes
import ApusContracts
import ApusHistory
import ApusIndex
import ApusLog

/// The rows of one view version, in the order of their keys.
final class HistoryRows {
  private let events: any EventCursor
  private let view: CatalogView
  private var fold = EventFold()
  /// The events' cursor stands on the first event of the next key.
  private var isAhead = false
  /// Of the index, whole. Both are filled anew for each row, in the room of the one before.
  private(set) var key: [UInt8] = []
  private(set) var row: [UInt8] = []
  private(set) var lsn = LSN.none

  init(_ events: any EventCursor, _ view: CatalogView) {
    self.events = events
    self.view = view
  }

  /// Goes to the next row; false behind the last one.
  func advance() throws(HistoryError) -> Bool {
    while true {
      if !isAhead {
        guard try events.advance() else { return false }
      }
      isAhead = false
      let first = events.current
      fold.begin()
      try fold.take(first, view.layout)
      while try events.advance() {
        let next = events.current
        guard next.key.isEqual(to: first.key) else {
          isAhead = true
          break
        }
        try fold.take(next, view.layout)
      }
      // A key whose events say nothing of any feature has no row.
      guard fold.hasRow else { continue }
      fold.write(key: first.key, of: view, into: &key)
      lsn = fold.writeRow(view.layout, into: &row)
      return true
    }
  }
}

/// The fold of one key's events so far. Two writers that take turns.
struct EventFold: ~Copyable {
  private var result = ByteWriter(capacity: 4_096)
  private var scratch = ByteWriter(capacity: 4_096)
  private var whole = IndexKey()
  private(set) var hasRow = false

  mutating func begin() {
    hasRow = false
    result.removeAll()
  }

  mutating func take(_ place: EventPlace, _ layout: borrowing RowLayout) throws(HistoryError) {
    let event = place.event
    let row = try event.row(layout: layout)
    if row.greatestLSN == .none { return }
    guard hasRow else {
      row.write(into: &result)
      hasRow = true
      return
    }
    scratch.removeAll()
    if Self.fold(&result, row, layout, &scratch) { swap(&result, &scratch) }
  }

  private static func fold(
    _ result: inout ByteWriter, _ row: RowView, _ layout: borrowing RowLayout, _ scratch: inout ByteWriter
  ) -> Bool {
    Fold.fold(Self.row(result.bytes, layout), row, layout: layout, into: &scratch) == .written
  }

  mutating func write(key: RawSpan, of view: CatalogView, into bytes: inout [UInt8]) {
    whole.set(
      project: view.project.rawValue, entity: view.entity.rawValue, key: key, view: view.id.rawValue)
    Self.copy(whole.bytes, to: &bytes)
  }

  /// The greatest LSN of what was folded.
  func writeRow(_ layout: borrowing RowLayout, into bytes: inout [UInt8]) -> LSN {
    Self.copy(result.bytes, to: &bytes)
    return Self.row(result.bytes, layout).greatestLSN
  }

  private static func copy(_ span: RawSpan, to bytes: inout [UInt8]) {
    bytes.removeAll(keepingCapacity: true)
    // The array copies before the span ends.
    unsafe span.withUnsafeBytes { unsafe bytes.append(contentsOf: $0) }
  }

  /// A row that was made here.
  @_lifetime(copy bytes)
  private static func row(_ bytes: RawSpan, _ layout: borrowing RowLayout) -> RowView {
    do throws(RowError) { return try RowView(bytes, layout: layout) } catch {
      preconditionFailure("what a fold made is a row: \(error)")
    }
  }
}

/// The rows of many view versions as one stream.
final class HistoryMerge {
  /// A heap of those that have a row, the one with the least key first.
  private var heap: [HistoryRows] = []
  private var waiting: [HistoryRows]
  private var hasBegun = false

  init(_ streams: [HistoryRows]) { waiting = streams }

  /// The row that comes next; nil behind the last one. It stands until the next call.
  func next() throws(HistoryError) -> HistoryRows? {
    if !hasBegun {
      hasBegun = true
      for stream in waiting where try stream.advance() {
        heap.append(stream)
        rise(heap.count - 1)
      }
      waiting = []
    } else if let first = heap.first {
      if try !first.advance() {
        let last = heap.removeLast()
        if heap.isEmpty { return nil }
        heap[0] = last
      }
      sink(0)
    }
    return heap.first
  }

  private func isBefore(_ a: Int, _ b: Int) -> Bool {
    let (first, second) = (heap[a].key, heap[b].key)
    return unsafe first.span.bytes.compare(to: second.span.bytes) < 0
  }

  private func rise(_ place: Int) {
    var place = place
    while place > 0, isBefore(place, (place - 1) / 2) {
      heap.swapAt(place, (place - 1) / 2)
      place = (place - 1) / 2
    }
  }

  private func sink(_ place: Int) {
    var place = place
    while true {
      var least = place
      for child in [2 * place + 1, 2 * place + 2] where child < heap.count && isBefore(child, least) {
        least = child
      }
      if least == place { return }
      heap.swapAt(place, least)
      place = least
    }
  }
}

extension IndexKeeper {
  /// Makes an index of all that lies below the log's floor, and gives the state there; nil, and nothing happened, where the log reaches
  /// back to its first record. The log is replayed behind it.
  mutating func beginFromHistory(
    _ log: LogReader, _ runs: (any RunFiles)?
  ) throws(StoreError) -> StoreState? {
    let history = HistoryView(log, runs)
    guard let state = try history.state() else { return nil }
    let catalog = Catalog(number: 0, registry: state.registry, erasures: state.erasures)
    var streams: [HistoryRows] = []
    for (id, records) in history.view.runs {
      guard let view = catalog[id], let subject = RunSubject(id, in: state.registry) else {
        throw .recordUnreadable(history.floor.previous, .unknownView(id))
      }
      var cursors: [any EventCursor] = []
      for record in records { cursors.append(try history.events(of: record, subject)) }
      streams.append(HistoryRows(RunMerge.merging(cursors), view))
    }
    var note = ByteWriter()
    state.writeNote(into: &note)
    try build(HistoryMerge(streams), through: history.floor.previous, note: note.bytes)
    return state
  }
}
