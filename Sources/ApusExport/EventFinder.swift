// Events by their LSNs and keys: when each became true, was known and was appended. Keys are looked for in their order, so that a run is read once.

import ApusBytes
import ApusColumnar
import ApusContracts
import ApusHistory
import ApusStore
import ApusSystem

struct EventWanted: Hashable, Sendable {
  var view: ViewVersionID
  var key: [UInt8]
  var lsn: LSN
}

/// Used by one thread.
struct EventFinder {
  private let snapshot: Snapshot
  private let memory: Int
  private let scratch: ScratchFiles

  init(_ snapshot: Snapshot, memory: Int, _ scratch: ScratchFiles) {
    self.snapshot = snapshot
    self.memory = memory
    self.scratch = scratch
  }

  /// Those that are there.
  func find(_ wanted: Set<EventWanted>) throws(ExportError) -> [EventWanted: DiffEvent] {
    if wanted.isEmpty { return [:] }
    var byView: [ViewVersionID: [[UInt8]: Set<LSN>]] = [:]
    for event in wanted { byView[event.view, default: [:]][event.key, default: []].insert(event.lsn) }
    let runs: [ViewVersionID: [RunReader]]
    let times: [LSN: WallTime]
    do throws(StoreError) {
      runs = try snapshot.runs(of: byView.keys.sorted(), scratch: scratch, memory: memory)
      times = try snapshot.appendTimes(of: Set(wanted.map(\.lsn)).sorted())
    } catch {
      throw .store(error)
    }
    var found: [EventWanted: DiffEvent] = [:]
    for (view, lsns) in byView {
      let keys = lsns.keys.sorted { $0.lexicographicallyPrecedes($1) }
      for run in runs[view] ?? [] {
        var assumed = Assumed(RunCursor(run, features: [], .known))
        for key in keys where try assumed.cursor.seek(unsafe key.span.bytes) {
          try take(&assumed, view, key, lsns[key] ?? [], times, &found)
        }
      }
    }
    return found
  }

  /// The events of a key that the cursor stands before.
  private func take(
    _ assumed: inout Assumed, _ view: ViewVersionID, _ key: [UInt8], _ wanted: Set<LSN>,
    _ times: [LSN: WallTime], _ found: inout [EventWanted: DiffEvent]
  ) throws(ExportError) {
    let cursor = assumed.cursor
    repeat {
      let (lsns, createdAts) = (try cursor.lsns(), try cursor.createdAts())
      for row in cursor.row..<cursor.end {
        let lsn = LSN(UInt64(bitPattern: RunCursor.number(lsns, row)))
        guard wanted.contains(lsn), let appended = times[lsn] else { continue }
        found[EventWanted(view: view, key: key, lsn: lsn)] = DiffEvent(
          lsn: lsn, eventTime: RunCursor.number(cursor.eventTimes, row),
          createdAt: RunCursor.number(createdAts, row), knownAt: RunCursor.number(cursor.entries, row),
          appendedAt: appended.nanoseconds,
          isDelete: !cursor.deleted.isEmpty && Bitmap.isSet(cursor.deleted, row),
          isKnownAtAssumed: try assumed.isSet(row))
      }
      cursor.row = cursor.end
    } while try cursor.goesOn(unsafe key.span.bytes)
  }

  /// Of the block at hand whether known-ats were assumed, read when it is first asked for.
  private struct Assumed {
    let cursor: RunCursor
    private var block = -1
    private var column: Column?

    init(_ cursor: RunCursor) { self.cursor = cursor }

    mutating func isSet(_ row: Int) throws(ExportError) -> Bool {
      if block != cursor.block {
        column = try cursor.read(.isKnownAtAssumed, block: cursor.block)
        block = cursor.block
      }
      guard let column, row < column.count, !column.isNull(row) else { return false }
      return column.bool(row)
    }
  }
}
