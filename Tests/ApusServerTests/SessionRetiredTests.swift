import ApusBytes
import ApusContracts
import ApusServer
import ApusStore
import ApusSystem
import ApusTestSupport
import ApusWire
import Testing

extension Caller {
  fileprivate func prepare(_ names: [String], asOf lsn: LSN) throws -> PrepareReply {
    let frame = try ask(.prepare) {
      PrepareRequest.features(names, asOf: lsn, project: "").encode(into: &$0)
    }
    if let refusal = frame.refusal { throw refusal }
    return try PrepareReply(decoding: unsafe frame.body.span.bytes)
  }

  fileprivate func explain(
    _ handle: UInt32, _ keys: [[UInt8]], _ moment: AskedMoment = .newest
  ) throws -> ExplainReply {
    let frame = try ask(.explain) { body in
      ExplainRequest.encode(handle: handle, rows: 1, moment, into: &body)
      for key in keys { body.write(short: unsafe key.span.bytes) }
    }
    if let refusal = frame.refusal { throw refusal }
    return try ExplainReply(decoding: unsafe frame.body.span.bytes)
  }

  /// A GET of one row at an exact LSN and time.
  fileprivate func get(_ handle: UInt32, _ keys: [[UInt8]], _ lsn: LSN, _ time: ReadTime) throws -> ReplyFrame
  {
    try ask(.get) { body in
      GetRequest.encode(
        handle: handle, rows: 1, layout: .columns, options: [], exact: lsn, time: time, into: &body)
      for key in keys { body.write(short: unsafe key.span.bytes) }
    }
  }

  /// What a GET of one row now is known by again.
  fileprivate func receipt(
    _ prepared: PrepareReply, _ keys: [[UInt8]], on timeline: [UInt8]
  ) throws -> AnswerReceipt {
    let frame = try get(prepared.handle, rows: 1, keys)
    var map = GetReplyMap(ReplyShape(prepared.columns))
    try map.check(unsafe frame.body.span.bytes, rows: 1, layout: .columns, options: [])
    var said = ByteWriter()
    for key in keys { said.write(short: unsafe key.span.bytes) }
    return AnswerReceipt(
      timeline: timeline, fingerprint: prepared.fingerprint, lsn: map.head.lsn, time: map.head.time,
      keys: said.bytes)
  }
}

@Suite("what is retired or removed, read as it was")
struct SessionRetiredTests {
  private static let text = """
    project: shop
    entities:
      card: {keys: {card_id: string}}
    views:
      activity: {entity: card, ttl: none, features: {count: {type: int64}, mean: {type: float64}}}
      limits: {entity: card, ttl: none, features: {limit: {type: int64}}}
    services:
      score: {features: [{view: activity, take: [count]}], defaults: {count: 7}}
      bound: {features: [{view: limits, take: [limit]}]}
    """

  private func code(_ body: () throws -> ReplyFrame) throws -> WireCode? { try body().code }

