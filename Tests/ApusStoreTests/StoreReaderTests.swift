import ApusBytes
import ApusContracts
import ApusIndex
import ApusStore
import ApusSystem
import ApusTestSupport
import Testing

let readingText = """
  project: p
  entities:
    card:    {keys: {card_id: string}}
    account: {keys: {account_id: int64}}
    edge:    {keys: {from: int64, to: string}}
  views:
    activity:
      entity: card
      ttl: 100ns
      features:
        count:  {type: int64}
        action: {type: string}
        vector: {type: "float32[2]"}
    risk:    {entity: card, ttl: none, features: {score: {type: float64}}}
    words:   {entity: card, ttl: 1h, features: {text: {type: string}, tags: {type: list<string>}}}
    profile: {entity: account, ttl: none, features: {opened_at: {type: timestamp}, level: {type: int32}}}
    link:    {entity: edge, ttl: none, features: {weight: {type: float32}}}
  services:
    fraud:
      features:
        - {view: activity, take: [count, action]}
        - {view: profile, as: payer, keys: {account_id: payer_id}}
        - {view: profile, as: payee, keys: {account_id: payee_id}, take: [opened_at]}
      defaults: {count: 7, payer__level: -1}
  """

extension ReadFixture {
  func vector(_ features: String...) throws -> PreparedVector {
    try catalog.vector(features: features, in: "p")
  }

  func reader() throws -> StoreReader { try StoreReader(of: shared) }
}

extension StoreReader {
  /// The answer for rows of one role each.
  mutating func table(
    _ vector: PreparedVector, _ keys: [[Value]], minimum: LSN = .none, at time: Int64? = nil,
    stale: Bool = false
  ) throws -> FeatureTable {
    var request = RequestKeys(for: vector)
    for key in keys { try request.append(values: [key]) }
    return try table(
      vector, request, minimum: minimum, at: time.map { ReadTime(nanoseconds: $0) }, stale: stale)
  }
}

/// The error that a read ends with.
func storeError(_ body: () throws -> Void) throws -> StoreError? {
  do {
    try body()
    return nil
  } catch let error as StoreError {
    return error
  }
}

