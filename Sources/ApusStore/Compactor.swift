// The only thread that compacts. Nobody waits for it but who asked it to: it reads what is finished, writes beside it, and the appender
// makes the exchange between two groups.
//
// It holds nothing between two units of work. A unit that fails, or is interrupted, leaves the store as it was.

import ApusBytes
import ApusContracts
import ApusHistory
import ApusLog
import ApusSystem

/// What compaction did since the store was opened.
package struct CompactionReport: Equatable, Sendable {
  package var packs = 0
  package var merges = 0
  /// Events that left the log.
  package var events: UInt64 = 0
  /// Of erased keys; they were left out.
  package var erasedEvents: UInt64 = 0
  /// What a horizon let go.
  package var droppedEvents: UInt64 = 0
  /// How often erasures were carried out.
  package var erasings = 0
  /// Bytes of segments that became history.
  package var takenByteCount: UInt64 = 0
  /// Bytes of runs and ledgers that were written, merges included.
  package var writtenByteCount: UInt64 = 0

  package init() {}

  /// Bytes of history written for each byte that left the log; 0 before there was one.
  package var writeAmplification: Double {
    takenByteCount == 0 ? 0 : Double(writtenByteCount) / Double(takenByteCount)
  }
}

final class Compactor: Sendable {
  struct Mailbox: Sendable {
    var isClosing = false
    var isEnded = false
    var hasBegun = false
    /// Those who asked, and are told when there is nothing more to do.
    var asked: [@Sendable (Result<CompactionReport, StoreError>) -> Void] = []
    /// One of them wants erasures carried out that are not due.
    var erases = false
    /// What a person gives up: all there is becomes history with the state as it stands.
    var givingUp: PersonsLoss?
    var report = CompactionReport()
    /// What is in the way, until something went right.
    var trouble: StoreError?
  }

  let mailbox = Monitor(Mailbox())

  var isClosing: Bool { mailbox.withLock { $0.isClosing } }

  /// Compacts all there is to compact, and waits for it.
  func compact(
    erasing: Bool, givingUp loss: PersonsLoss? = nil
  ) throws(StoreError) -> CompactionReport {
    let answer = Monitor<Result<CompactionReport, StoreError>?>(nil)
    let isTaken = mailbox.withLock { box in
      guard !box.isClosing, box.hasBegun else { return false }
      if erasing { box.erases = true }
      if let loss { box.givingUp = loss }
      box.asked.append { result in
        answer.withLock { $0 = result }
        answer.notifyAll()
      }
      return true
    }
    guard isTaken else { throw .closed }
    mailbox.notifyAll()
    _ = answer.wait(for: nil) { $0 != nil }
    return try answer.withLock { $0 ?? .failure(.closed) }.get()
  }

  /// Ends the thread; what it is at is left undone.
  func close() {
    let hasBegun = mailbox.withLock { box in
      box.isClosing = true
      return box.hasBegun
    }
    mailbox.notifyAll()
    if hasBegun { _ = mailbox.wait(for: nil) { $0.isEnded } }
  }
}

/// Owned by the compactor's thread from the first line of `run` to the last; nobody else keeps a reference.
final class CompactorLoop: @unchecked Sendable {
  private let mailbox: Monitor<Compactor.Mailbox>
  private let work: CompactionWork
  private let options: StoreOptions
  /// A difference between what was written and what was read back: not tried again unasked.
  private var isHalted = false

  private static let periodNanoseconds: UInt64 = 1_000_000_000

  init(_ compactor: Compactor, _ work: CompactionWork, _ options: StoreOptions) {
    mailbox = compactor.mailbox
    self.work = work
    self.options = options
  }

  func start() throws(SystemError) {
    mailbox.withLock { $0.hasBegun = true }
    do throws(SystemError) {
      _ = try SystemThread.start(name: "apus-compact") { self.run() }
    } catch {
      mailbox.withLock { $0.hasBegun = false }
      throw error
    }
  }

  private func run() {
    var isClosing = false
    while !isClosing {
      let period = options.compacts && !isHalted ? Self.periodNanoseconds : nil
      _ = mailbox.wait(for: period) { $0.isClosing || !$0.asked.isEmpty }
      let (asked, erases, loss) = mailbox.withLock { box in
        isClosing = box.isClosing
        defer { (box.asked, box.erases, box.givingUp) = ([], false, nil) }
        return (box.asked, box.erases, box.givingUp)
      }
      if isClosing {
        for answer in asked { answer(.failure(.closed)) }
        break
      }
      let failure = compact(isAsked: !asked.isEmpty, erases: erases, givingUp: loss)
      let report = mailbox.withLock { box in
        box.trouble = failure
        return box.report
      }
      for answer in asked { answer(failure.map { .failure($0) } ?? .success(report)) }
    }
    mailbox.withLock { $0.isEnded = true }
    mailbox.notifyAll()
  }

  /// Does one unit after another until nothing is left; why it ended before.
  private func compact(isAsked: Bool, erases: Bool, givingUp loss: PersonsLoss?) -> StoreError? {
    if isAsked { work.obstacles.removeAll() }
    do throws(StoreError) {
      if let loss {
        var report = mailbox.withLock { $0.report }
        try work.perform(.settle(loss), isAsked: true, &report)
        let done = report
        mailbox.withLock { $0.report = done }
      }
      while let unit = try work.next(isAsked: isAsked, erases: erases) {
        var report = mailbox.withLock { $0.report }
        try work.perform(unit, isAsked: isAsked, &report)
        let done = report
        mailbox.withLock { box in
          box.report = done
          box.trouble = nil
        }
        isHalted = false
        if mailbox.withLock({ $0.isClosing }) { return .closed }
      }
      return work.obstacles.first
    } catch {
      switch error {
      case .log(.pinned) where !isAsked: return nil
      case .history(let error): isHalted = error.refusal == nil
      case .recordUnreadable: isHalted = true
      default: break
      }
      return error
    }
  }
}
