import ApusBytes
import ApusContracts
import ApusStore
import ApusSystem
import ApusTestSupport
import Testing

@Suite("Admission again")
struct AdmittedAgainTests {
  private func admitting(lateness: Int64? = nil) throws -> Admitting {
    var settings = ViewSettings()
    settings.maxLateness = lateness.flatMap { Period(nanoseconds: $0) }
    settings.maxFutureSkew = try #require(Period(nanoseconds: 60))
    let word = Admitting.feature("word", .string) { $0.oneOf = Choices([.string("buy"), .string("refund")]) }
    return try Admitting(
      [("v", [Admitting.feature("a", .int64), word]), ("w", [Admitting.feature("y", .int32)])],
      settings: settings)
  }

  private func said(_ word: String, user: Int64 = 7) -> RowInput {
    RowInput(900, user: user, [("word", .value(.string(word)))])
  }

  private func again(
    _ batch: AdmittedBatch, _ admitting: Admitting, at now: Int64 = 1000
  ) throws -> (batch: AdmittedBatch, read: [Admitted]) {
    let batch = try batch.admittedAgain(under: admitting.catalog, now: WallTime(nanoseconds: now))
    #expect(batch.catalogNumber == admitting.number && batch.admittedAt == WallTime(nanoseconds: now))
    return (batch, try batch.read(admitting.catalog))
  }

  @Test("under the same catalog at the same moment it is the same, byte for byte")
  func same() throws {
    var admitting = try admitting(lateness: 200)
    try admitting.erase(.int64(3), at: 950)
    let batch = try admitting.admit(
      [
        said("buy", user: 3), said("buy"), said("sell"), RowInput(nil, []), RowInput(1030, []),
        RowInput(5000, []),
        RowInput(1, []), said("sell", user: 3), RowInput(1000, [("b", .null)]),
        RowInput(key: [.string("k")], times: givenTimes(nil, created: 1, known: 2)), said("buy", user: 3),
      ], deletes: [RowInput(1000, []), RowInput(nil, [("a", .null)])])
    let again = try again(batch, admitting).batch
    #expect(again.bytes.copied() == batch.bytes.copied())
    #expect(again.counts == batch.counts && again.refused == batch.refused && again.digest == batch.digest)
    #expect(again.deadLetterByteCount == batch.deadLetterByteCount && again.recordCount == batch.recordCount)
    #expect(batch.counts.erased == 3 && batch.counts.setBack == 1)
    #expect(batch.refused.map(\.firstRow) == [2, 5, 6, 8, 9])
  }