  @Test("of a retired version the past is answered, by handles of before and of now; what is new is refused")
  func retired() throws {
    let fixture = try SessionFixture(Self.text)
    let peer = try fixture.peer()
    _ = try peer.push([("a", 1)])
    let key = [try card("a")]
    let service = try peer.prepare(service: "score@1")
    let timeline = fixture.store.identity.timeline
    let receipt = try peer.receipt(service, key, on: timeline)
    let answered = try peer.get(service.handle, key, receipt.lsn, receipt.time).body
    _ = try fixture.store.retire(service: VersionedName(name: "score", number: 1), in: "shop")

    let name = AnswerReceipt.name(ofFingerprint: receipt.fingerprint)
    for prepared in [
      service, try peer.prepare(service: "score@1"), try peer.prepare(service: name),
    ] {
      #expect(try peer.get(prepared.handle, rows: 1, key).code == .retired)
      #expect(try peer.get(prepared.handle, key, receipt.lsn, receipt.time).body == answered)
      let told = try peer.explain(prepared.handle, key, .receipt(receipt))
      #expect(told.cells[0].winner?.said == .value(.int64(1)) && told.service == "score@1")
      #expect(try peer.explain(prepared.handle, key).cells[0].winner?.said == .value(.int64(1)))
    }
    // A name without a version means one in use.
    let nameless = try #require(throws: WireRefusal.self) { try peer.prepare(service: "score") }
    #expect(nameless.code == .unknownName || nameless.code == .retired)

    // A view, too; and GETs that come together.
    let list = try peer.prepare(["limits@1:limit"])
    _ = try fixture.store.retire(service: VersionedName(name: "bound", number: 1), in: "shop")
    _ = try fixture.store.retire(VersionedName(name: "limits", number: 1), in: "shop")
    #expect(try peer.get(list.handle, rows: 1, key).code == .retired)
    #expect(try peer.get(try peer.prepare(["limits@1:*"]).handle, rows: 1, key).code == .retired)
    let history = HistoryRequest(eventsMax: 9, view: "limits@1", key: key[0])
    #expect(try peer.ask(.history) { history.encode(into: &$0) }.refusal == nil)
  }

  @Test(
    "a receipt of a list tells its answer after a feature of it was removed, and one of its name came again")
  func removed() throws {
    let fixture = try SessionFixture(Self.text)
    let peer = try fixture.peer()
    _ = try peer.push([("a", 1)])
    let key = [try card("a")]
    let names = ["activity:count", "activity:mean"]
    let (list, star) = (try peer.prepare(names), try peer.prepare(["activity:*"]))
    let timeline = fixture.store.identity.timeline
    let receipt = try peer.receipt(list, key, on: timeline)
    let ofAll = try peer.receipt(star, key, on: timeline)
    let bare = Self.text.replacing(", mean: {type: float64}", with: "")
    try fixture.apply(bare)
    for again in [bare, Self.text] {
      try fixture.apply(again)
      for (names, receipt) in [(names, receipt), (["activity:*"], ofAll)] {
        let prepared = try peer.prepare(names, asOf: receipt.lsn)
        #expect(AnswerReceipt.first(of: prepared.fingerprint) == receipt.fingerprint)
        let told = try peer.explain(prepared.handle, key, .receipt(receipt))
        #expect(told.columns.map(\.feature) == ["activity@1:count", "activity@1:mean"])
        #expect(told.cells[0].winner?.said == .value(.int64(1)) && told.cells[1].code == .neverSeen)
        #expect(try peer.get(prepared.handle, key, receipt.lsn, receipt.time).refusal == nil)
        let refusal = try #require(try peer.get(prepared.handle, rows: 1, key).refusal)
        #expect(refusal.code == .badRequest && refusal.what.contains("as they were at an LSN"), "\(refusal)")
      }
    }
    // Names that were none then, and an LSN that is still to come: those of now.
    let early = try #require(throws: WireRefusal.self) { try peer.prepare(names, asOf: LSN(0)) }
    #expect(early.code == .lsnLost)
    #expect(try peer.prepare(["activity:count"], asOf: LSN(1 << 50)).columns.count == 1)
    #expect(throws: WireRefusal.self) { try peer.prepare(["activity:count", "lsn:01"]) }
    #expect(throws: WireRefusal.self) { try peer.prepare(["lsn:1"]) }
  }

  @Test("erasing counts the rows of retired views, which still hold them")
  func erased() throws {
    let fixture = try SessionFixture(Self.text)
    let peer = try fixture.peer()
    _ = try peer.push([("a", 1)])
    _ = try fixture.store.retire(service: VersionedName(name: "score", number: 1), in: "shop")
    _ = try fixture.store.retire(VersionedName(name: "activity", number: 1), in: "shop")
    let key = ErasedKey(name: "card_id", value: .string("a"))
    let found = try EraseCounter(fixture.store, [key], in: "shop").run()
    #expect(found.views.map(\.name) == ["activity@1"] && found.views.map(\.count) == [1])
  }
}
