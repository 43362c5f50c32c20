// What a pin keeps from being let go of. It can only be bounded without reading runs, and from above: an event that came after the pin's
// LSN and that a horizon would settle by now is kept whole, and so may be one before it that a later one beats.

import ApusBytes
package import ApusContracts
import ApusHistory
import ApusLog
package import ApusSystem

/// A view version whose horizon a pin is in the way of.
package struct PinHold: Equatable, Sendable {
  package let view: ViewVersionID
  /// Where its horizon stands; nil where it has none yet.
  package let standing: WallTime?
  /// Where it would stand by the view's `history`.
  package let wanted: WallTime
  /// Runs that could be written smaller without the pin, at most so many, of so many events and bytes.
  package let runs: Int
  package let events: UInt64
  package let byteCount: UInt64
}

extension StoreFacts {
  /// What each pin holds back now, by the order of their names; nothing where its views keep all history, or are not that old. What lies in
  /// the log is not counted: no pin holds a segment.
  package func pinHolds(at now: WallTime) throws(StoreError) -> [(pin: Pin, holds: [PinHold])] {
    var told: [(pin: Pin, holds: [PinHold])] = []
    if state.pins.isEmpty { return told }
    let history = HistoryView(log, nil)
    let frames = AppendedFrames(log, history)
    // By view version; the moment and the LSN up to which its events would settle. Ledgers are read where some pin may be in the way.
    var wanted: [(view: ViewVersionID, moment: WallTime, through: LSN)] = []
    var settled: [WallTime: LSN] = [:]
    for version in state.registry.versions {
      guard let moment = Horizon.moment(version.settings.history, at: now) else { continue }
      let wall = WallTime(nanoseconds: moment.nanoseconds)
      guard state.pins.listed.contains(where: { $0.holds(version.id) && $0.moment < wall }) else { continue }
      let through: LSN
      if let known = settled[wall] { through = known } else { through = try frames.packed(by: wall).last }
      settled[wall] = through
      wanted.append((version.id, wall, through))
    }
    let runs = history.view.runs
    for pin in state.pins.listed {
      var holds: [PinHold] = []
      for (view, moment, through) in wanted
      where pin.holds(view) && pin.moment < moment && pin.last < through {
        let kept = (runs[view] ?? []).filter { record in
          record.first <= through && record.covered.map { $0.lsns.last > pin.last } ?? false
        }.compactMap { try? RunAttributes(unsafe $0.attributes.span.bytes, path: $0.name) }
        holds.append(
          PinHold(
            view: view,
            standing: state.horizons[view].map { WallTime(nanoseconds: $0.moment.nanoseconds) },
            wanted: moment, runs: kept.count, events: kept.reduce(0) { $0 &+ $1.events },
            byteCount: kept.reduce(0) { $0 &+ $1.size }))
      }
      told.append((pin, holds))
    }
    return told
  }
}

extension Horizon {
  /// The H that a setting asks for; nil for a history that is kept for ever.
  static func moment(_ history: History, at now: WallTime) -> KnownAt? {
    switch history {
    case .forever: return nil
    case .none: return KnownAt(nanoseconds: now.nanoseconds)
    case .lasting(let period):
      let (moment, overflow) = now.nanoseconds.subtractingReportingOverflow(period.nanoseconds)
      return overflow ? nil : KnownAt(nanoseconds: moment)
    }
  }
}
