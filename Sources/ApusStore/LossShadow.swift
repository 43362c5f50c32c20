// How long an accepted loss matters. Nobody knows what lost records said, but nothing that they said became true after they were lost: so a value
// of a later event time is what it would be without the loss, and every other may lack something, one that is not there above all.
//
// Where the index had everything when the loss was accepted, the newest rows lack nothing, and there is no shadow on them; the past is
// without these records for good.

import ApusBytes
import ApusContracts
import ApusHistory
import ApusLog
import ApusSystem

package struct LossShadow: Equatable, Sendable {
  /// Nil: any view version.
  let view: ViewVersionID?
  let lsns: LSNRange
  /// Nothing that is lost became true later.
  let through: EventTime
  /// Bounds of the keys, both of them included; nil: any key.
  let keys: (least: [UInt8], greatest: [UInt8])?

  package static func == (a: LossShadow, b: LossShadow) -> Bool {
    a.view == b.view && a.lsns == b.lsns && a.through == b.through && a.keys?.least == b.keys?.least
      && a.keys?.greatest == b.keys?.greatest
  }

  static func all(of log: LogView) -> [LossShadow] {
    // What is held is so by what became history then: until that is done, an index that is made anew has the log alone.
    let records = log.acceptances.filter { !log.held.covers($0.lsns) || $0.lsns.last >= log.floor }.map {
      loss in
      LossShadow(
        view: nil, lsns: loss.lsns, through: EventTime(nanoseconds: loss.time.nanoseconds), keys: nil)
    }
    let events = log.givenUp.filter { $0.kind == .run && $0.lost > 0 && !$0.isHeld }.map { file in
      LossShadow(
        view: ViewVersionID(file.view), lsns: file.lsns,
        through: EventTime(nanoseconds: file.newestEvent.nanoseconds),
        keys: file.least.isEmpty && file.greatest.isEmpty ? nil : (file.least, file.greatest))
    }
    return records + events
  }

  /// Whether a read of the past through an LSN may lack something.
  static func falls(onPast through: LSN, of log: LogView) -> Bool {
    log.accepted.ranges.contains { $0.first <= through }
      || log.givenUp.contains { $0.kind == .run && $0.lost > 0 && $0.lsns.first <= through }
  }

  func mayConcern(_ view: ViewVersionID) -> Bool { self.view.map { $0 == view } ?? true }

  /// Whether any of the features asked for may lack something.
  func falls(on found: FoundRow, _ asked: PreparedVector.Group, key: RawSpan) -> Bool {
    guard mayConcern(asked.view) else { return false }
    // What is erased is not there, lost or not.
    if let erased = found.erasedThrough, lsns.last.rawValue <= erased { return false }
    if let keys {
      let (above, below) = unsafe (
        key.compare(to: keys.least.span.bytes), key.compare(to: keys.greatest.span.bytes)
      )
      guard above >= 0, below <= 0 else { return false }
    }
    return asked.features.contains { feature in
      guard !found.isRemoved(feature.slot.index) else { return false }
      let cell = found.row.cell(feature.slot.index)
      return cell.content == .unseen || cell.stamp.eventTime <= through
    }
  }
}
