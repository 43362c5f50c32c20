// One pass over the events of each key, in the order of their stamps, beside the labels of the key, in the order of what they see. An event is
// seen by a limit that is not before its entry: its known-at, its event time, or its LSN. One that became true by then and is seen only later
// waits. So each label is answered by one state, and no event is looked at twice.

import ApusBytes
import ApusColumnar
import ApusContracts
import ApusHistory

/// What a sweep is told once.
struct SweepRules: Sendable {
  var mode: Sight.Line
  /// The snapshot's: no event behind it is there.
  var through: LSN
  /// Labels whose limits are before it are beyond history.
  var horizon: Int64?
  /// For the leak delta; nil: never out of age.
  var ttlNanoseconds: Int64?
  var staleOK = false
  /// The snapshot itself is before what is kept: nothing can be said of any label.
  var isGone = false
}

/// The runs of one view version, swept for one role. Owned by one thread.
struct Sweep {
  private let rules: SweepRules
  // Asked at every event.
  private let isKnown: Bool
  private let isAll: Bool
  private let cursors: [RunCursor]
  private let featureCount: Int
  /// The LSN up to which a key's events are erased; nil when nothing ever was.
  private let erased: ((RawSpan) -> LSN?)?

  // Of the key.
  private var seen: Seen
  /// What *as happened* sees, where that is counted.
  private var happened: Seen
  private var late = LateEvents()
  private var rank = 0
  private var unseen = Winners.UnseenKey()
  private var hasUnseen = false
  private var floor = LSN.none

  init(
    _ rules: SweepRules, _ cursors: [RunCursor], featureCount: Int, erased: ((RawSpan) -> LSN?)?
  ) {
    self.rules = rules
    isKnown = rules.mode == .known
    isAll = rules.mode == .all
    self.cursors = cursors
    self.featureCount = featureCount
    self.erased = erased
    seen = Seen(featureCount: featureCount)
    happened = Seen(featureCount: featureCount)
  }

  /// Answers the labels of a chunk.
  mutating func run(_ chunk: borrowing LabelChunk) throws(ExportError) -> Winners {
    var winners = Winners(featureCount: featureCount)
    winners.reserve(chunk.count)
    for key in 0..<chunk.keyCount {
      try sweep(chunk.key(key), chunk, chunk.labels(ofKey: key), &winners)
    }
    return winners
  }

  // MARK: A key

  private mutating func sweep(
    _ key: RawSpan, _ chunk: borrowing LabelChunk, _ labels: Range<Int>, _ winners: inout Winners
  ) throws(ExportError) {
    begin(key)
    var next = labels.lowerBound
    if let horizon = rules.horizon, !key.isEmpty {
      while next < labels.upperBound, rules.isGone || chunk.limits[next] < horizon {
        winners.appendBeyond()
        next += 1
      }
    }
    var active: [RunCursor] = []
    var places: [Int] = []
    if !key.isEmpty, next < labels.upperBound {
      for (place, cursor) in cursors.enumerated() where try cursor.seek(key) {
        active.append(cursor)
        places.append(place)
      }
    }
    while !active.isEmpty, next < labels.upperBound || hasUnseen && !isAllSpoken {
      let (first, bound) = try Self.first(active)
      try take(active[first], places[first], until: bound, chunk, &next, labels.upperBound, &winners)
      guard active[first].row >= active[first].end else { continue }
      // The labels may be through, but for what is said somewhere behind them.
      if try !active[first].goesOn(key) {
        active.remove(at: first)
        places.remove(at: first)
      }
    }
    while next < labels.upperBound {
      answer(chunk.limits[next], chunk.times[next], &winners)
      next += 1
    }
    if hasUnseen { winners.end(unseen) }
  }

  private mutating func begin(_ key: RawSpan) {
    seen.begin()
    happened.begin()
    late.begin()
    rank = 0
    hasUnseen = false
    unseen = Winners.UnseenKey()
    floor = .none
    if let erased, !key.isEmpty, let through = erased(key) {
      unseen.isErased = true
      floor = through
    }
  }

  /// Nothing more can be learnt of what is said anywhere of the key. What lies behind an LSN is not there: then nothing is to be learnt.
  private var isAllSpoken: Bool { isAll || unseen.isSpoken }

  /// The cursor with the least stamp, and the event time up to which it stays so; nil: it is the only one.
  private static func first(_ active: [RunCursor]) throws(ExportError) -> (Int, Bound) {
    if active.count == 1 { return (0, .none) }
    var first = 0
    var second: Int64 = .max
    for place in 1..<active.count {
      let (a, b) = (active[first], active[place])
      let (timeA, timeB) = (
        RunCursor.number(a.eventTimes, a.row), RunCursor.number(b.eventTimes, b.row)
      )
      if try isBefore(b, timeB, a, timeA) {
        second = min(second, timeA)
        first = place
      } else {
        second = min(second, timeB)
      }
    }
    return (first, .time(second))
  }

  private enum Bound {
    case none
    /// Events before this moment, and the one at hand in any case.
    case time(Int64)
  }

