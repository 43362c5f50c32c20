// Before records are given up for good, what of them the index alone still says is written into the log again: as events with the times they
// had, known from the first moment at which they certainly were. So the newest rows stay what they are, whatever is made anew afterwards.
//
// Doing it twice does nothing the second time: the new events win, by their LSNs, and no row rests on a lost record any more.

import ApusBytes
import ApusContracts
import ApusHistory
import ApusIndex
import ApusLog
import ApusSystem

/// What was written again.
package struct Rescue: Equatable, Sendable {
  package var rows: UInt64 = 0
  package var events: UInt64 = 0

  package init(rows: UInt64 = 0, events: UInt64 = 0) {
    self.rows = rows
    self.events = events
  }
}

extension Store {
  /// Writes again what only the index has of these records.
  func rescue(_ lost: LostRecords) throws(StoreError) -> Rescue {
    // Everything that is visible is in the index then, and what is written again meets no tie that it does not know.
    try checkpoint()
    guard let index = shared.newest.1.index else { throw .rebuilding }
    let times = try AppendTimes(of: lost, log, options.runs)
    let now = shared.clock.wall()
    var rescue = Rescue()
    var waiting = ByteWriter()
    var count = 0
    var written = 0
    try lost.forEachWin(in: index, catalog) { (wins) throws(StoreError) in
      rescue.rows += 1
      for event in wins.events {
        rescue.events += 1
        event.write(wins, knownAt: times.knownAt(event.stamp.lsn, wins.view.id, now), into: &waiting)
        count += 1
      }
      guard count >= Self.rescuedMax || waiting.count >= Self.rescuedByteCountMax else { return }
      written += waiting.count
      try append(&waiting, &count)
      guard written >= options.generationByteCount / 4 else { return }
      written = 0
      try checkpoint()
    }
    try append(&waiting, &count)
    return rescue
  }

  private func append(_ waiting: inout ByteWriter, _ count: inout Int) throws(StoreError) {
    guard count > 0 else { return }
    let (bytes, events) = (waiting.bytes.copied(), count)
    waiting.removeAll()
    count = 0
    _ = try writing().perform { (core) throws(StoreError) in
      try core.checkRoom(for: bytes.count)
      return try core.write(recordCount: events, at: try core.moment()) { $0.write(bytes) }
    }
  }

  private static let rescuedMax = 4_096
  private static let rescuedByteCountMax = 1 << 20
}

/// When lost records were appended at the latest: as the ledgers say, or the first frame behind them that is left.
private struct AppendTimes {
  private let frames: [(lsns: LSNRange, nanoseconds: Int64)]
  private let runs: [LostRecords.Run]

  init(of lost: LostRecords, _ log: LogReader, _ runs: any RunFiles) throws(StoreError) {
    self.runs = lost.runs
    var frames: [(lsns: LSNRange, nanoseconds: Int64)] = []
    let history = HistoryView(log, runs)
    for record in history.ledgers {
      guard let lsns = record.covered?.lsns,
        lost.runs.contains(where: { $0.lsns.first <= lsns.last && lsns.first <= $0.lsns.last })
      else { continue }
      // Where the ledger is lost, too, the run's greatest moment does.
      guard let ledger = try? history.ledger(record) else { continue }
      var own: [(lsns: LSNRange, nanoseconds: Int64)] = []
      let isRead: Void? = try? ledger.forEachFrame { lsns, nanoseconds in
        own.append((lsns, nanoseconds))
        return true
      }
      if isRead != nil { frames += own }
    }
    for range in lost.log.ranges where range.last >= log.view.floor {
      if let behind = try Self.frame(behind: range.last, log) {
        frames.append((LSNRange(range.first, through: range.last), behind))
      }
    }
    self.frames = frames.sorted { $0.lsns.first < $1.lsns.first }
  }

  private static func frame(behind lsn: LSN, _ log: LogReader) throws(StoreError) -> Int64? {
    do throws(LogError) {
      var scanner = try log.scan(from: lsn.next)
      return try scanner.next()?.appendTime.nanoseconds
    } catch {
      if case .damaged = error { return nil }
      throw .log(error)
    }
  }

  /// Never later than now, and now when nothing else is known.
  func knownAt(_ lsn: LSN, _ view: ViewVersionID, _ now: WallTime) -> KnownAt {
    var low = 0
    var high = frames.count
    while low < high {
      let middle = (low + high) / 2
      if frames[middle].lsns.last < lsn { low = middle + 1 } else { high = middle }
    }
    var found = now.nanoseconds
    if low < frames.count, frames[low].lsns.contains(lsn) {
      found = frames[low].nanoseconds
    } else if let run = runs.first(where: { $0.view == view && $0.lsns.contains(lsn) }) {
      found = run.knownBy.nanoseconds
    }
    return KnownAt(nanoseconds: min(found, now.nanoseconds))
  }
}
