// A pin keeps a moment readable: while it stands no horizon of its view versions rises above it, so nothing that a read at the moment
// would fold is let go of. It holds nothing else: packs and merges go on, and an erasure overrides it.
//
// What is pinned was readable when the record was written: the appender looks once more, since a horizon may rise at any time.

package import ApusBytes
package import ApusContracts
import ApusHistory
import ApusLog
package import ApusSystem

/// What is to be pinned, and for how long.
package struct PinWish: Equatable, Sendable {
  package enum Moment: Equatable, Sendable {
    /// All that is visible.
    case now
    /// What was there at an LSN; ages as of when it was appended.
    case lsn(LSN)
    /// What had been appended by a time; ages as of it.
    case time(WallTime)
  }

  package var name: String
  package var moment: Moment
  /// Empty: all view versions, also those to come.
  package var views: [ViewVersionID]
  package var note: String
  /// How long it stands; nil: until somebody lets go of it.
  package var period: Int64?

  package init(
    name: String, moment: Moment = .now, views: [ViewVersionID] = [], note: String = "", period: Int64? = nil
  ) {
    self.name = name
    self.moment = moment
    self.views = views
    self.note = note
    self.period = period
  }
}

extension Store {
  /// Keeps a moment readable. It reads files, and waits for the appender: no loop may do it.
  package func pin(_ wish: PinWish) throws(StoreError) -> Pin {
    guard Producers.isName(wish.name) else { throw .badPinName(wish.name) }
    guard wish.note.utf8.count <= StoreLimits.pinNoteByteCountMax else {
      throw .pinNoteTooLong(byteCount: wish.note.utf8.count, max: StoreLimits.pinNoteByteCountMax)
    }
    let writer = try writing()
    let found = try moment(wish.moment)
    return try writer.perform { (core) throws(StoreError) in try core.pin(wish, found) }
  }

  /// Lets go of a pin. What it held back goes with the next horizon.
  package func unpin(_ name: String) throws(StoreError) -> Pin {
    try writing().perform { (core) throws(StoreError) in
      guard let pin = core.applier.state.pins[name] else { throw .unknownPin(name) }
      _ = try core.write(recordCount: 1, at: try core.moment()) { $0.writeUnpin(pin.name) }
      return pin
    }
  }

  /// A read of the moment that a pin keeps.
  package func moment(ofPin name: String) throws(StoreError) -> PastMoment {
    guard let pin = try facts().state.pins[name] else { throw .unknownPin(name) }
    return .lsn(pin.last, at: ReadTime(nanoseconds: pin.moment.nanoseconds))
  }

  /// The LSN that is meant and when it was; nil for now. Below *visible* nothing of that changes any more.
  private func moment(_ wish: PinWish.Moment) throws(StoreError) -> (last: LSN, moment: WallTime)? {
    let visible = visible
    let history = HistoryView(log, options.runs)
    let frames = AppendedFrames(log, history)
    switch wish {
    case .now: return nil
    case .lsn(let lsn):
      guard lsn <= visible else { throw .notYet(lsn, visible: visible) }
      let lost = lsn < history.floor ? try history.loss(atPacked: lsn) : history.view.loss(at: lsn)
      if let lost { throw .lsnLost(lsn, lost) }
      guard let time = try frames.time(of: lsn) else { throw .lsnLost(lsn, LSNRange(lsn, through: lsn)) }
      return (lsn, time)
    case .time(let time):
      let now = shared.clock.wall()
      guard time <= now else { throw .momentAhead(time, now: now) }
      let last = try frames.last(by: time, through: visible)
      guard last > .none else { throw .nothingBy(time) }
      return (last, time)
    }
  }
}

extension AppenderCore {
  fileprivate func pin(_ wish: PinWish, _ found: (last: LSN, moment: WallTime)?) throws(StoreError) -> Pin {
    let now = try moment()
    try unpinExpired(at: now)
    let state = applier.state
    if let other = state.pins[wish.name] { throw .pinExists(other.name, last: other.last) }
    guard state.pins.count < StoreLimits.pinsMax else { throw .tooManyPins(max: StoreLimits.pinsMax) }
    let visible = shared.overlay.statistics.visible
    var pin = Pin(
      name: wish.name, last: found?.last ?? visible, moment: found?.moment ?? now.time, since: now.time,
      note: wish.note, views: Set(wish.views).sorted())
    if let period = wish.period {
      let (end, overflow) = now.time.nanoseconds.addingReportingOverflow(period)
      pin.expires = overflow ? nil : WallTime(nanoseconds: end)
    }
    for (view, horizon) in state.horizons.listed where !pin.allows(horizon, of: view) {
      let name = applier.catalog[view]?.spelling ?? "\(view)"
      guard horizon.through <= pin.last else {
        throw .historyGone(pin.last, view: name, from: horizon.through)
      }
      throw .beyondHistory(view: name, from: WallTime(nanoseconds: horizon.moment.nanoseconds))
    }
    let written = pin
    let frame = try write(recordCount: 1, at: now) { $0.writePin(written) }
    pin.since = frame.time
    return pin
  }

  /// Logs that pins have ended whose time is over. The state knows no clock, so until then they stand.
  func unpinExpired(at now: AppendMoment) throws(StoreError) {
    let expired = applier.state.pins.listed.filter { $0.isExpired(at: now.time) }.map(\.name)
    guard !expired.isEmpty else { return }
    _ = try write(recordCount: expired.count, at: now) { writer in
      for name in expired { writer.writeUnpin(name) }
    }
  }
}
