// One frame's records become state and overlay: the only code that does it, when the frame was just written and when it
// is replayed. So what was visible before a crash is visible after it.

import ApusBytes
import ApusContracts
import ApusIndex
import ApusLog
import ApusSystem

/// The state, the newest catalog, and the overlay's writer: what a log's frames, applied in order, make.
///
/// Owned by one thread: the appender's, or the one that opens or rebuilds.
struct FrameApplier: ~Copyable {
  private(set) var state: StoreState
  private(set) var catalog: Catalog
  var overlay: OverlayWriter
  private var key = IndexKey()
  /// Of the keys of the next records, in their order; 0 for a record that is no event of a view, or an unreadable one.
  private var hashes: [UInt64] = []
  /// Records that rest on lost ones.
  private(set) var passedOver: UInt64 = 0

  /// `number` is that of the first catalog. A store's openings begin at numbers of their own, so that no batch of an earlier opening passes for
  /// one that was admitted now.
  init(_ state: StoreState, catalog number: UInt64, overlay: consuming OverlayWriter) {
    catalog = Catalog(
      number: number, registry: state.registry, erasures: state.erasures, horizons: state.horizons)
    self.state = state
    self.overlay = overlay
  }

  /// Applies a frame of records; `overlay.publish` shows it. Whether the catalog is another now.
  ///
  /// `afterLoss`: records before it are lost. Then a record that contradicts what is left is passed over, and the others of
  /// its frame are applied.
  mutating func apply(
    _ payload: RawSpan, _ frame: FrameMoment, afterLoss: Bool = false
  ) throws(StoreError) -> Bool {
    var walker = RecordWalker(payload, base: frame.lsns.first)
    // Ahead of the other, where there are records enough for it to be worth while.
    var scout = RecordWalker(payload, base: frame.lsns.first)
    let isScouted = frame.lsns.count >= UInt64(OverlayLimits.scoutedKeysMax)
    var place = 0
    hashes.removeAll(keepingCapacity: true)
    var next = frame.lsns.first
    var isCatalogNew = false
    while true {
      if isScouted, place == hashes.count {
        scoutNext(&scout, frame.time)
        place = 0
      }
      let hash = place < hashes.count ? hashes[place] : 0
      place += 1
      do throws(RecordFault) {
        guard try applyNext(&walker, frame, hash: hash, afterLoss: afterLoss, &isCatalogNew) else { break }
      } catch {
        throw .recordUnreadable(next, error)
      }
      next = next.next
    }
    guard next == frame.lsns.last.next else {
      throw .recordUnreadable(
        frame.lsns.first,
        .recordCount(
          expected: Int(clamping: frame.lsns.count),
          found: Int(clamping: next.rawValue &- frame.lsns.first.rawValue)))
    }
    return isCatalogNew
  }

  /// Hashes the keys of the next records and lets the overlay look at their places: of a large table nearly every one is far away. What is wrong
  /// with a record is said when it is applied.
  @_lifetime(walker: copy walker)
  private mutating func scoutNext(_ walker: inout RecordWalker, _ time: WallTime) {
    hashes.removeAll(keepingCapacity: true)
    do throws(EventError) {
      while hashes.count < OverlayLimits.scoutedKeysMax, let record = try walker.next() {
        hashes.append(hash(of: record, time))
      }
    } catch {
      // The walker stands still, and so does what follows it.
    }
    overlay.touch(hashes)
  }

  private mutating func hash(of record: borrowing RecordWalker.Record, _ time: WallTime) -> UInt64 {
    guard case .event = record.kind else { return 0 }
    do throws(RecordFault) {
      let event = try EventView(record.body, appendTime: time)
      guard let view = catalog[event.viewVersion] else { return 0 }
      key.set(
        project: view.project.rawValue, entity: view.entity.rawValue, key: event.key, view: view.id.rawValue)
      return overlay.hash(of: key.bytes)
    } catch {
      return 0
    }
  }

