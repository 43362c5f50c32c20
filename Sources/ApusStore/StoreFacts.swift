// What a store has, at one moment, for those who show it: the same of a folder that nobody has open and of a store that
// serves. Of a folder, nobody else opens it for as long as its facts are kept.

package import ApusBytes
package import ApusContracts
import ApusHistory
import ApusIndex
package import ApusLog
package import ApusSystem

package struct StoreFacts {
  package let folder: String
  package let storeID: StoreID
  package let timeline: TimelineID
  /// The log itself, for those who search it.
  package let log: LogReader
  package let index: IndexFacts
  package let state: StoreState
  package let catalog: Catalog
  /// The last record that the log has, or that is shown.
  package let last: LSN
  /// Nil when there is none.
  package let lastAppend: WallTime?
  /// What keeps the store read-only until a person accepts it.
  package let losses: [LSNRange]
  /// Records that the log has lost and that nobody accepted as lost, whose last word the index holds: the newest rows lack nothing, and the past
  /// cannot be read.
  package var held: [LSNRange] { log.view.standing(beside: losses) }
  /// Files of history that were not there when it was opened, or looked at.
  package let missing: [String]
  /// Whether a server has it open: then the index is behind by what the overlay has.
  package var isOpen: Bool { holding == nil }
  /// Records behind the index's *complete*.
  package let tail: UInt64
  /// Within what time the store erases for good; nil where only who opens the folder knows.
  package let eraseWithinNanoseconds: Int64?
  /// What keeps others from opening the folder.
  private let holding: StoreLook?

  /// Definitions as of an LSN; nil: now.
  package func catalog(asOf lsn: LSN?) throws(StoreError) -> Catalog {
    guard let lsn, let last = state.definitions.last, last.lsn > lsn else { return catalog }
    do throws(RecordFault) { return try state.catalog(asOf: lsn, number: 0) } catch {
      throw .recordUnreadable(lsn, error)
    }
  }

  fileprivate init(
    _ folder: String, _ log: LogReader, _ report: RecoveryReport, _ index: IndexFacts, _ state: StoreState,
    _ catalog: Catalog, last: LSN, lastAppend: WallTime?, losses: [LSNRange], tail: UInt64,
    eraseWithin: Int64? = nil, holding: StoreLook? = nil
  ) {
    eraseWithinNanoseconds = eraseWithin
    self.folder = folder
    self.log = log
    storeID = report.storeID
    timeline = report.timeline
    self.index = index
    self.state = state
    self.catalog = catalog
    self.last = last
    self.lastAppend = lastAppend
    self.losses = losses
    missing = report.missing
    self.tail = tail
    self.holding = holding
  }
}

/// How far back a view's history is read: its horizon.
package struct ViewReach: Equatable, Sendable {
  /// Reads by time need this moment or a later one.
  package let from: WallTime
  /// Reads at an LSN need this one or a later one.
  package let fromLSN: LSN
  /// Events that became true before are not taken any more; nil: all are.
  package let refusedBefore: WallTime?
}

extension StoreFacts {
  /// Nil where all that was ever said can be read.
  package func reach(of view: ViewVersionID) -> ViewReach? {
    state.horizons[view].map { horizon in
      ViewReach(
        from: WallTime(nanoseconds: horizon.moment.nanoseconds), fromLSN: horizon.through,
        refusedBefore: horizon.oldest.map { WallTime(nanoseconds: $0.nanoseconds) })
    }
  }
}

package struct IndexFacts: Sendable {
  package let verdict: IndexLook.Verdict
  package let epoch: UInt64?
  /// Everything up to here is in its rows.
  package let complete: LSN
  /// Bytes of its file that are used.
  package let byteCount: UInt64?
  /// Why it is being made again; nil when it is not.
  package let because: String?
  private let counts: [ViewVersionID: UInt64]?

  /// How many rows a view version has, deleted ones included; nil when that cannot be read.
  package func rows(of view: ViewVersionID) -> UInt64? { counts.map { $0[view] ?? 0 } }

  init(_ look: IndexLook, of catalog: Catalog) {
    verdict = look.verdict
    epoch = look.epoch
    complete = look.complete
    byteCount = look.byteCount
    because = nil
    counts = look.index.flatMap { Self.read($0, catalog)?.counts }
  }

  /// Of a store that is open; nil while the index is made again.
  init(of index: Index?, _ catalog: Catalog, _ rebuild: IndexRebuild?) {
    because = index == nil ? rebuild?.because : nil
    guard let index, let (complete, counts) = Self.read(index, catalog) else {
      (verdict, epoch, complete, byteCount, counts) = (.rebuilding, nil, .none, nil, nil)
      return
    }
    verdict = .usable
    epoch = index.epoch
    self.complete = complete
    byteCount = index.usedByteCount
    self.counts = counts
  }

  private static func read(
    _ index: Index, _ catalog: Catalog
  ) -> (complete: LSN, counts: [ViewVersionID: UInt64])? {
    do throws(IndexError) {
      var reader = try index.reader()
      try reader.renew()
      defer { reader.reset() }
      var counts: [ViewVersionID: UInt64] = [:]
      for version in catalog.registry.versions {
        counts[version.id] = try reader.tally(of: version.id.rawValue).count
      }
      return (reader.complete, counts)
    } catch {
      return nil
    }
  }
}

extension StoreLook {
  package var facts: StoreFacts {
    StoreFacts(
      folder, log.reader, log.report, IndexFacts(index, of: catalog), state, catalog, last: last,
      lastAppend: lastAppend, losses: losses, tail: tail, holding: self)
  }
}

extension LogView {
  /// What is lost besides what keeps the store read-only.
  fileprivate func standing(beside losses: [LSNRange]) -> [LSNRange] {
    let read = LSNRanges(losses)
    return standing.ranges.filter { !read.covers($0) }
  }
}

extension Store {
  /// As `StoreFacts.held`, without waiting for anybody.
  package var heldLosses: [LSNRange] { log.view.standing(beside: health.losses) }

  /// Waits for the appender to finish what it is at, and for nothing else.
  package func facts() throws(StoreError) -> StoreFacts {
    let moment: Moment
    if let frozenState {
      moment = Moment(state: frozenState, catalog: catalog, last: visible, lastAppend: nil)
    } else {
      moment = try writing().perform { (core) throws(StoreError) in
        Moment(
          state: core.applier.state, catalog: core.applier.catalog,
          last: core.shared.overlay.statistics.visible,
          lastAppend: core.log.lastAppendTime)
      }
    }
    let index = IndexFacts(
      of: shared.newest.1.index, moment.catalog, checkpointer.mailbox.withLock { $0.rebuilding })
    let views = moment.state.activity.listed.map(\.activity.lastAppendTime)
    let behind = moment.last > index.complete ? moment.last.rawValue - index.complete.rawValue : 0
    return StoreFacts(
      folder, log, report.log, index, moment.state, moment.catalog, last: moment.last,
      lastAppend: moment.lastAppend ?? views.max(), losses: health.losses, tail: behind,
      eraseWithin: options.eraseWithinNanoseconds)
  }

  private struct Moment: Sendable {
    let state: StoreState
    let catalog: Catalog
    let last: LSN
    let lastAppend: WallTime?
  }
}
