// When a read of the past looks, and what it is refused for. `newest` is here too, for those who want to know why the newest is what it is.

package import ApusBytes
package import ApusContracts
import ApusHistory
import ApusLog

package enum PastMoment: Equatable, Sendable {
  /// All that is visible now, under the definitions of now; ages as of now.
  case newest
  /// All events up to this LSN, under the definitions as of it; ages at the time given. Any LSN up to the newest visible one that a
  /// record has is a moment, also one inside of a frame: then the events behind it in that frame are not there.
  case lsn(LSN, at: ReadTime)
  /// What was known at a time, of all that is visible now, under the definitions of now.
  case known(by: ReadTime)
}

/// What of the store a read of the past rests on: the newest state, between two groups of requests.
struct PastState: Sendable {
  let state: StoreState
  let catalog: Catalog
  let visible: LSN
}

extension Store {
  /// Begins a read of the past. It waits for the appender, and reads files: no loop may do it.
  package func past(_ moment: PastMoment) throws(StoreError) -> PastRead {
    // Pinned first: what a merge lets go of from here on stays until the read has it, and what went before went under a horizon that the state has.
    let pin = log.pinHistory()
    defer { withExtendedLifetime(pin) {} }
    let newest = try pastState()
    if health.isClosed { throw .closed }
    return try PastRead(self, moment, newest)
  }

  /// Definitions as of an LSN, by which names of then are understood; of one that is not visible yet those of now. It waits for the
  /// appender, as `past` does.
  package func catalog(asOf lsn: LSN) throws(StoreError) -> Catalog {
    try PastRead.catalog(asOf: lsn, try pastState(), past)
  }

  /// The newest state, between two groups of requests.
  func pastState() throws(StoreError) -> PastState {
    if let frozenState {
      return PastState(state: frozenState, catalog: catalog, visible: visible)
    }
    return try writing().perform { (core) throws(StoreError) in
      PastState(
        state: core.applier.state, catalog: core.applier.catalog,
        visible: core.shared.overlay.statistics.visible)
    }
  }
}

extension Catalog {
  /// Refuses definitions of an LSN at which the project was not there yet.
  package func check(has project: String, at lsn: LSN?) throws(StoreError) {
    guard let lsn, registry.project(project) == nil else { return }
    throw lsn == .none
      ? .lsnLost(lsn, LSNRange(lsn, through: lsn)) : .nothingDefined(project: project, by: lsn)
  }
}

extension LogView {
  /// The LSNs of the range that holds one which no record has; nil for one that was written and is not lost.
  func loss(at lsn: LSN) -> LSNRange? {
    if let gap = gaps.first(where: { $0.contains(lsn) }) { return gap }
    for segment in segments where segment.record.first <= lsn {
      if let damage = segment.damages.first(where: { $0.lsns.contains(lsn) }) { return damage.lsns }
    }
    return accepted.range(of: lsn)
  }

  /// The last LSN up to this one that a record has, as far as the log says.
  func lastRecord(upTo lsn: LSN) -> LSN {
    var lsn = lsn
    while lsn > .none, let lost = lsn < floor ? accepted.range(of: lsn) : loss(at: lsn) {
      lsn = lost.first.previous
    }
    return lsn
  }
}

extension HistoryView {
  /// The same for one below the log's floor: there the ledgers know which frames there were.
  func loss(atPacked lsn: LSN) throws(StoreError) -> LSNRange? {
    if let lost = view.accepted.range(of: lsn) { return lost }
    guard let record = ledgers.first(where: { $0.covered?.lsns.contains(lsn) ?? false }) else { return nil }
    var isThere = false
    let ledger = try ledger(record)
    do throws(HistoryError) {
      try ledger.forEachFrame { lsns, _ in
        isThere = lsns.contains(lsn)
        return !isThere && lsns.last < lsn
      }
    } catch {
      throw .history(error)
    }
    return isThere ? nil : LSNRange(lsn, through: lsn)
  }
}
