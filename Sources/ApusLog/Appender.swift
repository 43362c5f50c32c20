package import ApusBytes
package import ApusSystem

/// What an appended frame's sender is told.
package struct Ack: Equatable, Sendable {
  package let lsns: LSNRange
  /// Up to where the log is durable; in a durable log, at least `lsns.last`.
  package let durable: LSN
  package let position: LogPosition
  package let time: WallTime
}

/// When a frame is acknowledged.
package enum Durability: String, Sendable, CaseIterable {
  /// When a sync has covered it: it survives a power cut.
  case durable
  /// When it is in the file: it survives a killed process, and a power cut once 10 ms have passed.
  case buffered
}

/// The thread that does all writing: many senders wait, one sync serves all who waited.
///
/// The mailbox holds at most `waitingFramesMax` frames of `waitingBytesMax` bytes; a sender that finds it full gets
/// `overloaded`, and nothing of its request was taken. Completions, jobs and `onStop` run on the appender's thread, completions of
/// one group's kept frames in LSN order; they may `submit`, and wait for ever if they call what waits for that thread: `append`,
/// `perform`, `close`.
package final class Appender: Sendable {
  package struct Limits: Sendable {
    package var waitingFramesMax = 16_384
    package var waitingBytesMax = 64 << 20
    /// Payload that goes to the disk at once; more waits for the next group.
    package var groupBytesMax = 8 << 20
    /// How long a sync waits for a frame before its mark, and a buffered frame for its sync.
    package var markDelayNanoseconds = Format.markDelayNanoseconds
    package init() {}
  }

  package struct Statistics: Equatable, Sendable {
    package var frames = 0
    package var syncs = 0
  }

  package typealias Completion = @Sendable (Result<Ack, LogError>) -> Void

  enum Job: Sendable {
    case append(recordCount: Int, payload: [UInt8], Completion)
    case perform(@Sendable (LogWriter) -> Void)

    var byteCount: Int {
      if case .append(_, let payload, _) = self { return payload.count }
      return 0
    }
  }

  struct Mailbox: Sendable {
    var jobs: [Job] = []
    var byteCount = 0
    var isClosing = false
    var statistics = Statistics()
    /// How the thread ended.
    var ending: Result<Void, LogError>?
  }

  let mailbox: Monitor<Mailbox>
  private let limits: Limits
  package let reader: LogReader

  /// Starts the thread. `writer` belongs to it from here on. `onStop` is called once, on that thread, if the log stops for good.
  package init(
    _ writer: sending LogWriter, _ durability: Durability, limits: Limits = Limits(),
    onStop: @escaping @Sendable (LogError) -> Void
  ) throws(SystemError) {
    let mailbox = Monitor(Mailbox())
    self.mailbox = mailbox
    self.limits = limits
    reader = writer.reader
    let loop = AppenderLoop(
      writer: writer, durability: durability, limits: limits, mailbox: mailbox, onStop: onStop)
    _ = try SystemThread.start(name: "apus-append") { loop.run() }
  }

  /// Leaves a frame to be written. `completion` is called exactly once, unless this throws.
  package func submit(
    recordCount: Int, payload: [UInt8], completion: @escaping Completion
  ) throws(LogError) {
    // Here, on the sender's thread, and not on the one that everybody shares.
    precondition(recordCount > 0 && recordCount <= UInt32.max, "a frame holds at least one record")
    try mailbox.withLock { (box) throws(LogError) in
      guard !box.isClosing, box.ending == nil else { throw .closed }
      guard box.jobs.count < limits.waitingFramesMax,
        box.byteCount == 0 || box.byteCount + payload.count <= limits.waitingBytesMax
      else { throw .overloaded(waitingFrames: box.jobs.count, waitingBytes: box.byteCount) }
      box.jobs.append(.append(recordCount: recordCount, payload: payload, completion))
      box.byteCount += payload.count
    }
    mailbox.notifyAll()
  }

  /// Appends a frame and waits for its acknowledgement.
  package func append(recordCount: Int, payload: [UInt8]) throws(LogError) -> Ack {
    let answer = Monitor<Result<Ack, LogError>?>(nil)
    try submit(recordCount: recordCount, payload: payload) { result in
      answer.withLock { $0 = result }
      answer.notifyAll()
    }
    _ = answer.wait(for: nil) { $0 != nil }
    return try answer.withLock { $0 ?? .failure(.closed) }.get()
  }

  /// Runs `body` on the appender's thread, between two groups, and waits for it.
  package func perform<T: Sendable>(
    _ body: @escaping @Sendable (LogWriter) throws(LogError) -> T
  ) throws(LogError) -> T {
    let answer = Monitor<Result<T, LogError>?>(nil)
    try mailbox.withLock { (box) throws(LogError) in
      guard !box.isClosing, box.ending == nil else { throw .closed }
      box.jobs.append(
        .perform { writer in
          let result: Result<T, LogError>
          do throws(LogError) { result = .success(try body(writer)) } catch { result = .failure(error) }
          answer.withLock { $0 = result }
          answer.notifyAll()
        })
    }
    mailbox.notifyAll()
    _ = answer.wait(for: nil) { $0 != nil }
    return try answer.withLock { $0 ?? .failure(.closed) }.get()
  }

  package var statistics: Statistics { mailbox.withLock { $0.statistics } }

  /// Writes what waits, ends the log in good order and the thread with it.
  package func close() throws(LogError) {
    mailbox.withLock { $0.isClosing = true }
    mailbox.notifyAll()
    _ = mailbox.wait(for: nil) { $0.ending != nil }
    try mailbox.withLock { $0.ending ?? .success(()) }.get()
  }
}
