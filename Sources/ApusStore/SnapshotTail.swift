// What the log holds of some view versions, sorted into runs that nobody else sees. It is read once, from its floor to a snapshot's LSN; when
// what is in hand is as much as it may be, it becomes a run of each view version, and the next begins: their ranges do not overlap.

import ApusBytes
import ApusContracts
import ApusHistory
import ApusLog
import ApusSystem

struct SnapshotTail {
  private let subjects: [ViewVersionID: RunSubject]
  private let last: LSN
  private let store: [UInt8]
  private let runs: any RunFiles
  private let scratch: ScratchFiles
  private let memory: Int
  private var sorter = EventSorter()
  /// Where the range of the runs that come next begins.
  private var first: LSN
  private var nextFile: UInt64 = 1
  private(set) var readers: [ViewVersionID: [RunReader]] = [:]

  init(
    _ subjects: [ViewVersionID: RunSubject], _ first: LSN, through last: LSN, store: [UInt8],
    _ runs: any RunFiles, _ scratch: ScratchFiles, memory: Int
  ) {
    self.subjects = subjects
    self.first = max(first, .first)
    self.last = last
    self.store = store
    self.runs = runs
    self.scratch = scratch
    self.memory = memory
  }

  /// Damage that no person accepted is refused by its LSNs: what it held may be what decides.
  mutating func gather(_ log: LogReader) throws(StoreError) {
    var scanner: LogScanner
    do throws(LogError) { scanner = try log.scan(from: first) } catch { throw .log(error) }
    while let frame = try next(&scanner), frame.lsns.first <= last {
      guard frame.type == .records else { continue }
      try take(scanner.payload, frame)
      if sorter.byteCount > limit { try put(through: min(frame.lsns.last, last)) }
    }
    try put(through: last)
  }

  /// Each run is an open file: when there are many, the next ones are larger.
  private var limit: Int { memory << min(20, Int(clamping: nextFile) / Self.runsOfSize) }
  private static let runsOfSize = 64

  private func next(_ scanner: inout LogScanner) throws(StoreError) -> FrameHeader? {
    do throws(LogError) { return try scanner.next() } catch {
      if case .damaged(let damage) = error, damage.lsns.first > last { return nil }
      throw .log(error)
    }
  }

  private mutating func take(_ payload: RawSpan, _ frame: FrameHeader) throws(StoreError) {
    var walker = RecordWalker(payload, base: frame.lsns.first)
    var at = frame.lsns.first
    do throws(EventError) {
      while let record = try walker.next(), record.lsn <= last {
        at = record.lsn
        guard record.kind == .event else { continue }
        let event = try EventView(record.body, appendNanoseconds: frame.appendTime.nanoseconds)
        guard let subject = subjects[event.viewVersion] else { continue }
        // Cells that do not fit are found here, where their LSN is known.
        _ = try event.row(record.lsn, layout: subject.layout)
        sorter.add(
          HistoryEventView(
            HistoryEventHead(event, record.lsn), key: event.key, cells: event.cellBytes, producer: RawSpan()))
      }
    } catch {
      throw .recordUnreadable(at, .event(error))
    }
  }

  /// Makes runs of what is in hand.
  private mutating func put(through end: LSN) throws(StoreError) {
    guard sorter.count > 0, first <= end else { return }
    do throws(HistoryError) {
      try sorter.sort()
      for view in sorter.viewVersions {
        guard let subject = subjects[view] else { continue }
        let file: any DiskFile
        do throws(SystemError) { file = try scratch.make() } catch { throw .system(error) }
        let id = HistoryFileID(store: store, file: nextFile)
        nextFile += 1
        let attributes = try runs.write(
          sorter.events(of: view), of: subject, lsns: LSNRange(first, through: end), as: id, into: file)
        let reader = try runs.reader(of: subject, first: first, attributes, as: id, in: file)
        readers[view, default: []].append(reader)
      }
    } catch {
      throw .history(error)
    }
    sorter = EventSorter()
    first = end.next
  }
}
