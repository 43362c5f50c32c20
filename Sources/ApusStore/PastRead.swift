// One read of the past, at one moment: events of the keys are looked for, those that are seen are folded by the one fold, and what
// comes out is judged as an online read judges it. So a GET that is repeated at its LSN and time gives the same cells.
//
// Erased events are not there at any moment, by the erasures of now. Definitions are those of the moment; a horizon above it refuses.

import ApusBytes
import ApusContracts
import ApusHistory
import ApusLog
import ApusSystem

/// Used by one thread. While it exists, nothing that it reads goes.
package final class PastRead {
  /// Of which LSN and time the answers are.
  package let moment: ReadMoment
  /// As of the moment.
  package let catalog: Catalog
  /// As of now: names are looked up in it.
  package var newestCatalog: Catalog { newest.catalog }
  let sight: Sight
  let newest: PastState
  let events: KeyEvents
  let log: LogReader
  private let asked: PastMoment
  private let shared: StoreShared

  init(_ store: Store, _ asked: PastMoment, _ newest: PastState) throws(StoreError) {
    self.asked = asked
    shared = store.shared
    log = store.log
    self.newest = newest
    let visible = newest.visible
    switch asked {
    case .newest:
      let now = ReadTime(nanoseconds: store.shared.clock.wall().nanoseconds)
      sight = Sight(.all, through: visible, at: now)
      catalog = newest.catalog
    case .known(let time):
      sight = Sight(.known, through: visible, at: time)
      catalog = newest.catalog
    case .lsn(let lsn, let time):
      guard lsn <= visible else { throw .notYet(lsn, visible: visible) }
      sight = Sight(.all, through: lsn, at: time)
      catalog = try Self.catalog(asOf: lsn, newest, store.past)
    }
    let health = store.health
    events = KeyEvents(
      store.log, store.options.runs, store.past, newest.state, through: sight.through, losing: health.losses)
    if case .lsn(let lsn, _) = asked, let lost = try events.loss(at: lsn) { throw .lsnLost(lsn, lost) }
    // What was written again of lost records is behind them: of the past something is missing for good.
    let isFlagged = health.isFlagged || LossShadow.falls(onPast: sight.through, of: store.log.view)
    moment = ReadMoment(
      lsn: sight.through, time: sight.time, isFlagged: isFlagged, catalogNumber: catalog.number)
  }

  static func catalog(
    asOf lsn: LSN, _ newest: PastState, _ cache: PastCache
  ) throws(StoreError) -> Catalog {
    let state = newest.state
    guard let last = state.definitions.last, last.lsn > lsn else { return newest.catalog }
    let changes = state.definitions.prefix { $0.lsn <= lsn }.count
    do throws(RecordFault) {
      return try cache.catalog(after: changes) { () throws(RecordFault) in
        try state.catalog(asOf: lsn, number: 0)
      }
    } catch {
      throw .recordUnreadable(lsn, error)
    }
  }

  // MARK: Rows

  /// Lends every cell of every row, judged, once and in no order.
  package func read(
    _ vector: PreparedVector, _ keys: borrowing RequestKeys,
    _ body: (_ row: Int, _ feature: PreparedVector.Feature, _ cell: FoundCell, _ value: RawSpan) -> Void
  ) throws(StoreError) {
    let known = try readNewest(vector, keys)
    for (place, cells) in known {
      for cell in cells {
        body(place / vector.groups.count, cell.feature, cell.cell, unsafe cell.value.span.bytes)
      }
    }
    try forEachGroup(vector, keys, but: Set(known.keys)) { (row, group, key) throws(StoreError) in
      try key.forEachCell(vector.groups[group].features) { body(row, $0, $1, $2) }
    }
  }

  private struct KnownCell {
    let feature: PreparedVector.Feature
    let cell: FoundCell
    let value: [UInt8]
  }

  /// Of a read at an LSN the rows in which nothing from behind it won anything: those are the same now, and no file need be looked at.
  /// By row and group. None, where the newest rows cannot be had.
  private func readNewest(
    _ vector: PreparedVector, _ keys: borrowing RequestKeys
  ) throws(StoreError) -> [Int: [KnownCell]] {
    guard case .lsn = asked else { return [:] }
    for group in vector.groups { try check(group.view) }
    var known: [Int: [KnownCell]] = [:]
    do throws(StoreError) {
      var reader = try StoreReader(of: shared)
      _ = try reader.read(vector, keys, minimum: sight.through) { row, group, found in
        guard found.row.greatestLSN <= sight.through, let view = catalog[vector.groups[group].view] else {
          return
        }
        let removed = view.removed
        let then = FoundRow(
          found.row, without: removed.span, at: sight.time, ttlNanoseconds: view.ttlNanoseconds,
          erasedThrough: found.erasedThrough.map { LSN($0) })
        known[row * vector.groups.count + group] = vector.groups[group].features.map { feature in
          KnownCell(feature: feature, cell: then.judge(feature), value: then.raw(feature).copied())
        }
      }
    } catch {
      // The log has everything.
      return [:]
    }
    return known
  }

  /// Rows in order, and in a row groups; but not those whose number, counted so, is among `done`.
  func forEachGroup(
    _ vector: PreparedVector, _ keys: borrowing RequestKeys, but done: Set<Int> = [],
    _ body: (_ row: Int, _ group: Int, _ key: PastKey) throws(StoreError) -> Void
  ) throws(StoreError) {
    keys.check(areFor: vector)
    for group in vector.groups { try check(group.view) }
    var wanted: [ViewKey] = []
    var places: [Int] = []
    for place in 0..<keys.count * vector.groups.count where !done.contains(place) {
      let group = vector.groups[place % vector.groups.count]
      let key = keys.key(row: place / vector.groups.count, role: group.role).copied()
      wanted.append(ViewKey(view: group.view, key: key))
      places.append(place)
    }
    if wanted.isEmpty { return }
    let found = try events.find(wanted)
    for (at, place) in places.enumerated() {
      let key = try PastKey(wanted[at], found[at], self)
      try body(place / vector.groups.count, place % vector.groups.count, key)
    }
  }

  /// That the view was there at the moment, and that its history reaches so far back.
  func check(_ id: ViewVersionID) throws(StoreError) {
    guard catalog[id] != nil else {
      throw .unknownView(
        VersionedName(spelling: newest.catalog[id]?.spelling ?? "") ?? VersionedName(name: "\(id)"),
        project: "")
    }
    guard let horizon = newest.state.horizons[id] else { return }
    let view = newest.catalog[id]?.spelling ?? "\(id)"
    switch asked {
    case .newest: break
    case .lsn(let lsn, _):
      guard lsn >= horizon.through else { throw .historyGone(lsn, view: view, from: horizon.through) }
    case .known(let time):
      guard time.nanoseconds >= horizon.moment.nanoseconds else {
        throw .beyondHistory(
          view: view, from: WallTime(nanoseconds: horizon.moment.nanoseconds))
      }
    }
  }
}

