// The thread that does all writing, and its mailbox: many senders wait, one sync serves all who waited.
//
// The mailbox holds at most so many requests of so many bytes; a sender that finds it full is told so, and nothing of its
// request was taken. Completions run on the appender's thread, of one group in the order of LSNs; they may submit, and wait for
// ever if they call what waits for that thread.

import ApusBytes
import ApusContracts
import ApusLog
import ApusSystem

final class StoreAppender: Sendable {
  typealias Completion = @Sendable (Result<AppendAnswer, StoreError>) -> Void

  enum Job: Sendable {
    case rows(AdmittedBatch, ProducerTicket?, Completion)
    /// Everything that came before is settled first; then this runs alone with the core. The second is for whoever waits for
    /// it, when it never runs.
    case alone(@Sendable (AppenderCore) -> Void, orElse: @Sendable () -> Void)

    var byteCount: Int {
      if case .rows(let batch, _, _) = self { return batch.bytes.byteCount }
      return 0
    }
  }

  struct Mailbox: Sendable {
    var jobs: [Job] = []
    var byteCount = 0
    var isClosing = false
    var isAbandoned = false
    /// The thread, once it runs.
    var thread: UInt64?
    /// How the thread ended.
    var ending: Result<Void, StoreError>?
  }

  let mailbox = Monitor(Mailbox())
  private let options: StoreOptions
  private let overlay: Overlay

  init(_ options: StoreOptions, _ overlay: Overlay) {
    self.options = options
    self.overlay = overlay
  }

  /// Leaves rows to be written. `completion` is called exactly once, unless this throws.
  func submit(
    _ batch: AdmittedBatch, _ ticket: ProducerTicket?, _ completion: @escaping Completion
  ) throws(StoreError) {
    let byteCount = batch.bytes.byteCount
    try mailbox.withLock { (box) throws(StoreError) in
      guard !box.isClosing, box.ending == nil else { throw .closed }
      guard box.jobs.count < options.waitingRequestsMax,
        box.byteCount == 0 || box.byteCount + byteCount <= options.waitingByteCountMax
      else { throw overloaded(box) }
      box.jobs.append(.rows(batch, ticket, completion))
      box.byteCount += byteCount
    }
    mailbox.notifyAll()
  }

  private func overloaded(_ box: Mailbox) -> StoreError {
    .overloaded(
      waitingRequests: box.jobs.count, waitingByteCount: box.byteCount,
      overlayByteCount: overlay.statistics.byteCount)
  }

  /// Leaves something to be done between two groups. Never refused for being too much: these are few.
  func submit(
    alone body: @escaping @Sendable (AppenderCore) -> Void, orElse: @escaping @Sendable () -> Void = {}
  ) throws(StoreError) {
    try mailbox.withLock { (box) throws(StoreError) in
      guard !box.isClosing, box.ending == nil else { throw .closed }
      box.jobs.append(.alone(body, orElse: orElse))
    }
    mailbox.notifyAll()
  }

  /// Does something between two groups; `completion` is called exactly once, on the appender's thread, unless this throws.
  func perform<T: Sendable>(
    _ body: @escaping @Sendable (AppenderCore) throws(StoreError) -> T,
    completion: @escaping @Sendable (Result<T, StoreError>) -> Void
  ) throws(StoreError) {
    try submit(
      alone: { core in
        let result: Result<T, StoreError>
        do throws(StoreError) { result = .success(try body(core)) } catch { result = .failure(error) }
        completion(result)
      }, orElse: { completion(.failure(.closed)) })
  }

  /// Does something between two groups, and waits for it.
  func perform<T: Sendable>(
    _ body: @escaping @Sendable (AppenderCore) throws(StoreError) -> T
  ) throws(StoreError) -> T {
    let answer = Monitor<Result<T, StoreError>?>(nil)
    try perform(body) { result in
      answer.withLock { $0 = result }
      answer.notifyAll()
    }
    _ = answer.wait(for: nil) { $0 != nil }
    return try answer.withLock { $0 ?? .failure(.closed) }.get()
  }

  /// Whether the caller is the thread itself, which cannot wait for its own end.
  var isThisThread: Bool { mailbox.withLock { $0.thread == SystemThread.currentNumber } }

  /// Writes what waits, ends the log in good order and the thread with it.
  func close() throws(StoreError) {
    mailbox.withLock { $0.isClosing = true }
    mailbox.notifyAll()
    _ = mailbox.wait(for: nil) { $0.ending != nil }
    try mailbox.withLock { $0.ending ?? .success(()) }.get()
  }

  /// Ends the thread as a killed process would: what waits is not written, and the log is left as it is.
  func abandon() {
    mailbox.withLock { box in
      box.isClosing = true
      box.isAbandoned = true
    }
    mailbox.notifyAll()
    _ = mailbox.wait(for: nil) { $0.ending != nil }
  }
}

/// Owned by the appender's thread from the first line of `run` to the last; nobody else keeps a reference.
final class AppenderThread: @unchecked Sendable {
  private let core: AppenderCore
  private let mailbox: Monitor<StoreAppender.Mailbox>
  private let groupByteCountMax: Int

  init(_ core: AppenderCore, _ mailbox: Monitor<StoreAppender.Mailbox>, groupByteCountMax: Int) {
    self.core = core
    self.mailbox = mailbox
    self.groupByteCountMax = groupByteCountMax
  }

  func run() {
    var isClosing = false
    var isAbandoned = false
    mailbox.withLock { $0.thread = SystemThread.currentNumber }
    while !isClosing {
      var group: [StoreAppender.Job] = []
      _ = mailbox.wait(for: core.timeLeft()) { box in
        isAbandoned = box.isAbandoned
        if !isAbandoned { group = Self.take(from: &box, byteCountMax: groupByteCountMax) }
        isClosing = box.isClosing && (box.jobs.isEmpty || isAbandoned)
        return !group.isEmpty || isClosing
      }
      if !group.isEmpty { core.process(group) }
      core.tend()
    }
    let left = mailbox.withLock { box in
      defer { box.jobs = [] }
      return box.jobs
    }
    for job in left {
      switch job {
      case .rows(_, _, let completion): completion(.failure(.closed))
      case .alone(_, let orElse): orElse()
      }
    }
    let ending = core.end(abandoning: isAbandoned)
    core.shared.watch.end(.closed)
    mailbox.withLock { $0.ending = ending }
    mailbox.notifyAll()
  }

  private static func take(
    from box: inout StoreAppender.Mailbox, byteCountMax: Int
  ) -> [StoreAppender.Job] {
    var byteCount = 0
    var count = 0
    for job in box.jobs {
      if count > 0, byteCount + job.byteCount > byteCountMax { break }
      byteCount += job.byteCount
      count += 1
    }
    // All of it, nearly always: then nothing is moved.
    if count == box.jobs.count {
      var group: [StoreAppender.Job] = []
      swap(&group, &box.jobs)
      box.byteCount = 0
      return group
    }
    let group = Array(box.jobs[..<count])
    box.jobs.removeFirst(count)
    box.byteCount -= byteCount
    return group
  }
}
