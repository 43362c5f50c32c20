import ApusBytes
import ApusSystem

/// What the appender's thread does: take all that waits, append, sync once, answer; and in idle moments, mark.
///
/// Owned by that thread from the first line of `run` to the last; nobody else keeps a reference.
final class AppenderLoop: @unchecked Sendable {
  private let writer: LogWriter
  private let durability: Durability
  private let limits: Appender.Limits
  private let mailbox: Monitor<Appender.Mailbox>
  private let onStop: @Sendable (LogError) -> Void
  /// Since when something waits to be synced (a buffered log) or marked.
  private var idleSince: MonotonicTime?
  private var isStopped = false
  private var frames = 0

  init(
    writer: LogWriter, durability: Durability, limits: Appender.Limits, mailbox: Monitor<Appender.Mailbox>,
    onStop: @escaping @Sendable (LogError) -> Void
  ) {
    self.writer = writer
    self.durability = durability
    self.limits = limits
    self.mailbox = mailbox
    self.onStop = onStop
  }

  func run() {
    var isClosing = false
    while !isClosing {
      var group: [Appender.Job] = []
      _ = mailbox.wait(for: timeLeft()) { box in
        group = AppenderLoop.take(from: &box, bytesMax: limits.groupBytesMax)
        isClosing = box.isClosing && box.jobs.isEmpty
        return !group.isEmpty || isClosing
      }
      if !group.isEmpty { process(group) }
      if timeLeft() == 0 { tend() }
    }
    let ending: Result<Void, LogError>
    do throws(LogError) { ending = .success(try writer.close()) } catch { ending = .failure(error) }
    mailbox.withLock { $0.ending = ending }
    mailbox.notifyAll()
  }

  private static func take(from box: inout Appender.Mailbox, bytesMax: Int) -> [Appender.Job] {
    var bytes = 0
    var count = 0
    for job in box.jobs {
      if count > 0, bytes + job.byteCount > bytesMax { break }
      bytes += job.byteCount
      count += 1
    }
    let group = Array(box.jobs[..<count])
    box.jobs.removeFirst(count)
    box.byteCount -= bytes
    return group
  }

  // MARK: A group

  /// A frame that was appended, and who waits for it.
  private struct Waiting {
    let appended: Appended
    let completion: Appender.Completion
  }

  private func process(_ group: [Appender.Job]) {
    var waiting: [Waiting] = []
    // All of the group was taken before this moment, so one look at the clocks serves all; a job may move them.
    var moment: AppendMoment?
    for job in group {
      switch job {
      case .perform(let body):
        body(writer)
        moment = nil
      case .append(let recordCount, let payload, let completion):
        do throws(LogError) {
          // Any byte is a raw byte.
          let taken: AppendMoment
          if let moment { taken = moment } else { taken = try writer.moment() }
          moment = taken
          let appended = unsafe try writer.append(
            recordCount: recordCount, payload: payload.span.bytes, at: taken)
          waiting.append(Waiting(appended: appended, completion: completion))
        } catch {
          note(error)
          completion(.failure(error))
        }
      }
      failDropped(&waiting)
    }
    do throws(LogError) {
      try settle(&waiting)
    } catch {
      note(error)
      for frame in waiting { frame.completion(.failure(error)) }
      return
    }
    answer(waiting)
  }

  /// Makes what waits as lasting as the log's senders expect.
  private func settle(_ waiting: inout [Waiting]) throws(LogError) {
    do throws(LogError) {
      try makeLasting()
    } catch {
      guard case .diskFull = error else { throw error }
      // It took what was in the buffer. What had reached the file before, when the group needed a new segment, is still there.
      failDropped(&waiting)
      try makeLasting()
    }
  }

  private func makeLasting() throws(LogError) {
    switch durability {
    case .durable: try writer.sync()
    case .buffered: try writer.flush()
    }
  }

  /// Tells the senders of frames that a full disk took, whoever met it: an append, or somebody's job.
  private func failDropped(_ waiting: inout [Waiting]) {
    guard let (from, error) = writer.takeDropped() else { return }
    let kept = waiting.prefix { $0.appended.lsns.first < from }.count
    for frame in waiting[kept...] { frame.completion(.failure(error)) }
    waiting.removeSubrange(kept...)
  }

  private func answer(_ waiting: [Waiting]) {
    frames += waiting.count
    let statistics = Appender.Statistics(frames: frames, syncs: writer.syncs)
    mailbox.withLock { $0.statistics = statistics }
    let durable = writer.durable
    for frame in waiting {
      let appended = frame.appended
      frame.completion(
        .success(
          Ack(lsns: appended.lsns, durable: durable, position: appended.position, time: appended.time)))
    }
    if idleSince == nil || writer.markDue { idleSince = writer.clock.monotonic() }
  }

  // MARK: Idle moments

  /// How long until something must be done though nobody asks; nil for never.
  private func timeLeft() -> UInt64? {
    guard !isStopped, let idleSince, writer.markDue || writer.durable < writer.written else { return nil }
    let passed = writer.clock.monotonic().nanoseconds &- idleSince.nanoseconds
    return passed >= limits.markDelayNanoseconds ? 0 : limits.markDelayNanoseconds - passed
  }

  /// Syncs what a buffered log has not synced for 10 ms; marks what was synced and not followed for as long.
  private func tend() {
    do throws(LogError) {
      if writer.durable < writer.written {
        try writer.sync()
        idleSince = writer.clock.monotonic()
      } else {
        try writer.mark()
        idleSince = nil
      }
    } catch {
      note(error)
      idleSince = nil
    }
  }

  private func note(_ error: LogError) {
    guard case .stopped = error, !isStopped else { return }
    isStopped = true
    onStop(error)
  }
}
