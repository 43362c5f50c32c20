import ApusBytes
import ApusContracts
import ApusServer
import ApusStore
import ApusSystem
import ApusTestSupport
import ApusWire
import Testing

@Suite("GET")
struct SessionGetTests {
  /// Values of every feature, blanks, nulls, deletes and erasures of eight cards, some of it out of age.
  private static func fill(_ fixture: SessionFixture, _ random: inout SplitMix64) throws {
    let views = ["activity", "limits", "profile"]
    for round in 0..<60 {
      let name = try #require(VersionedName(spelling: random.pick(views)))
      let view = try #require(fixture.store.catalog.view(name, in: "shop"))
      let number = random.below(8)
      let key: [Value] = name.name == "profile" ? [.int64(Int64(number))] : [.string("c\(number)")]
      var batch = fixture.store.batch()
      try batch.turn(to: view)
      let times = GivenTimes(eventTime: fixture.now)
      // Rows without a blank go another way into a reply.
      let isWhole = random.chance(0.5)
      if random.chance(0.1) {
        batch.delete(key: key, times)
      } else {
        let inputs = view.contract.features.map { input($0.name, $0.type, isWhole: isWhole, &random) }
        batch.upsert(key: key, times, inputs)
      }
      _ = try fixture.store.append(batch.admitted())
      if round == 20 { fixture.clock.advance(nanoseconds: 3_700_000_000_000) }
      if round == 40 { try fixture.store.checkpoint() }
      fixture.clock.advance(nanoseconds: 1_000)
    }
    _ = try fixture.store.erase([ErasedKey(name: "card_id", value: .string("c5"))], in: "shop")
  }

  private static func input(
    _ name: String, _ type: FeatureType, isWhole: Bool, _ random: inout SplitMix64
  ) -> FeatureInput {
    if !isWhole, random.chance(0.25) { return .absent }
    if !isWhole, random.chance(0.2) { return .null }
    let number = random.below(1_000)
    let texts = (0..<random.below(4)).map { String(repeating: "é", count: $0) }
    switch type {
    case .int64: return .value(.int64(Int64(number)))
    case .int32: return .value(.int32(Int32(number) - 500))
    case .float64: return .value(.float64(Double(number) / 7))
    case .float32: return .value(.float32(Float(number) / 7))
    case .bool: return .value(.bool(number % 2 == 0))
    case .timestamp: return .value(.timestamp(nanoseconds: Int64(number)))
    case .string: return .value(.string(random.pick(["buy", "refund", ""])))
    case .bytes: return .value(.bytes(random.bytes(number % 9)))
    case .list(of: .string): return .value(.list(.string(texts)))
    case .list(of: .int64): return .value(.list(.int64((0..<(number % 4)).map { Int64($0) })))
    default: return .value(.vector(.float32([Float(number), 0, -1])))
    }
  }

  private static let lists: [[String]] = [
    ["activity:count", "activity:mean", "activity:small", "limits:limit"],
    [
      "activity:count", "activity:mean", "activity:action", "activity:flag", "activity:small",
      "activity:ratio", "activity:at", "activity:raw", "activity:tags", "activity:numbers", "activity:vector",
      "limits:limit",
    ],
    ["limits:ratio", "activity:flag", "limits:limit"],
    // In other orders than they are stored in, and some twice as long as others.
    ["activity:mean", "activity:count", "limits:limit", "limits:ratio"],
    ["activity:at", "activity:small", "activity:flag", "activity:ratio"],
  ]

  @Test(
    "every cell is what a table of the same store says, in all layouts and with all options", arguments: 0..<4
  )
  func againstTable(seed: UInt64) throws {
    var random = SplitMix64(seed: seed)
    let fixture = try SessionFixture()
    try Self.fill(fixture, &random)
    let peer = try fixture.peer()
    var reader = try fixture.store.reader()
    for list in Self.lists {
      let vector = try fixture.store.vector(features: list, in: "shop")
      let prepared = try peer.prepare(list)
      try compare(prepared, vector, fixture, peer, &reader, &random, "seed \(seed), \(list)") { random in
        [[.string("c\(random.below(9))")]]
      }
    }
    let service = try #require(VersionedName(spelling: "score"))
    let vector = try fixture.store.vector(service: service, in: "shop")
    let prepared = try peer.prepare(service: "score@1")
    #expect(prepared.fingerprint == vector.fingerprint?.bytes)
    #expect(prepared.roles.map(\.parts.first?.name) == ["card_id", "payer_id", "payee_id"])
    try compare(prepared, vector, fixture, peer, &reader, &random, "seed \(seed), score") { random in
      [
        [.string("c\(random.below(9))")], [.int64(Int64(random.below(9)))],
        [.int64(Int64(random.below(9)))],
      ]
    }
  }

