// `apus repair`: says what is wrong and which flag mends it, and mends what is named. The index is not made anew while it
// alone holds what the log has lost.

import ApusBytes
import ApusLog
import ApusStore
import ApusSystem

enum Repair {
  enum Action: Equatable {
    case rebuildIndex
    case confirmClock
    case acceptLoss(LSNRange)
    case clearAside
    /// A file of history, by its name.
    case giveUp(String)
  }

  static func run(_ action: Action?, _ answer: Answer) throws(Trouble) -> ExitCode {
    switch action {
    case nil:
      let found = try Findings(answer.data)
      answer.give(found.lines, found.json)
      return found.all.isEmpty ? .done : .checkFailed
    case .rebuildIndex: try rebuildIndex(answer)
    case .confirmClock: try confirmClock(answer)
    case .acceptLoss(let range): try acceptLoss(of: range, answer)
    case .clearAside: try clearAside(answer)
    case .giveUp(let name): try GiveUp.run(name, answer)
    }
    return .done
  }

  private static func rebuildIndex(_ answer: Answer) throws(Trouble) {
    let found = try Findings(answer.data)
    if let lost = found.standing.first {
      throw Trouble(
        "index_needed",
        "the log has lost \(lost), and the index may hold what is left of them; it is not given up",
        at: answer.data,
        next:
          "restore them from a backup, or accept the loss first: `apus repair --data \(Shell.word(answer.data))` says how"
      )
    }
    if let range = found.unsettled.first {
      throw Trouble(
        "index_needed",
        "the loss of \(range) was accepted, and only the index says what the log no longer does; it is not given up",
        at: answer.data, next: "apus compact --data \(Shell.word(answer.data))")
    }
    if let obstacle = found.obstacle {
      throw Trouble(
        "index_needed", "no index can be made from this log, so the one there is stays: \(obstacle)",
        at: answer.data, next: "`apus repair --data \(Shell.word(answer.data))` says what is wrong")
    }
    let report = try rebuild(answer.data)
    answer.give(
      ["the index is made anew from the log: \(Numbers.count(report.replayed, "record"))"],
      ["done": "rebuild_index", "records": .number(report.replayed)])
  }

  private static func rebuild(_ data: String) throws(Trouble) -> StoreReport {
    do throws(StoreError) {
      var random = SystemRandomNumberGenerator()
      var options = StoreOptions()
      options.scrubPeriodNanoseconds = nil
      return try Store.rebuildIndex(of: data, random: &random, options: options)
    } catch {
      throw Trouble(error, data: data)
    }
  }

  private static func clearAside(_ answer: Answer) throws(Trouble) {
    let gone = try answer.ofLog { () throws(LogError) in
      try StoreFolder.clearAside(answer.data)
    }
    answer.give(
      gone.isEmpty ? ["nothing lies in aside/"] : gone.map { "\($0) is removed for good" },
      ["done": gone.isEmpty ? .null : "clear_aside", "removed": .list(gone.map { .text($0) })])
  }

  private static func confirmClock(_ answer: Answer) throws(Trouble) {
    // A mistyped path makes no store.
    _ = try answer.facts()
    let frame = try answer.changing { (store) throws(StoreError) in try store.confirmClock() }
    guard let frame else {
      answer.give(["no jump of the clock stands: nothing was done"], ["done": .null])
      return
    }
    answer.give(
      ["the clock is believed: append times go on from \(frame.time) (LSN \(frame.lsns.last))"],
      ["done": "confirm_clock", "lsn": .number(frame.lsns.last.rawValue), "time": .text("\(frame.time)")])
  }

  private static func acceptLoss(of range: LSNRange, _ answer: Answer) throws(Trouble) {
    let before = try Findings(answer.data)
    let outcome: Store.Acceptance
    do throws(StoreError) {
      var random = SystemRandomNumberGenerator()
      outcome = try Store.acceptLoss(
        of: range, lost: before.lost(in: range),
        in: answer.data, random: &random)
    } catch {
      throw Trouble(error, data: answer.data)
    }
    let acceptance = outcome.log
    let lost = acceptance.accepted.map(\.lsns)
    var lines = lost.map { "given up for good: \($0), \(Numbers.count($0.count, "record"))" }
    lines += before.damages.filter { damage in lost.contains { $0.contains(damage.lsns.first) } }.map {
      damage in
      "  \(damage.description(in: before.name(of: damage)))"
    }
    if let rescue = outcome.rescue {
      lines.append(
        "what \(Numbers.count(rescue.rows, "row")) of the index still rested on is in the log again: "
          + Numbers.count(rescue.events, "event"))
    }
    lines.append("a new timeline begins: \(acceptance.fork)")
    let after = try Findings(answer.data)
    let unknown = outcome.isHeld ? [] : lost.map { LossWords($0, erasuresKeptFrom: before.erasuresKeptFrom) }
    for loss in unknown { lines += [loss.what, "  next: \(loss.next)"] }
    var rebuilt = JSON.null
    if outcome.isHeld {
      lines.append("the index has everything, and stays: the newest rows lack nothing, the past does")
      lines.append(
        outcome.trouble.map { "the log is not history yet: \($0)" }
          ?? "what can be read of the log is history now")
    } else if let obstacle = after.obstacle {
      lines.append("the index stays, because none can be made from what is left: \(obstacle)")
    } else if after.standing.isEmpty {
      // Rows may hold what lost records said, and nothing else says it any more.
      let report = try rebuild(answer.data)
      rebuilt = .number(report.replayed)
      lines.append("the index is made anew from the log: \(Numbers.count(report.replayed, "record"))")
      lines.append("the store opens for writing again")
    } else {
      lines.append(
        "the index stays, because more is lost: \(after.standing.map(\.description).joined(separator: ", "))")
      lines.append("next: apus repair --data \(Shell.word(answer.data))")
    }
    answer.give(
      lines,
      [
        "done": "accept_loss", "accepted": .list(acceptance.accepted.map(\.json)),
        "timeline": .text("\(acceptance.fork.timeline)"), "parent": .text("\(acceptance.fork.parent)"),
        "last_shared_lsn": acceptance.fork.lastShared == .none
          ? .null : .number(acceptance.fork.lastShared.rawValue),
        "records": rebuilt, "rescued_rows": outcome.rescue.map { .number($0.rows) } ?? .null,
        "rescued_events": outcome.rescue.map { .number($0.events) } ?? .null,
        "remaining": .list(after.standing.map(\.json)), "unknown": .list(unknown.map(\.json)),
      ])
  }
}
