// `apus repair --accept-loss history/NAME`: gives up what cannot be read of one file of history, and says what that was.

import ApusBytes
import ApusContracts
import ApusLog
import ApusStore
import ApusSystem

enum GiveUp {
  static func run(_ name: String, _ answer: Answer) throws(Trouble) {
    let outcome: GivingUp
    do throws(StoreError) {
      var random = SystemRandomNumberGenerator()
      outcome = try Store.giveUp(name, in: answer.data, random: &random)
    } catch {
      throw Trouble(error, data: answer.data)
    }
    switch outcome {
    case .unknown(let names):
      throw Trouble(
        "no_file", "history has no file `\(name)`", at: answer.data,
        next: Suggestion.next(for: name, among: names, see: "apus check --data \(Shell.word(answer.data))"))
    case .sound:
      throw Trouble(
        "no_loss", "this file is as it was written; there is nothing to give up",
        at: "\(answer.data), \(name)",
        next: "`apus repair --data \(Shell.word(answer.data))` says what is wrong")
    case .stateLost(let loss):
      throw Trouble(
        "state_lost",
        "the newest ledger cannot be given up: it alone says what was defined when the log began, at LSN \(loss.lsns.last.next)",
        at: "\(answer.data), \(loss.file.name)",
        next:
          "restore it from a backup; until then nothing is compacted, and the newest rows are served if the index is there"
      )
    case .logFirst(let lost):
      throw Trouble(
        "log_first",
        "the log has lost LSNs too, \(lost.map { "\($0.first)..\($0.last)" }.joined(separator: ", ")); until that is accepted, what only the index knows of this file's events could not be kept",
        at: "\(answer.data), \(name)",
        next:
          "apus repair --data \(Shell.word(answer.data)) --accept-loss \(lost.first.map { "\($0.first)..\($0.last)" } ?? "")"
      )
    case .done(let note, let rescue, let place):
      give(note, rescue, place, name, answer)
    }
  }

  private static func give(
    _ note: GivenUp, _ rescue: Rescue?, _ place: String?, _ name: String, _ answer: Answer
  ) {
    var lines = ["given up for good: \(note)"]
    if note.kind == .run {
      lines.append(
        rescue.map {
          "of these, what \(Numbers.count($0.rows, "row")) still rested on is in the log again: "
            + Numbers.count($0.events, "event")
        } ?? "no index was whole, so the newest rows may lack what these events said")
    }
    lines.append(place.map { "the file is now \($0)" } ?? "the file was not there")
    answer.give(
      lines,
      [
        "done": "give_up", "given_up": note.json, "rescued_rows": .optional(rescue?.rows),
        "rescued_events": .optional(rescue?.events), "moved_to": place.map { .text($0) } ?? .null,
      ])
  }
}

extension JSON {
  fileprivate static func optional(_ number: UInt64?) -> JSON { number.map { .number($0) } ?? .null }
}

extension HistoryLoss {
  /// What is lost, as exactly as it can be said.
  func words(_ spelled: (UInt32) -> String?) -> String {
    guard file.kind == .run else {
      let note = isWithoutNote ? ", and the store's state as of LSN \(lsns.last)" : ""
      return
        "\(Numbers.grouped(lost)) of \(Numbers.count(of, "frame or letter")) of \(lsns)\(note) cannot be read"
    }
    let what = spelled(view) ?? "view version \(view)"
    return
      "\(Numbers.grouped(lost)) of \(Numbers.count(of, "event")) of \(what) in \(lsns)\(keyWords) cannot be read"
  }

  private var keyWords: String {
    guard let first = spelled(least), let last = spelled(greatest) else { return "" }
    return first == last ? ", of \(first)," : ", of keys from \(first) to \(last),"
  }

  private func spelled(_ key: [UInt8]) -> String? {
    guard !keys.isEmpty, !key.isEmpty else { return nil }
    guard let values = try? KeySchema(keys.map(\.type)).decode(unsafe key.span.bytes) else {
      return unsafe Hex.text(key.span.bytes)
    }
    return zip(keys, values).map { "\($0.name)=\($1.inWords)" }.joined(separator: ",")
  }

  var json: JSON {
    [
      "view_version": file.kind == .run ? .number(view) : .null, "first_lsn": .number(lsns.first.rawValue),
      "last_lsn": .number(lsns.last.rawValue), "lost": .number(lost), "of": .number(of),
      "least_key": spelled(least).map { .text($0) } ?? .null,
      "greatest_key": spelled(greatest).map { .text($0) } ?? .null,
    ]
  }
}
