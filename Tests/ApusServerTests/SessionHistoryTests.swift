import ApusBytes
import ApusContracts
import ApusServer
import ApusStore
import ApusSystem
import ApusTestSupport
import ApusWire
import Testing

/// Tokens of the shop by what they may do.
private struct ShopTokens: TokenCheck {
  static let secret = [UInt8](repeating: 7, count: 32)

  func check(id: String, secret: [UInt8]) -> Scopes? {
    id == "reader" ? Scopes(projects: ["shop": .read]) : Scopes(projects: ["shop": .ingest])
  }
}

/// A clock that holds up whoever looks at it, until it is let go.
private final class GateClock: Clock {
  private let gate = Monitor((isOpen: true, waiting: 0))
  private let time: UInt64

  init(_ time: UInt64 = 0) { self.time = time }

  func wall() -> WallTime { WallTime(nanoseconds: 0) }

  func monotonic() -> MonotonicTime {
    gate.withLock { $0.waiting += 1 }
    gate.notifyAll()
    _ = gate.wait(for: nil) { $0.isOpen }
    return MonotonicTime(nanoseconds: time)
  }

  func shut() { gate.withLock { $0 = (false, 0) } }
  func open() {
    gate.withLock { $0.isOpen = true }
    gate.notifyAll()
  }
  /// Until somebody waits.
  func waitForSomebody() { _ = gate.wait(for: nil) { $0.waiting > 0 } }
}

extension Caller {
  fileprivate func history(_ request: HistoryRequest, deadline: UInt16 = 0) throws -> HistoryReply {
    let frame = try ask(.history, deadline: deadline) { request.encode(into: &$0) }
    if let refusal = frame.refusal { throw refusal }
    return try HistoryReply(decoding: unsafe frame.body.span.bytes)
  }

  fileprivate func sendExplain(
    _ handle: UInt32, _ keys: [[UInt8]], _ moment: AskedMoment, rows: Int? = nil, deadline: UInt16 = 0
  ) -> UInt64 {
    send(.explain, deadline: deadline) { body in
      ExplainRequest.encode(handle: handle, rows: rows ?? keys.count, moment, into: &body)
      for key in keys { body.write(short: unsafe key.span.bytes) }
    }
  }

  fileprivate func explain(
    _ handle: UInt32, _ keys: [[UInt8]], _ moment: AskedMoment = .newest, rows: Int? = nil
  ) throws -> ExplainReply {
    let frame = try reply(to: sendExplain(handle, keys, moment, rows: rows))
    if let refusal = frame.refusal { throw refusal }
    return try ExplainReply(decoding: unsafe frame.body.span.bytes)
  }
}

@Suite("HISTORY and EXPLAIN")
struct SessionHistoryTests {
  private func request(_ card: String = "a", _ events: UInt32 = 100) throws -> HistoryRequest {
    HistoryRequest(eventsMax: events, view: "activity", key: try ApusServerTests.card(card))
  }

  /// All pages.
  private func pages(_ peer: Caller, _ request: HistoryRequest) throws -> [HistoryReply] {
    var request = request
    var pages = [try peer.history(request)]
    while let next = pages.last?.next, !next.isEmpty {
      request.place = next
      pages.append(try peer.history(request))
    }
    return pages
  }

  @Test("every event of a key comes once, page by page, either way round, with what became of it")
  func paging() throws {
    let fixture = try SessionFixture()
    let peer = try fixture.peer()
    var lsns: [LSN] = []
    for count in 1...7 {
      fixture.clock.advance(nanoseconds: 1_000)
      lsns.append(try peer.push([("a", Int64(count)), ("b", 1)]).first)
    }
    // Refused by `min`, and set aside.
    let refused = try peer.push([("a", -5)]).first
    for isNewestFirst in [false, true] {
      var asked = try request("a", 2)
      if isNewestFirst { asked.options = .newestFirst }
      let all = try pages(peer, asked)
      #expect(all.map(\.events.count) == [2, 2, 2, 1])
      let events = all.flatMap(\.events)
      #expect(events.map(\.lsn) == (isNewestFirst ? lsns.reversed() : lsns))
      for event in events {
        #expect(event.fate == (event.lsn == lsns.last ? .wins : .winsNothing))
        let count = lsns.firstIndex(of: event.lsn).map { Int64($0 + 1) } ?? 0
        #expect(event.cells == [HistoryReply.Cell("count", .int64, .int64(count))] && event.rule.isEmpty)
      }
      #expect(all.allSatisfy { $0.view == "activity@1" && !$0.mayLack && $0.horizon == nil })

      asked.options.insert(.refused)
      let more = try pages(peer, asked).flatMap(\.events)
      #expect(more.map(\.lsn) == (isNewestFirst ? [refused] + lsns.reversed() : lsns + [refused]))
      let letter = try #require(more.first { $0.lsn == refused })
      #expect(letter.fate == .refused && letter.rule == "count.min")
      #expect(letter.cells == [HistoryReply.Cell("count", .int64, .int64(-5))])
    }
    #expect(try peer.history(try request("nobody")).events.isEmpty)
  }

