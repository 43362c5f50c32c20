// Where lost records kept the state from being followed, from ledger to ledger through the log, it is taken as it stands: everything up to now
// becomes history in one pack, and its ledger has the state of now. So definitions, erasures and producers whose records are lost outlive
// them, and the next index that is made from history has them.
//
// The pack is one, because only its last LSN has a state that anybody knows. Its runs are many where the log is long, so that memory stays
// bounded.

import ApusBytes
import ApusContracts
import ApusHistory
import ApusLog
import ApusSystem

/// What a person gave up, and how it is noted.
struct PersonsLoss: Equatable, Sendable {
  /// The newest ledger, whose note is lost.
  var file: FileRecord?
  var note: GivenUp?
  /// What can be read of it.
  var saved: LedgerSalvage?

  init(file: FileRecord? = nil, note: GivenUp? = nil, saved: LedgerSalvage? = nil) {
    self.file = file
    self.note = note
    self.saved = saved
  }

  static func == (a: PersonsLoss, b: PersonsLoss) -> Bool { a.file == b.file && a.note == b.note }
}

extension CompactionWork {
  func settle(_ loss: PersonsLoss, _ report: inout CompactionReport) throws(StoreError) {
    struct End: Sendable {
      let state: StoreState
      let last: LSN
    }
    if let trouble = checkpointer.settle() { throw trouble }
    // What runs alone finds everything before it settled: the state is that of all that is in the finished segments.
    let end = try appender.perform { (core) throws(StoreError) in
      try core.freezeAll()
      if let active = core.log.reader.view.unfinished, active.writtenEnd > UInt64(Format.headerByteCount) {
        do throws(LogError) { try core.log.rotate() } catch { throw core.met(error) }
      }
      let view = core.log.reader.view
      return End(
        state: core.applier.state, last: view.finished.last?.seal?.last ?? view.floor.previous)
    }
    if let trouble = checkpointer.settle() { throw trouble }
    let view = log.view
    let finished = view.finished.filter { $0.seal.map { $0.last <= end.last } ?? false }
    // An index that is behind would have to be made from the very records that are lost.
    guard indexIsComplete(through: end.last) else { throw .rebuilding }
    let lsns = LSNRange(view.floor, through: end.last)
    let range = LSNRange(loss.file?.first ?? lsns.first, through: end.last)
    guard !range.isEmpty else { return }
    let scan = PackScan(
      lsns, from: end.state, shared.newest.1.catalog.erasures, handled: end.state.deadLetters, isSettled: true
    )
    let parts = Self.parts(of: lsns, finished, byteCountMax: options.packByteCountMax)
    try pack(finished.map(\.record), scan, in: parts, speakingFor: range, loss, &report)
  }

  /// The range, cut where segments end: each part has as many as one pack may.
  static func parts(of lsns: LSNRange, _ segments: [SegmentView], byteCountMax: UInt64) -> [LSNRange] {
    var parts: [LSNRange] = []
    var first = lsns.first
    var byteCount: UInt64 = 0
    var end: LSN?
    for segment in segments {
      guard let seal = segment.seal else { continue }
      if let last = end, last >= first, byteCount + seal.byteCount > byteCountMax {
        parts.append(LSNRange(first, through: last))
        first = last.next
        byteCount = 0
      }
      byteCount += seal.byteCount
      end = seal.last
    }
    return parts + [LSNRange(first, through: lsns.last)]
  }
}

extension Store {
  /// Has all there is become history, with the state as it stands; waits for it.
  func settle(_ loss: PersonsLoss) throws(StoreError) {
    _ = try writing()
    _ = try compactor.compact(erasing: false, givingUp: loss)
  }
}
