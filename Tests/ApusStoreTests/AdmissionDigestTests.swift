import ApusBytes
import ApusContracts
import ApusStore
import ApusSystem
import ApusTestSupport
import Testing

@Suite("The digest of a request")
struct AdmissionDigestTests {
  /// What a caller may ask for, so that two askings can be compared.
  private struct Asked: Equatable {
    var view = "v"
    var version: UInt32 = 1
    var columns: [String]? = ["a", "b"]
    var choice = KnownAtChoice.live
    var policy = RefusalPolicy.setAside
    var rows: [Row] = []

    struct Row: Equatable {
      var event = EventOperation.upsert
      var key: [Value]
      var times: GivenTimes
      var inputs: [FeatureInput]
    }
  }

  private func admitting() throws -> Admitting {
    let features = [Admitting.feature("a", .int64), Admitting.feature("b", .string)]
    return try Admitting([("v", features), ("w", features)])
  }

  private func digest(_ asked: Asked, _ admitting: Admitting, at now: Int64 = 1000) throws -> RequestDigest {
    let catalog = admitting.catalog
    var batch = Batch(catalog, now: WallTime(nanoseconds: now), choice: asked.choice, policy: asked.policy)
    let view = try #require(catalog[ViewVersionID(asked.version)])
    try batch.turn(to: view, columns: asked.columns, asked: asked.view)
    for row in asked.rows {
      if row.event == .delete {
        batch.delete(key: row.key, row.times)
      } else {
        batch.upsert(key: row.key, row.times, row.inputs)
      }
    }
    return try batch.admitted().digest
  }

  private func random(_ random: inout SplitMix64) -> Asked {
    var asked = Asked()
    asked.rows = (0..<random.within(1...4)).map { _ in randomRow(&random) }
    return asked
  }

  private func randomRow(_ random: inout SplitMix64) -> Asked.Row {
    func time() -> Int64? { random.coin() ? Int64(random.below(3)) : nil }
    return Asked.Row(
      event: random.chance(0.2) ? .delete : .upsert,
      key: (0..<random.within(0...2)).map { _ in RandomRows.value(&random) },
      times: givenTimes(time(), created: time(), known: time()),
      inputs: (0..<2).map { _ in
        random.pick([
          .absent, .null, .value(RandomRows.value(&random)), .value(.int64(Int64(random.below(3)))),
        ])
      })
  }

  @Test("the same request has the same digest at another time, under another catalog, and when judged again")
  func same() throws {
    var admitting = try admitting()
    var random = SplitMix64(seed: 1)
    for _ in 0..<100 {
      let asked = self.random(&random)
      let first = try digest(asked, admitting)
      try admitting.erase(.int64(Int64(random.below(1000))), at: 10)
      try admitting.revise { $0[0].definition.rules.min = .int64(Int64(random.below(5))) }
      #expect(try digest(asked, admitting, at: 5) == first)
    }
    let batch = try admitting.admit([RowInput(1000, [])])
    try admitting.revise { $0[0].definition.rules.isRequired = true }
    let again = try batch.admittedAgain(under: admitting.catalog, now: WallTime(nanoseconds: 2000))
    #expect(again.digest == batch.digest && again.counts != batch.counts)
  }

  @Test("a request has the digest that it always had, because retries outlive a program")
  func golden() throws {
    var asked = Asked()
    asked.choice = .eventTimePlus(nanoseconds: 5)
    asked.rows = [
      Asked.Row(
        key: [.int64(1), .string("twelve bytes")], times: givenTimes(1, created: nil, known: 3),
        inputs: [.absent, .null]),
      Asked.Row(event: .delete, key: [.bytes([1, 2, 3])], times: givenTimes(nil, created: 2), inputs: []),
      Asked.Row(
        key: [.bool(true), .int32(-1), .timestamp(nanoseconds: 9)], times: givenTimes(nil),
        inputs: [.value(.list(.string(["a", ""]))), .value(.vector(.float32([1.5])))]),
      Asked.Row(key: [], times: givenTimes(nil), inputs: [.value(.float64(-0.0)), .value(.float32(2))]),
    ]
    // Computed from the specification by another program.
    let expected = RequestDigest(first: 0x9270_3efc_4a79_f8f6, second: 0x9bbe_a0d9_465d_21ab)
    #expect(try digest(asked, admitting()) == expected)
  }