  @Test("what is written while pages are read is not told, and what is between two times is")
  func steady() throws {
    let fixture = try SessionFixture()
    let peer = try fixture.peer()
    for count in 1...3 { _ = try peer.push([("a", Int64(count))]) }
    for options in [HistoryRequest.Options(), .newestFirst] {
      var asked = try request("a", 1)
      asked.options = options
      let first = try peer.history(asked)
      _ = try peer.push([("a", 9)])
      asked.place = first.next
      asked.eventsMax = 100
      let rest = try peer.history(asked)
      #expect(first.events.count == 1 && rest.next.isEmpty)
      #expect(!rest.events.contains { $0.lsn == fixture.store.visible })
      #expect(rest.lsn == fixture.store.visible, "fates are those of the page's own moment")
    }
    var all = try request()
    let events = try peer.history(all).events
    all.to = events[1].eventTime
    #expect(try peer.history(all).events.allSatisfy { $0.eventTime <= events[1].eventTime })
    all.from = EventTime(nanoseconds: .max)
    #expect(try peer.history(all).events.isEmpty)
    // What was known before anything was known is nothing; an LSN knows no more than it did.
    var then = try request()
    then.moment = .known(by: ReadTime(nanoseconds: 0))
    #expect(try peer.history(then).events.isEmpty)
    then.moment = .lsn(events[0].lsn, at: ReadTime(nanoseconds: 0))
    #expect(try peer.history(then).events.map(\.lsn) == [events[0].lsn])
  }

  @Test("an erased key has no history, and its letters are not told either")
  func erased() throws {
    let fixture = try SessionFixture()
    let peer = try fixture.peer()
    _ = try peer.push([("a", 1)])
    _ = try peer.push([("a", -1)])
    let erase = EraseRequest(keys: [.init(name: "card_id", value: .string("a"))])
    #expect(try peer.ask(.erase) { erase.encode(into: &$0) }.refusal == nil)
    var asked = try request()
    asked.options = .refused
    #expect(try peer.history(asked).events.isEmpty)
    let prepared = try peer.prepare(["activity:count"])
    let told = try peer.explain(prepared.handle, [try card("a")])
    #expect(told.cells == [ExplainReply.Cell(.erased, winner: nil, loser: nil)])
  }

  @Test("a page that would be longer than the server gives ends earlier, and says how to go on")
  func longPages() throws {
    let fixture = try SessionFixture()
    let peer = try fixture.peer()
    let text = String(repeating: "x", count: 700_000)
    for _ in 0..<8 {
      var rows = WireRows([.bytes])
      let key = try card("a")
      try rows.append(key: unsafe key.span.bytes, GivenTimes(), [.value(.bytes(Array(text.utf8)))])
      _ = try peer.push(PushHead(view: "activity", columns: ["raw"]), rows)
    }
    let all = try pages(peer, try request())
    #expect(all.map(\.events.count) == [5, 3])
    #expect(Set(all.flatMap(\.events).map(\.lsn)).count == 8)
  }