  @Test("a set that was widened admits what was set aside, one that was narrowed refuses what was admitted")
  func sets() throws {
    var admitting = try admitting()
    let batch = try admitting.admit([said("buy"), said("sell"), said("refund")])
    try admitting.revise { $0[1].definition.rules.oneOf = Choices([.string("sell"), .string("refund")]) }
    let (found, read) = try again(batch, admitting)
    #expect(read.map(\.rule) == ["word.one_of", nil, nil])
    #expect(found.counts.accepted == 2 && found.counts.setAside == 1)
    #expect(found.refused.map(\.firstRow) == [0])
    guard case .letter(let letter) = read[0] else { throw Admitting.Wrong(what: "no letter") }
    #expect(
      letter
        == DeadLetter(
          event: .upsert, viewVersion: ViewVersionID(1), revision: 2, rule: "word.one_of",
          words: "word.one_of: \"buy\" is refused by v@1", times: givenTimes(900), key: [.int64(7)],
          features: [.init("word", .value(.string("buy")))]))
    #expect(
      read[1]
        == .event(.upsert, view: 1, eventTimes(900), key: [.int64(7)], [.absent, .value(.string("sell"))]))
    // And back: nothing was lost on the way.
    try admitting.revise { $0[1].definition.rules.oneOf = nil }
    #expect(try again(found, admitting).read.map(\.rule) == [nil, nil, nil])
  }

  @Test("what speaks of a feature that was removed is refused, and kept by the name that it had")
  func removed() throws {
    var admitting = try admitting()
    let batch = try admitting.admit([
      said("buy"), RowInput(900, [("a", .value(.int64(1)))]), RowInput(900, [("word", .null)]),
    ])
    try admitting.revise { $0[1].isRemoved = true }
    let read = try again(batch, admitting).read
    #expect(read.map(\.rule) == ["unknown_feature", nil, "unknown_feature"])
    guard case .letter(let letter) = read[0] else { throw Admitting.Wrong(what: "no letter") }
    #expect(letter.features == [.init("word", .value(.string("buy")))])
  }

  @Test(
    "what speaks of a removed feature whose name is taken again speaks of the one that took it, event or letter"
  )
  func takenAgain() throws {
    var admitting = try admitting()
    let batch = try admitting.admit([said("buy"), said("sell"), RowInput(900, [("word", .null)])])
    try admitting.revise {
      $0[1].isRemoved = true
      $0.append(RegisteredFeature(definition: Admitting.feature("word", .string) { $0.isNullable = false }))
    }
    let (found, read) = try again(batch, admitting)
    #expect(read.map(\.rule) == [nil, nil, "word.nullable"])
    for (record, word) in zip(read, ["buy", "sell"]) {
      #expect(
        record
          == .event(
            .upsert, view: 1, eventTimes(900), key: [.int64(7)], [.absent, .absent, .value(.string(word))]))
    }
    let twice = try again(found, admitting).batch
    #expect(twice.bytes.copied() == found.bytes.copied())
  }

  @Test(
    "a feature that a row names and leaves absent is as if it were not named, in an event and in a letter")
  func namedAbsent() throws {
    let admitting = try admitting()
    let batch = try admitting.admit(
      [
        RowInput(900, [("nosuch", .absent), ("word", .absent), ("word", .null)]),
        RowInput(900, [("nosuch", .absent), ("word", .value(.string("sell")))]),
      ], deletes: [RowInput(900, [("a", .absent)])])
    #expect(try batch.read(admitting.catalog).map(\.rule) == [nil, "word.one_of", nil])
    let twice = try again(batch, admitting).batch
    #expect(twice.bytes.copied() == batch.bytes.copied())
  }

  @Test("a feature that was added is known to letters, absent in events, and asked for when it is required")
  func added() throws {
    var admitting = try admitting()
    let batch = try admitting.admit([RowInput(900, [("new", .value(.bool(true)))]), said("buy")])
    try admitting.revise { $0.append(RegisteredFeature(definition: Admitting.feature("new", .bool))) }
    #expect(
      try again(batch, admitting).read == [
        .event(.upsert, view: 1, eventTimes(900), key: [.int64(7)], [.absent, .absent, .value(.bool(true))]),
        .event(
          .upsert, view: 1, eventTimes(900), key: [.int64(7)], [.absent, .value(.string("buy")), .absent]),
      ])
    try admitting.revise { $0[2].definition.rules.isRequired = true }
    #expect(try again(batch, admitting).read.map(\.rule) == [nil, "new.required"])
  }

  @Test("all or nothing is refused as a whole when one row is refused now")
  func allOrNothing() throws {
    var admitting = try admitting()
    let batch = try admitting.admit([said("buy"), said("refund")], policy: .allOrNothing)
    try admitting.revise { $0[1].definition.rules.oneOf = Choices([.string("buy")]) }
    do {
      _ = try again(batch, admitting)
      Issue.record("it was admitted")
    } catch StoreError.rowsRefused(let tallies) {
      #expect(tallies.map(\.rule) == ["word.one_of"] && tallies.map(\.firstRow) == [1])
    }
  }

  @Test("an erasure that came meanwhile takes events and letters, and rows keep their places")
  func erased() throws {
    var admitting = try admitting()
    let batch = try admitting.admit([
      said("buy"), said("sell"), said("sell", user: 8), RowInput(nil, []), said("buy", user: 9),
      said("sell", user: 9),
    ])
    try admitting.erase(.int64(7), at: 1000)
    var (found, read) = try again(batch, admitting, at: 1500)
    #expect(found.counts.erased == 3 && found.counts.accepted == 1 && found.counts.setAside == 2)
    #expect(read.map(\.rule) == ["word.one_of", nil, "word.one_of"])
    #expect(found.refused.map(\.firstRow) == [2])
    try admitting.erase(.int64(8), at: 1600)
    (found, read) = try again(found, admitting, at: 1700)
    #expect(found.counts.erased == 4 && read.map(\.rule) == [nil, "word.one_of"])
    #expect(found.refused.map(\.firstRow) == [5])
    try admitting.erase(.int64(9), at: 1600)
    (found, read) = try again(found, admitting, at: 1700)
    #expect(found.counts.erased == 6 && read.isEmpty && found.recordCount == 0)
    #expect(try again(found, admitting, at: 1800).batch.counts.erased == 6)
  }

  @Test("a version that was retired meanwhile refuses the request, also when it only has letters of it")
  func retired() throws {
    var admitting = try admitting()
    let batches = [try admitting.admit([said("buy")]), try admitting.admit([said("sell")])]
    try admitting.registry.apply(.retired(ViewVersionID(1)))
    for batch in batches {
      #expect(throws: StoreError.retired("v@1")) { try again(batch, admitting) }
    }
  }

  @Test(
    "a clock that stepped back within the skew sets events back; beyond it, events that gave a time are refused"
  )
  func clockBack() throws {
    let admitting = try admitting()
    let batch = try admitting.admit([
      RowInput(990, []), RowInput(nil, []), RowInput(key: [.int64(1)], times: givenTimes(900, created: 1000)),
    ])
    var (found, read) = try again(batch, admitting, at: 950)
    #expect(read.map(\.times) == [eventTimes(950), eventTimes(950), eventTimes(900, created: 950)])
    #expect(found.counts.setBack == 1)
    (found, read) = try again(batch, admitting, at: 500)
    #expect(read.map(\.rule) == ["event_time", nil, "event_time"])
    #expect(read[1].times == eventTimes(500))
  }

  @Test(
    "an event that was set back stays counted; one without a time keeps the first moment when the clock goes on"
  )
  func clockOn() throws {
    var admitting = try admitting()
    let batch = try admitting.admit([RowInput(1050, []), RowInput(nil, [])])
    let (found, read) = try again(batch, admitting, at: 2000)
    #expect(found.counts.setBack == 1)
    #expect(read.map(\.times) == [eventTimes(1000), eventTimes(1000)])
    // What gave no time is kept so when it becomes a letter.
    try admitting.revise { $0[0].definition.rules.isRequired = true }
    let letters = try again(found, admitting, at: 3000).read.compactMap { record in
      if case .letter(let letter) = record { letter } else { nil }
    }
    #expect(letters.map(\.times) == [givenTimes(1000), givenTimes(nil)])
  }

  @Test("a computed known-at is computed again, a given one is kept, the choice stays")
  func knownAt() throws {
    let admitting = try admitting()
    let plus = KnownAtChoice.eventTimePlus(nanoseconds: 50)
    var batch = try admitting.admit([RowInput(900, []), RowInput(980, [])], choice: plus)
    var (found, read) = try again(batch, admitting, at: 2000)
    #expect(found.choice == plus)
    #expect(
      read.map(\.times) == [
        eventTimes(900, known: 950, assumed: true), eventTimes(980, known: 1030, assumed: true),
      ])
    (found, read) = try again(found, admitting, at: 940)
    #expect(read.map(\.times) == [eventTimes(900, assumed: true), eventTimes(940, assumed: true)])
    batch = try admitting.admit([RowInput(900, []), RowInput(980, [])], choice: .eventTime)
    (found, read) = try again(batch, admitting, at: 940)
    #expect(
      read.map(\.times) == [
        eventTimes(900, known: 900, assumed: true), eventTimes(940, known: 940, assumed: true),
      ])
    let given = RowInput(key: [.int64(1)], times: givenTimes(900, known: 950))
    batch = try admitting.admit([given, given], choice: .column)
    #expect(
      try again(batch, admitting, at: 950).read.map(\.times)
        == Array(repeating: eventTimes(900, known: 950), count: 2))
    #expect(try again(batch, admitting, at: 949).read.map(\.rule) == ["known_at", "known_at"])
  }

  @Test("live events are late by the new moment")
  func late() throws {
    let admitting = try admitting(lateness: 100)
    let batch = try admitting.admit([RowInput(900, []), RowInput(899, [])])
    #expect(try batch.read(admitting.catalog).map(\.rule) == [nil, "max_lateness"])
    #expect(try again(batch, admitting, at: 1001).read.map(\.rule) == ["max_lateness", "max_lateness"])
    #expect(try again(batch, admitting, at: 999).read.map(\.rule) == [nil, nil])
  }

  @Test(
    "whatever changes meanwhile: event <= known <= now, every row is in one count, and judging twice changes nothing",
    arguments: UInt64(1)...60)
  func random(seed: UInt64) throws {
    var random = SplitMix64(seed: seed)
    var admitting = try admitting(lateness: random.coin() ? 50 : nil)
    let choice = random.pick([KnownAtChoice.live, .now, .eventTime, .eventTimePlus(nanoseconds: 20), .column])
    func moment() -> Int64 { Int64(random.within(850...1150)) }
    let rows = (0..<60).map { _ in
      var row = RowInput(
        key: [.int64(Int64(random.below(10)))],
        times: givenTimes(
          random.chance(0.8) ? moment() : nil, created: random.coin() ? moment() : nil,
          known: choice == .column || random.chance(0.05) ? moment() : nil))
      if random.coin() {
        row.features.append(.init("a", random.pick([.null, .value(.int64(1)), .value(.bool(true))])))
      }
      if random.coin() { row.features.append(.init("word", .value(.string(random.pick(["buy", "sell"]))))) }
      if random.chance(0.1) { row.features.append(.init("later", .value(.int64(1)))) }
      return row
    }
    var now: Int64 = 1000
    var batch = try admitting.admit(at: now, rows, choice: choice)
    let digest = batch.digest
    for step in 0..<6 {
      switch random.below(5) {
      case 0:
        try admitting.revise {
          $0[1].definition.rules.oneOf = random.coin() ? nil : Choices([.string("buy")])
        }
      case 1: try admitting.revise { $0[0].definition.rules.isNullable.toggle() }
      case 2 where step == 3:
        try admitting.revise { $0.append(RegisteredFeature(definition: Admitting.feature("later", .int64))) }
      case 3: try admitting.erase(.int64(Int64(random.below(10))), at: now)
      default: break
      }
      now += Int64(random.within(-80...80))
      let (found, read) = try again(batch, admitting, at: now)
      #expect(
        found.counts.accepted + found.counts.setAside + found.counts.erased == rows.count, "seed \(seed)")
      #expect(found.counts.erased >= batch.counts.erased && found.digest == digest, "seed \(seed)")
      #expect(found.refused.reduce(0) { $0 + $1.count } == found.counts.setAside, "seed \(seed)")
      for case let times? in read.map(\.times) {
        let known = times.knownAt?.nanoseconds ?? now
        #expect(times.eventTime.nanoseconds <= known && known <= now, "seed \(seed)")
        #expect((times.createdAt?.nanoseconds ?? now) <= now, "seed \(seed)")
      }
      let twice = try again(found, admitting, at: now)
      #expect(
        twice.batch.bytes.copied() == found.bytes.copied() && twice.batch.counts == found.counts,
        "seed \(seed)")
      batch = found
    }
  }
}