/// What there is of one key in one view version.
struct PastKey {
  /// As of the moment.
  let view: CatalogView
  /// As of now: every event is of it or of an older one.
  let layout: RowLayout
  let sight: Sight
  /// All that are there, seen or not, in no order.
  private(set) var events = EventBatch()
  let erasedThrough: LSN?
  private var row: [UInt8]

  init(_ key: ViewKey, _ found: EventBatch, _ read: PastRead) throws(StoreError) {
    guard let view = read.catalog[key.view], let newest = read.newest.catalog[key.view] else {
      throw .unknownView(VersionedName(name: "\(key.view)"), project: "")
    }
    self.view = view
    layout = newest.layout
    sight = read.sight
    erasedThrough = read.newest.state.erasures.erase(of: unsafe key.key.span.bytes, in: newest)?.floor
    let floor = erasedThrough ?? .none
    for place in 0..<found.count where found.head(place).lsn > floor { events.append(found.event(place)) }
    var fold = EventFold()
    do throws(HistoryError) {
      for place in 0..<events.count {
        let head = events.head(place)
        guard sight.sees(head.eventTime, head.knownAt) else { continue }
        try fold.take(EventPlace(events, place), layout)
      }
    } catch {
      throw .history(error)
    }
    var row: [UInt8] = []
    if fold.hasRow { _ = fold.writeRow(layout, into: &row) }
    self.row = row
  }

  /// Lends the winners, judged.
  func forEachCell(
    _ features: [PreparedVector.Feature],
    _ body: (PreparedVector.Feature, FoundCell, RawSpan) throws(StoreError) -> Void
  ) throws(StoreError) {
    let hidden = sight.line == .all ? nil : try explained()
    let removed = view.removed
    let bytes = row
    let found = FoundRow(
      try Self.view(unsafe bytes.span.bytes, layout), without: removed.span, at: sight.time,
      ttlNanoseconds: view.ttlNanoseconds, erasedThrough: erasedThrough)
    for feature in features {
      var cell = found.judge(feature)
      // What a view no longer has stays *deleted*, whatever is still to come.
      if cell.status == .notFound, cell.stamp == nil, cell.reason != .deleted,
        hidden?.hides(feature.slot.index) ?? false
      {
        cell = .notYetKnown
      }
      try body(feature, cell, found.raw(feature))
    }
  }

  @_lifetime(copy bytes)
  private static func view(_ bytes: RawSpan, _ layout: borrowing RowLayout) throws(StoreError) -> RowView {
    if bytes.isEmpty { return RowView() }
    do throws(RowError) { return try RowView(bytes, layout: layout) } catch {
      preconditionFailure("what a fold made is a row: \(error)")
    }
  }

  /// Who won, and who lost.
  func explained() throws(StoreError) -> PastFold {
    var fold = PastFold(sight, featureCount: layout.count)
    do throws(HistoryError) {
      for place in 0..<events.count {
        let (event, head) = (events.event(place), events.head(place))
        fold.take(
          try event.row(layout: layout), head.stamp, knownAt: head.knownAt, isDelete: head.isDelete,
          place: place)
      }
    } catch {
      throw .history(error)
    }
    return fold
  }

  /// Says nothing of a feature that the view had no more.
  func isRemoved(_ feature: PreparedVector.Feature) -> Bool {
    let word = feature.slot.index / 64
    return word < view.removed.count && view.removed[word] >> UInt64(feature.slot.index % 64) & 1 == 1
  }
}

extension FoundCell {
  static let notYetKnown = FoundCell(
    content: .unseen, status: .notFound, reason: .notYetKnown, stamp: nil, ageNanoseconds: nil)
}

extension KeyEvents {
  /// The lost LSNs around one; nil when a record has it.
  func loss(at lsn: LSN) throws(StoreError) -> LSNRange? {
    lsn < floor ? try history.loss(atPacked: lsn) : history.view.loss(at: lsn)
  }
}
