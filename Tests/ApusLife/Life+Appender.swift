// A round with the appender: its own thread, groups that it makes itself, and its marks in idle moments.

import ApusBytes
import ApusLog
import ApusSystem
import ApusTestSupport

extension Life {
  private struct Answers: Sendable {
    var open = 0
    var acked: [LSNRange] = []
    var refusal: LogError?
  }

  mutating func liveWithAppender(_ log: sending Log) throws {
    guard let writer = log.writer else { return }
    let answers = Monitor(Answers())
    let appender = try Appender(writer, plan.durability) { _ in }
    let end = nextNumber + UInt64(plan.frames)
    var fullTimes = 0
    while nextNumber < end {
      for _ in 0..<dice.within(1...2 * plan.group) { try submit(appender, answers) }
      // Most groups are waited for; some go on while the last is being written.
      if dice.chance(0.8) { _ = answers.wait(for: nil) { $0.open == 0 } }
      let (acked, refusal) = answers.withLock { ($0.acked, $0.refusal) }
      self.acked = acked
      if let refusal {
        _ = answers.wait(for: nil) { $0.open == 0 }
        try demandSilence(of: appender, after: refusal)
        journal.say("stopped")
        fullTimes += 1
        guard case .diskFull = refusal, plan.asks && journal.ask("full") || fullTimes < Life.fullMax else {
          throw refusal
        }
        answers.withLock { $0.refusal = nil }
      }
      do throws(LogError) { try vary(appender) } catch {
        guard case .diskFull = error else { throw error }
      }
      if dice.chance(0.2) { try readBack(appender.reader) }
    }
    _ = answers.wait(for: nil) { $0.open == 0 }
    if let refusal = answers.withLock({ $0.refusal }) { throw refusal }
    journal.say("closing")
    try appender.close()
    journal.say("closed")
  }

  private mutating func submit(_ appender: Appender, _ answers: Monitor<Answers>) throws {
    let payload = nextPayload()
    let journal = self.journal
    let demandsDurable = plan.durability == .durable
    answers.withLock { $0.open += 1 }
    try appender.submit(recordCount: payload.recordCount, payload: payload.bytes) { result in
      var refusal: LogError?
      switch result {
      case .success(let ack):
        journal.say("ack \(payload.number) \(ack.lsns.first) \(ack.lsns.last) \(ack.durable)")
        if demandsDurable, ack.durable < ack.lsns.last { refusal = .lost(ack.lsns) }
      case .failure(let error):
        // After a stop nobody can say what is in the log; a full disk drops a frame whole.
        if case .diskFull = error { journal.say("refused \(payload.number)") }
        refusal = error
      }
      answers.withLock {
        $0.open -= 1
        if case .success(let ack) = result { $0.acked.append(ack.lsns) }
        $0.refusal = $0.refusal ?? refusal
      }
      answers.notifyAll()
    }
  }

  /// What an owner does between groups.
  private mutating func vary(_ appender: Appender) throws(LogError) {
    if dice.chance(0.1) { try appender.perform { (writer) throws(LogError) in try writer.rotate() } }
    if plan.retires, dice.chance(0.15), let newest = acked.last {
      let through = LSN(
        newest.last.rawValue - UInt64(dice.below(Int(clamping: min(newest.last.rawValue, 200)))))
      journal.say("retiring \(through)")
      try appender.perform { (writer) throws(LogError) in _ = try writer.retire(through: through) }
    }
  }

  /// After a stop nothing is acknowledged.
  private mutating func demandSilence(of appender: Appender, after refusal: LogError) throws {
    guard case .stopped = refusal else { return }
    let payload = nextPayload()
    do throws(LogError) {
      _ = try appender.append(recordCount: payload.recordCount, payload: payload.bytes)
    } catch {
      return
    }
    throw BrokenPromise(description: "after a stop, the appender acknowledged frame \(payload.number)")
  }
}
