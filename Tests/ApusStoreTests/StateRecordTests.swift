// A record is applied as a whole or refused with a reason, and a refused one changes nothing.

import ApusBytes
import ApusContracts
import ApusHistory
import ApusStore
import ApusSystem
import ApusTestSupport
import Testing

@Suite("The records of the state")
struct StateRecordTests {
  private let salt = [UInt8](0..<32)

  /// Letters at LSNs 10 to 13: three of view version 1 by two rules, one of view version 2, at 1000, 2000, 3000, 4000.
  private func letters() throws -> StoreState {
    var state = try definedState()
    try state.apply(10, at: 1_000, letterRecord(1, "key"))
    try state.apply(11, at: 2_000, letterRecord(1, "key", tail: [1]))
    try state.apply(12, at: 3_000, letterRecord(1, "sum.min"))
    try state.apply(13, at: 4_000, letterRecord(2, "key"))
    return state
  }

  private func size(_ rule: String, tail: Int = 4) -> UInt64 { UInt64(8 + 12 + 1 + rule.utf8.count + tail) }

  private func sum(_ view: UInt32, _ rule: String, _ letters: UInt64, _ byteCount: UInt64) -> DeadLetterSum {
    DeadLetterSum(view: ViewVersionID(view), rule: rule, letters: letters, byteCount: byteCount)
  }

  private func handled(_ ranges: ClosedRange<UInt64>..., sums: [DeadLetterSum], left: Int64) -> [UInt8] {
    let ranges = ranges.map { LSNRange(LSN($0.lowerBound), through: LSN($0.upperBound)) }
    return record { $0.writeHandled(.purged, ranges, sums, oldestLeft: WallTime(nanoseconds: left)) }
  }