  @Test(
    "requests that differ in anything have different digests: random pairs, and every small change of one")
  func different() throws {
    let admitting = try admitting()
    var random = SplitMix64(seed: 2)
    var seen: [RequestDigest: Asked] = [:]
    for _ in 0..<2000 {
      let asked = self.random(&random)
      var variants = [asked]
      func vary(_ change: (inout Asked) -> Void) {
        var other = asked
        change(&other)
        variants.append(other)
      }
      vary { $0.view = "v@1" }
      vary {
        $0.version = 2; $0.view = "w"
      }
      vary { $0.columns = nil }
      vary { $0.columns = ["b", "a"] }
      vary { $0.policy = .setAside == $0.policy ? .allOrNothing : .setAside }
      for choice in [
        KnownAtChoice.now, .eventTime, .eventTimePlus(nanoseconds: 1), .eventTimePlus(nanoseconds: 2),
        .column,
      ] {
        vary { $0.choice = choice }
      }
      vary { $0.rows.append(asked.rows[0]) }
      vary { $0.rows.reverse() }
      let place = random.below(asked.rows.count)
      vary { $0.rows[place].times.eventTime = EventTime(nanoseconds: 1000) }
      vary { $0.rows[place].times.eventTime = nil }
      vary { $0.rows[place].inputs[0] = .null }
      vary { $0.rows[place].inputs[0] = .absent }
      vary { $0.rows[place].inputs.reverse() }
      vary { $0.rows[place].key.append(.bool(true)) }
      vary { $0.rows[place].event = .delete }
      for variant in variants where variant.policy == .setAside {
        let found = try digest(variant, admitting)
        if let other = seen[found] {
          #expect(isSame(other, variant), "two requests have one digest: \(other) and \(variant)")
        }
        seen[found] = variant
      }
    }
    #expect(seen.count > 10_000)
  }

  /// A delete has no inputs.
  private func isSame(_ a: Asked, _ b: Asked) -> Bool {
    func plain(_ asked: Asked) -> Asked {
      var asked = asked
      for place in asked.rows.indices where asked.rows[place].event == .delete {
        asked.rows[place].inputs = []
      }
      return asked
    }
    return plain(a) == plain(b)
  }

  @Test("the policy, names in place of columns, and how bytes are cut into texts are told apart")
  func shapes() throws {
    let admitting = try admitting()
    var digests: Set<RequestDigest> = []
    var count = 0
    func add(_ policy: RefusalPolicy = .setAside, _ fill: (inout Batch) throws -> Void) throws {
      var batch = try admitting.batch(.live, policy)
      try fill(&batch)
      digests.insert(try batch.admitted().digest)
      count += 1
    }
    let texts: [[FeatureInput]] = [[.absent, .value(.string("ab"))], [.absent, .value(.string("ab\0"))]]
    for inputs in texts {
      try add { $0.upsert(key: [.int64(1)], givenTimes(1), inputs) }
      try add(.allOrNothing) { $0.upsert(key: [.int64(1)], givenTimes(1), inputs) }
      try add { $0.upsert(row: RowInput(1, user: 1, [("b", inputs[1])])) }
      try add { $0.upsert(row: RowInput(1, user: 1, [("b", inputs[1]), ("a", .absent)])) }
      try add { $0.upsert(row: RowInput(1, user: 1, [("a", .absent), ("b", inputs[1])])) }
    }
    for key: [Value] in [
      [.string("ab"), .string("c")], [.string("a"), .string("bc")], [.bytes([97, 98]), .string("c")],
      [.list(.string(["ab", "c"]))], [.vector(.string(["ab", "c"]))], [.list(.string(["a", "bc"]))],
    ] {
      try add { $0.upsert(key: key, givenTimes(1), [.absent, .absent]) }
    }
    try add { $0.delete(key: [.int64(1)], givenTimes(1)) }
    try add { $0.delete(row: RowInput(1, user: 1, [])) }
    #expect(digests.count == count)
  }
}
