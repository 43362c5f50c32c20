// What reads of the past keep between them: tables of segments, open runs, definitions as they were. All of it can be made again, so it
// is bounded, and what was used longest ago goes first.

import ApusBytes
import ApusContracts
import ApusLog
import ApusSystem

final class PastCache: Sendable {
  let hash: ViewKeyHash

  private struct Kept: Sendable {
    var tables: [FileID: (table: SegmentTable, used: UInt64)] = [:]
    var runs: [FileID: (run: any RunLookup, used: UInt64)] = [:]
    /// By how many changes of definitions there were.
    var catalogs: [Int: Catalog] = [:]
    var clock: UInt64 = 0

    mutating func tick() -> UInt64 {
      clock += 1
      return clock
    }
  }

  private let kept = Monitor(Kept())

  init() {
    var generator = SystemRandomNumberGenerator()
    hash = ViewKeyHash(seed: generator.next())
  }

  func table(_ segment: FileID) -> SegmentTable? {
    kept.withLock { kept in
      let now = kept.tick()
      kept.tables[segment]?.used = now
      return kept.tables[segment]?.table
    }
  }

  /// Keeps a table. One that is longer than all of them may be is not kept.
  func keep(_ table: SegmentTable, of segment: FileID) {
    guard table.byteCount <= StoreLimits.tableByteCountMax else { return }
    kept.withLock { kept in
      let now = kept.tick()
      kept.tables[segment] = (table, now)
      var sum = kept.tables.values.reduce(0) { $0 + $1.table.byteCount }
      while sum > StoreLimits.tableByteCountMax,
        let oldest = kept.tables.min(by: { $0.value.used < $1.value.used })
      {
        sum -= oldest.value.table.byteCount
        kept.tables[oldest.key] = nil
      }
    }
  }

  func run(_ id: FileID) -> (any RunLookup)? {
    kept.withLock { kept in
      let now = kept.tick()
      kept.runs[id]?.used = now
      return kept.runs[id]?.run
    }
  }

  func keep(_ run: any RunLookup, of id: FileID) {
    kept.withLock { kept in
      let now = kept.tick()
      kept.runs[id] = (run, now)
      while kept.runs.count > StoreLimits.openRunsMax,
        let oldest = kept.runs.min(by: { $0.value.used < $1.value.used })
      {
        kept.runs[oldest.key] = nil
      }
    }
  }

  /// Lets go of what the store has no more.
  func keepOnly(_ view: LogView) {
    let segments = Set(view.segments.map(\.record.id))
    let runs = Set(view.history.map(\.id))
    kept.withLock { kept in
      kept.tables = kept.tables.filter { segments.contains($0.key) }
      kept.runs = kept.runs.filter { runs.contains($0.key) }
    }
  }

  /// The catalog after so many changes of definitions. Its erasures mean nothing.
  func catalog(
    after changes: Int, _ make: () throws(RecordFault) -> Catalog
  ) throws(RecordFault) -> Catalog {
    if let known = kept.withLock({ $0.catalogs[changes] }) { return known }
    let made = try make()
    kept.withLock { kept in
      if kept.catalogs.count >= StoreLimits.pastCatalogsMax { kept.catalogs = [:] }
      kept.catalogs[changes] = made
    }
    return made
  }
}