  @Test("explain names winner, runner-up and why, for every row and role, at every moment")
  func explained() throws {
    let fixture = try SessionFixture()
    let peer = try fixture.peer()
    let first = try peer.push([("a", 1)])
    fixture.clock.advance(nanoseconds: 1_000_000_000)
    let second = try peer.push([("a", 2)])
    let prepared = try peer.prepare(["activity:count", "activity:action"])
    let told = try peer.explain(prepared.handle, [try card("a"), try card("z")])
    #expect(told.rows == 2 && told.service.isEmpty && told.lsn == fixture.store.visible)
    #expect(
      told.columns.map(\.feature) == ["activity@1:count", "activity@1:action"]
        && told.columns.map(\.type) == [.int64, .string])
    #expect(told.cells[0].code == .present && told.cells[0].winner?.said == .value(.int64(2)))
    #expect(told.cells[0].winner?.lsn == second.first && told.cells[0].loser?.why == .older)
    #expect(told.cells[0].loser?.candidate.lsn == first.first)
    for cell in told.cells[1...] { #expect(cell == ExplainReply.Cell(.neverSeen, winner: nil, loser: nil)) }

    let time = ReadTime(nanoseconds: fixture.now.nanoseconds - 500_000_000)
    let known = try peer.explain(prepared.handle, [try card("a")], .known(by: time))
    #expect(known.cells[0].winner?.lsn == first.first && known.cells[0].loser?.why == .notYetKnown)
    let then = try peer.explain(prepared.handle, [try card("a")], .lsn(first.last, at: time))
    #expect(then.cells[0].winner?.lsn == first.first && then.cells[0].loser == nil && then.time == time)
    // All of a view, by its star; and a service, whose roles each have a key.
    #expect(try peer.prepare(["limits:*"]).columns.map(\.name) == ["limit", "ratio"])
    let service = try peer.prepare(service: "score")
    let keys = [try card("a"), try encoded([.int64(1)]), try encoded([.int64(2)])]
    let scored = try peer.explain(service.handle, keys, rows: 1)
    #expect(scored.service == "score@1" && scored.columns.count == service.columns.count)
    #expect(scored.cells[0].winner?.said == .value(.int64(2)))
  }

  @Test("a receipt tells what was answered, whatever was written, applied or compacted since")
  func receipts() throws {
    let fixture = try SessionFixture()
    let peer = try fixture.peer()
    _ = try peer.push([("a", 1), ("b", 7)])
    let service = try peer.prepare(service: "score")
    let names = ["activity:count", "limits:limit"]
    let list = try peer.prepare(names)
    let timeline = fixture.store.identity.timeline
    func receipt(_ prepared: PrepareReply, _ keys: [[UInt8]], rows: Int) throws -> AnswerReceipt {
      let frame = try peer.get(prepared.handle, rows: rows, keys)
      var map = GetReplyMap(ReplyShape(prepared.columns))
      try map.check(unsafe frame.body.span.bytes, rows: rows, layout: .columns, options: [])
      var said = ByteWriter()
      for key in keys { said.write(short: unsafe key.span.bytes) }
      return AnswerReceipt(
        timeline: timeline, fingerprint: prepared.fingerprint, lsn: map.head.lsn, time: map.head.time,
        keys: said.bytes)
    }
    let both = [try card("a"), try card("b")]
    let of = try receipt(list, both, rows: 2)
    let served = [try card("a"), try encoded([.int64(1)]), try encoded([.int64(2)])]
    let ofService = try receipt(service, served, rows: 1)

    fixture.clock.advance(nanoseconds: 1_000_000)
    _ = try peer.push([("a", 2)])
    try fixture.apply(shopText.replacing("ttl: 1h", with: "ttl: 10m"))
    _ = try fixture.store.compact()
    let again = try peer.prepare(names)
    #expect(again.fingerprint != list.fingerprint, "another ttl, another meaning")
    let told = try peer.explain(again.handle, both, .receipt(of), rows: 2)
    #expect(told.lsn == of.lsn && told.time == of.time)
    #expect(told.cells[0].winner?.said == .value(.int64(1)) && told.cells[0].loser == nil)
    #expect(told.cells[2].winner?.said == .value(.int64(7)))
    // The service by its name, and by the receipt alone.
    let name = AnswerReceipt.name(ofFingerprint: ofService.fingerprint)
    for prepared in [try peer.prepare(service: "score@1"), try peer.prepare(service: name)] {
      let scored = try peer.explain(prepared.handle, served, .receipt(ofService), rows: 1)
      #expect(scored.service == "score@1" && scored.cells[0].winner?.said == .value(.int64(1)))
    }
    #expect(throws: WireRefusal.self) {
      try peer.prepare(service: AnswerReceipt.name(ofFingerprint: [UInt8](repeating: 1, count: 8)))
    }

