// How the oracle judges rows: SEMANTICS' times, the contract's rules, erasures; first when a batch is made, and once more when
// it is written after something changed.

import ApusContracts

/// Which moment a push gives its events.
enum ToldChoice: Equatable {
  case live, now, eventTime, column
  case delay(Int64)

  var isAssumption: Bool {
    switch self {
    case .eventTime, .delay: true
    default: false
    }
  }

  var choice: KnownAtChoice {
    switch self {
    case .live: .live
    case .now: .now
    case .eventTime: .eventTime
    case .column: .column
    case .delay(let nanoseconds): .eventTimePlus(nanoseconds: nanoseconds)
    }
  }
}

struct ToldTimes: Equatable {
  var event: Int64?
  var created: Int64?
  var known: Int64?
}

/// One row of a push, as it was given.
struct ToldRow {
  let version: Int
  let isDelete: Bool
  let key: [Value]
  var times: ToldTimes
  /// By name, in the order given.
  var said: [(name: String, said: Said)]
}

/// A row between its judgements.
struct ToldSeat {
  var row: ToldRow
  /// It gave no event time.
  var isUntimed: Bool
  var wasSetBack = false
  var verdict = Verdict.refused("")

  enum Verdict {
    case accepted(event: Int64, created: Int64?, known: Int64?)
    case refused(String)
    case erased
  }
}

struct ToldRefusal: Equatable {
  let view: String
  let rule: String
  var count: Int
  let firstRow: Int
}

struct ToldBatch {
  let choice: ToldChoice
  let isAllOrNothing: Bool
  var seats: [ToldSeat]
  let firstMoment: Int64
  var moment: Int64
  var catalog: Int
  private(set) var refusals: [ToldRefusal] = []

  init(
    _ rows: [ToldRow], _ choice: ToldChoice, isAllOrNothing: Bool, at moment: Int64, in store: ToldStore
  ) {
    self.choice = choice
    self.isAllOrNothing = isAllOrNothing
    self.moment = moment
    firstMoment = moment
    catalog = store.catalog
    seats = rows.map { ToldSeat(row: $0, isUntimed: $0.times.event == nil) }
    judge(in: store)
  }

  /// Once more: what was accepted has the times it was accepted with, and what has none the moment it was first judged.
  mutating func again(at moment: Int64, in store: ToldStore) {
    self.moment = moment
    catalog = store.catalog
    // Neither an event nor a dead letter keeps what says nothing.
    for at in seats.indices { seats[at].row.said.removeAll { $0.said == .absent } }
    judge(in: store)
  }

  var isRefused: Bool { isAllOrNothing && !refusals.isEmpty }

  var answer: ToldAnswer {
    var answer = ToldAnswer(first: 0, last: 0, time: 0)
    for seat in seats {
      switch seat.verdict {
      case .accepted:
        answer.accepted += 1
        if seat.wasSetBack { answer.setBack += 1 }
      case .refused: if !isAllOrNothing { answer.setAside += 1 }
      case .erased: answer.erased += 1
      }
    }
    return answer
  }

  private mutating func judge(in store: ToldStore) {
    refusals = []
    for at in seats.indices {
      if case .erased = seats[at].verdict { continue }
      judge(&seats[at], in: store)
      guard case .refused(let rule) = seats[at].verdict else { continue }
      let view = store.definitions.versions[seats[at].row.version].spelling
      if let known = refusals.firstIndex(where: { $0.view == view && $0.rule == rule }) {
        refusals[known].count += 1
      } else {
        refusals.append(ToldRefusal(view: view, rule: rule, count: 1, firstRow: at))
      }
    }
  }

  private func judge(_ seat: inout ToldSeat, in store: ToldStore) {
    let version = store.definitions.versions[seat.row.version]
    let entity = store.definitions.entities[version.entity]
    guard Self.isKey(seat.row.key, of: entity) else {
      seat.verdict = .refused("key")
      return
    }
    let given = seat.row.times
    let asked = given.event ?? min(firstMoment, moment)
    let times = admitted(asked, given, version.settings.skew)
    if let erase = store.erase(of: seat.row.key, seat.row.version) {
      let event: Int64
      if case .accepted(let admitted, _, _) = times { event = admitted } else { event = asked }
      if event <= erase.time {
        seat.verdict = .erased
        return
      }
    }
    if let fault = Self.nameFault(seat.row, version) {
      seat.verdict = .refused(fault)
      return
    }
    guard case .accepted(let event, _, _) = times else {
      seat.verdict = times
      return
    }
    if choice == .live, let lateness = version.settings.lateness, event < moment - lateness {
      seat.verdict = .refused("max_lateness")
      return
    }
    if !seat.row.isDelete, let broken = Self.broken(seat.row, version) {
      seat.verdict = .refused(broken)
      return
    }
    seat.verdict = times
    if asked > moment { seat.wasSetBack = true }
    // What is recorded is what a second judgement finds.
    if case .accepted(let event, let created, _) = times {
      seat.row.times.event = seat.isUntimed ? nil : event
      seat.row.times.created = created
      seat.row.said.removeAll { $0.said == .absent }
    }
  }