  private static func isBefore(
    _ a: RunCursor, _ timeA: Int64, _ b: RunCursor, _ timeB: Int64
  ) throws(ExportError) -> Bool {
    if timeA != timeB { return timeA < timeB }
    let (createdA, createdB) = (
      RunCursor.number(try a.createdAts(), a.row), RunCursor.number(try b.createdAts(), b.row)
    )
    if createdA != createdB { return createdA < createdB }
    return RunCursor.number(try a.lsns(), a.row) < RunCursor.number(try b.lsns(), b.row)
  }

  // MARK: Events

  /// Takes the events at hand of a cursor, as long as they come first, and answers the labels that they leave behind.
  private mutating func take(
    _ cursor: RunCursor, _ run: Int, until bound: Bound, _ chunk: borrowing LabelChunk, _ next: inout Int,
    _ end: Int, _ winners: inout Winners
  ) throws(ExportError) {
    let times = cursor.eventTimes
    let entries = cursor.entries
    let deleted = cursor.deleted
    let masks = cursor.masks
    let words = cursor.maskWords
    let block = cursor.block
    // Runs reach behind the snapshot, and erasures into them; mostly neither.
    let isFiltered = cursor.run.lsns.last > rules.through || floor > .none
    let lsns = isFiltered ? try cursor.lsns() : []
    let stops = !isAll
    var row = cursor.row
    let first = row
    let last = cursor.end
    defer { cursor.row = row }
    var limit = next < end ? chunk.limits[next] : .max
    while row < last {
      let time = RunCursor.number(times, row)
      if case .time(let moment) = bound, row > first, time >= moment { return }
      if stops, next < end, time > limit {
        answer(limit, chunk.times[next], &winners)
        next += 1
        limit = next < end ? chunk.limits[next] : .max
        continue
      }
      if next >= end, !hasUnseen || isAllSpoken { return }
      defer { row &+= 1 }
      if isFiltered {
        let lsn = LSN(UInt64(bitPattern: RunCursor.number(lsns, row)))
        if lsn > rules.through || lsn <= floor { continue }
      }
      let isDelete = !deleted.isEmpty && Bitmap.isSet(deleted, row)
      if masks.isEmpty {
        unseen.isSpoken = true
      } else {
        speak(masks, row * words, words)
      }
      if next >= end { continue }
      let place = EventPlaceCode(run: run, block: block, row: row, isDelete: isDelete)
      let entry = RunCursor.number(entries, row)
      rank &+= 1
      if masks.isEmpty {
        if entry <= limit {
          seen.take(rank, place, time)
        } else {
          late.add(entry, rank, place, time, saying: nil)
        }
        if isKnown { happened.take(rank, place, time) }
      } else {
        let mask = masks.span.extracting((row * words)..<(row * words + words))
        if entry <= limit {
          seen.take(rank, place, time, saying: mask)
        } else {
          late.add(entry, rank, place, time, saying: mask)
        }
        if isKnown { happened.take(rank, place, time, saying: mask) }
      }
    }
  }

  private mutating func speak(_ masks: [UInt64], _ start: Int, _ words: Int) {
    if unseen.isSpoken { return }
    var spoken = unseen.spoken ?? Array(repeating: 0, count: words)
    for word in 0..<words { spoken[word] |= masks[start + word] }
    let isAll = (0..<words).allSatisfy { word in
      let bits = min(64, featureCount - 64 * word)
      return spoken[word].nonzeroBitCount >= bits
    }
    unseen.spoken = isAll ? nil : spoken
    unseen.isSpoken = isAll
  }

  // MARK: Answers

  private mutating func answer(_ limit: Int64, _ time: Int64, _ winners: inout Winners) {
    while let event = late.next(seenBy: limit) {
      if event.mask < 0 {
        seen.take(event.rank, event.place, event.time)
      } else {
        let words = (featureCount + 63) / 64
        let all = late.masks
        seen.take(
          event.rank, event.place, event.time, saying: all.span.extracting(event.mask..<(event.mask + words)))
      }
    }
    let isUnseen = seen.hasUnseen
    if isUnseen { hasUnseen = true }
    winners.append(seen, hasUnseen: isUnseen)
    if isKnown { countLeaks(time, &winners) }
  }

  /// A cell leaks when *as happened* would have filled it from another event, or not at all.
  private func countLeaks(_ time: Int64, _ winners: inout Winners) {
    if seen.isWhole, happened.isWhole, seen.places[0] == happened.places[0] { return }
    let oldest = rules.ttlNanoseconds.map {
      ReadTime(nanoseconds: time).oldestNanoseconds(ttlNanoseconds: $0)
    }
    for feature in 0..<featureCount {
      let (a, b) = (seen.place(feature), happened.place(feature))
      if a == b { continue }
      let isBlankA = isBlank(a, seen.time(feature), oldest)
      let isBlankB = isBlank(b, happened.time(feature), oldest)
      if !(isBlankA && isBlankB) { winners.leaks[feature] += 1 }
    }
  }

  private func isBlank(_ place: EventPlaceCode, _ time: Int64, _ oldest: Int64?) -> Bool {
    if place.isNone || place.isDelete { return true }
    return !rules.staleOK && oldest.map { time < $0 } ?? false
  }
}
