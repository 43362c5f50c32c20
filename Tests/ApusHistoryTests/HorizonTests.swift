// A horizon against the plainest reader there is: a list of events, and a search for the greatest stamp among the visible ones.

import ApusBytes
import ApusContracts
import ApusHistory
import ApusTestSupport
import Testing

@Suite("Horizons")
struct HorizonTests {
  /// What a read answers for one feature: the winner's LSN and what it says; or the delete that hides everything.
  private enum Answer: Equatable {
    case nothing
    case deleted(LSN, EventTime)
    case said(LSN, FeatureInput)
  }

  private func read(
    _ events: [HistoryEvent], _ layout: RowLayout, at moment: Int64, _ lsn: UInt64, asHappened: Bool
  ) throws -> [Answer] {
    let visible = events.filter {
      $0.head.lsn.rawValue <= lsn
        && (asHappened ? $0.head.eventTime.nanoseconds : $0.head.knownAt.nanoseconds) <= moment
    }
    return try layout.slots.map { slot in
      let speaking = try visible.filter {
        try $0.head.isDelete || inputs($0, layout)[slot.index] != .absent
      }
      guard let winner = speaking.max(by: { $0.head.stamp < $1.head.stamp }) else { return .nothing }
      if winner.head.isDelete { return .deleted(winner.head.lsn, winner.head.eventTime) }
      return .said(winner.head.lsn, try inputs(winner, layout)[slot.index])
    }
  }

  /// The events of one key, in the order of their stamps.
  private func history(_ random: inout SplitMix64, _ layout: RowLayout, _ count: Int) throws -> [HistoryEvent]
  {
    var lsns = (1...UInt64(max(1, count))).shuffled(using: &random)
    let deletes = random.pick([0, 0.1, 0.4])
    return sorted(
      try (0..<count).map { _ in
        try random.event(
          layout, key: [1], lsn: lsns.removeLast(), features: random.within(0...layout.count),
          deletes: deletes)
      })
  }

  private func fold(
    _ events: [HistoryEvent], _ horizon: Horizon, _ layout: RowLayout, isAll: Bool
  ) throws -> [HistoryEvent] {
    var fold = HorizonFold(horizon, layout: layout)
    let kept = contents(try fold.fold(batch(events), isAll: isAll))
    #expect(fold.tally.events == UInt64(events.count - kept.count))
    return kept
  }

  private func horizon(_ random: inout SplitMix64, _ count: Int) -> Horizon {
    Horizon(
      moment: KnownAt(nanoseconds: Int64(random.within(-1...11))),
      through: LSN(UInt64(random.within(0...count))),
      oldest: random.coin() ? EventTime(nanoseconds: Int64(random.within(0...7))) : nil)
  }

  @Test("every read that is still answered gives the same as before", arguments: [false, true])
  func sameReads(isAll: Bool) throws {
    var reads = 0
    for seed in 0..<600 as Range<UInt64> {
      var random = SplitMix64(seed: seed)
      let layout = try layout((0..<random.within(1...4)).map { _ in random.featureType() })
      let count = random.below(14)
      let before = try history(&random, layout, count)
      let horizon = horizon(&random, count)
      let after = try fold(before, horizon, layout, isAll: isAll)
      // What comes later: not older than D, and behind all LSNs.
      var later: [HistoryEvent] = []
      for lsn in 0..<random.below(3) {
        var event = try random.event(layout, key: [1], lsn: UInt64(count + 1 + lsn))
        if let oldest = horizon.oldest {
          event.head.eventTime = max(event.head.eventTime, oldest)
          event.head.knownAt.nanoseconds = max(event.head.knownAt.nanoseconds, oldest.nanoseconds)
        }
        later.append(event)
      }
      for moment in horizon.moment.nanoseconds...13 {
        for lsn in horizon.through.rawValue...UInt64(count + 3) {
          for asHappened in [false, true] {
            var expected = try read(before + later, layout, at: moment, lsn, asHappened: asHappened)
            var found = try read(after + later, layout, at: moment, lsn, asHappened: asHappened)
            if isAll, let oldest = horizon.oldest {
              // A delete older than D may be gone, and with it only the reason of a blank.
              func plain(_ answer: Answer) -> Answer {
                if case .deleted(_, let time) = answer, time < oldest { return .nothing }
                return answer
              }
              expected = expected.map(plain)
              found = found.map(plain)
            }
            #expect(found == expected, "seed \(seed), moment \(moment), LSN \(lsn)")
            reads += 1
          }
        }
      }
    }
    #expect(reads > 50_000)
  }

