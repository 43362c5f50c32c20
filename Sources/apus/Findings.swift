// What is wrong with a store, and what mends each. A check finds it; here it is said what to do.

import ApusBytes
import ApusLog
import ApusStore
import ApusSystem

struct Findings {
  struct Finding {
    let what: String
    /// What a person does about it.
    let remedy: String
    /// The flag of `apus repair` that does it; nil when none can.
    let flag: String?
  }

  private(set) var all: [Finding] = []
  /// Records that the log has lost, and that no person accepted.
  private(set) var standing: [LSNRange] = []
  let damages: [Damage]
  /// Losses that were accepted, of which the index alone still knows what they said: the log has not become history since.
  let unsettled: [LSNRange]
  /// Why no index can be made from the log; nil when one can.
  let obstacle: String?
  private let state: ManifestState

  init(_ data: String) throws(Trouble) {
    let log: LogCheck
    do throws(LogError) { log = try LogCheck.run(data, on: RealDisk()) } catch {
      throw Trouble(error, data: data)
    }
    let store = try StoreCheck(behind: log, scratch: nil, data: data)
    damages = log.damages
    obstacle = store.look == nil ? (store.problems + log.problems).first ?? "the log cannot be opened" : nil
    state = log.state
    standing =
      LSNRanges(
        log.damages.map(\.lsns).filter { !$0.isEmpty && !log.state.acceptedLSNs.covers($0) }
      ).ranges
    unsettled = log.state.held.ranges.filter { $0.last >= log.state.floor }
    for range in unsettled {
      all.append(
        Finding(
          what: "the loss of \(range) was accepted, and what only the index says of it is not history yet",
          remedy: "apus compact --data \(Shell.word(data))", flag: nil))
    }
    let command = "apus repair --data \(Shell.word(data))"
    let absent = log.absent.filter { !$0.lsns.isEmpty }.map {
      (name: log.state.name(of: $0.file) ?? "", lsns: $0.lsns)
    }
    // An index that is good to its LSN holds what the log lost below.
    let complete = store.isIndexBad ? LSN.none : store.look?.index.complete ?? .none
    for range in standing {
      let names = absent.filter { range.contains($0.lsns.first) }.map(\.name)
      if !names.isEmpty {
        let flag = "--accept-loss \(range.first)..\(range.last)"
        all.append(
          Finding(
            what:
              "\(names.joined(separator: " and ")) \(names.count == 1 ? "is" : "are") not there, or no file: the log has lost "
              + "\(range), and the store does not open",
            remedy:
              "put back what is missing, or restore it from a backup; or give the records up for good, but for what the index has of them: "
              + "\(command) \(flag)", flag: flag))
      } else if range.last > complete {
        let flag = "--accept-loss \(range.first)..\(range.last)"
        all.append(
          Finding(
            what: "the log has lost \(range): the store is read-only; "
              + LossWords(range, erasuresKeptFrom: log.state.erasuresKeptFrom).what,
            remedy: "restore them from a backup, or give them up for good: \(command) \(flag)", flag: flag))
      } else {
        all.append(
          Finding(
            what:
              "the log has lost \(range); the index holds what they said last, and the store can be written"
              + Self.words(of: store.look, range),
            remedy:
              "restore them from a backup and keep the index folder until then, or give them up for good: "
              + "\(command) --accept-loss \(range.first)..\(range.last)",
            flag: "--accept-loss \(range.first)..\(range.last)"))
      }
    }
    // What the loss of records already told is not told twice.
    let told = Set(
      log.damages.filter { !$0.lsns.isEmpty }.map { $0.description(in: log.state.name(of: $0.file) ?? "") })
    let faults = store.historyFaults
    for problem in log.problems
    where !told.contains(where: { !$0.isEmpty && problem.hasSuffix($0) })
      && !faults.contains(where: { problem.hasPrefix($0.file + " ") })
      && !absent.contains(where: { problem.hasPrefix($0.name + " ") })
    {
      // A segment that became history needs no header.
      let isHarmless = problem.hasPrefix("damage") && problem.hasSuffix(": no record is lost")
      let remedy =
        isHarmless
        ? "its records are whole: apus compact --data \(Shell.word(data)) makes history of them"
        : "restore the file from a backup"
      all.append(Finding(what: problem, remedy: remedy, flag: nil))
    }
    for fault in faults {
      let flag = "--accept-loss \(Shell.word(fault.file))"
      all.append(
        Finding(
          what: fault.what,
          remedy:
            "restore the file from a backup and keep the index folder until then, or give it up for good: "
            + "\(command) \(flag)", flag: flag))
    }
    for problem in store.problems where !store.historyProblems.contains(problem) {
      // From damaged history no index is made.
      let flag =
        store.isIndexBad && standing.isEmpty && !store.isHistoryDamaged ? "--rebuild-index" : nil
      all.append(
        Finding(
          what: problem,
          remedy: flag.map { "\(command) \($0)" } ?? "restore the folder from a backup", flag: flag))
    }
    if let jump = store.look?.lastAppend.flatMap(Self.jump(since:)) {
      all.append(
        Finding(
          what: "CLOCK_JUMP: \(jump)",
          remedy: "set the clock right if it is wrong, else: \(command) --confirm-clock",
          flag: "--confirm-clock"))
    }
  }

  /// What is lost of a range, each loss as far as it reaches.
  func lost(in range: LSNRange) -> [LSNRange] {
    LSNRanges(
      damages.map(\.lsns).filter { lsns in
        !lsns.isEmpty && !state.acceptedLSNs.covers(lsns) && range.contains(lsns.first)
          && range.contains(lsns.last)
      }
    ).ranges
  }

  /// How much only the index still says.
  private static func words(of look: StoreLook?, _ range: LSNRange) -> String {
    guard let rows = look?.rowsHeld(of: [range]) else { return "" }
    return "; \(Numbers.count(rows, "row")) of it rest on them"
  }

  /// A clock that stands behind the last append, as the next opening would see it.
  private static func jump(since lastAppend: WallTime) -> ClockJump? {
    let clock = SystemClock()
    var judge = AppendClock(lastAppend: lastAppend)
    do throws(ClockJump) {
      _ = try judge.stamp(wall: clock.wall(), monotonic: clock.monotonic())
      return nil
    } catch {
      return error
    }
  }

  var erasuresKeptFrom: LSN? { state.erasuresKeptFrom }

  func name(of damage: Damage) -> String { state.name(of: damage.file) ?? "file \(damage.file)" }

  var lines: [String] {
    guard !all.isEmpty else { return ["nothing to mend"] }
    return all.flatMap { [$0.what, "  mend: \($0.remedy)"] }
      + ["", "\(Numbers.count(all.count, "thing")) to mend; nothing was changed"]
  }

  var json: JSON {
    [
      "findings": .list(
        all.map { finding in
          [
            "what": .text(finding.what), "remedy": .text(finding.remedy),
            "flag": finding.flag.map { .text($0) } ?? .null,
          ]
        })
    ]
  }
}
