import ApusBytes
import ApusContracts
import ApusStore
import ApusSystem
import ApusTestSupport
import Testing

@Suite("Admission")
struct AdmissionTests {
  /// `a` is an int64 from 0, `word` buy or refund, `x` anything.
  private func admitting(lateness: Int64? = nil, skew: Int64 = 60) throws -> Admitting {
    var settings = ViewSettings()
    settings.maxLateness = lateness.flatMap { Period(nanoseconds: $0) }
    settings.maxFutureSkew = try #require(Period(nanoseconds: skew))
    return try Admitting(
      [
        (
          "v",
          [
            Admitting.feature("a", .int64) { $0.min = .int64(0) },
            Admitting.feature("word", .string) { $0.oneOf = Choices([.string("buy"), .string("refund")]) },
            Admitting.feature("x", .float64),
          ]
        ),
        ("w", [Admitting.feature("y", .int32)]),
      ], settings: settings)
  }

  private func rule(
    _ admitting: Admitting, at now: Int64 = 1000, _ row: RowInput, _ choice: KnownAtChoice = .live
  ) throws -> String? {
    let batch = try admitting.admit(at: now, [row], choice: choice)
    return try batch.read(admitting.catalog).first?.rule
  }

  @Test("a row that breaks no rule becomes an event that says what was given")
  func admitted() throws {
    let admitting = try admitting()
    var batch = try admitting.batch()
    batch.upsert(key: [.int64(7)], givenTimes(990, created: 980), [.value(.int64(1)), .null, .absent])
    batch.delete(key: [.int64(8)], givenTimes(nil))
    let done = try batch.admitted()
    #expect(
      try done.read(admitting.catalog) == [
        .event(
          .upsert, view: 1, eventTimes(990, created: 980), key: [.int64(7)],
          [.value(.int64(1)), .null, .absent]),
        .event(.delete, view: 1, eventTimes(1000), key: [.int64(8)], []),
      ])
    #expect(done.refused.isEmpty && done.deadLetterByteCount == 0)
    #expect(done.catalogNumber == 1 && done.admittedAt == WallTime(nanoseconds: 1000))
  }

  @Test("each rule refuses by its name")
  func rules() throws {
    let admitting = try admitting(lateness: 100)
    func named(_ times: GivenTimes, _ features: [(String, FeatureInput)] = [], key: [Value] = [.int64(7)])
      -> RowInput
    {
      RowInput(key: key, times: times, features: features.map { DeadLetter.Feature($0, $1) })
    }
    let good = givenTimes(1000)
    for key: [Value] in [[], [.int64(1), .int64(2)], [.string("7")], [.float64(7)], [.list(.int64([7]))]] {
      #expect(try rule(admitting, named(good, key: key)) == "key", "\(key)")
    }
    #expect(try rule(admitting, named(good, [("b", .null)])) == "unknown_feature")
    #expect(try rule(admitting, named(good, [("a", .null), ("a", .null)])) == "feature_twice")
    #expect(try rule(admitting, named(givenTimes(1061))) == "event_time")
    #expect(try rule(admitting, named(givenTimes(1060))) == nil)
    #expect(try rule(admitting, named(givenTimes(1000, created: 1061))) == "created_at")
    #expect(try rule(admitting, named(givenTimes(1000, known: 1000))) == "known_at")
    #expect(try rule(admitting, named(good), .column) == "known_at")
    #expect(try rule(admitting, named(givenTimes(900, known: 899)), .column) == "known_at")
    #expect(try rule(admitting, named(givenTimes(900, known: 1001)), .column) == "known_at")
    #expect(try rule(admitting, named(good), .eventTimePlus(nanoseconds: -1)) == "known_at")
    #expect(try rule(admitting, named(good, [("a", .value(.int64(-1)))])) == "a.min")
    #expect(try rule(admitting, named(good, [("a", .value(.int32(1)))])) == "a.type")
    #expect(try rule(admitting, named(good, [("word", .value(.string("sell")))])) == "word.one_of")
    #expect(try rule(admitting, named(good, [("x", .value(.float64(.nan)))])) == "x.finite")
  }

  @Test("a key longer than 400 bytes and a value longer than 1 MiB are refused, and kept whole")
  func long() throws {
    let admitting = try Admitting(
      [("v", [Admitting.feature("text", .string), Admitting.feature("n", .int64)])],
      keys: [KeyDefinition(name: "name", type: .string)])
    let limit = RowFormat.valueByteCountMax
    func named(_ byteCount: Int) -> RowInput {
      RowInput(key: [.string(String(repeating: "k", count: byteCount))])
    }
    func saying(_ byteCount: Int) -> RowInput {
      let text = String(repeating: "t", count: byteCount)
      return RowInput(key: [.string("k")], features: [.init("text", .value(.string(text)))])
    }
    let rows: [(row: RowInput, rule: String?)] = [
      (named(399), nil), (named(400), "key"), (named(0), nil), (saying(limit), nil),
      (saying(limit + 1), "row_too_long"),
    ]
    let read = try admitting.admit(rows.map(\.row)).read(admitting.catalog)
    #expect(read.map(\.rule) == rows.map(\.rule))
    for (record, (row, rule)) in zip(read, rows) where rule != nil {
      guard case .letter(let letter) = record else { continue }
      #expect(letter.key == row.key && letter.features == row.features && letter.times == row.times)
    }
  }

  @Test("of several broken rules the first in the order of the specification is named")
  func order() throws {
    let admitting = try admitting(lateness: 100)
    // Each entry mends what the one before was refused by.
    var row = RowInput(key: [.string("seven")], times: givenTimes(1100, created: 1100, known: 5))
    row.features = [
      .init("b", .null), .init("word", .value(.string("sell"))), .init("a", .value(.int64(-1))),
    ]
    #expect(try rule(admitting, row) == "key")
    row.key = [.int64(7)]
    #expect(try rule(admitting, row) == "unknown_feature")
    row.features.removeFirst()
    #expect(try rule(admitting, row) == "event_time")
    row.times.eventTime = EventTime(nanoseconds: 899)
    #expect(try rule(admitting, row) == "created_at")
    row.times.createdAt = nil
    #expect(try rule(admitting, row) == "known_at")
    row.times.knownAt = nil
    #expect(try rule(admitting, row) == "max_lateness")
    row.times.eventTime = EventTime(nanoseconds: 900)
    #expect(try rule(admitting, row) == "a.min")
    row.features.removeLast()
    #expect(try rule(admitting, row) == "word.one_of")
    row.features.removeLast()
    #expect(try rule(admitting, row) == nil)
  }

  @Test(
    "a live event is late after max_lateness, not at it; a load is never late, nor is anything at the end of time"
  )
  func lateness() throws {
    let admitting = try admitting(lateness: 100)
    #expect(try rule(admitting, RowInput(900, [])) == nil)
    #expect(try rule(admitting, RowInput(899, [])) == "max_lateness")
    #expect(try rule(admitting, RowInput(nil, [])) == nil)
    for choice in [KnownAtChoice.now, .eventTime, .eventTimePlus(nanoseconds: 5)] {
      #expect(try rule(admitting, RowInput(.min, []), choice) == nil, "\(choice)")
    }
    #expect(try rule(admitting, at: .min + 50, RowInput(.min, [])) == nil)
    #expect(try rule(self.admitting(), RowInput(.min, [])) == nil)
    var batch = try admitting.batch()
    batch.delete(key: [.int64(7)], givenTimes(899))
    #expect(try batch.admitted().read(admitting.catalog).first?.rule == "max_lateness")
  }

  @Test(
    "an event time ahead of the clock within the skew is set back and counted; a created-at is only set back")
  func setBack() throws {
    let admitting = try admitting()
    let batch = try admitting.admit([
      RowInput(1060, []), RowInput(1000, []),
      RowInput(key: [.int64(1)], times: givenTimes(999, created: 1060)),
      RowInput(1061, []),
    ])
    #expect(batch.counts.setBack == 1 && batch.counts.accepted == 3 && batch.counts.setAside == 1)
    #expect(
      try batch.read(admitting.catalog).map(\.times) == [
        eventTimes(1000), eventTimes(1000), eventTimes(999, created: 1000), nil,
      ])
  }

  @Test("every choice of known-at is recorded as it says")
  func choices() throws {
    let admitting = try admitting()
    func times(_ choice: KnownAtChoice, _ given: GivenTimes) throws -> EventTimes? {
      let batch = try admitting.admit([RowInput(key: [.int64(1)], times: given)], choice: choice)
      #expect(batch.choice == choice)
      return try batch.read(admitting.catalog).first?.times
    }
    #expect(try times(.live, givenTimes(10)) == eventTimes(10))
    #expect(try times(.now, givenTimes(10)) == eventTimes(10))
    #expect(try times(.eventTime, givenTimes(10)) == eventTimes(10, known: 10, assumed: true))
    #expect(
      try times(.eventTimePlus(nanoseconds: 5), givenTimes(10)) == eventTimes(10, known: 15, assumed: true))
    #expect(try times(.eventTimePlus(nanoseconds: 5), givenTimes(998)) == eventTimes(998, assumed: true))
    #expect(try times(.column, givenTimes(10, known: 11)) == eventTimes(10, known: 11))
    #expect(try times(.eventTime, givenTimes(nil)) == eventTimes(1000, known: 1000, assumed: true))
  }

  @Test("set aside: refused rows are letters between the events, in the order of the rows, and are tallied")
  func setAside() throws {
    let admitting = try admitting()
    let batch = try admitting.admit([
      RowInput(1000, [("a", .value(.int64(-1)))]), RowInput(1000, [("a", .value(.int64(1)))]),
      RowInput(1000, user: 8, [("word", .value(.string("sell"))), ("x", .null)]),
      RowInput(1000, [("a", .value(.int64(-2)))]),
    ])
    let read = try batch.read(admitting.catalog)
    #expect(read.map(\.rule) == ["a.min", nil, "word.one_of", "a.min"])
    #expect(batch.counts.accepted == 1 && batch.counts.setAside == 3)
    #expect(batch.refused.map(\.rule) == ["a.min", "word.one_of"])
    #expect(batch.refused.map(\.count) == [2, 1])
    #expect(batch.refused.map(\.firstRow) == [0, 2])
    #expect(batch.refused.allSatisfy { $0.view == "v@1" })
    #expect(batch.refused.first?.words == "a.min: -1 is refused by v@1")
    #expect(
      read[2]
        == .letter(
          DeadLetter(
            event: .upsert, viewVersion: ViewVersionID(1), revision: 1, rule: "word.one_of",
            words: "word.one_of: \"sell\" is refused by v@1", times: givenTimes(1000), key: [.int64(8)],
            features: [.init("word", .value(.string("sell"))), .init("x", .null)])))
    var letters = 0
    var walker = RecordWalker(batch.bytes, base: LSN(1))
    while let record = try walker.next() {
      if record.kind == .deadLetter { letters += record.body.byteCount + EventFormat.recordHeaderByteCount }
    }
    #expect(batch.deadLetterByteCount == UInt64(letters))
  }

  @Test("all or nothing: one refused row refuses the request, and says what each rule refused")
  func allOrNothing() throws {
    let admitting = try admitting()
    let good = RowInput(1000, [("a", .value(.int64(1)))])
    let bad = RowInput(1000, [("a", .value(.int64(-1)))])
    #expect(try admitting.admit([good, good], policy: .allOrNothing).counts.accepted == 2)
    do {
      _ = try admitting.admit([good, bad, bad], policy: .allOrNothing)
      Issue.record("it was admitted")
    } catch StoreError.rowsRefused(let tallies) {
      #expect(
        tallies == [
          RefusalTally(
            view: "v@1", rule: "a.min", count: 2, firstRow: 1, words: "a.min: -1 is refused by v@1")
        ])
    }
  }

  @Test("a batch without rows is none, and one that was taken or failed is empty")
  func empty() throws {
    let admitting = try admitting()
    var batch = try admitting.batch(.live, .allOrNothing)
    func none() -> StoreError? {
      do throws(StoreError) {
        _ = try batch.admitted()
        return nil
      } catch {
        return error
      }
    }
    #expect(none() == .emptyBatch)
    let view = try #require(admitting.catalog[ViewVersionID(1)])
    try batch.turn(to: view)
    batch.upsert(key: [.bool(true)], givenTimes(1), [.absent, .absent, .absent])
    guard case .rowsRefused = none() else { throw Admitting.Wrong(what: "no refusal") }
    #expect(none() == .emptyBatch)
    batch.removeAll(admitting.catalog, now: WallTime(nanoseconds: 5), choice: .now, policy: .setAside)
    try batch.turn(to: view)
    batch.upsert(key: [.int64(1)], givenTimes(nil), [.absent, .absent, .absent])
    #expect(try batch.admitted().read(admitting.catalog).map(\.times) == [eventTimes(5)])
    #expect(none() == .emptyBatch)
  }

  @Test("columns may come in any order and leave features out, which are absent then")
  func columns() throws {
    let admitting = try admitting()
    let catalog = admitting.catalog
    var batch = try admitting.batch()
    let view = try #require(catalog[ViewVersionID(1)])
    try batch.turn(to: view, columns: ["x", "a"])
    batch.upsert(key: [.int64(1)], givenTimes(1), [.value(.float64(2)), .value(.int64(3))])
    batch.upsert(key: [.int64(1)], givenTimes(1), [.absent, .null])
    batch.upsert(key: [.int64(1)], givenTimes(1), [.value(.float64(2)), .value(.int64(-3))])
    try batch.turn(to: try #require(catalog[ViewVersionID(2)]), columns: [])
    batch.upsert(key: [.int64(1)], givenTimes(1), [])
    try batch.turn(to: view, columns: ["word"])
    batch.upsert(key: [.int64(1)], givenTimes(1), [.null])
    let read = try batch.admitted().read(catalog)
    let times = eventTimes(1)
    #expect(
      read[0]
        == .event(
          .upsert, view: 1, times, key: [.int64(1)], [.value(.int64(3)), .absent, .value(.float64(2))]))
    #expect(read[1] == .event(.upsert, view: 1, times, key: [.int64(1)], [.null, .absent, .absent]))
    #expect(read[2].rule == "a.min")
    guard case .letter(let letter) = read[2] else { throw Admitting.Wrong(what: "no letter") }
    #expect(letter.features == [.init("x", .value(.float64(2))), .init("a", .value(.int64(-3)))])
    #expect(read[3] == .event(.upsert, view: 2, times, key: [.int64(1)], [.absent]))
    #expect(read[4] == .event(.upsert, view: 1, times, key: [.int64(1)], [.absent, .null, .absent]))
  }

  @Test("a name that only looks the same is another name")
  func lookalike() throws {
    let admitting = try Admitting([("v", [Admitting.feature("K", .int64)])])
    let kelvin = "\u{212A}"
    #expect(kelvin == "K", "to Swift they are equal")
    let batch = try admitting.admit([
      RowInput(900, [(kelvin, .value(.int64(1)))]), RowInput(900, [("K", .value(.int64(1)))]),
    ])
    #expect(try batch.read(admitting.catalog).map(\.rule) == ["unknown_feature", nil])
    var columns = try admitting.batch()
    let view = try #require(admitting.catalog[ViewVersionID(1)])
    do throws(StoreError) {
      try columns.turn(to: view, columns: [kelvin])
      Issue.record("the column was found")
    } catch {
      #expect("\(error)" == "\(StoreError.unknownColumn(kelvin, view: "v@1"))")
    }
  }

  @Test("an unknown column, one named twice and a retired version are errors before any row")
  func turning() throws {
    var admitting = try admitting()
    let view = try #require(admitting.catalog[ViewVersionID(1)])
    var batch = try admitting.batch()
    func error(_ columns: [String]?) -> StoreError? {
      do throws(StoreError) {
        try batch.turn(to: view, columns: columns)
        return nil
      } catch {
        return error
      }
    }
    #expect(error(["a", "b"]) == .unknownColumn("b", view: "v@1"))
    #expect(error(["a", "x", "a"]) == .columnNamedTwice("a"))
    #expect(error(["x"]) == nil)
    let other = try Admitting(
      [("v", []), ("w", []), ("z", [])].map { ($0.0, [Admitting.feature("a", .bool)]) })
    let newer = try #require(other.catalog[ViewVersionID(3)])
    #expect(throws: StoreError.unknownView(VersionedName(name: "z", number: 1), project: "p")) {
      var batch = try admitting.batch()
      try batch.turn(to: newer)
    }
    try admitting.registry.apply(.retired(ViewVersionID(1)))
    batch.removeAll(admitting.catalog, now: WallTime(nanoseconds: 1), choice: .live, policy: .setAside)
    #expect(error(nil) == .retired("v@1"))
  }

  @Test("a view of an older catalog is judged by the newer contract, with the columns that it had")
  func olderView() throws {
    var admitting = try admitting()
    let old = try #require(admitting.catalog[ViewVersionID(1)])
    try admitting.revise { $0.append(RegisteredFeature(definition: Admitting.feature("z", .bool))) }
    var batch = try admitting.batch()
    try batch.turn(to: old)
    batch.upsert(key: [.int64(1)], givenTimes(1), [.absent, .absent, .null])
    let read = try batch.admitted().read(admitting.catalog)
    #expect(
      read == [.event(.upsert, view: 1, eventTimes(1), key: [.int64(1)], [.absent, .absent, .null, .absent])])
  }

  @Test("rows of an erased key up to the erasure are counted, never kept, whatever else is wrong with them")
  func erased() throws {
    var admitting = try admitting(lateness: 500)
    try admitting.erase(.int64(7), at: 700)
    let bad: [(String, FeatureInput)] = [("a", .value(.int64(-1)))]
    let batch = try admitting.admit(
      [
        RowInput(700, []), RowInput(701, []), RowInput(700, user: 8, []), RowInput(600, bad),
        RowInput(600, [("b", .null)]),
        RowInput(400, []), RowInput(key: [.int64(7)], times: givenTimes(600, known: 600)),
        RowInput(key: [.int64(7)], times: givenTimes(600, created: 5000)), RowInput(800, bad),
        RowInput(nil, []),
      ], deletes: [RowInput(700, []), RowInput(701, [])])
    #expect(batch.counts.erased == 7)
    #expect(
      try batch.read(admitting.catalog).map(\.rule) == [nil, nil, "a.min", nil, nil])
    #expect(batch.refused.map(\.firstRow) == [8])
  }

  @Test("an erased row refuses no request, and a request of nothing else has no record")
  func onlyErased() throws {
    var admitting = try admitting()
    try admitting.erase(.int64(7), at: 700)
    let batch = try admitting.admit([RowInput(1, []), RowInput(2, [])], policy: .allOrNothing)
    #expect(batch.recordCount == 0 && batch.bytes.byteCount == 0 && batch.counts.erased == 2)
  }

  @Test("while an erasure is ahead of the clock, an event time that would be set back below it is erased")
  func erasedAhead() throws {
    var admitting = try admitting()
    try admitting.erase(.int64(7), at: 1010)
    let batch = try admitting.admit([RowInput(1020, []), RowInput(nil, []), RowInput(2000, [])])
    #expect(batch.counts.erased == 2)
    #expect(try batch.read(admitting.catalog).map(\.rule) == ["event_time"])
  }

  @Test("a delete speaks of no feature")
  func deletes() throws {
    let admitting = try admitting()
    let batch = try admitting.admit([], deletes: [RowInput(1000, [("a", .null)]), RowInput(1000, [])])
    #expect(try batch.read(admitting.catalog).map(\.rule) == ["unknown_feature", nil])
  }

  @Test("refusals are tallied apart for 64 rules, and the rest together")
  func tallies() throws {
    let names = (0..<70).map { "f\($0)" }
    let admitting = try Admitting([
      ("v", names.map { Admitting.feature($0, .bool) { $0.isNullable = false } })
    ])
    let rows = (names + names).map { RowInput(1000, [($0, .null)]) }
    let batch = try admitting.admit(rows)
    #expect(batch.refused.count == 65)
    #expect(batch.refused.prefix(64).map(\.rule) == names.prefix(64).map { "\($0).nullable" })
    #expect(batch.refused.prefix(64).allSatisfy { $0.count == 2 })
    let rest = try #require(batch.refused.last)
    #expect(rest.count == 12 && rest.rule == RefusalTallies.othersName && rest.firstRow == 64)
    #expect(batch.refused.reduce(0) { $0 + $1.count } == batch.counts.setAside)
  }

  @Test("what is read back is exactly what was put in: random rows of every type", arguments: UInt64(1)...40)
  func random(seed: UInt64) throws {
    var random = SplitMix64(seed: seed)
    let types = (0..<random.within(1...20)).map { _ in RandomRows.type(&random) }
    let keyTypes = (0..<random.within(1...3)).map { _ in random.pick(KeyType.allCases) }
    let features = types.enumerated().map { place, type in
      Admitting.feature("f\(place)", type) { $0.isFinite = false }
    }
    var admitting = try Admitting(
      [("v", features)], keys: keyTypes.enumerated().map { KeyDefinition(name: "k\($0)", type: $1) })
    // A feature that is removed keeps its place in the cells.
    let removed = types.count > 1 && random.coin() ? random.below(types.count) : nil
    if let removed { try admitting.revise { $0[removed].isRemoved = true } }
    let catalog = admitting.catalog
    let view = try #require(catalog[ViewVersionID(1)])
    var batch = try admitting.batch(.now)
    var expected: [Admitted] = []
    var encoder = KeyEncoder()
    for _ in 0..<50 {
      let key = keyTypes.map { RandomRows.value(.scalar($0.element), &random) }
      var inputs = types.map { RandomRows.input($0, &random) }
      let event = Int64(random.below(1000))
      let times = givenTimes(event, created: random.coin() ? Int64(random.below(1000)) : nil)
      let recorded = EventTimes(eventTime: EventTime(nanoseconds: event), createdAt: times.createdAt)
      if random.chance(0.1) {
        batch.delete(key: key, times)
        expected.append(.event(.delete, view: 1, recorded, key: key, []))
        continue
      }
      if let removed { inputs[removed] = .absent }
      var given = inputs
      if let removed { given.remove(at: removed) }
      if random.coin() {
        batch.upsert(key: key, times, given)
      } else {
        try view.keySchema.encode(key, into: &encoder)
        batch.upsert(encodedKey: encoder.bytes, times, given)
      }
      expected.append(.event(.upsert, view: 1, recorded, key: key, inputs))
    }
    #expect(try batch.admitted().read(catalog) == expected, "seed \(seed)")
  }
}
