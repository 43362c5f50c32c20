// A view version with a `history` gets a horizon, a logged record, so that it stands for everybody and after every restart, whether the
// data is still there or not: once a day, and before its runs are merged.

import ApusBytes
import ApusContracts
import ApusHistory
import ApusLog
import ApusSystem

extension CompactionWork {
  /// Raises all horizons for which it is time, ends pins whose time is over, and gives F of those that stand. Unasked it looks once a minute.
  func horizons(isAsked: Bool) throws(StoreError) -> [ViewVersionID: LSN] {
    let now = shared.clock.monotonic()
    if !isAsked, let seen = horizonsSeen, now.nanoseconds &- seen.at.nanoseconds < Self.lookNanoseconds {
      return seen.standing
    }
    try unpinExpired()
    for view in log.view.runs.keys.sorted() { _ = try horizon(of: view) }
    let standing = try appender.perform { (core) throws(StoreError) in
      var standing: [ViewVersionID: LSN] = [:]
      for (view, horizon) in core.applier.state.horizons.listed { standing[view] = horizon.through }
      return standing
    }
    horizonsSeen = (now, standing)
    return standing
  }

  private func unpinExpired() throws(StoreError) {
    let wall = shared.clock.wall()
    try appender.perform { (core) throws(StoreError) in
      // A moment of the log is taken only for a record. Where the clock is in doubt, or the disk full, they stand a while longer.
      guard core.applier.state.pins.listed.contains(where: { $0.isExpired(at: wall) }),
        let now = try? core.moment()
      else { return }
      try? core.unpinExpired(at: now)
    }
  }

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
      let wanted = Horizon.moment(settings.history, at: shared.clock.wall())
    else { return before }
    var raised = standing.pins.lowered(
      Horizon(moment: wanted, through: LSN(.max), oldest: nil), of: view)
    let moment = raised.moment
    if let before {
      let (gained, overflow) = moment.nanoseconds.subtractingReportingOverflow(before.moment.nanoseconds)
      if !overflow, gained < Self.dayNanoseconds { return before }
    }
    let history = HistoryView(log, runs)
    let appended = try AppendedFrames(log, history).packed(by: WallTime(nanoseconds: moment.nanoseconds))
    raised.through = min(raised.through, appended.last)
    if let before { raised.through = max(raised.through, before.through) }
    if let lateness = settings.maxLateness?.nanoseconds {
      let (oldest, overflow) = moment.nanoseconds.subtractingReportingOverflow(lateness)
      let found = EventTime(nanoseconds: overflow ? .min : oldest)
      raised.oldest = max(found, before?.oldest ?? found)
    }
    guard raised.through > .none, standing.pins.allow(raised, of: view) else { return before }
    let horizon = raised
    return try appender.perform { (core) throws(StoreError) in
      // Where the clock is in doubt, or the disk full, the old one does for now; and a pin may have come meanwhile.
      guard core.applier.state.pins.allow(horizon, of: view), let now = try? core.moment(),
        (try? core.write(recordCount: 1, at: now) { $0.writeHorizon(view, horizon) }) != nil
      else { return before }
      return horizon
    }
  }

  private static let dayNanoseconds: Int64 = 86_400_000_000_000
  private static let lookNanoseconds: UInt64 = 60_000_000_000
}
