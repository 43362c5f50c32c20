// A view version with a `history` gets a horizon before its runs are merged: a logged record, so that it stands for everybody and after every
// restart, whether the data is still there or not.

import ApusBytes
import ApusContracts
import ApusHistory
import ApusLog
import ApusSystem

extension CompactionWork {
  /// The horizon under which the runs of a view version are merged: raised if it is time, else the one that stands.
  func horizon(of view: ViewVersionID) throws(StoreError) -> Horizon? {
    struct Standing: Sendable {
      var horizon: Horizon?
      var settings: ViewSettings?
      var pins: Pins
    }
    let standing = try appender.perform { (core) throws(StoreError) in
      let state = core.applier.state
      return Standing(
        horizon: state.horizons[view], settings: state.registry[view]?.settings, pins: state.pins)
    }
    let before = standing.horizon
    guard let settings = standing.settings,
      let moment = Self.moment(settings.history, at: shared.clock.wall())
    else { return before }
    if let before, moment.nanoseconds &- before.moment.nanoseconds < Self.dayNanoseconds { return before }
    var raised = Horizon(moment: moment, through: try lastLSN(appendedBy: moment), oldest: nil)
    if let before { raised.through = max(raised.through, before.through) }
    if let lateness = settings.maxLateness?.nanoseconds {
      let (oldest, overflow) = moment.nanoseconds.subtractingReportingOverflow(lateness)
      let found = EventTime(nanoseconds: overflow ? .min : oldest)
      raised.oldest = max(found, before?.oldest ?? found)
    }
    guard raised.through > .none, standing.pins.allow(raised) else { return before }
    let horizon = raised
    return try appender.perform { (core) throws(StoreError) in
      // Where the clock is in doubt, or the disk full, the old one does for now; and a pin may have come meanwhile.
      guard core.applier.state.pins.allow(horizon), let now = try? core.moment(),
        (try? core.write(recordCount: 1, at: now) { $0.writeHorizon(view, horizon) }) != nil
      else { return before }
      return horizon
    }
  }

  /// H; nil for a history that is kept for ever.
  private static func moment(_ history: History, at now: WallTime) -> KnownAt? {
    switch history {
    case .forever: return nil
    case .none: return KnownAt(nanoseconds: now.nanoseconds)
    case .lasting(let period):
      let (moment, overflow) = now.nanoseconds.subtractingReportingOverflow(period.nanoseconds)
      return overflow ? nil : KnownAt(nanoseconds: moment)
    }
  }

  /// F, as far as ledgers tell: the last LSN of the longest prefix of the log that was appended by a moment.
  private func lastLSN(appendedBy moment: KnownAt) throws(StoreError) -> LSN {
    let history = HistoryView(log, runs)
    var last = LSN.none
    for record in history.ledgers {
      var isBeyond = false
      let reader = try history.ledger(record)
      do throws(HistoryError) {
        try reader.forEachFrame { lsns, nanoseconds in
          isBeyond = nanoseconds > moment.nanoseconds
          if !isBeyond { last = lsns.last }
          return !isBeyond
        }
      } catch {
        throw .history(error)
      }
      if isBeyond { break }
    }
    return last
  }

  private static let dayNanoseconds: Int64 = 86_400_000_000_000
}
