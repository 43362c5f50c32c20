// Which records are lost, and which rows of an index still say what they said: those that such a record won something in. An index that is
// whole is then the only place that knows it.

package import ApusBytes
import ApusContracts
import ApusHistory
import ApusIndex
import ApusLog
import ApusSystem

package struct LostRecords: Sendable, Equatable {
  /// Events of one view version, which a run held.
  struct Run: Sendable, Equatable {
    let view: ViewVersionID
    let lsns: LSNRange
    let least: [UInt8]
    let greatest: [UInt8]
    /// None of them was known later.
    let knownBy: KnownAt

    func mayHold(_ key: RawSpan) -> Bool {
      if least.isEmpty, greatest.isEmpty { return true }
      let (above, below) = unsafe (key.compare(to: least.span.bytes), key.compare(to: greatest.span.bytes))
      return above >= 0 && below <= 0
    }
  }

  /// Of the log.
  var log = LSNRanges()
  var runs: [Run] = []

  package init(log: some Sequence<LSNRange>) { self.log = LSNRanges(log) }

  init(run: Run) { runs = [run] }

  var isEmpty: Bool { log.isEmpty && runs.isEmpty }

  var last: LSN? { (log.ranges.map(\.last) + runs.map(\.lsns.last)).max() }

  /// The least LSN of all.
  private var first: LSN? { (log.ranges.map(\.first) + runs.map(\.lsns.first)).min() }

  private func contains(_ lsn: LSN, _ runs: [Run]) -> Bool {
    log.contains(lsn) || runs.contains { $0.lsns.contains(lsn) }
  }
}

/// What lost records won in one row.
struct LostWins: Sendable {
  /// One lost event, as far as it won.
  struct Event: Sendable {
    let stamp: Stamp
    /// A delete, when there are none.
    var features: [(slot: FeatureSlot, value: [UInt8]?)] = []
    let isDelete: Bool
  }

  let view: CatalogView
  let key: [UInt8]
  /// In the order of LSNs, a delete before what was said at the same moment.
  let events: [Event]
}

extension LostRecords {
  /// Lends every row of the index in which a lost record won something, erased keys left out: their events are not there at any moment.
  func forEachWin(
    in index: Index, _ catalog: Catalog, _ body: (LostWins) throws(StoreError) -> Void
  ) throws(StoreError) {
    guard let first else { return }
    var reader = try Self.reader(of: index)
    defer { reader.reset() }
    try reader.forEachRow(wrapping: { StoreError.index($0) }) { (key, row) throws(StoreError) in
      guard row.lsn >= first, key.byteCount > 12, let view = catalog[key.viewVersionOfKey] else { return }
      let encoded = key.extracting(8..<(key.byteCount - 4))
      let near = runs.filter { $0.view == view.id && $0.mayHold(encoded) }
      if log.isEmpty, near.isEmpty { return }
      let found: RowView
      do throws(RowError) { found = try RowView(row.bytes, layout: view.layout) } catch {
        throw .indexDamaged(.row(key: key.copied()))
      }
      let floor = catalog.erasures.erase(of: encoded, in: view)?.floor ?? .none
      let events = Self.wins(found, view) { $0 > floor && contains($0, near) }
      if !events.isEmpty { try body(LostWins(view: view, key: encoded.copied(), events: events)) }
    }
  }

  private static func reader(of index: Index) throws(StoreError) -> IndexReader {
    do throws(IndexError) {
      var reader = try index.reader()
      try reader.renew()
      return reader
    } catch {
      throw .index(error)
    }
  }

  private static func wins(
    _ row: RowView, _ view: CatalogView, _ isLost: (LSN) -> Bool
  ) -> [LostWins.Event] {
    var events: [LSN: LostWins.Event] = [:]
    var deleted = row.deleted.flatMap { isLost($0.lsn) ? $0 : nil }
    for slot in view.layout.slots where row.state(slot.index) != .absent {
      guard let stamp = row.stamp(slot.index) else { continue }
      guard isLost(stamp.lsn) else {
        // Written again, a delete of the very same moment would come behind this.
        if let found = deleted, found.eventTime == stamp.eventTime, found.createdAt == stamp.createdAt {
          deleted = nil
        }
        continue
      }
      let value = row.state(slot.index) == .null ? nil : row.cells.raw(slot).copied()
      events[stamp.lsn, default: LostWins.Event(stamp: stamp, isDelete: false)].features.append((slot, value))
    }
    let upserts = events.values.sorted { $0.stamp.lsn < $1.stamp.lsn }
    return (deleted.map { [LostWins.Event(stamp: $0, isDelete: true)] } ?? []) + upserts
  }
}

extension LostWins.Event {
  /// Writes the event again: what it won, when it became true and what breaks its ties; known from this moment on.
  func write(_ wins: LostWins, knownAt: KnownAt, into writer: inout ByteWriter) {
    let known = max(knownAt, KnownAt(nanoseconds: stamp.eventTime.nanoseconds))
    let times = EventTimes(
      eventTime: stamp.eventTime, createdAt: stamp.createdAt, knownAt: known, isKnownAtAssumed: true)
    guard !isDelete else {
      writer.write(
        EventRecord(.delete, wins.view.id, times), key: unsafe wins.key.span.bytes, cells: RawSpan())
      return
    }
    var builder = RowBuilder(wins.view.layout)
    do throws(RowError) {
      for (slot, value) in features {
        while builder.next < slot.index { try builder.appendAbsent() }
        if let value { try builder.append(raw: unsafe value.span.bytes) } else { try builder.appendNull() }
      }
    } catch {
      preconditionFailure("what a row holds goes into a row: \(error)")
    }
    writer.write(EventRecord(.upsert, wins.view.id, times), key: unsafe wins.key.span.bytes, cells: builder)
  }
}

extension StoreLook {
  /// How many rows of the index rest on lost records of the log; nil when it cannot be read.
  package func rowsHeld(of lost: [LSNRange]) -> UInt64? {
    guard let index = index.index else { return nil }
    var rows: UInt64 = 0
    let walked: Void? = try? LostRecords(log: lost).forEachWin(in: index, catalog) { _ in rows += 1 }
    return walked == nil ? nil : rows
  }
}
