// The oracle: a plain list of events, and SEMANTICS' rule as a search through it. Nothing here is shared with the engine
// but `Value`, which carries values. Who wins is decided anew at every question, from all that was ever said.

import ApusContracts

struct ToldEvent {
  let lsn: UInt64
  let eventTime: Int64
  let createdAt: Int64
  let knownAt: Int64
  let isAssumed: Bool
  let key: [Value]
  /// By the feature's place; nil for a delete. What was added later is absent.
  let said: [Said]?

  func speaks(of feature: Int) -> Bool {
    guard let said else { return true }
    return feature < said.count && said[feature] != .absent
  }

  func isBefore(_ other: ToldEvent) -> Bool {
    (eventTime, createdAt, lsn) < (other.eventTime, other.createdAt, other.lsn)
  }
}

/// What a cell must be. Statuses and reasons are the numbers that go over the wire.
struct ToldCell: Equatable {
  var status: UInt8
  var reason: UInt8?
  var value: Value?
  var eventTime: Int64?
  var createdAt: Int64?
  var lsn: UInt64?
  var age: Int64?

  static let present: UInt8 = 1
  static let null: UInt8 = 2
  static let notFound: UInt8 = 3
  static let outsideMaxAge: UInt8 = 4
  static let neverSeen: UInt8 = 1
  static let deleted: UInt8 = 3
  static let erased: UInt8 = 4
}

struct ToldErase: Equatable {
  let lsn: UInt64
  let time: Int64

  func joined(with other: ToldErase?) -> ToldErase {
    guard let other else { return self }
    return ToldErase(lsn: max(lsn, other.lsn), time: max(time, other.time))
  }
}

struct ToldKeyPart: Hashable {
  let key: ToldKey
  let value: Value
}

struct ToldLetter: Equatable {
  let lsn: UInt64
  let version: Int
  let rule: String
  let isDelete: Bool
}

/// A letter that nobody handled, with the row that it keeps.
struct ToldWaiting {
  let lsn: UInt64
  let arrived: Int64
  let rule: String
  let row: ToldRow
}

struct ToldProducer {
  let name: String
  var epoch: UInt32 = 1
  var sequence: UInt64 = 0
  var lastUsed: Int64
  var isExpired = false
  var offset: [UInt8]?
  /// Of the last five numbers.
  var answers: [(sequence: UInt64, digest: [UInt64], answer: ToldAnswer)] = []

  func isIdle(at time: Int64, max: Int64) -> Bool { time - lastUsed > max }
}

struct ToldAnswer: Equatable {
  var first: UInt64
  var last: UInt64
  var time: Int64
  var accepted = 0
  var setAside = 0
  var erased = 0
  var setBack = 0
}

/// All that a store was told and took.
struct ToldStore {
  /// What a person would have, as of the same moment.
  var wanted = Wanted()
  var definitions = ToldDefinitions()
  /// By version.
  var events: [[ToldEvent]] = []
  var erases: [ToldKeyPart: ToldErase] = [:]
  var letters: [ToldLetter] = []
  var waiting: [ToldWaiting] = []
  var oldestLetter: Int64?
  var producers: [ToldProducer] = []
  /// Of the last frame.
  var lastLSN: UInt64 = 0
  var lastTime: Int64?
  /// Rises whenever definitions or erasures change.
  var catalog = 0
}

extension ToldStore {
  /// What the erasures of a key come to, by whichever part. Each of them stands: a later one may have the earlier moment, when the clock was
  /// set back between them.
  func erase(of key: [Value], _ version: Int) -> ToldErase? {
    let keys = definitions.entities[definitions.versions[version].entity].keys
    return zip(keys, key).compactMap { erases[ToldKeyPart(key: $0, value: $1)] }.reduce(nil) {
      $1.joined(with: $0)
    }
  }

  /// The value of a feature at a moment: from the event with the greatest stamp among those that are there and speak of it;
  /// picked first, and only then judged by its age.
  func cell(
    _ version: Int, _ feature: Int, _ key: [Value], at time: Int64, stale: Bool = false, filling: Value? = nil
  ) -> ToldCell {
    // What its view no longer has is not served, whoever pinned it.
    if definitions.versions[version].features[feature].isRemoved {
      return ToldCell(status: ToldCell.notFound, reason: ToldCell.deleted, value: filling)
    }
    let floor = erase(of: key, version)
    var winner: ToldEvent?
    for event in version < events.count ? events[version] : [] where event.key == key {
      if let floor, event.lsn <= floor.lsn { continue }
      if !event.speaks(of: feature) { continue }
      if let known = winner, event.isBefore(known) { continue }
      winner = event
    }
    guard let winner else {
      let reason = floor == nil ? ToldCell.neverSeen : ToldCell.erased
      return ToldCell(status: ToldCell.notFound, reason: reason, value: filling)
    }
    var cell = ToldCell(
      status: ToldCell.notFound, eventTime: winner.eventTime, createdAt: winner.createdAt, lsn: winner.lsn,
      age: Int64(clamping: Int128(time) - Int128(winner.eventTime)))
    guard let said = winner.said?[feature] else {
      cell.reason = ToldCell.deleted
      cell.value = filling
      return cell
    }
    var value: Value?
    if case .value(let found) = said { value = found }
    if let ttl = definitions.versions[version].settings.ttl,
      Int128(winner.eventTime) < max(Int128(time) - Int128(ttl), Int128(Int64.min))
    {
      cell.status = ToldCell.outsideMaxAge
      cell.value = stale ? value : filling
    } else {
      cell.status = value == nil ? ToldCell.null : ToldCell.present
      cell.value = value
    }
    return cell
  }

  mutating func note(_ event: ToldEvent, of version: Int) {
    while events.count <= version { events.append([]) }
    events[version].append(event)
  }
}

/// The rule by which append times are given out: never backward, and none while the wall clock is in doubt.
struct ToldClock {
  /// The latest that was given out.
  var last: Int64?
  var look: (wall: Int64, monotonic: Int64)?
  var isInDoubt = false

  static let jumpMax: Int64 = 60_000_000_000

  private mutating func looks(_ wall: Int64, _ monotonic: Int64) {
    if isInDoubt { return }
    if let look {
      isInDoubt = abs(wall - (look.wall + monotonic - look.monotonic)) > Self.jumpMax
    } else if let last {
      isInDoubt = last - wall > Self.jumpMax
    }
    if !isInDoubt { look = (wall, monotonic) }
  }

  /// Nil while the clock is in doubt.
  mutating func moment(_ wall: Int64, _ monotonic: Int64) -> Int64? {
    looks(wall, monotonic)
    if isInDoubt { return nil }
    last = max(last ?? wall, wall)
    return last
  }

  /// Whether there was a doubt to end.
  mutating func confirm(_ wall: Int64, _ monotonic: Int64) -> Bool {
    var looked = self
    looked.looks(wall, monotonic)
    // Where there is nothing to confirm, nobody looked.
    guard looked.isInDoubt else { return false }
    self = ToldClock(last: wall, look: (wall, monotonic), isInDoubt: false)
    return true
  }
}