  /// False at the end of the frame. `hash`: of the event's key, or 0.
  @_lifetime(walker: copy walker)
  private mutating func applyNext(
    _ walker: inout RecordWalker, _ frame: FrameMoment, hash: UInt64, afterLoss: Bool,
    _ isCatalogNew: inout Bool
  ) throws(RecordFault) -> Bool {
    let record: RecordWalker.Record
    do throws(EventError) {
      guard let found = try walker.next() else { return false }
      record = found
    } catch {
      throw .event(error)
    }
    guard record.kind != nil else { throw .unknownKind(record.rawKind) }
    guard record.lsn <= frame.lsns.last else {
      throw .recordCount(
        expected: Int(clamping: frame.lsns.count), found: Int(clamping: frame.lsns.count) &+ 1)
    }
    do throws(RecordFault) {
      if case .event = record.kind {
        try applyEvent(record.body, record.lsn, hash: hash, frame.time)
      } else if try state.apply(record, in: frame, afterLoss: afterLoss) {
        isCatalogNew = true
        catalog = renewed()
      }
    } catch {
      guard afterLoss, error.mayFollowFromLoss else { throw error }
      passedOver += 1
    }
    return true
  }

  /// Takes in an erasure whose record may be lost.
  mutating func recall(_ kept: KeptErasure) throws(StoreError) {
    do throws(RecordFault) {
      guard try state.recall(kept) else { return }
    } catch {
      throw .recordUnreadable(kept.lsn, error)
    }
    catalog = catalog.with(state.erasures)
  }

  private func renewed() -> Catalog {
    catalog.registry == state.registry
      ? catalog.with(state.erasures, state.horizons)
      : catalog.with(state.registry, state.erasures, state.horizons)
  }

  private mutating func applyEvent(
    _ body: RawSpan, _ lsn: LSN, hash: UInt64, _ time: WallTime
  ) throws(RecordFault) {
    let event = try EventView(body, appendTime: time)
    guard let view = catalog[event.viewVersion] else { throw .unknownView(event.viewVersion) }
    do throws(EventError) {
      let row = try event.row(lsn, layout: view.layout)
      state.note(eventOf: event.viewVersion, eventTime: event.eventTime, lsn: lsn, time: time)
      // An event that says nothing of any feature makes no row.
      if row.greatestLSN == .none { return }
      try Self.apply(event, row, lsn, view, hash: hash, to: &overlay, &key)
    } catch {
      throw .event(error)
    }
  }

  private static func apply(
    _ event: EventView, _ row: RowView, _ lsn: LSN, _ view: CatalogView, hash: UInt64,
    to overlay: inout OverlayWriter, _ key: inout IndexKey
  ) throws(EventError) {
    key.set(
      project: view.project.rawValue, entity: view.entity.rawValue, key: event.key, view: view.id.rawValue)
    let hash = hash == 0 ? overlay.hash(of: key.bytes) : hash
    try overlay.apply(key: key.bytes, hash: hash, lsn: lsn) {
      (known: RawSpan?, writer: inout ByteWriter) throws(EventError) in
      guard let known else {
        row.write(into: &writer)
        return .write
      }
      return try fold(known, row, view.layout, &writer)
    }
  }

  private static func fold(
    _ known: RawSpan, _ row: RowView, _ layout: borrowing RowLayout, _ writer: inout ByteWriter
  ) throws(EventError) -> OverlayOutcome {
    do throws(RowError) {
      switch Fold.fold(try RowView(known, layout: layout), row, layout: layout, into: &writer) {
      case .unchanged: return .unchanged
      case .written: return .write
      }
    } catch {
      throw .row(error)
    }
  }
}

extension RecordFault {
  /// Whether a sound record may be refused so where definitions, producers or letters before it are lost.
  var mayFollowFromLoss: Bool {
    switch self {
    case .event, .registry, .unknownView, .contradicts: true
    case .unknownKind, .unknownOperation, .cut, .notZero, .trailing, .notText, .recordCount: false
    }
  }
}

extension EventView {
  @_lifetime(copy body)
  fileprivate init(_ body: RawSpan, appendTime: WallTime) throws(RecordFault) {
    do throws(EventError) {
      self = try EventView(body, appendNanoseconds: appendTime.nanoseconds)
    } catch {
      throw .event(error)
    }
  }
}