  private func compare(
    _ prepared: PrepareReply, _ vector: PreparedVector, _ fixture: SessionFixture, _ peer: Caller,
    _ reader: inout StoreReader, _ random: inout SplitMix64, _ place: String,
    row: (inout SplitMix64) -> [[Value]]
  ) throws {
    let shape = ReplyShape(prepared.columns)
    for layout in ReplyLayout.allCases where shape.takes(layout) {
      for raw: UInt8 in [0, 4, 8, 16, 28] {
        let options = GetOptions(rawValue: raw)
        let rows = layout == .row ? 1 : random.within(1...20)
        let isStale = options.contains(.stale)
        var keys = RequestKeys(for: vector)
        var sent: [[UInt8]] = []
        for _ in 0..<rows {
          let values = row(&random)
          try keys.append(values: values)
          for key in values { sent.append(try encoded(key)) }
        }
        let table = try reader.table(vector, keys, stale: isStale)
        let frame = try peer.get(prepared.handle, rows: rows, sent, layout, options)
        try #require(frame.type == MessageType.get.reply, "\(place): \(frame.refusal.debugDescription)")
        let body = frame.body
        var map = GetReplyMap(shape)
        try map.check(unsafe body.span.bytes, rows: rows, layout: layout, options: options)
        let view = GetReplyView(unsafe body.span.bytes, map)
        let isOfTable = view.lsn == table.moment.lsn && view.time == table.moment.time && !view.mayLack
        #expect(isOfTable)
        for row in 0..<rows {
          for column in vector.columns.indices {
            let cell = table[row, column]
            let code = view.code(row, column)
            let isNullCell = code == .nullOutsideMaxAge
            let told = "\(place), \(layout), options \(raw), row \(row), \(vector.columns[column].name)"
            #expect(code.status == cell.status && code.reason == cell.reason, "\(told)")
            let hasValue = view.hasValue(row, column)
            #expect(hasValue == (cell.value != nil), "\(told)")
            #expect(!isNullCell || cell.value == nil, "\(told)")
            if layout == .denseFloat32 || layout == .denseFloat64 {
              Self.expectNumber(view, row, column, cell.value, layout, told)
            } else {
              let value = try view.value(row, column)
              #expect(value == cell.value, "\(told)")
            }
            if options.contains(.eventTimes) {
              let time = view.eventTimeNanoseconds(row, column) ?? 0
              #expect(time == cell.stamp?.eventTime.nanoseconds ?? 0, "\(told)")
            }
            if options.contains(.lsns) {
              let lsn = view.lsn(row, column) ?? LSN.none
              #expect(lsn == cell.stamp?.lsn ?? LSN.none, "\(told)")
            }
          }
        }
      }
    }
  }

  private static func expectNumber(
    _ view: borrowing GetReplyView, _ row: Int, _ column: Int, _ value: Value?, _ layout: ReplyLayout,
    _ told: String
  ) {
    let wanted: Double
    switch value {
    case .none: wanted = .nan
    case .bool(let bit)?: wanted = bit ? 1 : 0
    case .int32(let number)?: wanted = Double(number)
    case .int64(let number)?, .timestamp(let number)?: wanted = Double(number)
    case .float32(let number)?: wanted = Double(number)
    case .float64(let number)?: wanted = number
    default: wanted = -.infinity
    }
    if layout == .denseFloat64 {
      let found = view.denseFloat64(row, column)
      #expect(found.isNaN && wanted.isNaN || found == wanted, "\(told)")
    } else {
      let found = view.denseFloat32(row, column)
      #expect(found.isNaN && wanted.isNaN || found == Float(wanted), "\(told)")
    }
  }

  @Test("what cannot be asked so is refused by its own code, and the connection goes on")
  func refusals() throws {
    let fixture = try SessionFixture(options: { $0.rowsMax = 3 })
    let peer = try fixture.peer()
    let words = try peer.prepare(["activity:action"])
    let numbers = try peer.prepare(["activity:count"])
    #expect(try peer.get(99, rows: 1, [card("a")]).code == .unknownHandle)
    #expect(try peer.get(words.handle, rows: 1, [card("a")], .denseFloat32).code == .badRequest)
    #expect(try peer.get(numbers.handle, rows: 1, [card("a")], .denseFloat32).code == .badRequest)
    #expect(try peer.get(numbers.handle, rows: 1, [card("a")], .denseFloat64).code == nil)
    #expect(try peer.get(words.handle, rows: 4, Array(repeating: card("a"), count: 4)).code == .badRequest)
    #expect(try peer.get(words.handle, rows: 1, [[1, 2, 3]]).code == .badKey)
    let exact = try peer.ask(.get) { body in
      GetRequest.encode(
        handle: words.handle, rows: 1, layout: .columns, exact: .first, time: ReadTime(nanoseconds: 0),
        into: &body)
      body.write(short: RawSpan())
    }
    #expect(exact.code == .badKey)
    #expect(peer.action == .goOn)
    // A body with bytes behind its keys cannot be trusted.
    #expect(try peer.get(words.handle, rows: 1, [card("a"), card("b")]).code == .malformed)
    #expect(peer.action == .close)
  }