@Suite("Reading")
struct StoreReaderTests {
  @Test("null, absent, deleted, erased, never seen and a value are told apart, wherever the row lies")
  func kinds() throws {
    var fixture = try ReadFixture(readingText)
    let now = fixture.now
    let vector = try fixture.vector("activity:count", "activity:action", "risk:score")
    let names = ["value", "null", "deleted", "erased", "again", "nobody"]
    try fixture.put("activity", [.string("value")], ["count": .value(.int64(3))], at: now)
    try fixture.put("activity", [.string("null")], ["count": .null], at: now)
    try fixture.put("activity", [.string("deleted")], ["count": .value(.int64(4))], at: now - 1)
    let delete = try fixture.delete("activity", [.string("deleted")], at: now)
    for name in ["erased", "again"] {
      try fixture.put("activity", [.string(name)], ["count": .value(.int64(5)), "action": .null], at: now)
      try fixture.delete("risk", [.string(name)], at: now)
      try fixture.erase("activity", part: 0, .string(name))
    }
    fixture.clock.advance(nanoseconds: 10)
    try fixture.put("activity", [.string("again")], ["action": .value(.string("buy"))], at: now + 10)
    fixture.publish()
    var reader = try fixture.reader()

    func check(_ place: String, _ reader: inout StoreReader) throws {
      let table = try reader.table(vector, names.map { [.string($0)] })
      let cells = (0..<names.count).map { row in (0..<3).map { table[row, $0] } }
      let told = cells.map { $0.map { "\($0.status) \($0.reason.map { "\($0)" } ?? "-")" } }
      #expect(
        told == [
          ["present -", "notFound neverSeen", "notFound neverSeen"],
          ["nullValue -", "notFound neverSeen", "notFound neverSeen"],
          ["notFound deleted", "notFound deleted", "notFound neverSeen"],
          ["notFound erased", "notFound erased", "notFound erased"],
          ["notFound erased", "present -", "notFound erased"],
          ["notFound neverSeen", "notFound neverSeen", "notFound neverSeen"],
        ], "in the \(place)")
      #expect(cells[0][0].value == .int64(3) && cells[0][0].ageNanoseconds == 10)
      #expect(cells[4][1].value == .string("buy") && cells[4][1].ageNanoseconds == 0)
      #expect(cells[2][0].stamp == delete && cells[3][0].stamp == nil && cells[4][0].stamp == nil)
      #expect(cells.joined().filter { $0.value != nil }.count == 2)
      #expect(table.moment.lsn == LSN(fixture.lastLSN))
    }
    try check("active generation", &reader)
    #expect(try fixture.freeze())
    try check("frozen generation", &reader)
    try fixture.checkpoint()
    try check("generation and the index", &reader)
    fixture.drop()
    try check("index", &reader)
    try fixture.rebuild()
    try check("rebuilt index", &reader)
    let reports = fixture.reports.withLock { $0 }
    #expect(reports == [])
  }

  @Test("the ttl's edge is inclusive; one nanosecond later a value is out of age, and shown only to who asks")
  func ttl() throws {
    var fixture = try ReadFixture(readingText)
    let now = fixture.now
    let vector = try fixture.vector("activity:count", "activity:action")
    try fixture.put("activity", [.string("a")], ["count": .value(.int64(3)), "action": .null], at: now)
    fixture.publish()
    var reader = try fixture.reader()
    let edge = try reader.table(vector, [[.string("a")]], at: now + 100)
    #expect(edge[0, 0].status == .present && edge[0, 0].ageNanoseconds == 100)
    #expect(edge[0, 1].status == .nullValue)
    let later = try reader.table(vector, [[.string("a")]], at: now + 101)
    #expect(later[0, 0].status == .outsideMaxAge && later[0, 0].value == nil)
    #expect(later[0, 0].ageNanoseconds == 101 && later[0, 1].status == .outsideMaxAge)
    let stale = try reader.table(vector, [[.string("a")]], at: now + 101, stale: true)
    #expect(stale[0, 0].status == .outsideMaxAge && stale[0, 0].value == .int64(3))
    #expect(stale[0, 1].value == nil)
    // The end of time saturates instead of wrapping around.
    let ages = try [Int64.min, .max].map {
      try reader.table(vector, [[.string("a")]], at: $0)[0, 0].ageNanoseconds
    }
    #expect(ages == [.min, .max - now])
    // The clock is the server's when nobody says a time.
    fixture.clock.advance(nanoseconds: 101)
    let clock = try reader.table(vector, [[.string("a")]])
    #expect(clock[0, 0].status == .outsideMaxAge && clock.moment.time.nanoseconds == now + 101)
    // Another ttl, from another catalog, holds for a vector that was prepared before.
    try fixture.apply(readingText.replacing("ttl: 100ns", with: "ttl: 101ns"))
    let after = try reader.table(vector, [[.string("a")]])
    #expect(after[0, 0].status == .present && after.moment.catalogNumber == 2)
  }

  @Test("one entity in two roles is two keys of one row, and defaults fill blanks but change no status")
  func service() throws {
    var fixture = try ReadFixture(readingText)
    let now = fixture.now
    let vector = try fixture.catalog.vector(service: VersionedName(name: "fraud"), in: "p")
    #expect(
      vector.columns.map(\.name) == [
        "count", "action", "payer__opened_at", "payer__level", "payee__opened_at",
      ])
    #expect(vector.roles.map(\.name) == ["card", "payer", "payee"])
    #expect(vector.roles.map { $0.keys.map(\.requested) } == [["card_id"], ["payer_id"], ["payee_id"]])
    #expect(vector.service == "fraud@1" && vector.fingerprint != nil)
    try fixture.put("profile", [.int64(1)], ["opened_at": .value(.timestamp(nanoseconds: 11))], at: now)
    try fixture.put("profile", [.int64(2)], ["opened_at": .value(.timestamp(nanoseconds: 22))], at: now)
    try fixture.put("activity", [.string("n")], ["count": .null], at: now)
    try fixture.put("activity", [.string("old")], ["count": .value(.int64(1))], at: now - 101)
    fixture.publish()
    var keys = RequestKeys(for: vector)
    for (card, payer, payee) in [("n", 1, 2), ("old", 2, 1), ("x", 2, 2)] {
      try keys.append(named: [
        "card_id": .string(card), "payer_id": .int64(Int64(payer)), "payee_id": .int64(Int64(payee)),
        "more": .bool(true),
      ])
    }
    var reader = try fixture.reader()
    let table = try reader.table(vector, keys)
    let opened = (0..<3).map { row in [2, 4].map { table[row, $0].value } }
    #expect(
      opened == [[11, 22], [22, 11], [22, 22]].map { $0.map { Value.timestamp(nanoseconds: $0) } })
    // A null was said; what is out of age or was never seen is blank.
    #expect((0..<3).map { table[$0, 0].value } == [nil, .int64(7), .int64(7)])
    #expect((0..<3).map { table[$0, 0].status } == [.nullValue, .outsideMaxAge, .notFound])
    #expect(table[0, "payer__level"]?.value == .int32(-1) && table[0, "payer__level"]?.status == .notFound)
    #expect(table[0, "action"]?.value == nil)
    let stale = try reader.table(vector, keys, stale: true)
    #expect(stale[1, 0].value == .int64(1))
  }

  @Test("composite keys do not run into each other")
  func composite() throws {
    var fixture = try ReadFixture(readingText)
    let vector = try fixture.vector("link:weight")
    let keys: [[Value]] = [
      [.int64(1), .string("1")], [.int64(11), .string("")], [.int64(1), .string("11")],
      [.int64(-1), .string("1\0")], [.int64(1), .string("")],
    ]
    for (at, key) in keys.enumerated() where at < 4 {
      try fixture.put("link", key, ["weight": .value(.float32(Float(at)))], at: fixture.now)
    }
    fixture.publish()
    var reader = try fixture.reader()
    let table = try reader.table(vector, keys)
    #expect((0..<4).map { table[$0, 0].value } == (0..<4).map { .float32(Float($0)) })
    #expect(table[4, 0].status == .notFound)
    // Either part erases the key, and no other.
    try fixture.erase("link", part: 1, .string("1"))
    let after = try reader.table(vector, keys)
    #expect((0..<5).map { after[$0, 0].reason } == [.erased, nil, nil, nil, .neverSeen])
  }

  @Test("a reader who must see an LSN is told that it is not visible yet, and by then reads it")
  func minimum() throws {
    var fixture = try ReadFixture(readingText, after: 40)
    let vector = try fixture.vector("activity:count")
    var reader = try fixture.reader()
    let stamp = try fixture.put("activity", [.string("a")], ["count": .value(.int64(1))], at: fixture.now)
    #expect(stamp.lsn == LSN(41))
    let early = try storeError { _ = try reader.table(vector, [[.string("a")]], minimum: LSN(41)) }
    #expect(early == .notYet(LSN(41), visible: LSN(40)))
    fixture.publish()
    #expect(try reader.table(vector, [[.string("a")]], minimum: LSN(41))[0, 0].status == .present)
  }

  @Test(
    "while there is no index reads say so; another index is taken over; losses and a stop flag what is read")
  func published() throws {
    var fixture = try ReadFixture(readingText)
    let vector = try fixture.vector("activity:count")
    try fixture.put("activity", [.string("a")], ["count": .value(.int64(1))], at: fixture.now)
    #expect(try fixture.freeze())
    try fixture.checkpoint()
    fixture.drop()
    var reader = try fixture.reader()
    #expect(try !reader.table(vector, [[.string("a")]]).moment.isFlagged)
    fixture.shared.publish { $0.index = nil }
    #expect(try storeError { _ = try reader.table(vector, [[.string("a")]]) } == .rebuilding)
    try fixture.rebuild()
    #expect(try reader.table(vector, [[.string("a")]])[0, 0].value == .int64(1))
    fixture.shared.publish { $0.health.losses = [LSNRange(LSN(9), through: LSN(9))] }
    #expect(try reader.table(vector, [[.string("a")]]).moment.isFlagged)
    fixture.shared.publish { $0.health = StoreHealth() }
    fixture.shared.publish { $0.health.hasStopped = true }
    #expect(try reader.table(vector, [[.string("a")]]).moment.isFlagged)
  }

  @Test("an index that stays ahead of what is visible ends a read with an error, not in a circle")
  func ahead() throws {
    var fixture = try ReadFixture(readingText, after: 5)
    let key = try ReadFixture.wholeKey(try fixture.view("risk"), [.string("a")])
    let delete = Stamp(
      eventTime: EventTime(nanoseconds: 1), createdAt: CreatedAt(nanoseconds: 0), lsn: LSN(6))
    var row = ByteWriter()
    RowView(deletedAt: delete).write(into: &row)
    let ahead = try ReadFixture.build(
      [(key, LSN(6), row.bytes.copied())], in: fixture.temporary, epoch: 9, complete: LSN(6))
    fixture.shared.publish { $0.index = ahead }
    var reader = try fixture.reader()
    let vector = try fixture.vector("risk:score")
    #expect(
      try storeError { _ = try reader.table(vector, [[.string("a")]]) } == .notYet(LSN(6), visible: LSN(5)))
    // It has given everything back, and reads on when it can.
    #expect(fixture.shared.overlay.statistics.activeReaderCount == 0)
    fixture.writer.publish(6)
    let table = try reader.table(vector, [[.string("a")]])
    #expect(table[0, 0].stamp == delete && table.moment.lsn == LSN(6))
  }

  @Test("damage in the index is a typed error and is reported; other rows are read on")
  func damage() throws {
    let temporary = try TemporaryFolder("apus-read")
    var fixture = try ReadFixture(readingText)
    let views = try ["activity", "risk"].map { try fixture.view($0) }
    let broken = try views.map { try ReadFixture.wholeKey($0, [.string("broken")]) }
    try fixture.put("activity", [.string("good")], ["count": .value(.int64(1))], at: fixture.now)
    try fixture.put("risk", [.string("good")], ["score": .value(.float64(1))], at: fixture.now)
    fixture.publish()
    // Bytes whose checksum is right and that are no row: what a bug of ours would leave.
    let index = try ReadFixture.build(
      broken.map { ($0, LSN(1), [9, 9, 9]) }, in: temporary, epoch: 3, complete: .none.next)
    fixture.shared.publish { $0.index = index }
    var reader = try fixture.reader()
    for (name, key) in [("activity:count", broken[0]), ("risk:score", broken[1])] {
      let vector = try fixture.vector(name)
      let error = try storeError { _ = try reader.table(vector, [[.string("broken")]]) }
      #expect(error == .indexDamaged(.row(key: key)))
      #expect(fixture.reports.withLock { $0.popLast() } == .damaged(.row(key: key)))
      #expect(try reader.table(vector, [[.string("good")]])[0, 0].status == .present)
    }
    // In a walk, too.
    let vector = try fixture.vector("activity:count", "risk:score")
    let error = try storeError { _ = try reader.table(vector, [[.string("good")], [.string("broken")]]) }
    #expect(error == .indexDamaged(.row(key: broken[0])))
    #expect(fixture.reports.withLock { $0 }.count == 1)
    #expect(try reader.table(vector, [[.string("good")]])[0, 1].value == .float64(1))
  }

  @Test(
    "a vector prepared before its views got more features reads rows that have them, and the new ones too")
  func evolved() throws {
    var fixture = try ReadFixture(readingText)
    let old = try fixture.vector("risk:score")
    try fixture.put("risk", [.string("a")], ["score": .value(.float64(1))], at: fixture.now)
    #expect(try fixture.freeze())
    try fixture.checkpoint()
    fixture.drop()
    var reader = try fixture.reader()
    #expect(try reader.table(old, [[.string("a")]])[0, 0].value == .float64(1))
    try fixture.apply(
      readingText.replacing("score: {type: float64}", with: "score: {type: float64}, why: {type: string}"))
    try fixture.put("risk", [.string("a")], ["why": .value(.string("w"))], at: fixture.now)
    fixture.publish()
    #expect(try reader.table(old, [[.string("a")]])[0, 0].value == .float64(1))
    let new = try reader.table(try fixture.vector("risk:why", "risk:score"), [[.string("a")]])
    #expect((0..<2).map { new[0, $0].value } == [.string("w"), .float64(1)])
  }
}
