// What is compacted next: a pure function of what the manifest lists. Compaction.md says why.

import ApusBytes
import ApusContracts
import ApusHistory
import ApusLog
import ApusSystem

/// A unit of work.
enum CompactionUnit: Equatable {
  /// The oldest finished segments, through this LSN.
  case pack([FileRecord], LSNRange)
  /// Neighbouring runs of a view version, or ledgers, in the order of their ranges.
  case merge([FileRecord])
  /// Everything, with the state as it stands: what would tell it anew is lost.
  case settle(PersonsLoss)
  /// Nothing of the keys that were erased up to this LSN is to be left.
  case erase(LSN)
}

struct CompactionChoice {
  let view: LogView
  /// Everything up to here is in the index.
  let complete: LSN
  let now: WallTime
  let options: StoreOptions
  /// Somebody asked: whatever there is to pack is packed, and neighbours are merged.
  let isAsked: Bool
  /// Files that cannot be read. Units are chosen around them.
  var passing: Set<FileID> = []

  func next() -> CompactionUnit? {
    if let pack = pack() { return pack }
    return merge()
  }

  private func pack() -> CompactionUnit? {
    let ready = packable
    // A pack begins with the state that the newest ledger has.
    if let newest = view.ledgers.last, passing.contains(newest.id) { return nil }
    guard let last = ready.last?.seal?.last, let first = ready.first?.seal else { return nil }
    let (age, overflow) = now.nanoseconds.subtractingReportingOverflow(first.lastTime.nanoseconds)
    let isOld = !overflow && age >= options.packAgeNanoseconds
    guard isAsked || ready.count >= options.packSegmentsMin || isOld else { return nil }
    return .pack(ready.map(\.record), LSNRange(view.floor, through: last))
  }

  /// Finished segments from the floor on that the index has, up to the first that has lost something or cannot be read, as many as fit into
  /// one pack.
  var packable: [SegmentView] {
    var byteCount: UInt64 = 0
    var taken: [SegmentView] = []
    for segment in view.finished {
      guard let seal = segment.seal, seal.last <= complete, !passing.contains(segment.record.id),
        segment.damages.allSatisfy({ $0.lsns.isEmpty || view.accepted.covers($0.lsns) })
      else { break }
      byteCount += seal.byteCount
      if !taken.isEmpty, byteCount > options.packByteCountMax { break }
      taken.append(segment)
    }
    return taken
  }

  private func merge() -> CompactionUnit? {
    let lines = [view.ledgers] + view.runs.sorted { $0.key < $1.key }.map(\.value)
    // Neighbours only: a merge that went past a file would speak for its range, too.
    let candidates = lines.flatMap { $0.split { passing.contains($0.id) } }.map { $0.compactMap(Self.sized) }
    var best: [Sized] = []
    for files in candidates {
      for start in files.indices {
        let group = neighbours(files[start...])
        guard group.count >= max(2, options.mergeRunsMin) else { continue }
        // The most of them; of equals the smallest first.
        if group.count > best.count || group.count == best.count && group.byteCount < best.byteCount {
          best = group
        }
      }
    }
    return best.isEmpty ? nil : .merge(best.map(\.record))
  }

  fileprivate struct Sized {
    let record: FileRecord
    let byteCount: UInt64
  }

  private static func sized(_ record: FileRecord) -> Sized? {
    record.historyByteCount.map { Sized(record: record, byteCount: $0) }
  }

  /// The longest beginning whose sizes are within a factor of 4 of one another.
  private func neighbours(_ files: ArraySlice<Sized>) -> [Sized] {
    var group: [Sized] = []
    var least = UInt64.max
    var most: UInt64 = 0
    for file in files {
      guard group.count < options.mergeRunsMax, file.byteCount <= options.runByteCountMax else { break }
      let (low, high) = (min(least, file.byteCount), max(most, file.byteCount))
      if high / 4 > low { break }
      (least, most) = (low, high)
      group.append(file)
    }
    return group
  }
}

extension [CompactionChoice.Sized] {
  fileprivate var byteCount: UInt64 { reduce(0) { $0 &+ $1.byteCount } }
}

extension FileRecord {
  /// The size of a run or a ledger; nil when its attributes cannot be read.
  var historyByteCount: UInt64? {
    switch kind {
    case .run: try? RunAttributes(unsafe attributes.span.bytes, path: name).size
    case .ledger: try? LedgerAttributes(unsafe attributes.span.bytes, path: name).size
    default: nil
    }
  }
}