  @Test("a handle whose meaning changed says so for good, and one that is prepared again answers anew")
  func changes() throws {
    let fixture = try SessionFixture()
    let peer = try fixture.peer()
    let activity = try peer.prepare(["activity:count"])
    let pinned = try peer.prepare(["activity@1:count"])
    let limits = try peer.prepare(["limits:limit"])
    let again = try peer.prepare(["activity:count"])
    #expect(activity.fingerprint == again.fingerprint && activity.handle != again.handle)
    try peer.push([("a", 3)])
    // Another ttl: the cells mean something else, whatever the name.
    try fixture.apply(shopText.replacing("ttl: 1h", with: "ttl: 2h"))
    for handle in [activity, pinned, again] {
      #expect(try peer.get(handle.handle, rows: 1, [card("a")]).code == .definitionChanged)
      #expect(try peer.get(handle.handle, rows: 1, [card("a")]).code == .definitionChanged)
    }
    #expect(try peer.get(limits.handle, rows: 1, [card("a")]).code == nil)
    let anew = try peer.prepare(["activity:count"])
    #expect(anew.fingerprint != activity.fingerprint)
    #expect(try peer.get(anew.handle, rows: 1, [card("a")]).code == nil)
    let released = try peer.ask(.release) { ReleaseRequest(handle: activity.handle).encode(into: &$0) }
    #expect(released.type == MessageType.release.reply && released.body.isEmpty)
    #expect(try peer.get(activity.handle, rows: 1, [card("a")]).code == .unknownHandle)
    #expect(
      try peer.ask(.release) { ReleaseRequest(handle: activity.handle).encode(into: &$0) }.code
        == .unknownHandle)
  }

  @Test("two versions of a view are pushed to and read at once")
  func versions() throws {
    let fixture = try SessionFixture()
    let peer = try fixture.peer()
    try fixture.apply(shopText.replacing("count:   {type: int64, min: 0}", with: "count: {type: int32}"))
    try peer.push([("a", 3)], view: "activity@1")
    var rows = WireRows([.int32])
    let key = try card("a")
    try rows.append(key: unsafe key.span.bytes, GivenTimes(), [.value(.int32(-4))])
    let reply = try peer.push(PushHead(view: "activity@2", columns: ["count"]), rows)
    #expect(reply.accepted == 1)
    let (one, two) = (try peer.prepare(["activity@1:count"]), try peer.prepare(["activity@2:count"]))
    #expect(one.columns[0].type == .int64 && two.columns[0].type == .int32)
    for (prepared, value) in [(one, Value.int64(3)), (two, .int32(-4))] {
      let body = try peer.get(prepared.handle, rows: 1, [card("a")]).body
      let shape = ReplyShape(prepared.columns)
      var map = GetReplyMap(shape)
      try map.check(unsafe body.span.bytes, rows: 1, layout: .columns, options: [])
      let found = try GetReplyView(unsafe body.span.bytes, map).value(0, 0)
      #expect(found == value)
    }
  }

  @Test("a misspelt name is answered with what may have been meant")
  func suggestions() throws {
    let fixture = try SessionFixture()
    let peer = try fixture.peer()
    func refusal(_ names: [String], project: String = "") throws -> WireRefusal {
      let frame = try peer.ask(.prepare) {
        PrepareRequest.features(names, project: project).encode(into: &$0)
      }
      return try #require(frame.refusal)
    }
    let view = try refusal(["activty:count"])
    #expect(view.code == .unknownName && view.next == "did you mean \"activity\"?")
    let feature = try refusal(["activity:coumt"])
    #expect(feature.code == .unknownName && feature.next == "did you mean \"count\"?")
    let project = try refusal(["activity:count"], project: "shp")
    #expect(project.code == .unknownName && project.next == "did you mean \"shop\"?")
    let service = try peer.ask(.prepare) {
      PrepareRequest.service("scor", project: "shop").encode(into: &$0)
    }
    #expect(service.refusal?.next == "did you mean \"score\"?")
    #expect(try refusal([]).code == .badRequest)
  }
}
