// Everything that was said up to one LSN, held: while a snapshot exists no file that it reads goes, so whoever reads it twice reads the same.
// Definitions are those of the LSN; erasures and horizons are those of now, since both hide what they hide at every moment.

package import ApusBytes
package import ApusContracts
package import ApusHistory
import ApusLog
package import ApusSystem

/// Up to where a snapshot reaches.
package enum SnapshotPoint: Equatable, Sendable {
  case newest
  case lsn(LSN)
  /// The last LSN that was appended by a moment.
  case time(WallTime)
}

/// Any thread may read it.
package final class Snapshot: Sendable {
  /// The last LSN that is in it.
  package let lsn: LSN
  /// The definitions as of the LSN.
  package let catalog: Catalog
  /// The store and the timeline that the LSN is of, 16 bytes each.
  package let storeID: [UInt8]
  package let timeline: [UInt8]
  /// Records up to the LSN whose loss a person accepted: what they said is not in it.
  package let losses: [LSNRange]
  private let newest: PastState
  private let log: LogReader
  private let history: HistoryView
  private let runs: any RunFiles

  init(_ store: Store, _ point: SnapshotPoint) throws(StoreError) {
    // Held first, then asked for the horizons: else a merge in between could let go of what they do not tell of.
    history = HistoryView(store.log, store.options.runs)
    newest = try store.pastState()
    log = store.log
    runs = store.options.runs
    let view = history.view
    // A power cut may take what is not durable, and with it a training set's right to exist.
    let last = min(newest.visible, view.durable)
    switch point {
    case .newest: lsn = last
    case .lsn(let wanted):
      guard wanted <= last else { throw .notYet(wanted, visible: last) }
      lsn = wanted
    case .time(let time): lsn = try Self.last(appendedBy: time, through: last, history, store.log)
    }
    storeID = view.storeID.bytes
    timeline = view.timeline.bytes
    let reach = lsn
    losses = view.accepted.ranges.filter { $0.first <= reach }
    catalog = try Self.catalog(asOf: reach, newest)
    if case .lsn = point, reach > .none, let lost = try loss(at: reach) { throw .lsnLost(reach, lost) }
  }

  private static func catalog(asOf lsn: LSN, _ newest: PastState) throws(StoreError) -> Catalog {
    guard let last = newest.state.definitions.last, last.lsn > lsn else { return newest.catalog }
    do throws(RecordFault) { return try newest.state.catalog(asOf: lsn, number: 0) } catch {
      throw .recordUnreadable(lsn, error)
    }
  }

  /// The definitions as of an LSN of this snapshot.
  package func catalog(asOf lsn: LSN) throws(StoreError) -> Catalog { try Self.catalog(asOf: lsn, newest) }

  /// The LSNs at which definitions changed, ascending; of several changes in one record each counts.
  package var definitionLSNs: [LSN] { newest.state.definitions.map(\.lsn).filter { $0 <= lsn } }

  package var erasures: Erasures { newest.state.erasures }
  /// The last erasure: with an LSN it says what is hidden. *None* before the first.
  package var erasureEpoch: LSN {
    newest.state.erasures.listed.reduce(LSN.none) { max($0, $1.erase.floor) }
  }
  package func horizon(of view: ViewVersionID) -> Horizon? { newest.state.horizons[view] }

  /// The LSNs around one that no record has; nil when a record has it.
  package func loss(at lsn: LSN) throws(StoreError) -> LSNRange? {
    lsn < history.floor ? try history.loss(atPacked: lsn) : history.view.loss(at: lsn)
  }

  /// The first of some ascending LSNs that no record has, and the LSNs around it. Looks at each ledger once at most.
  package func firstLost(among lsns: [LSN]) throws(StoreError) -> (LSN, LSNRange)? {
    let floor = history.floor
    for lsn in lsns where lsn >= floor {
      if let lost = history.view.loss(at: lsn) { return (lsn, lost) }
    }
    var wanted = lsns.filter { $0 < floor && $0 > .none }[...]
    for record in history.ledgers {
      guard let last = record.covered?.lsns.last, let first = wanted.first, first <= last else { continue }
      var missing: LSN?
      let reader = try history.ledger(record)
      do throws(HistoryError) {
        try reader.forEachFrame { lsns, _ in
          while missing == nil, let next = wanted.first, next <= lsns.last {
            if lsns.contains(next), history.view.accepted.range(of: next) == nil {
              wanted.removeFirst()
            } else {
              missing = next
            }
          }
          return missing == nil && !wanted.isEmpty
        }
      } catch {
        throw .history(error)
      }
      if missing == nil, let next = wanted.first, next <= last { missing = next }
      if let missing { return (missing, try loss(at: missing) ?? LSNRange(missing, through: missing)) }
    }
    if let next = wanted.first { return (next, LSNRange(next, through: next)) }
    return nil
  }

  // MARK: Moments

  private static func last(
    appendedBy moment: WallTime, through end: LSN, _ history: HistoryView, _ log: LogReader
  ) throws(StoreError) -> LSN {
    var last = LSN.none
    var isBeyond = false
    for record in history.ledgers where !isBeyond {
      let reader = try history.ledger(record)
      do throws(HistoryError) {
        try reader.forEachFrame { lsns, nanoseconds in
          isBeyond = nanoseconds > moment.nanoseconds || lsns.last > end
          if !isBeyond { last = lsns.last }
          return !isBeyond
        }
      } catch {
        throw .history(error)
      }
    }
    if isBeyond { return last }
    do throws(LogError) {
      var scanner = try log.scan(from: history.floor)
      while let frame = try scanner.next(), frame.lsns.last <= end {
        guard frame.appendTime.nanoseconds <= moment.nanoseconds else { break }
        if frame.type.takesLSN { last = frame.lsns.last }
      }
    } catch {
      throw .log(error)
    }
    return last
  }

  /// When the last record that it has was appended; nil when there is none.
  package func moment() throws(StoreError) -> WallTime? {
    var moment: WallTime?
    if lsn >= history.floor {
      do throws(LogError) {
        var scanner = try log.scan(from: history.floor)
        while let frame = try scanner.next(), frame.lsns.first <= lsn {
          if frame.type.takesLSN { moment = frame.appendTime }
        }
      } catch {
        throw .log(error)
      }
    }
    for record in history.ledgers.reversed() where moment == nil {
      if let covered = record.covered?.lsns, covered.first > lsn { continue }
      let reader = try history.ledger(record)
      let end = lsn
      do throws(HistoryError) {
        try reader.forEachFrame { lsns, nanoseconds in
          if lsns.first <= end { moment = WallTime(nanoseconds: nanoseconds) }
          return lsns.first <= end
        }
      } catch {
        throw .history(error)
      }
    }
    return moment
  }

  /// When each of some ascending LSNs was appended; one that no frame has is not among them. Looks at each ledger once at most.
  package func appendTimes(of lsns: [LSN]) throws(StoreError) -> [LSN: WallTime] {
    var found: [LSN: WallTime] = [:]
    var wanted = lsns[...]
    func take(_ frame: LSNRange, _ nanoseconds: Int64) {
      while let next = wanted.first, next <= frame.last {
        wanted.removeFirst()
        if next >= frame.first { found[next] = WallTime(nanoseconds: nanoseconds) }
      }
    }
    for record in history.ledgers {
      guard let last = record.covered?.lsns.last, let first = wanted.first, first <= last else { continue }
      let reader = try history.ledger(record)
      do throws(HistoryError) {
        try reader.forEachFrame { lsns, nanoseconds in
          take(lsns, nanoseconds)
          return !wanted.isEmpty
        }
      } catch {
        throw .history(error)
      }
    }
    guard let first = wanted.first else { return found }
    do throws(LogError) {
      var scanner = try log.scan(from: max(first, history.floor))
      while !wanted.isEmpty, let frame = try scanner.next(), frame.lsns.first <= lsn {
        if frame.type.takesLSN { take(frame.lsns, frame.appendTime.nanoseconds) }
      }
    } catch {
      throw .log(error)
    }
    return found
  }

  // MARK: Events

  /// All events of these view versions, as runs, oldest range first: those that history has, and what the log still holds, sorted into
  /// files of `scratch` with no more than `memory` bytes in hand. Events behind the LSN may be among them; erased ones, too.
  package func runs(
    of views: [ViewVersionID], scratch: ScratchFiles, memory: Int
  ) throws(StoreError) -> [ViewVersionID: [RunReader]] {
    var found: [ViewVersionID: [RunReader]] = [:]
    var subjects: [ViewVersionID: RunSubject] = [:]
    for view in views {
      guard let subject = RunSubject(view, in: newest.state.registry) else {
        throw .unknownView(VersionedName(name: "\(view)"), project: "")
      }
      subjects[view] = subject
      found[view] = []
      for record in history.view.runs[view] ?? [] where record.first <= lsn {
        found[view]?.append(try history.reader(record, subject))
      }
    }
    guard lsn >= history.floor else { return found }
    var tail = SnapshotTail(
      subjects, history.floor, through: lsn, store: storeID, runs, scratch, memory: memory)
    try tail.gather(log)
    for (view, readers) in tail.readers { found[view, default: []] += readers }
    return found
  }
}

extension Store {
  /// Holds a snapshot. It waits for the appender, and may read files: no loop may do it.
  package func snapshot(_ point: SnapshotPoint = .newest) throws(StoreError) -> Snapshot {
    if health.isClosed { throw .closed }
    return try Snapshot(self, point)
  }
}

extension HistoryView {
  func reader(_ record: FileRecord, _ subject: RunSubject) throws(StoreError) -> RunReader {
    guard let runs else { throw .log(.unsupported(path: view.folder.at(record.name), what: "runs")) }
    let path = view.folder.at(record.name)
    do throws(HistoryError) {
      let attributes = try RunAttributes(unsafe record.attributes.span.bytes, path: path)
      return try runs.reader(
        of: subject, first: record.first, attributes, as: fileID(record), in: open(path))
    } catch {
      throw .history(error)
    }
  }
}
