// The oracle of training sets: a list of all that was said, and SEMANTICS' rule as a search through it. Nothing here is shared with the engine but
// `Value`, which carries values.

import ApusContracts

struct ToldEvent {
  var lsn: UInt64
  var view: String
  var key: [Value]
  var eventTime: Int64
  var createdAt: Int64
  var knownAt: Int64
  var isAssumed: Bool
  /// By feature; one that is missing is absent, nil is a null. Nil altogether for a delete.
  var said: [String: Value?]?

  func speaks(of feature: String) -> Bool { said.map { $0.keys.contains(feature) } ?? true }

  func isBefore(_ other: ToldEvent) -> Bool {
    (eventTime, createdAt, lsn) < (other.eventTime, other.createdAt, other.lsn)
  }
}

/// What a view's definition says from an LSN on.
struct ToldDefinition {
  var lsn: UInt64
  var view: String
  var ttl: Int64?
}

struct ToldErase {
  var lsn: UInt64
  var time: Int64
  var name: String
  var value: Value
}

enum ToldMode { case known, happened, lsn }

struct ToldLabel {
  var key: [Value]?
  var time: Int64?
  var lsn: UInt64?
}

struct ToldQuestion {
  var mode = ToldMode.known
  var isStrict = false
  var delay: Int64 = 0
  var staleOK = false
  /// The snapshot's LSN.
  var through: UInt64 = 0
  /// By view: what is before it is beyond history.
  var horizons: [String: (time: Int64, lsn: UInt64)] = [:]
}

struct ToldCell: Equatable {
  var status: Int
  var reason: String?
  var value: Value?
  var eventTime: Int64?
  var lsn: UInt64?
}

struct ToldHistory {
  var events: [ToldEvent] = []
  var definitions: [ToldDefinition] = []
  var erases: [ToldErase] = []
  /// The names of the keys of each view.
  var keyNames: [String: [String]] = [:]

  func floor(_ view: String, _ key: [Value]) -> UInt64? {
    erases.filter { erase in
      zip(keyNames[view] ?? [], key).contains { $0 == erase.name && $1 == erase.value }
    }.map(\.lsn).max()
  }

  /// Until when events of an erased key are refused.
  func erasedUntil(_ view: String, _ key: [Value]) -> Int64? {
    erases.filter { erase in
      zip(keyNames[view] ?? [], key).contains { $0 == erase.name && $1 == erase.value }
    }.map(\.time).max()
  }

  func cell(
    _ view: String, _ feature: String, _ label: ToldLabel, _ question: ToldQuestion, filling: Value?
  ) -> ToldCell {
    guard let key = label.key, let time = label.time else {
      return ToldCell(status: 3, reason: "never_seen", value: filling)
    }
    if let horizon = question.horizons[view], isBeyond(label, time, question, horizon) {
      return ToldCell(status: 3, reason: "beyond_history", value: filling)
    }
    let floor = floor(view, key)
    var winner: ToldEvent?
    var hidden = false
    for event in events where event.view == view && event.key == key && event.speaks(of: feature) {
      if event.lsn > question.through { continue }
      if question.mode == .lsn, event.lsn > label.lsn ?? 0 { continue }
      if let floor, event.lsn <= floor { continue }
      guard sees(event, time, question) else {
        hidden = true
        continue
      }
      if winner.map({ $0.isBefore(event) }) ?? true { winner = event }
    }
    guard let winner else {
      let reason = hidden ? "not_yet_known" : floor != nil ? "erased" : "never_seen"
      return ToldCell(status: 3, reason: reason, value: filling)
    }
    var cell = ToldCell(status: 1, eventTime: winner.eventTime, lsn: winner.lsn)
    guard let said = winner.said else {
      cell.status = 3
      cell.reason = "deleted"
      cell.value = filling
      return cell
    }
    let value = said[feature] ?? nil
    let asOf = question.mode == .lsn ? label.lsn ?? 0 : question.through
    let ttl = definitions.last { $0.view == view && $0.lsn <= asOf }?.ttl
    if let ttl, Int128(winner.eventTime) < max(Int128(time) - Int128(ttl), Int128(Int64.min)) {
      cell.status = 4
      cell.value = question.staleOK ? value : filling
    } else {
      cell.status = value == nil ? 2 : 1
      cell.value = value
    }
    return cell
  }

  private func sees(_ event: ToldEvent, _ time: Int64, _ question: ToldQuestion) -> Bool {
    let entry: Int64
    switch question.mode {
    case .lsn: return true
    case .known: entry = event.knownAt
    case .happened: entry = event.eventTime
    }
    let moment = Int128(entry) + Int128(question.delay)
    return question.isStrict ? moment < Int128(time) : moment <= Int128(time)
  }

  private func isBeyond(
    _ label: ToldLabel, _ time: Int64, _ question: ToldQuestion, _ horizon: (time: Int64, lsn: UInt64)
  ) -> Bool {
    if question.mode == .lsn { return (label.lsn ?? 0) < horizon.lsn }
    if question.through < horizon.lsn { return true }
    let moment = Int128(time) - Int128(question.delay)
    return question.isStrict ? moment <= Int128(horizon.time) : moment < Int128(horizon.time)
  }
}