  private func admitted(_ asked: Int64, _ given: ToldTimes, _ skew: Int64) -> ToldSeat.Verdict {
    func isBeyond(_ time: Int64) -> Bool { Int128(time) - Int128(moment) > Int128(skew) }
    if isBeyond(asked) { return .refused("event_time") }
    if let created = given.created, isBeyond(created) { return .refused("created_at") }
    let event = min(asked, moment)
    var known: Int64?
    switch choice {
    case .column:
      guard let given = given.known, given >= event, given <= moment else { return .refused("known_at") }
      known = given
    case .live, .now: if given.known != nil { return .refused("known_at") }
    case .eventTime:
      if given.known != nil { return .refused("known_at") }
      known = event
    case .delay(let delay):
      if given.known != nil || delay < 0 { return .refused("known_at") }
      let late = Int128(event) + Int128(delay)
      known = late > Int128(moment) ? nil : Int64(late)
    }
    return .accepted(event: event, created: given.created.map { min($0, moment) }, known: known)
  }

  /// What 400 encoded bytes hold is the encoding's; the story's keys are short or far too long.
  private static func isKey(_ key: [Value], of entity: ToldEntity) -> Bool {
    key.count == entity.keys.count
      && zip(key, entity.keys).allSatisfy { value, part in
        if case .string(let text) = value, text.utf8.count > 400 { return false }
        return value.told == .one(part.type)
      }
  }

  private static func nameFault(_ row: ToldRow, _ version: ToldVersion) -> String? {
    // Naming a feature to say nothing of it is not naming it.
    let named = row.said.filter { $0.said != .absent }
    if row.isDelete { return named.isEmpty ? nil : "unknown_feature" }
    var seen: Set<String> = []
    for (name, _) in named {
      if version.feature(name) == nil { return "unknown_feature" }
      if !seen.insert(name).inserted { return "feature_twice" }
    }
    return nil
  }

  private static func broken(_ row: ToldRow, _ version: ToldVersion) -> String? {
    for feature in version.inUse {
      let definition = version.features[feature]
      let said = row.said.first { $0.name == definition.name && $0.said != .absent }?.said ?? .absent
      if let rule = definition.rules.broken(by: said, definition.type) {
        return "\(definition.name).\(rule)"
      }
    }
    return nil
  }
}

extension ToldStore {
  /// A batch as one frame. The first of the records is the producer's, if there is one.
  mutating func take(_ batch: ToldBatch, from first: UInt64, at time: Int64, producer: Bool) -> ToldAnswer {
    var answer = batch.answer
    var next = first
    if producer { next += 1 }
    for seat in batch.seats {
      let row = seat.row
      switch seat.verdict {
      case .erased: continue
      case .refused(let rule):
        letters.append(ToldLetter(lsn: next, version: row.version, rule: rule, isDelete: row.isDelete))
        waiting.append(ToldWaiting(lsn: next, arrived: time, rule: rule, row: row))
        oldestLetter = min(oldestLetter ?? time, time)
      case .accepted(let event, let created, let known):
        let version = definitions.versions[row.version]
        var said = [Said](repeating: .absent, count: version.features.count)
        for (name, what) in row.said { if let at = version.feature(name) { said[at] = what } }
        note(
          ToldEvent(
            lsn: next, eventTime: event, createdAt: created ?? time, knownAt: known ?? time,
            isAssumed: batch.choice.isAssumption, key: row.key, said: row.isDelete ? nil : said),
          of: row.version)
      }
      next += 1
    }
    answer.first = first
    answer.last = next - 1
    answer.time = time
    lastLSN = max(lastLSN, next - 1)
    lastTime = time
    return answer
  }
}
