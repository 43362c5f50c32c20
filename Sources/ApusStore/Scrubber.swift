// Walks the index once in a period, a few keys at a time, and says what it finds: keys that LMDB lost are found here and
// nowhere else. It shares no lock with anybody; its snapshot only makes the index keep old pages for as long as it takes.

import ApusIndex
import ApusSystem

final class Scrubber: Sendable {
  private struct Mailbox: Sendable {
    var isClosing = false
    var isEnded = false
    /// Those who asked for a scrub now, and are told what came of it.
    var asked: [@Sendable (Result<IndexScrubReport, StoreError>) -> Void] = []
  }

  private let mailbox = Monitor(Mailbox())
  private let shared: StoreShared
  private let period: UInt64?

  /// Keys looked at between two pauses, and how long a pause is: some 200 keys a millisecond, and a core left to others.
  private static let stepCount = 2_048
  private static let pauseNanoseconds: UInt64 = 5_000_000

  init(_ shared: StoreShared, periodNanoseconds: UInt64?) {
    self.shared = shared
    period = periodNanoseconds
  }

  func start() throws(SystemError) {
    _ = try SystemThread.start(name: "apus-scrub") { self.run() }
  }

  /// Scrubs at once and without pauses, and waits for it.
  func scrub() throws(StoreError) -> IndexScrubReport {
    let answer = Monitor<Result<IndexScrubReport, StoreError>?>(nil)
    let isTaken = mailbox.withLock { box in
      guard !box.isClosing else { return false }
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

  func close() {
    mailbox.withLock { $0.isClosing = true }
    mailbox.notifyAll()
    _ = mailbox.wait(for: nil) { $0.isEnded }
  }

  private func run() {
    while true {
      _ = mailbox.wait(for: period) { $0.isClosing || !$0.asked.isEmpty }
      let (isClosing, asked) = mailbox.withLock { box in
        defer { box.asked = [] }
        return (box.isClosing, box.asked)
      }
      if isClosing {
        for answer in asked { answer(.failure(.closed)) }
        break
      }
      let result: Result<IndexScrubReport, StoreError>
      do throws(StoreError) {
        let report = try walk(pausing: asked.isEmpty)
        result = .success(report)
      } catch {
        result = .failure(error)
      }
      for answer in asked { answer(result) }
    }
    mailbox.withLock { $0.isEnded = true }
    mailbox.notifyAll()
  }

  private func walk(pausing: Bool) throws(StoreError) -> IndexScrubReport {
    guard let index = shared.newest.1.index else { throw .rebuilding }
    var scrub: IndexScrub
    do throws(IndexError) { scrub = try index.scrub() } catch {
      if error.meansRebuild { shared.report(error, epoch: index.epoch) }
      throw .index(error)
    }
    while true {
      if let report = scrub.step(Self.stepCount) {
        if let damage = report.damages.first { shared.report(.damaged(damage), epoch: index.epoch) }
        return report
      }
      if mailbox.wait(for: pausing ? Self.pauseNanoseconds : 0, until: { $0.isClosing }) { throw .closed }
    }
  }
}
