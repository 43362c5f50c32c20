// A store that no process has open, as it is: definitions, sums and the index, for those who only want to know. Nothing is
// changed: no epoch is raised, nothing is replayed into the index, and an index that is not good is told and not rebuilt.
//
// The state is that of an opening, made the same way: the index's note, and the records of the tail applied to it. Rows are
// not folded, so memory is that of the state, whatever the log's length.

package import ApusBytes
import ApusContracts
import ApusIndex
package import ApusLog
package import ApusSystem

package final class StoreLook {
  package let folder: String
  package let log: LogLook
  package let index: IndexLook
  package let state: StoreState
  package let catalog: Catalog
  /// Records behind the index's *complete*, which the next opening replays.
  package let tail: UInt64
  /// When the last frame with records was appended; nil when there is none.
  package let lastAppend: WallTime?
  /// What keeps the store read-only until a person accepts it.
  package let losses: [LSNRange]

  /// The last record that the log has.
  package var last: LSN { log.report.lsns.last }

  /// Nil where there is no store; a folder that holds something else is refused.
  package static func open(_ folder: String, on disk: any Disk = RealDisk()) throws(StoreError) -> StoreLook?
  {
    do throws(LogError) {
      guard try StoreFolder(folder, on: disk).holdsStore() else { return nil }
    } catch {
      throw .log(error)
    }
    return try StoreLook(folder, on: disk)
  }

  private init(_ folder: String, on disk: any Disk) throws(StoreError) {
    self.folder = folder
    let search = Search(parent: folder + "/index")
    do throws(LogError) {
      log = try LogLook(folder, on: disk) { (id) throws(LogError) in try search.run(id) }
    } catch {
      throw search.failure ?? .log(error)
    }
    index = search.found
    var (base, after) = (search.state, index.complete)
    if after.next < log.reader.view.floor, let below = try HistoryView(log.reader, nil).state() {
      (base, after) = (below, log.reader.view.floor.previous)
    }
    var follower = StateFollower(base ?? StoreState(), after: after)
    try follower.follow(log.reader)
    state = follower.state
    catalog = Catalog(
      number: 1, registry: state.registry, erasures: state.erasures, horizons: state.horizons)
    tail = follower.records
    let sealed = log.reader.view.finished.compactMap(\.seal).last { $0.frames > 0 }?.lastTime
    // Where all of the log is history, the manifest alone still knows.
    lastAppend = follower.lastAppend ?? sealed ?? log.report.lastAppendTime

    var losses = log.report.losses.map(\.lsns) + follower.losses
    let end = log.report.lsns.last
    if index.touched > end { losses.append(LSNRange(end.next, through: index.touched)) }
    self.losses = LSNRanges(losses).ranges
  }

  /// Looks for the index once the log knows whose it is.
  private final class Search {
    private let parent: String
    private(set) var found = IndexLook(.missing)
    private(set) var state: StoreState?
    private(set) var failure: StoreError?

    init(parent: String) { self.parent = parent }

    func run(_ id: StoreID) throws(LogError) -> LSN {
      do throws(StoreError) {
        (found, state) = try IndexLook.open(in: parent, of: id)
        return found.complete
      } catch {
        failure = error
        throw .closed
      }
    }
  }
}

/// Applies the log's records to a state, and notes its events.
private struct StateFollower {
  private(set) var state: StoreState
  private let complete: LSN
  private(set) var records: UInt64 = 0
  private(set) var lastAppend: WallTime?
  private(set) var losses: [LSNRange] = []

  init(_ state: StoreState, after complete: LSN) {
    self.state = state
    self.complete = complete
  }

  mutating func follow(_ log: LogReader) throws(StoreError) {
    let view = log.view
    // The unfinished segment is read from its first frame: no seal says when its last one was appended.
    let first = view.unfinished.map { min($0.record.first, complete.next) } ?? complete.next
    var erasures = RecalledErasures(view)
    var scanner: LogScanner
    do throws(LogError) { scanner = try log.scan(from: max(first, view.floor), .written) } catch {
      throw .log(error)
    }
    while let frame = try next(&scanner) {
      lastAppend = frame.appendTime
      guard frame.type == .records, frame.lsns.last > complete else { continue }
      records += UInt64(frame.recordCount)
      let moment = FrameMoment(lsns: frame.lsns, time: frame.appendTime)
      // As `StoreReplay` does: where definitions are lost, what rests on them is, too.
      let afterLoss =
        !losses.isEmpty || view.accepted.ranges.first.map { $0.first < frame.lsns.first } ?? false
      while let kept = erasures.take(before: frame.lsns.first) { try recall(kept) }
      try state.follow(scanner.payload, moment, afterLoss: afterLoss)
    }
    while let kept = erasures.take() { try recall(kept) }
  }

  private mutating func recall(_ kept: KeptErasure) throws(StoreError) {
    do throws(RecordFault) { _ = try state.recall(kept) } catch { throw .recordUnreadable(kept.lsn, error) }
  }

  /// The next frame that can be read; what cannot be is passed, and told.
  private mutating func next(_ scanner: inout LogScanner) throws(StoreError) -> FrameHeader? {
    while true {
      do throws(LogError) { return try scanner.next() } catch {
        guard case .damaged(let damage) = error else { throw .log(error) }
        if damage.lsns.last > complete { losses.append(damage.lsns) }
      }
    }
  }
}
