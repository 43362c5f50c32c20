// A round with the writer itself: one thread, the same system calls for the same seed.

import ApusBytes
import ApusLog
import ApusSystem
import ApusTestSupport

extension Life {
  /// A frame that was appended and not yet answered.
  private struct Waiting {
    let number: UInt64
    let lsns: LSNRange
  }

  /// How often in a row the disk may be full before a life gives up.
  static let fullMax = 12

  mutating func live(with log: Log) throws {
    guard let writer = log.writer else { return }
    do {
      var pin: LogPin?
      var fullTimes = 0
      let goal = nextNumber + UInt64(plan.frames)
      while nextNumber < goal {
        do throws(LogError) {
          try group(writer)
          fullTimes = 0
        } catch {
          guard case .diskFull = error else { throw error }
          fullTimes += 1
          journal.say("full")
          guard plan.asks && journal.ask("full") || fullTimes < Life.fullMax else { throw error }
        }
        if dice.chance(0.2) { pin = dice.coin() ? acked.last.map { writer.reader.pin(from: $0.first) } : nil }
        if plan.retires, dice.chance(0.08) { try retire(writer, pin) }
        if dice.chance(0.2) { try readBack(writer.reader) }
      }
      try withExtendedLifetime(pin) { try end(writer) }
    } catch let error as LogError {
      if case .stopped = error { try demandSilence(of: writer) }
      journal.say("stopped")
      throw error
    }
  }

  private mutating func end(_ writer: LogWriter) throws {
    guard dice.chance(0.6) else {
      journal.say("abandoned")
      return writer.abandon()
    }
    journal.say("closing")
    try writer.close()
    journal.say("closed")
  }

  // MARK: A group

  private mutating func group(_ writer: LogWriter) throws(LogError) {
    var waiting: [Waiting] = []
    var full: LogError?
    for _ in 0..<dice.within(1...plan.group) {
      let payload = nextPayload()
      do throws(LogError) {
        // Any byte is a raw byte.
        let appended = unsafe try writer.append(
          recordCount: payload.recordCount, payload: payload.bytes.span.bytes)
        waiting.append(Waiting(number: payload.number, lsns: appended.lsns))
        if dice.chance(0.2) { try writer.flush() }
      } catch {
        guard case .diskFull = error else { throw error }
        full = error
        if waiting.last?.number != payload.number { journal.say("refused \(payload.number)") }
        refuseDropped(&waiting, writer)
      }
    }
    do throws(LogError) {
      try acknowledge(&waiting, writer)
      if dice.chance(0.25) { try writer.mark() }
      if dice.chance(0.06) { try writer.rotate() }
    } catch {
      guard case .diskFull = error else { throw error }
      full = error
      refuseDropped(&waiting, writer)
    }
    if let full { throw full }
  }

  /// A full disk takes what was in the buffer, and leaves what was in the file.
  private func refuseDropped(_ waiting: inout [Waiting], _ writer: LogWriter) {
    for frame in waiting where frame.lsns.last > writer.written { journal.say("refused \(frame.number)") }
    waiting.removeAll { $0.lsns.last > writer.written }
  }

  private mutating func acknowledge(_ waiting: inout [Waiting], _ writer: LogWriter) throws(LogError) {
    switch plan.durability {
    case .durable:
      try sync(writer)
    case .buffered:
      try writer.flush()
    }
    for frame in waiting {
      if plan.durability == .durable, writer.durable < frame.lsns.last { throw .lost(frame.lsns) }
      journal.say("ack \(frame.number) \(frame.lsns.first) \(frame.lsns.last) \(writer.durable)")
      acked.append(frame.lsns)
    }
    waiting = []
    if plan.durability == .buffered, dice.chance(0.3) {
      try sync(writer)
      journal.say("durable \(writer.durable)")
    }
  }

  private func sync(_ writer: LogWriter) throws(LogError) {
    // Written to the file first, so that an attack that was asked for here finds something to tear.
    try writer.flush()
    journal.say("sync")
    if plan.asks { journal.ask("sync") }
    try writer.sync()
  }

  // MARK: Giving up, stopping

  private mutating func retire(_ writer: LogWriter, _ pin: LogPin?) throws {
    guard let newest = acked.last(where: { $0.last <= writer.durable }) else { return }
    let through = LSN(
      newest.last.rawValue - UInt64(dice.below(Int(clamping: min(newest.last.rawValue, 200)))))
    journal.say("retiring \(through)")
    do throws(LogError) {
      let removed = try writer.retire(through: through)
      for record in removed {
        guard let last = record.seal?.last, last <= through else {
          throw LogError.noStore(folder: "a segment beyond LSN \(through) was given up")
        }
        if let pin, last >= pin.lsn {
          throw LogError.noStore(folder: "a segment with pinned LSN \(pin.lsn) was given up")
        }
      }
    } catch {
      if case .noStore(let what) = error { throw BrokenPromise(description: what) }
      guard case .diskFull = error else { throw error }
      journal.say("full")
    }
  }

  /// After a stop, no method may succeed any more.
  private mutating func demandSilence(of writer: LogWriter) throws {
    journal.say("stopping")
    for attempt in 0..<3 {
      do throws(LogError) {
        let payload = nextPayload()
        _ = unsafe try writer.append(recordCount: 1, payload: payload.bytes.span.bytes)
        try writer.sync()
      } catch {
        guard case .stopped = error else { throw BrokenPromise(description: "after a stop: \(error)") }
        continue
      }
      throw BrokenPromise(description: "after a stop, try \(attempt) to append and sync succeeded")
    }
  }
}
