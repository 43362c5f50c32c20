// `apus explain`: why each cell is what it is: the event that won, and of those that lost the one with the greatest stamp, with why.

import ApusBytes
import ApusContracts
import ApusStore
import ApusSystem

enum Explain {
  static func run(_ options: Get.Options, _ answer: Answer) throws(Trouble) -> ExitCode {
    let asked = try Get.Asked(options, answer)
    let (cells, columns, moment) = try answer.changing { (store) throws(StoreError) in
      let read = try store.past(options.moment(in: store) ?? .newest)
      let vector = try asked.wanted.vector(in: read.catalog, asked.project)
      var keys = RequestKeys(for: vector)
      for entity in asked.entities { try keys.append(named: entity.named) }
      var cells: [CellExplanation?] = vector.columns.map { _ in nil }
      try read.explain(vector, keys) { cells[$0.feature.column] = $0 }
      return (cells, vector.columns, read.moment)
    }
    let title = asked.wanted.spelled
    let time = WallTime(nanoseconds: moment.time.nanoseconds)
    if answer.isJSON {
      answer.output.line([
        "of": .text(title), "keys": asked.entities.first?.json ?? [:], "lsn": .number(moment.lsn.rawValue),
        "read_time": .text("\(time)"), "may_lack": .boolean(moment.isFlagged),
        "features": .list(
          zip(columns, cells).map { column, cell in
            let head: JSON = [
              "name": .text(column.name), "type": .text("\(column.type)"), "from": .text(column.view),
            ]
            return head.adding(cell?.json ?? [:])
          }),
      ])
      return .done
    }
    let flag = moment.isFlagged ? "; records were lost once, and something may be missing" : ""
    answer.output.line("\(title) at LSN \(moment.lsn), \(time.inWords)\(flag)")
    for (column, cell) in zip(columns, cells) {
      cell?.lines(column.name).forEach { answer.output.line($0) }
    }
    return .done
  }
}

extension CellExplanation {
  fileprivate func lines(_ name: String) -> [String] {
    var lines: [String] = []
    if let winner {
      let age = cell.status == .outsideMaxAge ? "   (out of age)" : ""
      lines.append("\(name) = \(winner.words(feature))   \(winner.origin(view))\(age)")
    } else {
      lines.append("\(name): \(cell.reason?.inWords ?? cell.status.inWords)")
    }
    if let (loser, why) = runnerUp {
      lines.append("  not chosen: \(loser.words(feature))   \(loser.origin(view))   (\(why.inWords))")
    }
    return lines
  }

  fileprivate var json: JSON {
    [
      "status": .text(cell.status.word), "reason": cell.reason.map { .text($0.inWords) } ?? .null,
      "winner": winner?.json(feature) ?? .null,
      "not_chosen": runnerUp.map { $0.candidate.json(feature).adding(["why": .text($0.why.inWords)]) }
        ?? .null,
    ]
  }
}

extension ToldCandidate {
  fileprivate func value(_ feature: PreparedVector.Feature) -> Value? {
    content == .value ? try? Value(unsafe value.span.bytes, of: feature.slot) : nil
  }

  fileprivate func words(_ feature: PreparedVector.Feature) -> String {
    switch content {
    case .value: value(feature)?.inWords ?? "unreadable: see `apus check`"
    case .null: "null"
    case .deleted, .unseen: "deleted"
    }
  }

  fileprivate func origin(_ view: String) -> String {
    let number = view.drop { $0 != "@" }
    let producer = event.producer.map { "   producer \($0)" } ?? ""
    return "event \(event.eventTime.wall.inWords)   known \(event.known.inWords)\(producer)   \(number)"
      + "   lsn \(event.lsn)"
  }

  fileprivate func json(_ feature: PreparedVector.Feature) -> JSON {
    let said: JSON = [
      "operation": .text(content == .deleted ? "delete" : "upsert"),
      "value": value(feature)?.json ?? .null,
    ]
    return said.adding(event.json)
  }
}

extension PastEvent {
  var known: WallTime { WallTime(nanoseconds: knownAt.nanoseconds) }

  /// What is told of every event.
  var json: JSON {
    [
      "event_time": .text("\(eventTime.wall)"),
      "created_at": .text("\(WallTime(nanoseconds: createdAt.nanoseconds))"),
      "known_at": .text("\(known)"), "known_at_assumed": .boolean(isKnownAtAssumed),
      "producer": producer.map { .text($0) } ?? .null, "lsn": .number(lsn.rawValue),
    ]
  }
}

extension PastFold.Loss {
  var inWords: String {
    switch self {
    case .older: "older"
    case .notYetKnown: "not yet known"
    case .deleted: "deleted"
    }
  }
}
