// What a check finds beyond the log's bytes: whether the files of history are whole, whether the records can be applied, whether the
// index is good, and, when asked, whether it is what the log says. Changes nothing; only the replay writes, and elsewhere.

import ApusBytes
import ApusContracts
import ApusLog
import ApusStore
import ApusSystem

struct StoreCheck {
  private(set) var notes: [String] = []
  private(set) var problems: [String] = []
  /// A line each of the report's head.
  private(set) var words: [(name: String, words: String)] = []
  private let history: HistoryCheck
  private var index = JSON.null
  private var replay = JSON.null
  /// For a repair: nil when the store could not be looked at.
  private(set) var look: StoreLook?
  private(set) var isIndexBad = false

  var json: JSON { ["history": history.json, "index": index, "replay": replay] }
  var isHistoryDamaged: Bool { !history.faults.isEmpty }
  /// A file that is not there is told by the log's own check.
  var historyProblems: [String] {
    history.faults.filter { !$0.isMissing }.map { "damage: \($0.description)" + words(of: $0.loss) }
  }
  /// Each file that is damaged or not there, and what is wrong with it.
  var historyFaults: [(file: String, what: String)] {
    history.faults.map { ($0.file.name, $0.description + words(of: $0.loss)) }
  }

  private func words(of loss: HistoryLoss?) -> String {
    guard let loss else { return "" }
    return "; "
      + loss.words { id in
        look?.catalog[ViewVersionID(id)]?.spelling
      }
  }

  init(behind log: LogCheck, scratch: String?, data: String) throws(Trouble) {
    do throws(LogError) { history = try HistoryCheck.run(data, on: RealDisk()) } catch {
      throw Trouble(error, isCheck: true, data: data)
    }
    let opened: Result<StoreLook?, StoreError>
    do throws(StoreError) { opened = .success(try StoreLook.open(data)) } catch { opened = .failure(error) }
    // It knows how view versions are called.
    look = try? opened.get()
    tellHistory()
    tellLosses(log)
    do throws(StoreError) {
      guard let look = try opened.get() else { throw .log(.noStore(folder: data)) }
      try lookAtIndex(look)
      if let scratch { try replay(look, in: scratch + "/apus-check-\(SystemProcess.id)") }
    } catch {
      try meet(error, log, data)
    }
  }

  /// What nobody knows any more.
  private mutating func tellLosses(_ log: LogCheck) {
    let complete = look?.index.complete ?? .none
    let standing = log.damages.map(\.lsns).filter {
      !$0.isEmpty && !log.state.acceptedLSNs.covers($0) && $0.last > complete
    }
    let from = log.state.erasuresKeptFrom
    let losses =
      LSNRanges(standing).ranges.map { LossWords($0, erasuresKeptFrom: from) }
      + LossWords.accepted(log.state.acceptedLSNs, held: log.state.held, erasuresKeptFrom: from)
    for loss in losses { notes.append("\(loss.what); \(loss.next)") }
  }

  private mutating func tellHistory() {
    if let line = history.line { words.append(("history", line)) }
    problems += historyProblems
    if !historyProblems.isEmpty {
      notes.append(
        "restore each damaged file of history from a backup, whole and under its name; until then reads of the newest rows, "
          + "which need the index alone, go on while it is good, and what needs the file is refused")
    }
    for fault in history.faults where fault.isMissing {
      notes.append("\(fault.file.name)" + words(of: fault.loss))
    }
    if history.faults.contains(where: \.isMissing) {
      notes.append(
        "put each missing file of history back from a backup, under its name; the store opens without it while its index is good, "
          + "with every answer flagged")
    }
    if isHistoryDamaged {
      notes.append("what no backup has is given up by `apus repair --accept-loss FILE`, file by file")
    }
    if isHistoryDamaged {
      notes.append(
        "do not remove the index folder: without all of history another index may not be possible to make")
    }
  }

  /// When another index can be made.
  private var remaking: String {
    isHistoryDamaged
      ? "another can be made once history is whole" : "the next start makes another from the log"
  }

  /// What the log's own check found explains why a store does not open; anything else is found here.
  private mutating func meet(_ error: StoreError, _ log: LogCheck, _ data: String) throws(Trouble) {
    switch error {
    case .recordUnreadable, .index: problems.append(error.description)
    case .log(.inUse): throw Trouble(error, data: data)
    case .history where isHistoryDamaged:
      notes.append("what needs the damaged file was not checked: \(error)")
    case .history: problems.append(error.description)
    case .log where !log.isSound:
      notes.append("the index was not looked at, because the log cannot be opened: \(error)")
    case .log(.manifestLost), .log(.foreignFile), .log(.fileMissing), .log(.manifestWrong):
      problems.append(error.description)
    default: throw Trouble(error, data: data)
    }
  }

