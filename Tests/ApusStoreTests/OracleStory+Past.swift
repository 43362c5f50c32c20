// Reads of the past, after each step now and then: at any LSN, also inside of frames, in gaps and ahead, and by what was known at a
// time. The oracle searches its list again, with what is not there left out.

import ApusBytes
import ApusContracts
import ApusStore
import ApusTestSupport

/// What a read of the past sees, in the oracle's words.
struct ToldSight {
  /// As of the moment.
  var definitions: ToldDefinitions
  var through: UInt64
  var time: Int64
  var isKnown: Bool
}

struct ToldExplanation: Equatable {
  var cell: ToldCell
  var winner: UInt64?
  var runnerUp: UInt64?
  /// 1 older, 2 not yet known, 4 deleted.
  var why: UInt8?
}

extension ToldStore {
  func explain(
    _ sight: ToldSight, _ version: Int, _ feature: Int, _ key: [Value]
  ) -> ToldExplanation {
    let features = sight.definitions.versions[version].features
    if feature < features.count, features[feature].isRemoved {
      return ToldExplanation(cell: ToldCell(status: ToldCell.notFound, reason: ToldCell.deleted))
    }
    let erase = erase(of: key, version)
    let all = (version < events.count ? events[version] : []).filter {
      $0.key == key && $0.lsn <= sight.through && $0.lsn > erase?.lsn ?? 0 && $0.speaks(of: feature)
    }.sorted { $1.isBefore($0) }
    let winner = all.first { !sight.isKnown || $0.knownAt <= sight.time }
    let loser = all.first { $0.lsn != winner?.lsn }
    var told = ToldExplanation(
      cell: ToldCell(status: ToldCell.notFound), winner: winner?.lsn, runnerUp: loser?.lsn)
    if let loser {
      if sight.isKnown, loser.knownAt > sight.time {
        told.why = 2
      } else {
        told.why = winner?.said == nil && loser.said != nil ? 4 : 1
      }
    }
    guard let winner else {
      told.cell.reason = !all.isEmpty ? 2 : erase == nil ? ToldCell.neverSeen : ToldCell.erased
      return told
    }
    told.cell.eventTime = winner.eventTime
    told.cell.createdAt = winner.createdAt
    told.cell.lsn = winner.lsn
    told.cell.age = Int64(clamping: Int128(sight.time) - Int128(winner.eventTime))
    guard let said = winner.said?[feature] else {
      told.cell.reason = ToldCell.deleted
      return told
    }
    if let ttl = sight.definitions.versions[version].settings.ttl,
      Int128(winner.eventTime) < max(Int128(sight.time) - Int128(ttl), Int128(Int64.min))
    {
      told.cell.status = ToldCell.outsideMaxAge
    } else if case .value(let value) = said {
      told.cell.status = ToldCell.present
      told.cell.value = value
    } else {
      told.cell.status = ToldCell.null
    }
    return told
  }
}

extension OracleStory {
  /// Reads something as it was at one moment, and compares.
  func readPast(_ random: inout SplitMix64) throws {
    guard let vector = vectors?.isEmpty == false ? vectors.map({ random.pick($0) }) : nil else { return }
    let asked: PastMoment
    var sight = ToldSight(definitions: told.definitions, through: told.lastLSN, time: 0, isKnown: false)
    let times = told.events.flatMap { $0.flatMap { [$0.knownAt, $0.eventTime] } } + [wall, .min, .max]
    sight.time = Int64(clamping: Int128(random.pick(times)) + Int128(random.within(-1...1)))
    if random.chance(0.6) {
      sight.through = UInt64(random.below(Int(visible) + 2))
      asked = .lsn(LSN(sight.through), at: ReadTime(nanoseconds: sight.time))
      sight.definitions = (past.last { $0.lastLSN <= sight.through } ?? ToldStore()).definitions
    } else {
      sight.isKnown = true
      asked = .known(by: ReadTime(nanoseconds: sight.time))
    }
    var expected: String?
    if case .lsn = asked {
      if sight.through > visible {
        expected = "notYet"
      } else if isLost(sight.through) {
        expected = "lsnLost"
      } else if vector.columns.contains(where: { $0.version >= sight.definitions.versions.count }) {
        expected = "unknownView"
      }
    }
    do {
      let read = try store.past(asked)
      try compare(read, vector, sight, &random)
      if let expected { throw OracleFailure("\(asked) was answered, and \(expected) was expected") }
      count(sight.isKnown ? "read by what was known" : "read at an LSN")
    } catch let error as StoreError {
      guard !disk.isOff else { throw error }
      guard error.tag == expected else { throw OracleFailure("\(asked), through \(visible): \(error)") }
      count("past: \(error.tag)")
    }
  }