    func fault(_ body: () throws -> ExplainReply) throws -> String? {
      let refusal = try #require(throws: WireRefusal.self) { _ = try body() }
      #expect(refusal.code == .badReceipt && refusal.class == .request, "\(refusal)")
      return refusal.details.first { $0.name == "part" }?.value
    }
    #expect(
      try fault { try peer.explain(again.handle, both.reversed(), .receipt(of), rows: 2) } == "keys")
    #expect(try fault { try peer.explain(again.handle, [both[0]], .receipt(of), rows: 1) } == "keys")
    let other = try peer.prepare(["activity:count"])
    #expect(try fault { try peer.explain(other.handle, both, .receipt(of), rows: 2) } == "fingerprint")
    var said = ByteWriter()
    for key in both { said.write(short: unsafe key.span.bytes) }
    let strange = AnswerReceipt(
      timeline: Array(repeating: 9, count: 16), fingerprint: list.fingerprint, lsn: of.lsn, time: of.time,
      keys: said.bytes)
    #expect(try fault { try peer.explain(again.handle, both, .receipt(strange), rows: 2) } == "timeline")
    // No answer has such an LSN, or such a time.
    let minute: Int64 = 60_000_000_000
    let now = fixture.now.nanoseconds
    for (lsn, time, part) in [
      (.none, of.time.nanoseconds, "lsn"), (fixture.store.visible.next, of.time.nanoseconds, "lsn"),
      (LSN(.max), of.time.nanoseconds, "lsn"), (of.lsn, now + minute + 1, "time"), (of.lsn, -1, "time"),
      (of.lsn, .max, "time"), (of.lsn, .min, "time"),
    ] as [(LSN, Int64, String)] {
      let absurd = AnswerReceipt(
        timeline: timeline, fingerprint: list.fingerprint, lsn: lsn, time: ReadTime(nanoseconds: time),
        keys: said.bytes)
      #expect(try fault { try peer.explain(again.handle, both, .receipt(absurd), rows: 2) } == part)
    }
    let late = AnswerReceipt(
      timeline: timeline, fingerprint: list.fingerprint, lsn: of.lsn,
      time: ReadTime(nanoseconds: now + minute), keys: said.bytes)
    #expect(try peer.explain(again.handle, both, .receipt(late), rows: 2).lsn == of.lsn)
  }

  @Test("what cannot be asked is told by its code, and the connection goes on")
  func refused() throws {
    let fixture = try SessionFixture(options: { $0.rowsMax = 3 })
    let peer = try fixture.peer()
    _ = try peer.push([("a", 1)])
    func code(_ change: (inout HistoryRequest) throws -> Void) throws -> WireCode? {
      var asked = try request()
      try change(&asked)
      return try #require(throws: WireRefusal.self) { _ = try peer.history(asked) }.code
    }
    #expect(try code { $0.view = "activty" } == .unknownName)
    #expect(try code { $0.view = "activity@2" } == .unknownName)
    #expect(try code { $0.view = "" } == .unknownName)
    #expect(try code { $0.project = "other" } == .unknownName)
    #expect(try code { $0.key = [1, 2, 3] } == .badKey)
    #expect(try code { $0.place = [1, 2, 3] } == .badRequest)
    #expect(try code { $0.moment = .lsn(LSN(1 << 40), at: ReadTime(nanoseconds: 0)) } == .notYet)
    #expect(try code { $0.moment = .lsn(.none, at: ReadTime(nanoseconds: 0)) } == .unknownName)

    let prepared = try peer.prepare(["activity:count"])
    func code(_ handle: UInt32, _ keys: [[UInt8]], _ moment: AskedMoment = .newest) throws -> WireCode? {
      try #require(throws: WireRefusal.self) { _ = try peer.explain(handle, keys, moment) }.code
    }
    let key = try card("a")
    #expect(try code(99, [key]) == .unknownHandle)
    #expect(try code(prepared.handle, [[7]]) == .badKey)
    #expect(try code(prepared.handle, [key, key, key, key]) == .badRequest)
    let ahead = AskedMoment.lsn(fixture.store.visible.next, at: ReadTime(nanoseconds: 0))
    #expect(try code(prepared.handle, [key], ahead) == .notYet)
    try fixture.apply(shopText.replacing("ttl: 1h", with: "ttl: 2h"))
    #expect(try code(prepared.handle, [key]) == .definitionChanged)
    #expect(peer.action == .goOn)
    // Fewer keys than rows are no request at all.
    let fresh = try peer.prepare(["activity:count"])
    let id = peer.sendExplain(fresh.handle, [key], .newest, rows: 2)
    #expect(try peer.reply(to: id).code == .malformed && peer.action == .close)
  }

  @Test("they need read in the project, as the handle did")
  func scopes() throws {
    let fixture = try SessionFixture(tokens: ShopTokens())
    func peer(_ id: String) throws -> Caller {
      let peer = fixture.stranger()
      let hello = HelloRequest(
        client: "test", token: HelloRequest.Token(id: id, secret: ShopTokens.secret))
      try #require(try peer.hello(hello).type == MessageType.hello.reply)
      return peer
    }
    let (reader, writer) = (try peer("reader"), try peer("writer"))
    #expect(try reader.history(try request()).events.isEmpty)
    let refusal = try #require(throws: WireRefusal.self) { _ = try writer.history(try request()) }
    #expect(refusal.code == .forbidden)
    var other = try request()
    other.project = "other"
    #expect(try #require(throws: WireRefusal.self) { _ = try reader.history(other) }.code == .forbidden)
  }

  @Test("a request whose time has passed is told so, and nothing is read for it")
  func late() throws {
    let fixture = try SessionFixture()
    let server = try SessionServer(
      fixture.store, options: SessionOptions(), console: fixture.console, clock: GateClock(.max))
    defer { server.close() }
    let peer = Caller(SessionLoop(server))
    try #require(try peer.hello().type == MessageType.hello.reply)
    let asked = try request()
    #expect(try peer.ask(.history, deadline: 1) { asked.encode(into: &$0) }.code == .deadline)
    #expect(try peer.ask(.history) { asked.encode(into: &$0) }.type == MessageType.history.reply)
    let prepared = try peer.prepare(["activity:count"])
    let id = peer.sendExplain(prepared.handle, [try card("a")], .newest, deadline: 1)
    #expect(try peer.reply(to: id).code == .deadline)
  }

  @Test("nothing is read for who is gone, and who comes when too many wait is told to come later")
  func crowd() throws {
    let fixture = try SessionFixture()
    let clock = GateClock()
    let server = try SessionServer(
      fixture.store, options: SessionOptions(), console: fixture.console, clock: clock)
    defer { server.close() }
    let loop = SessionLoop(server)
    func peer() throws -> Caller {
      let peer = Caller(loop)
      try #require(try peer.hello().type == MessageType.hello.reply)
      return peer
    }
    let (first, gone) = (try peer(), try peer())
    clock.shut()
    let asked = try request()
    let begun = first.send(.history) { asked.encode(into: &$0) }
    clock.waitForSomebody()
    // From here on the one who reads is held up.
    gone.send(.history) { asked.encode(into: &$0) }
    gone.session.ended(.peerGone)
    var ids: [UInt64] = []
    let crowd = try (0..<2).map { _ in try peer() }
    for caller in crowd {
      for _ in 0..<200 { ids.append(caller.send(.history) { asked.encode(into: &$0) }) }
    }
    clock.open()
    #expect(try first.reply(to: begun).type == MessageType.history.reply)
    var codes: [WireCode?] = []
    for (place, id) in ids.enumerated() { codes.append(try crowd[place / 200].reply(to: id).code) }
    #expect(codes.contains(.overloaded) && codes.contains(nil))
    #expect(codes.count { $0 == .overloaded } >= ids.count - SessionLimits.pastJobsMax)
    #expect(gone.port.letters.withLock { $0.isEmpty }, "nobody is told")
  }
}