  @Test("letters weigh their whole record, by view version and rule, and the first is the oldest")
  func weight() throws {
    let sums = try letters().deadLetters
    #expect(
      sums.listed == [
        sum(1, "key", 2, size("key") + size("key", tail: 1)), sum(1, "sum.min", 1, size("sum.min")),
        sum(2, "key", 1, size("key")),
      ])
    #expect(sums.letters == 4)
    #expect(sums.byteCount == sums.listed.reduce(0) { $0 + $1.byteCount })
    #expect(sums.oldest == WallTime(nanoseconds: 1_000))
  }

  @Test("handled letters leave the quota, and the oldest is what is left")
  func handling() throws {
    var state = try letters()
    try state.apply(20, at: 5_000, handled(10...10, sums: [sum(1, "key", 1, size("key"))], left: 2_000))
    #expect(state.deadLetters.letters == 3)
    #expect(state.deadLetters.oldest == WallTime(nanoseconds: 2_000))
    #expect(state.deadLetters.isHandled(LSN(10)))
    #expect(!state.deadLetters.isHandled(LSN(11)))
    // All that are left, whatever else lies between; and one comes meanwhile, of which the writer did not know.
    try state.apply(21, at: 6_000, letterRecord(2, "sum.min"))
    let rest = [
      sum(1, "key", 1, size("key", tail: 1)), sum(1, "sum.min", 1, size("sum.min")),
      sum(2, "key", 1, size("key")),
    ]
    try state.apply(22, at: 7_000, handled(1...13, sums: rest, left: 5_000))
    #expect(state.deadLetters.listed == [sum(2, "sum.min", 1, size("sum.min"))])
    #expect(state.deadLetters.oldest == WallTime(nanoseconds: 5_000))
    try state.apply(23, at: 8_000, handled(21...21, sums: state.deadLetters.listed, left: 7_000))
    #expect(state.deadLetters.oldest == nil)
    #expect(state.deadLetters.listed == [])
    #expect(state.deadLetters.handled.ranges.map(\.description) == ["LSNs 1–13", "LSN 21"])
    #expect(try StoreStateCopy.through(state) == state)
    // A letter after that is the oldest again.
    try state.apply(24, at: 9_000, letterRecord(1, "key"))
    #expect(state.deadLetters.oldest == WallTime(nanoseconds: 9_000))
  }

  @Test("handling makes no letter older than the oldest that there was")
  func neverOlder() throws {
    var state = try letters()
    try state.apply(20, at: 5_000, handled(10...10, sums: [sum(1, "key", 1, size("key"))], left: 10))
    #expect(state.deadLetters.oldest == WallTime(nanoseconds: 1_000))
  }

  @Test("letters that are not there, or not yet, cannot be handled")
  func wrongHandling() throws {
    let state = try letters()
    let wrong: [([DeadLetterSum], ClosedRange<UInt64>)] = [
      ([sum(1, "key", 3, 90)], 10...13), ([sum(1, "key", 1, 900)], 10...13),
      ([sum(2, "sum.min", 1, 1)], 10...13),
      // All letters of a sum, and not all of its bytes.
      ([sum(2, "key", 1, size("key") - 1)], 10...13),
      ([sum(1, "key", 2, size("key") + size("key", tail: 1))], 10...10),
      ([], 10...1_000_000), ([], 10...2_000_000),
      ([sum(1, "key", .max, 1), sum(1, "sum.min", .max, 1)], 10...13),
    ]
    for (sums, range) in wrong {
      let fault = state.refusal(of: handled(range, sums: sums, left: 0))
      guard case .contradicts(kind: 2, _) = fault else {
        Issue.record("\(sums) \(range): \(String(describing: fault))")
        continue
      }
    }
    #expect(state.refusal(of: handled(10...999_999, sums: [], left: 0)) == nil)
  }

  @Test("ranges that touch, go back, are empty or pass the last number are refused")
  func wrongRanges() throws {
    let head: [UInt8] = [2, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]
    let most = [UInt8](repeating: 0xff, count: 9) + [1]
    let wrong: [[UInt8]] = [
      [1, 0, 1], [1, 1, 0], [2, 1, 1, 0, 1], [2, 1, 1, 1, 1], [1] + most + [1], [1, 1] + most,
      [2, 1, 1] + most + [1],
    ]
    for ranges in wrong {
      let fault = StoreState().refusal(of: record(kind: 2, body: head + ranges + [0]))
      guard case .contradicts(kind: 2, _) = fault else {
        Issue.record("\(ranges): \(String(describing: fault))")
        continue
      }
    }
    #expect(StoreState().refusal(of: record(kind: 2, body: head + [2, 1, 1, 2, 1, 0])) == nil)
  }

  @Test("a letter of a view version that there is not is refused")
  func unknownViews() throws {
    let state = try definedState()
    #expect(state.refusal(of: letterRecord(3, "key")) == .unknownView(ViewVersionID(3)))
    #expect(state.refusal(of: letterRecord(0, "key")) == .unknownView(ViewVersionID(0)))
    #expect(state.refusal(of: letterRecord(2, "key")) == nil)
  }

  @Test("definitions are applied all together, or not at all")
  func definitions() throws {
    let state = try definedState()
    let good = RegistryChange.project(ProjectID(2), name: "other")
    let bad = RegistryChange.promoted(ViewVersionID(9))
    #expect(
      state.refusal(of: record { $0.writeDefinitions([good, bad]) }) == .registry(.unknown(.version, 9)))
    #expect(state.refusal(of: record { $0.writeDefinitions([good]) }) == nil)
    #expect(
      state.refusal(of: record(kind: 3, body: [1, 2, 0x7e, 0])) == .registry(.unknownRecord(0x7e)))
  }

  @Test("what a newer program added to a definition, and this one passes over, stays in the note")
  func newerDefinitions() throws {
    var state = StoreState()
    let change = RegistryChange.project(ProjectID(1), name: "fraud").encoded + [9, 2, 7, 7]
    try state.apply(1, at: 1, record(kind: 3, body: [1, UInt8(change.count)] + change))
    #expect(state.noteBytes.suffix(change.count) == change[...])
    #expect(try StoreStateCopy.through(state) == state)
  }

  @Test("an erasure under another salt than the first is refused")
  func salts() throws {
    var state = try definedState()
    let hash = ErasureHash(first: 1, second: 2)
    let salt = salt
    try state.apply(5, at: 50, record { $0.writeErase(project: ProjectID(1), salt: salt, [hash]) })
    let other = salt.reversed()
    #expect(
      state.refusal(of: record { $0.writeErase(project: ProjectID(1), salt: Array(other), [hash]) })
        == .contradicts(kind: 4, "the salt is not that of the erasures before"))
    #expect(
      state.refusal(of: record { $0.writeErase(project: ProjectID(2), salt: salt, [hash]) })
        == .contradicts(kind: 4, "there is no project 2"))
    try state.apply(9, at: 90, record { $0.writeErase(project: ProjectID(1), salt: salt, [hash, hash]) })
    #expect(state.erasures.erase(of: hash) == Erase(floor: LSN(9), time: WallTime(nanoseconds: 90)))
    let nobody = record(kind: 4, body: [1, 0, 0, 0, 1, 0, 0, 0] + salt + [0])
    #expect(state.refusal(of: nobody) == .contradicts(kind: 4, "it erases nobody"))
  }

  private func horizon(_ moment: Int64, _ last: UInt64, oldest: Int64? = nil) -> Horizon {
    Horizon(
      moment: KnownAt(nanoseconds: moment), through: LSN(last),
      oldest: oldest.map { EventTime(nanoseconds: $0) })
  }

  @Test("a horizon only rises, never above its own record, and never above what a pin holds")
  func horizons() throws {
    var state = try definedState()
    func raise(_ horizon: Horizon) -> [UInt8] { record { $0.writeHorizon(ViewVersionID(1), horizon) } }
    try state.apply(20, at: 100, raise(horizon(50, 10, oldest: 40)))
    for back in [horizon(49, 10, oldest: 40), horizon(50, 9, oldest: 40), horizon(50, 10, oldest: 39)] {
      #expect(state.refusal(of: raise(back)) == .contradicts(kind: 6, "a horizon goes back"))
    }
    #expect(
      state.refusal(of: raise(horizon(60, 21)), 21)
        == .contradicts(kind: 6, "a horizon at LSN 21 is logged at LSN 21"))
    let other = record { $0.writeHorizon(ViewVersionID(3), horizon(1, 1)) }
    #expect(state.refusal(of: other) == .unknownView(ViewVersionID(3)))
    try state.apply(30, at: 200, raise(horizon(60, 20)))
    // What was let go of stays so.
    #expect(state.horizons[ViewVersionID(1)] == horizon(60, 20, oldest: 40))
    try state.apply(
      31, at: 300,
      record {
        $0.writePin(
          Pin(name: "a", last: LSN(25), moment: WallTime(nanoseconds: 90), since: WallTime(nanoseconds: 0)))
      })
    let above = RecordFault.contradicts(kind: 6, "a horizon rises above what a pin holds")
    #expect(state.refusal(of: raise(horizon(91, 20))) == above)
    #expect(state.refusal(of: raise(horizon(70, 26))) == above)
    #expect(state.refusal(of: raise(horizon(90, 25))) == nil)
    try state.apply(32, at: 400, record { $0.writeUnpin("a") })
    #expect(state.refusal(of: raise(horizon(91, 26))) == nil)
    #expect(try StoreStateCopy.through(state) == state)
  }

  @Test("a pin has a name of its own, and is let go of once")
  func pins() throws {
    var state = StoreState()
    let pin = record {
      $0.writePin(
        Pin(name: "audit", last: LSN(3), moment: WallTime(nanoseconds: 30), since: WallTime(nanoseconds: 0)))
    }
    #expect(state.refusal(of: pin, 3) == .contradicts(kind: 7, "LSN 3 is pinned at LSN 3"))
    try state.apply(4, at: 50, pin)
    #expect(
      state.pins.listed == [
        Pin(
          name: "audit", last: LSN(3), moment: WallTime(nanoseconds: 30), since: WallTime(nanoseconds: 50))
      ])
    #expect(state.refusal(of: pin) == .contradicts(kind: 7, "there is a pin of that name"))
    let other = record { $0.writeUnpin("other") }
    #expect(state.refusal(of: other) == .contradicts(kind: 7, "there is no pin of that name"))
    for name in ["", "a\nb", String(repeating: "x", count: 257)] {
      let body = record {
        $0.write(2 as UInt32)
        $0.writeVarint(UInt64(name.utf8.count))
        $0.write(utf8: name)
      }
      guard case .contradicts(kind: 7, _) = state.refusal(of: record(kind: 7, body: body)) else {
        Issue.record("\(name) is a name")
        continue
      }
    }
    try state.apply(5, at: 60, record { $0.writeUnpin("audit") })
    #expect(state == StoreState())
  }

  @Test("receipts of erasures are kept in order")
  func receipts() throws {
    var state = StoreState()
    func receipt(_ through: UInt64) -> [UInt8] {
      record { $0.writeReceipt(through: LSN(through), events: 2, letters: 1, files: ["history/run"]) }
    }
    try state.apply(9, at: 50, receipt(7))
    #expect(state.receipts.map(\.through) == [LSN(7)] && state.receipts[0].files == ["history/run"])
    for through in [6, 10] as [UInt64] {
      guard case .contradicts(kind: 8, _) = state.refusal(of: receipt(through), 10) else {
        Issue.record("a receipt through \(through)")
        continue
      }
    }
    try state.apply(10, at: 60, receipt(7))
    #expect(try StoreStateCopy.through(state) == state)
  }

  @Test("definitions are known as they were at any LSN, and when they were logged")
  func definitionsAsOf() throws {
    var state = try definedState()
    try state.apply(
      7, at: 700, record { $0.writeDefinitions([.project(ProjectID(2), name: "second")]) })
    try state.apply(
      9, at: 900, record { $0.writeDefinitions([.project(ProjectID(3), name: "third")]) })
    let read = try StoreStateCopy.through(state)
    for (lsn, projects) in [(0, 0), (1, 1), (6, 1), (7, 2), (8, 2), (9, 3), (100, 3)] as [(UInt64, Int)] {
      #expect(try read.registry(asOf: LSN(lsn)).projects.count == projects, "LSN \(lsn)")
    }
    #expect(try read.registry(asOf: LSN(9)) == state.registry)
    #expect(read.definitions.suffix(2).map(\.lsn) == [LSN(7), LSN(9)])
    #expect(read.definitions.last?.time == WallTime(nanoseconds: 900))
  }

  @Test("operations and kinds that are not known are refused, and events are not for here")
  func unknown() throws {
    let state = try definedState()
    #expect(state.refusal(of: record(kind: 9, body: [])) == .unknownKind(9))
    for kind in [2, 4, 5, 6, 7, 8] as [UInt8] {
      #expect(
        state.refusal(of: record(kind: kind, body: [77, 0, 0, 0]))
          == .unknownOperation(kind: kind, operation: 77))
      #expect(state.refusal(of: record(kind: kind, body: [])) == .cut(kind: kind, at: 0))
    }
  }

  @Test(
    "a body that is cut, or has any bit flipped, is refused or applied, and what follows its fields refuses it"
  )
  func damage() throws {
    let state = try letters()
    let salt = salt
    let changes = [RegistryChange.project(ProjectID(2), name: "other")]
    let hashes = [ErasureHash(first: 1, second: 2), ErasureHash(first: 3, second: 4)]
    let opening = state.producers.opening(name: "loader")
    var open = state
    try open.apply(20, at: 5_000, record { $0.writeProducerOpened(opening, name: "loader") })
    let records: [[UInt8]] = [
      record { $0.writeDefinitions(changes) },
      record { $0.writeErase(project: ProjectID(1), salt: salt, hashes) },
      record { $0.writeProducerOpened(opening, name: "loader") },
      record { $0.writeProducerRequest(ticket(1, 1, 1, offset: [1, 2]), RowCounts()) },
      record { $0.writeProducersExpired([1]) },
      handled(10...10, 13...13, sums: [sum(1, "key", 1, 30), sum(2, "key", 1, size("key"))], left: 2_000),
      letterRecord(2, "key"),
      record { $0.writeHorizon(ViewVersionID(2), horizon(5_000, 12, oldest: 100)) },
      record {
        $0.writePin(
          Pin(
            name: "audit", last: LSN(13), moment: WallTime(nanoseconds: 4_000),
            since: WallTime(nanoseconds: 0)))
      },
      record { $0.writeReceipt(through: LSN(13), events: 300, letters: 2, files: ["history/a", ""]) },
    ]
    for (place, whole) in records.enumerated() {
      let state = (3...4).contains(place) ? open : state
      let kind = whole[0]
      let body = Array(whole[8...])
      try #require(state.refusal(of: whole) == nil, "record \(place)")
      for count in body.indices {
        let fault = state.refusal(of: record(kind: kind, body: Array(body[..<count])))
        // Behind its rule a letter is not looked at.
        #expect(
          fault != nil || kind == 2 && body[0] == 1 && count >= 16, "record \(place) cut to \(count) bytes")
      }
      if !(kind == 2 && body[0] == 1) {
        #expect(
          state.refusal(of: record(kind: kind, body: body + [0])) == .trailing(kind: kind, byteCount: 1),
          "record \(place)")
      }
      for at in body.indices {
        for bit in 0..<8 {
          var flipped = body
          flipped[at] ^= 1 << bit
          if case .contradicts(kind: 255, let words) = state.refusal(of: record(kind: kind, body: flipped)) {
            Issue.record("record \(place), byte \(at), bit \(bit): \(words)")
          }
        }
      }
    }
  }

  @Test("random bytes as a body are refused or applied", arguments: 1...20)
  func noise(seed: UInt64) throws {
    var random = SplitMix64(seed: seed)
    let state = try letters()
    for _ in 0..<500 {
      var body = random.bytes(random.below(80))
      if body.count > 4, random.chance(0.9) {
        body.replaceSubrange(0..<4, with: [UInt8(1 + random.below(3)), 0, 0, 0])
      }
      let kind = UInt8(2 + random.below(7))
      if case .contradicts(kind: 255, let words) = state.refusal(of: record(kind: kind, body: body)) {
        Issue.record("seed \(seed), kind \(kind), \(body): \(words)")
      }
    }
  }
}
