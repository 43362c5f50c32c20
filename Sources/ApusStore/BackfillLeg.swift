// The events of one leg of a backfill: those of a view version with an LSN in a range, by (key, stamp), wherever they lie. Below the log's floor
// runs have them in that order already, and are merged; from there on the leg is short, and its events are sorted in memory.
//
// While one of these exists nothing that it reads goes.

import ApusBytes
import ApusContracts
import ApusHistory
import ApusLog
import ApusSystem

final class BackfillLeg: EventCursor {
  /// As far as the leg goes.
  private(set) var through: LSN
  private let after: LSN
  private let position: BackfillOffset.Position?
  private let history: HistoryView
  private let view: CatalogView
  private let erasures: Erasures
  private var source: any EventCursor
  /// Of the key that came last.
  private var key: [UInt8]?
  private var floor = LSN.none
  /// Events of erased keys that were passed over.
  private(set) var erased: UInt64 = 0

  /// A new leg behind an LSN, not beyond `end`: as far as runs go, or one portion of the log.
  static func next(
    _ log: LogReader, _ runs: any RunFiles, _ view: CatalogView, _ catalog: Catalog, after: LSN,
    through end: LSN, portion: Int
  ) throws(StoreError) -> BackfillLeg {
    let history = HistoryView(log, runs)
    let packed = min(history.floor.previous, end)
    return try BackfillLeg(
      log, history, view, catalog, after: after, through: after < packed ? packed : end,
      portion: after < packed ? .max : portion, behind: nil)
  }

  /// A leg that was begun, behind a position.
  static func resumed(
    _ log: LogReader, _ runs: any RunFiles, _ view: CatalogView, _ catalog: Catalog, _ offset: BackfillOffset
  ) throws(StoreError) -> BackfillLeg {
    try BackfillLeg(
      log, HistoryView(log, runs), view, catalog, after: offset.after, through: offset.through,
      portion: .max, behind: offset.position)
  }

  private init(
    _ log: LogReader, _ history: HistoryView, _ view: CatalogView, _ catalog: Catalog, after: LSN,
    through: LSN, portion: Int, behind position: BackfillOffset.Position?
  ) throws(StoreError) {
    self.history = history
    self.view = view
    self.after = after
    self.position = position
    erasures = catalog.erasures
    guard let subject = RunSubject(view.id, in: catalog.registry) else {
      throw .recordUnreadable(through, .unknownView(view.id))
    }
    var cursors: [any EventCursor] = []
    let packed = LSNRange(after.next, through: min(through, history.floor.previous))
    for record in history.view.runs[view.id] ?? [] {
      guard let lsns = record.covered?.lsns, lsns.first <= packed.last, packed.first <= lsns.last else {
        continue
      }
      cursors.append(try history.events(of: record, subject, from: position?.key))
    }
    self.through = through
    source = RunMerge.merging(cursors)
    if through >= history.floor {
      var logged = LoggedEvents(view)
      let first = max(after.next, history.floor)
      self.through = try logged.read(log, LSNRange(first, through: through), portion: portion)
      do throws(HistoryError) { try logged.events.sort() } catch { throw .history(error) }
      cursors.append(logged.events.events(of: view.id))
      source = RunMerge.merging(cursors)
    }
  }

  var current: EventPlace { source.current }

  func advance() throws(HistoryError) -> Bool {
    while try source.advance() {
      let place = source.current
      let lsn = place.head.lsn
      guard lsn > after, lsn <= through, isBehindPosition(place) else { continue }
      let known = key
      if known.map({ !place.key.isEqual(to: unsafe $0.span.bytes) }) ?? true {
        key = place.key.copied()
        floor = erasures.erase(of: place.key, in: view)?.floor ?? .none
      }
      guard lsn > floor else {
        erased += 1
        continue
      }
      return true
    }
    return false
  }

  private func isBehindPosition(_ place: EventPlace) -> Bool {
    guard let position else { return true }
    let order = place.key.compare(to: unsafe position.key.span.bytes)
    return order > 0 || order == 0 && place.head.stamp > position.stamp
  }
}

/// Events of the log, as they are read for a leg.
private struct LoggedEvents {
  private let view: CatalogView
  var events = EventSorter()

  init(_ view: CatalogView) { self.view = view }

  /// Reads whole frames until they are `portion` bytes; how far it came.
  mutating func read(_ log: LogReader, _ lsns: LSNRange, portion: Int) throws(StoreError) -> LSN {
    var scanner: LogScanner
    do throws(LogError) { scanner = try log.scan(from: lsns.first, .written) } catch { throw .log(error) }
    var byteCount = 0
    while let frame = try Self.next(&scanner), frame.lsns.last <= lsns.last {
      guard frame.type == .records else { continue }
      try take(scanner.payload, frame)
      byteCount += frame.payloadByteCount
      if byteCount >= portion { return frame.lsns.last }
    }
    return lsns.last
  }

  private static func next(_ scanner: inout LogScanner) throws(StoreError) -> FrameHeader? {
    do throws(LogError) { return try scanner.next() } catch { throw .log(error) }
  }

  private mutating func take(_ payload: RawSpan, _ frame: FrameHeader) throws(StoreError) {
    var walker = RecordWalker(payload, base: frame.lsns.first)
    var at = frame.lsns.first
    do throws(EventError) {
      while let record = try walker.next() {
        at = record.lsn
        guard record.kind == .event else { continue }
        let event = try EventView(record.body, appendNanoseconds: frame.appendTime.nanoseconds)
        guard event.viewVersion == view.id else { continue }
        // Its producer is not copied: whoever fills the target is the one.
        events.add(
          HistoryEventView(
            HistoryEventHead(event, record.lsn), key: event.key, cells: event.cellBytes, producer: RawSpan()))
      }
    } catch {
      throw .recordUnreadable(at, .event(error))
    }
  }
}
