// Letters that wait are replayed or purged: found on the caller's thread, judged and written by the appender, portion by
// portion. Somebody else may do the same meanwhile; who comes second passes what is handled. What was written stays
// written, whatever becomes of later portions.

import ApusBytes
import ApusLog
package import ApusSystem

extension Store {
  /// Admits the rows of letters again, as of now. Throws when nothing was done; an outcome says itself why it ended early.
  package func replayDeadLetters(_ selection: DeadLetterSelection) throws(StoreError) -> DeadLetterOutcome {
    try handle(selection, .replayed)
  }

  /// Gives letters up, and their weight back to the quota.
  package func purgeDeadLetters(_ selection: DeadLetterSelection) throws(StoreError) -> DeadLetterOutcome {
    try handle(selection, .purged)
  }

  private func handle(
    _ selection: DeadLetterSelection, _ how: HandledHow
  ) throws(StoreError) -> DeadLetterOutcome {
    let appender = try writing()
    return try facts().handle(selection, options.lettersOfFrameMax) { (portion) throws(StoreError) in
      let write = { @Sendable (core: AppenderCore) throws(StoreError) in try core.handle(portion, how) }
      do throws(StoreError) { return try appender.perform(write) } catch {
        // What was replayed before may be what fills the overlay.
        guard case .overloaded = error else { throw error }
        try self.checkpoint()
        return try appender.perform(write)
      }
    }
  }
}

extension StoreFacts {
  /// What would become of the letters if they were handled at this moment. Changes nothing.
  package func judgeDeadLetters(
    _ selection: DeadLetterSelection, _ how: HandledHow, at now: WallTime
  ) throws(StoreError) -> DeadLetterOutcome {
    let (sums, catalog) = (state.deadLetters, catalog)
    return try handle(selection, StoreLimits.lettersOfFrameMax) { (portion) throws(StoreError) in
      JudgedPortion(portion, how, sums, catalog, now: now)
    }
  }

  fileprivate func handle(
    _ selection: DeadLetterSelection, _ lettersMax: Int,
    _ body: @escaping (DeadLetterPortion) throws(StoreError) -> JudgedPortion
  ) throws(StoreError) -> DeadLetterOutcome {
    try DeadLetterSearch(in: log, state.deadLetters, catalog).handle(
      selection, lettersMax, through: last, body)
  }
}

extension DeadLetterSearch {
  /// Cuts the letters up to an LSN into portions, each of which `body` handles.
  func handle(
    _ selection: DeadLetterSelection, _ lettersMax: Int, through last: LSN,
    _ body: @escaping (DeadLetterPortion) throws(StoreError) -> JudgedPortion
  ) throws(StoreError) -> DeadLetterOutcome {
    var work = LetterWork(lettersMax: lettersMax, body: body)
    var left = selection.limit
    do throws(StoreError) {
      // From the first one on: what is passed may be the oldest that stays.
      try forEachWaiting(through: last) { (found) throws(StoreError) in
        guard selection.takes(found) else {
          work.pass(found)
          return found.lsn < selection.lsns.last
        }
        guard left > 0 else {
          work.outcome.isCut = true
          work.pass(found)
          return false
        }
        left -= 1
        try work.take(found)
        return true
      }
      try work.finish()
    } catch {
      guard work.outcome.frame != nil else { throw error }
      work.outcome.failure = error
    }
    return work.outcome
  }
}

private struct LetterWork {
  private let lettersMax: Int
  private let body: (DeadLetterPortion) throws(StoreError) -> JudgedPortion
  var outcome = DeadLetterOutcome()
  private var portion = DeadLetterPortion()

  init(lettersMax: Int, body: @escaping (DeadLetterPortion) throws(StoreError) -> JudgedPortion) {
    self.lettersMax = lettersMax
    self.body = body
  }

  mutating func pass(_ found: FoundDeadLetter) {
    portion.oldestPassed = portion.oldestPassed.map { min($0, found.arrived) } ?? found.arrived
  }

  mutating func take(_ found: FoundDeadLetter) throws(StoreError) {
    portion.append(found)
    if portion.isFull(lettersMax) { try finish() }
  }

  /// Has all of the portion handled, in as many frames as it takes.
  mutating func finish() throws(StoreError) {
    while !portion.letters.isEmpty {
      let judged = try body(portion)
      outcome.add(judged.outcome)
      var rest = DeadLetterPortion()
      rest.oldestPassed = judged.oldestKept
      for found in portion.letters.dropFirst(judged.taken) { rest.append(found) }
      portion = rest
    }
  }
}

extension AppenderCore {
  func handle(
    _ portion: DeadLetterPortion, _ how: HandledHow
  ) throws(StoreError) -> JudgedPortion {
    let now = try moment()
    // Giving letters up is what makes room; only events need some.
    if how == .replayed { try checkRoom(for: Int(clamping: portion.byteCount)) }
    let byteCountMax = min(StoreLimits.letterByteCountOfFrameMax, log.payloadByteCountMax / 2)
    var lettersMax = portion.letters.count
    while true {
      var judged = JudgedPortion(
        portion, how, applier.state.deadLetters, applier.catalog, now: now.time, lettersMax: lettersMax,
        byteCountMax: byteCountMax)
      guard judged.recordCount > 0 else { return judged }
      let done = judged
      do throws(StoreError) {
        judged.note(try write(recordCount: done.recordCount, at: now) { done.write(into: &$0) })
        return judged
      } catch {
        // The last event may be a large one. Nothing was written, so fewer letters are tried.
        guard case .batchTooLong = error, done.taken > 1 else { throw error }
        lettersMax = done.taken / 2
      }
    }
  }
}