  @Test("what is kept of the settled events still wins something among them, and has only what wins")
  func least() throws {
    for seed in 0..<400 as Range<UInt64> {
      var random = SplitMix64(seed: seed)
      let layout = try layout((0..<random.within(1...4)).map { _ in random.featureType() })
      let count = random.below(14)
      let before = try history(&random, layout, count)
      let horizon = horizon(&random, count)
      let after = try fold(before, horizon, layout, isAll: false)
      let settled = after.filter { horizon.settles($0.head) }
      let answers = try read(
        before.filter { horizon.settles($0.head) }, layout, at: .max, .max, asHappened: false)
      for event in settled where !event.head.isDelete {
        for (feature, input) in try inputs(event, layout).enumerated() where input != .absent {
          #expect(answers[feature] == .said(event.head.lsn, input), "seed \(seed)")
        }
        #expect(try inputs(event, layout).contains { $0 != .absent }, "seed \(seed)")
      }
      #expect(settled.count { $0.head.isDelete } <= 1)
      // The others are as they were, and so are head and key of all.
      for event in after {
        let old = try #require(before.first { $0.head.lsn == event.head.lsn })
        #expect(old.head == event.head && old.key == event.key && old.producer == event.producer)
        if !horizon.settles(event.head) { #expect(old == event) }
      }
      #expect(
        try fold(after, horizon, layout, isAll: false) == after, "seed \(seed): a second fold takes nothing")
    }
  }

  @Test("folding in parts, and by a horizon that rises, comes to the same")
  func parts() throws {
    for seed in 0..<400 as Range<UInt64> {
      var random = SplitMix64(seed: seed)
      let layout = try layout((0..<random.within(1...4)).map { _ in random.featureType() })
      let count = random.below(14)
      let before = try history(&random, layout, count)
      let last = horizon(&random, count)
      var first = horizon(&random, count)
      first.moment = min(first.moment, last.moment)
      first.through = min(first.through, last.through)
      let isEarly = before.map { _ in random.coin() }
      var early: [HistoryEvent] = []
      var late: [HistoryEvent] = []
      for (event, isEarly) in zip(before, isEarly) {
        if isEarly { early.append(event) } else { late.append(event) }
      }
      let runs = try [early, late].flatMap { try fold($0, first, layout, isAll: false) }
      let stepwise = try fold(sorted(runs), last, layout, isAll: true)
      #expect(try stepwise == fold(before, last, layout, isAll: true), "seed \(seed)")
    }
  }

  @Test("a stream is folded key by key, whatever the number of events of one")
  func stream() throws {
    var random = SplitMix64(seed: 11)
    let layout = try layout([.int64, .string])
    let horizon = Horizon(moment: KnownAt(nanoseconds: 8), through: LSN(150_000), oldest: nil)
    var events: [HistoryEvent] = []
    for lsn in 1...200_000 as ClosedRange<UInt64> {
      // Key 5 has nearly all of them.
      let key: UInt8 = random.chance(0.98) ? 5 : UInt8(random.below(9))
      events.append(try random.event(layout, key: [key], lsn: lsn, deletes: 0.0001))
    }
    let cursor = HorizonCursor(ListCursor(sorted(events)), horizon, layout: layout, isAll: false)
    let found = try all(cursor)
    var expected: [HistoryEvent] = []
    for key in 0..<9 as Range<UInt8> {
      expected += try fold(sorted(events.filter { $0.key == [key] }), horizon, layout, isAll: false)
    }
    #expect(found == expected)
    #expect(cursor.tally.events == UInt64(events.count - found.count))
    #expect(found.count < 120_000)
    #expect(try all(HorizonCursor(ListCursor([]), horizon, layout: layout, isAll: true)).isEmpty)
  }

  @Test("when nothing is asked of the past, the newest value of each feature remains")
  func none() throws {
    var random = SplitMix64(seed: 12)
    let layout = try layout([.int64])
    let events = sorted(
      try (1...50).map { try random.event(layout, key: [1], lsn: UInt64($0), deletes: 0, absent: 0) })
    let kept = try fold(
      events, Horizon(moment: KnownAt(nanoseconds: .max), through: LSN(50), oldest: nil), layout, isAll: true)
    #expect(kept == events.suffix(1))
  }
}
