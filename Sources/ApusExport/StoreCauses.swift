// Why a cell differs, by the store: both sets are made again where they differ, and so is the older set's question of the newer set's snapshot, which
// tells what time changed from what the asking changed. Differences.md has the order in which causes are asked for.

import ApusBytes
import ApusColumnar
import ApusContracts
package import ApusStore
package import ApusSystem

/// Used by one thread.
package final class StoreCauses: DiffCauses {
  /// The set of the lower LSN, and the other one. Of two of one LSN, A is the older.
  private let older: DiffMaking
  private let newer: DiffMaking
  private let olderSide: DiffSide
  private let newerSide: DiffSide
  /// The older set's question of the newer snapshot; nil where its definitions do not know what is asked for.
  private let between: DiffMaking?
  private let isSwapped: Bool
  private let shared: [SetDiff.Shared]
  private let kinds: [ExportColumnKind]
  /// Whether anything but the moment was asked otherwise.
  private let isAskedOtherwise: Bool
  private let memory: Int
  private let scratch: ScratchFiles

  /// `question`: what either set was asked by, in the newer snapshot's definitions; nil where they do not know it.
  package init(
    _ a: DiffSide, _ makingA: DiffMaking, _ b: DiffSide, _ makingB: DiffMaking, isAskedOtherwise: Bool,
    memory: Int, scratch: ScratchFiles, question: (_ isOfA: Bool, Catalog) -> PreparedVector?
  ) {
    isSwapped = makingB.snapshot.lsn < makingA.snapshot.lsn
    (older, newer) = isSwapped ? (makingB, makingA) : (makingA, makingB)
    (olderSide, newerSide) = isSwapped ? (b, a) : (a, b)
    let vector = question(!isSwapped, newer.snapshot.catalog)
    let (from, to) = (older, newer)
    between = vector.map { from.asked(to.snapshot, $0) }
    shared = SetDiff.shared(a, b).shared
    kinds = SetDiff.kinds(a, b)
    self.isAskedOtherwise = isAskedOtherwise
    self.memory = memory
    self.scratch = scratch
  }

  /// What is decided of a cell before its event is known.
  private enum Verdict {
    case cause(DiffCause)
    case event(EventWanted, older: Int64?)
  }

  package func causes(of block: DiffBlock) throws(DiffError) -> [[(DiffCause, DiffEvent?)?]] {
    let (rowsOlder, rowsNewer) = isSwapped ? (block.b, block.a) : (block.a, block.b)
    let madeOlder = try older.make(olderSide, rowsOlder, scratch)
    let madeNewer = try newer.make(newerSide, rowsNewer, scratch)
    let madeBetween = try between?.make(olderSide, rowsOlder, scratch)
    let keysOlder = try older.keys(olderSide, rowsOlder)
    let keysNewer = try newer.keys(newerSide, rowsNewer)
    let features = shared.map { Feature($0, isSwapped, self) }
    var verdicts: [[Verdict?]] = []
    var wanted: Set<EventWanted> = []
    for row in 0..<block.count {
      var own: [Verdict?] = Array(repeating: nil, count: shared.count)
      for (place, feature) in features.enumerated() where block.differs[row][place] {
        guard let feature else {
          own[place] = .cause(.unexplained)
          continue
        }
        let cell = Cell(
          row: row, feature: feature, kinds: kinds, rowsOlder: rowsOlder, rowsNewer: rowsNewer,
          madeOlder: madeOlder, madeNewer: madeNewer, madeBetween: madeBetween)
        let verdict = verdict(cell, keysOlder[row], keysNewer[row])
        if case .event(let event, _) = verdict { wanted.insert(event) }
        own[place] = verdict
      }
      verdicts.append(own)
    }
    let events: [EventWanted: DiffEvent]
    do throws(ExportError) {
      events = try EventFinder(newer.snapshot, memory: memory / 4, scratch).find(wanted)
    } catch {
      throw .store(error)
    }
    return verdicts.map { row in
      row.map { verdict in
        switch verdict {
        case nil: nil
        case .cause(let cause): (cause, nil)
        case .event(let wanted, let olderTime): Self.cause(events[wanted], olderTime)
        }
      }
    }
  }

  /// By the event that won in the newer snapshot and is not in the older.
  private static func cause(_ event: DiffEvent?, _ olderTime: Int64?) -> (DiffCause, DiffEvent?) {
    guard let event else { return (.unexplained, nil) }
    if event.isDelete { return (.delete, event) }
    if event.eventTime == olderTime { return (.correction, event) }
    let isBackfill = event.isKnownAtAssumed || event.knownAt < event.appendedAt
    return (isBackfill ? .backfill : .late, event)
  }

  // MARK: A cell

  private func verdict(_ cell: Cell, _ keysOlder: [[UInt8]], _ keysNewer: [[UInt8]]) -> Verdict {
    let feature = cell.feature
    let isOlderFaithful = cell.isOlderFaithful
    let isNewerFaithful = cell.isNewerFaithful
    if !isOlderFaithful || !isNewerFaithful {
      if !isOlderFaithful, isErased(older, feature.older, keysOlder) { return .cause(.erase) }
      if !isNewerFaithful, isErased(newer, feature.newer, keysNewer) { return .cause(.erase) }
    }
    if cell.isBeyondHistory { return .cause(.horizon) }
    if !isOlderFaithful || !isNewerFaithful {
      let isLoss = !older.hasSameLosses || !newer.hasSameLosses
      return .cause(isLoss ? .loss : .unexplained)
    }
    guard let between, let made = cell.madeBetween, let place = feature.between else {
      return .cause(.definition)
    }
    let source = Source(older, feature.older)
    if source != Source(newer, feature.newer) || source != Source(between, place) {
      return .cause(.definition)
    }
    let (defined, redefined) = (Definition(older, feature.older), Definition(between, place))
    if defined.isRemoved != redefined.isRemoved { return .cause(.definition) }
    if cell.isOlderBetween { return .cause(isAskedOtherwise ? .options : .unexplained) }
    let before = cell.madeOlder.winner(cell.row, feature.older)
    let after = made.winner(cell.row, place)
    if before == after {
      // Something was said, and nothing of it is seen.
      if after == nil, made.reason(cell.row, place) == .notYetKnown { return .cause(.late) }
      return .cause(defined != redefined ? .definition : .unexplained)
    }
    let group = between.vector.groups[between.vector.columns[place].group]
    guard let after, after > older.snapshot.lsn, group.role < keysOlder.count else {
      return .cause(.unexplained)
    }
    return .event(
      EventWanted(view: group.view, key: keysOlder[group.role], lsn: after),
      older: before == nil ? nil : cell.madeOlder.eventTime(cell.row, feature.older))
  }

  /// Whether the key was erased after the set was made.
  private func isErased(_ making: DiffMaking, _ feature: Int, _ keys: [[UInt8]]) -> Bool {
    let group = making.vector.groups[making.vector.columns[feature].group]
    guard group.role < keys.count, !keys[group.role].isEmpty,
      let view = making.snapshot.catalog[group.view]
    else { return false }
    let key = keys[group.role]
    guard let erase = making.snapshot.erasures.erase(of: unsafe key.span.bytes, in: view) else {
      return false
    }
    return erase.floor > making.erasures
  }

  /// Where a feature's values come from.
  private struct Source: Equatable {
    let view: ViewVersionID
    let feature: FeatureIndex
    let filling: Value?
    let keys: [PreparedVector.RequestedKey]

    init(_ making: DiffMaking, _ place: Int) {
      let column = making.vector.columns[place]
      let group = making.vector.groups[column.group]
      view = group.view
      feature = column.feature
      filling = column.filling
      keys = making.vector.roles[group.role].keys
    }
  }

  /// What a view's definition says of a feature's cells.
  private struct Definition: Equatable {
    let ttlNanoseconds: Int64?
    let isRemoved: Bool

    init(_ making: DiffMaking, _ place: Int) {
      let column = making.vector.columns[place]
      let view = making.snapshot.catalog[making.vector.groups[column.group].view]
      ttlNanoseconds = view?.ttlNanoseconds
      isRemoved = view?.isRemoved(column.feature) ?? true
    }
  }

  /// A feature that both sets have, by its places.
  private struct Feature {
    let rowsOlder: [Int]
    let rowsNewer: [Int]
    let older: Int
    let newer: Int
    let between: Int?

    /// Nil where a set's question knows nothing of it.
    init?(_ shared: SetDiff.Shared, _ isSwapped: Bool, _ causes: StoreCauses) {
      (rowsOlder, rowsNewer) = isSwapped ? (shared.b, shared.a) : (shared.a, shared.b)
      func place(_ making: DiffMaking?) -> Int? {
        making?.vector.columns.firstIndex { $0.name == shared.name }
      }
      guard let older = place(causes.older), let newer = place(causes.newer) else { return nil }
      self.older = older
      self.newer = newer
      between = place(causes.between)
    }
  }

  /// A cell in both sets, and as it is made again.
  private struct Cell {
    let row: Int
    let feature: Feature
    let kinds: [ExportColumnKind]
    let rowsOlder: [Column]
    let rowsNewer: [Column]
    let madeOlder: DiffMade
    let madeNewer: DiffMade
    let madeBetween: DiffMade?

    /// Whether a set has what is made again: the value, and of kinds those that are compared.
    private func isSame(_ rows: [Column], _ places: [Int], _ made: DiffMade, _ place: Int) -> Bool {
      let columns = [made.value(place)] + kinds.map { made.kind($0, place) }
      return zip(places, columns).allSatisfy { own, other in
        rows[own].type == other.type && rows[own].says(row, theSameAs: other, row)
      }
    }

    var isOlderFaithful: Bool { isSame(rowsOlder, feature.rowsOlder, madeOlder, feature.older) }
    var isNewerFaithful: Bool { isSame(rowsNewer, feature.rowsNewer, madeNewer, feature.newer) }

    /// Whether the older set would have the same, had it been made at the newer one's LSN.
    var isOlderBetween: Bool {
      guard let madeBetween, let place = feature.between else { return false }
      return isSame(rowsOlder, feature.rowsOlder, madeBetween, place)
    }

    var isBeyondHistory: Bool {
      madeOlder.reason(row, feature.older) == .beyondHistory
        || madeNewer.reason(row, feature.newer) == .beyondHistory
        || feature.between.map { madeBetween?.reason(row, $0) == .beyondHistory } ?? false
    }
  }
}