  /// Whether no frame has it.
  private func isLost(_ lsn: UInt64) -> Bool {
    lsn > 0
      && gapEnds.contains { end in end >= lsn && !past.contains { lsn <= $0.lastLSN && $0.lastLSN <= end } }
  }

  private func compare(
    _ read: PastRead, _ vector: OracleVector, _ sight: ToldSight, _ random: inout SplitMix64
  ) throws {
    var keys = RequestKeys(for: vector.vector)
    let pools = vector.roles.map { told.definitions.entities[$0.entity].pool }
    var asked: [[[Value]]] = []
    for _ in 0..<random.within(1...3) {
      var parts = pools.map { random.pick($0) }
      if vector.isNamed {
        var named: [String: Value] = [:]
        for (role, part) in zip(vector.roles, parts) {
          for (name, value) in zip(role.requested, part) { named[name] = value }
        }
        try keys.append(named: named)
        parts = vector.roles.map { role in role.requested.compactMap { named[$0] } }
      } else {
        try keys.append(values: parts)
      }
      asked.append(parts)
    }
    var found: [[ToldExplanation?]] = asked.map { _ in vector.columns.map { _ in nil } }
    try read.read(vector.vector, keys) { row, feature, cell, value in
      found[row][feature.column] = ToldExplanation(
        cell: ToldCell(
          status: cell.status.rawValue, reason: cell.reason?.rawValue,
          value: cell.hasValue() ? try? Value(value, of: feature.slot) : nil,
          eventTime: cell.stamp?.eventTime.nanoseconds, createdAt: cell.stamp?.createdAt.nanoseconds,
          lsn: cell.stamp?.lsn.rawValue, age: cell.ageNanoseconds))
    }
    try read.explain(vector.vector, keys) { explained in
      let column = explained.feature.column
      found[explained.row][column]?.winner = explained.winner?.event.lsn.rawValue
      found[explained.row][column]?.runnerUp = explained.runnerUp?.candidate.event.lsn.rawValue
      found[explained.row][column]?.why = explained.runnerUp?.why.rawValue
    }
    for (row, parts) in asked.enumerated() {
      for (place, column) in vector.columns.enumerated() {
        let key = parts[column.role]
        let expected = told.explain(sight, column.version, column.feature, key)
        if found[row][place] != expected {
          throw OracleFailure(
            "\(vector.name), column \(place), key \(key) at LSN \(sight.through), time \(sight.time)"
              + "\(sight.isKnown ? ", as known" : ""):\n  found    \(found[row][place].map { "\($0)" } ?? "nothing")"
              + "\n  expected \(expected)\n" + said(of: column, key))
        }
        count("past cell \(expected.cell.status) \(expected.cell.reason ?? 0)")
        if let why = expected.why { count("lost because \(why)") }
      }
    }
    try compareHistory(read, vector, sight, asked[0])
  }

  /// All events of the first column's key, in order.
  private func compareHistory(
    _ read: PastRead, _ vector: OracleVector, _ sight: ToldSight, _ parts: [[Value]]
  ) throws {
    guard let column = vector.columns.first else { return }
    let key = parts[column.role]
    let name = VersionedName(spelling: told.definitions.versions[column.version].spelling)
    guard let view = name.flatMap({ read.catalog.view($0, in: Self.project) }) else {
      throw OracleFailure("there is no view of \(vector.name)")
    }
    var encoder = KeyEncoder()
    try view.keySchema.encode(key, into: &encoder)
    let erase = told.erase(of: key, column.version)
    let expected = (column.version < told.events.count ? told.events[column.version] : []).filter {
      $0.key == key && $0.lsn <= sight.through && $0.lsn > erase?.lsn ?? 0
        && (!sight.isKnown || $0.knownAt <= sight.time)
    }.map(\.lsn).sorted()
    // Page by page, of two, and either way round.
    for isNewestFirst in [false, true] {
      var question = HistoryQuestion(limit: 2)
      question.isNewestFirst = isNewestFirst
      var found: [UInt64] = []
      repeat {
        let page = try read.history(of: view, key: encoder.bytes, question)
        found += page.entries.map(\.event.lsn.rawValue)
        question.place = page.next
      } while question.place != nil
      try check(found, isNewestFirst ? expected.reversed() : expected, "history of \(key)")
    }
  }
}