  private mutating func lookAtIndex(_ look: StoreLook) throws(StoreError) {
    let end = look.last
    index = look.facts.index.json
    switch look.index.verdict {
    case .missing, .rebuilding:
      notes.append("there is no index: \(remaking)")
      words.append(("index", "none"))
    case .unusable(let why):
      isIndexBad = true
      problems.append("the index cannot be used, because \(why); \(remaking)")
      words.append(("index", "not usable"))
    case .usable: try scrub(look)
    }
    if look.index.touched > end {
      problems.append(
        "the index holds records up to LSN \(look.index.touched), and the log ends at LSN \(end): "
          + Self.lost(LSNRange(end.next, through: look.index.touched)))
    }
  }

  private static func lost(_ lsns: LSNRange) -> String { "\(lsns) \(lsns.verb) lost" }

  private mutating func scrub(_ look: StoreLook) throws(StoreError) {
    guard let scrub = try look.index.scrub() else { return }
    isIndexBad = scrub.damageCount > 0
    problems += scrub.damages.map { "index: \($0)" }
    let more = scrub.damageCount - UInt64(scrub.damages.count)
    if more > 0 { problems.append("index: \(Numbers.count(more, "more damage"))") }
    if isIndexBad, !isHistoryDamaged { notes.append("the index is mended by `apus repair --rebuild-index`") }
    index = index.adding([
      "rows": .number(scrub.rows), "damages": .number(scrub.damageCount),
    ])
    words.append(
      (
        "index",
        "complete to LSN \(look.index.complete): \(Numbers.count(scrub.rows, "row")), "
          + Numbers.count(look.index.byteCount ?? scrub.byteCount, "byte")
          + (look.tail > 0 ? "; the next start replays \(Numbers.count(look.tail, "record"))" : "")
      ))
  }

  private mutating func replay(_ look: StoreLook, in scratch: String) throws(StoreError) {
    do throws(SystemError) { try RealDisk().makeFolder(scratch) } catch { throw .log(.system(error)) }
    let replayed: StoreReplayed
    do throws(StoreError) { replayed = try look.replay(in: scratch) } catch {
      // What could not be replayed is what is told.
      try? StoreLook.removeScratch(scratch)
      throw error
    }
    try StoreLook.removeScratch(scratch)
    let count = Numbers.count(replayed.records, "record")
    var hash = JSON.null
    let word: String
    switch replayed.comparison {
    case .equal(let found):
      word = "equal"
      hash = .text(found)
      words.append(("replay", "\(count); the index is what the log says, state hash \(found)"))
    case .different(let own, let made):
      word = "different"
      hash = .text(made)
      isIndexBad = true
      words.append(("replay", "\(count); the index is NOT what the log says"))
      problems.append(
        "the index is not what the log says: its state hash is \(own), a replay's \(made); "
          + (isHistoryDamaged ? remaking : "`apus repair --rebuild-index` makes it anew"))
    case .none(let why):
      word = "not compared"
      words.append(("replay", "\(count); not compared with the index"))
      notes.append("the replay was not compared with the index: \(why)")
    }
    replay = ["records": .number(replayed.records), "index": .text(word), "state_hash": hash]
  }
}

extension HistoryCheck {
  /// Nil where there is no history.
  fileprivate var line: String? {
    guard runs + ledgers > 0 else { return nil }
    return "\(Numbers.count(runs, "run")) and \(Numbers.count(ledgers, "ledger")), "
      + Numbers.count(byteCount, "byte")
      + (faults.isEmpty ? "" : "; \(Numbers.count(faults.count, "file")) NOT as written")
  }

  fileprivate var json: JSON {
    [
      "runs": .number(runs), "ledgers": .number(ledgers), "bytes": .number(byteCount),
      "damages": .list(
        faults.map { fault in
          [
            "file": .text(fault.file.name), "file_id": .number(fault.file.id.rawValue),
            "missing": .boolean(fault.isMissing), "byte": fault.at.map { .number($0) } ?? .null,
            "what": .text(fault.what), "loss": fault.loss?.json ?? .null,
          ]
        }),
    ]
  }
}
