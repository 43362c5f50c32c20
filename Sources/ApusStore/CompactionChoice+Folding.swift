// Which runs are written again for a horizon alone. A pure function of what the manifest lists and of the horizons that stand; it judges
// by what runs know of themselves, and may take too much for loss: what goes is known only to who reads them.
//
// Every choice grows by at least half of what was folded before, or rewrites what never was; so a byte is written again a few times
// only, however long the store lives.

import ApusBytes
import ApusContracts
import ApusHistory
import ApusLog

extension CompactionChoice {
  /// Neighbouring runs of a view version of which a `foldShare`th part, or more, could go; nil where there are none. `horizons` gives the
  /// F of those that stand.
  static func fold(
    _ view: LogView, _ horizons: [ViewVersionID: LSN], _ options: StoreOptions
  ) -> CompactionUnit? {
    if horizons.isEmpty { return nil }
    var best: (runs: ArraySlice<FoldableRun>, gain: UInt64)?
    for (id, records) in view.runs.sorted(by: { $0.key < $1.key }) {
      guard let through = horizons[id] else { continue }
      let runs = records.map { FoldableRun($0, through: through) }
      for first in runs.indices {
        for end in first + 1...min(runs.count, first + options.mergeRunsMax) {
          let window = runs[first..<end]
          guard runs[end - 1].isFoldable else { break }
          let gain = FoldableRun.gain(window)
          let events = window.reduce(0 as UInt64) { $0 &+ $1.events }
          guard gain > 0, gain &* UInt64(CompactionLimits.foldShare) >= events else { continue }
          if best.map({ gain > $0.gain }) ?? true { best = (window, gain) }
        }
      }
    }
    return best.map { .merge($0.runs.map(\.record)) }
  }
}

/// What a run says of how much smaller it could be. Numbers of events; bytes are taken to be spread evenly over them.
private struct FoldableRun {
  let record: FileRecord
  /// Some of its events settle by the horizon.
  let isFoldable: Bool
  let events: UInt64
  /// Those that settle.
  let settled: UInt64
  /// Those of them that were not folded yet.
  let fresh: UInt64
  /// Keys among those that settle, at least.
  let keys: UInt64

  init(_ record: FileRecord, through: LSN) {
    self.record = record
    guard let run = try? RunAttributes(unsafe record.attributes.span.bytes, path: record.name),
      record.first <= through
    else {
      (isFoldable, events, settled, fresh, keys) = (false, 0, 0, 0, 0)
      return
    }
    isFoldable = true
    events = run.events
    let lsns = LSNRange(record.first, through: run.last)
    settled = Self.share(of: run.events, in: lsns, through)
    fresh = settled &- min(settled, Self.share(of: run.events, in: lsns, min(run.folded, through)))
    keys = min(run.keys, settled)
  }

  /// Events are spread over a run's LSNs as evenly as anybody knows.
  private static func share(of events: UInt64, in lsns: LSNRange, _ through: LSN) -> UInt64 {
    if through >= lsns.last { return events }
    guard through >= lsns.first else { return 0 }
    let passed = UInt128(through.rawValue - lsns.first.rawValue) + 1
    let all = UInt128(lsns.last.rawValue - lsns.first.rawValue) + 1
    return UInt64(clamping: UInt128(events) * passed / all)
  }

  /// How many events could go, at most: each key keeps one, and a loser has a winner that was not folded with it before: a fresh one, or one of
  /// another run.
  static func gain(_ window: ArraySlice<FoldableRun>) -> UInt64 {
    guard let largest = window.max(by: { $0.keys < $1.keys }) else { return 0 }
    let settled = window.reduce(0 as UInt64) { $0 &+ $1.settled }
    let winners = settled &- largest.settled &+ largest.fresh
    return min(settled &- min(settled, largest.keys), winners)
  }
}
