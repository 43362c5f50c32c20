// When what was appended: which LSN was the last one by a moment, and at what moment an LSN was appended. Ledgers know it of what lies
// below the log's floor, frames and seals of what lies from there on. Append times ascend, but where a person confirmed a clock that
// stepped back; a *prefix* ends at the first frame that is beyond.

import ApusBytes
import ApusHistory
import ApusLog
import ApusSystem

struct AppendedFrames {
  private let log: LogReader
  private let history: HistoryView

  /// `history` is of this log, and keeps all of it.
  init(_ log: LogReader, _ history: HistoryView) {
    self.log = log
    self.history = history
  }

  /// The last LSN of the longest prefix of what ledgers have that was appended by a moment, and whether something beyond it is there;
  /// *none* when there is none.
  func packed(by moment: WallTime) throws(StoreError) -> (last: LSN, isBeyond: Bool) {
    var last = LSN.none
    for record in history.ledgers {
      var isBeyond = false
      let reader = try history.ledger(record)
      do throws(HistoryError) {
        try reader.forEachFrame { lsns, nanoseconds in
          isBeyond = nanoseconds > moment.nanoseconds
          if !isBeyond { last = lsns.last }
          return !isBeyond
        }
      } catch {
        throw .history(error)
      }
      if isBeyond { return (last, true) }
    }
    return (last, false)
  }

  /// The same of all that is there up to an LSN.
  func last(by moment: WallTime, through end: LSN) throws(StoreError) -> LSN {
    var (last, isBeyond) = try packed(by: moment)
    if isBeyond { return last }
    for segment in history.view.segments where segment.record.first <= end {
      if let seal = segment.seal, seal.frames > 0, seal.last <= end, seal.firstTime <= moment,
        seal.lastTime <= moment, segment.damages.isEmpty
      {
        last = seal.last
        continue
      }
      var scanner: LogScanner
      do throws(LogError) { scanner = try log.scan(from: segment.record.first, .written) } catch {
        throw .log(error)
      }
      while let frame = try next(&scanner), frame.lsns.last <= end {
        if frame.appendTime > moment { return last }
        last = frame.lsns.last
        if let sealed = segment.seal?.last, last >= sealed { break }
      }
    }
    return last
  }

  /// When the frame was appended that has this LSN; nil where no frame has it.
  func time(of lsn: LSN) throws(StoreError) -> WallTime? {
    if lsn < history.floor {
      guard let record = history.ledgers.first(where: { $0.covered?.lsns.contains(lsn) ?? false }) else {
        return nil
      }
      var found: WallTime?
      let reader = try history.ledger(record)
      do throws(HistoryError) {
        try reader.forEachFrame { lsns, nanoseconds in
          if lsns.contains(lsn) { found = WallTime(nanoseconds: nanoseconds) }
          return found == nil && lsns.last < lsn
        }
      } catch {
        throw .history(error)
      }
      return found
    }
    guard lsn <= history.view.written else { return nil }
    var scanner: LogScanner
    do throws(LogError) { scanner = try log.scan(from: lsn, .written) } catch { throw .log(error) }
    guard let frame = try next(&scanner), frame.lsns.contains(lsn) else { return nil }
    return frame.appendTime
  }

  /// What is damaged is passed: its frames have no time that could be known.
  private func next(_ scanner: inout LogScanner) throws(StoreError) -> FrameHeader? {
    while true {
      do throws(LogError) { return try scanner.next() } catch {
        guard case .damaged = error else { throw .log(error) }
      }
    }
  }
}
