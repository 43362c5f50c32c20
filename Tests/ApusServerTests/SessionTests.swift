import ApusBytes
import ApusContracts
import ApusServer
import ApusStore
import ApusSystem
import ApusTestSupport
import ApusWire
import Testing

/// One token for each scope in the shop, and one for nothing.
private struct ShopTokens: TokenCheck {
  static let secret = [UInt8](repeating: 7, count: 32)

  func check(id: String, secret: [UInt8]) -> Scopes? {
    guard secret == Self.secret else { return nil }
    return switch id {
    case "reader": Scopes(projects: ["shop": .read])
    case "writer": Scopes(projects: ["shop": .ingest])
    case "admin": Scopes(everywhere: .admin)
    case "stranger": Scopes(projects: ["other": .all])
    default: nil
    }
  }

  static func hello(_ id: String, _ secret: [UInt8] = secret) -> HelloRequest {
    HelloRequest(client: "test", token: HelloRequest.Token(id: id, secret: secret))
  }
}

@Suite("Sessions")
struct SessionTests {
  // MARK: HELLO

  @Test("HELLO tells the limits and the store, and comes first, once, and alone with the id 0")
  func hello() throws {
    let fixture = try SessionFixture(options: { $0.rowsMax = 77 })
    let peer = fixture.stranger()
    #expect(!peer.session.isGreeted && peer.session.bodyByteCountMax == 4_000)
    let frame = try peer.hello()
    let reply = try HelloReply(decoding: unsafe frame.body.span.bytes)
    #expect(reply.version == 1 && reply.rowsMax == 77 && reply.scopes == .all)
    #expect(reply.storeID == fixture.store.identity.id && reply.durability == .durable)
    #expect(peer.session.isGreeted && peer.session.bodyByteCountMax > 4_000)
    #expect(try peer.hello().code == .malformed && peer.action == .close)

    let early = fixture.stranger()
    #expect(try early.ask(.ping).code == .malformed && early.action == .close)
    let numbered = fixture.stranger()
    numbered.send(type: 1, id: 5) { HelloRequest(client: "").encode(into: &$0) }
    #expect(numbered.frames.last?.code == .malformed && numbered.action == .close)
  }

  @Test(
    "a version, a required feature and a body that the server does not know end the session, each by its code"
  )
  func refusedHello() throws {
    let fixture = try SessionFixture()
    func answer(_ hello: HelloRequest) throws -> WireCode? {
      let peer = fixture.stranger()
      let frame = try peer.hello(hello)
      #expect(peer.action == (frame.code == nil ? .goOn : .close))
      return frame.code
    }
    #expect(try answer(HelloRequest(lowestVersion: 2, highestVersion: 3, client: "")) == .version)
    #expect(try answer(HelloRequest(lowestVersion: 1, highestVersion: 9, client: "")) == nil)
    #expect(try answer(HelloRequest(required: 1 << 40, client: "")) == .feature)
    #expect(try answer(HelloRequest(optional: 1 << 40, client: "")) == nil)
    let cut = fixture.stranger()
    cut.send(type: 1, id: 0) { $0.write(1 as UInt64) }
    #expect(cut.frames.last?.code == .malformed)
  }

  @Test("an unknown id, a wrong secret and no token get one answer, later each time")
  func tokens() throws {
    let fixture = try SessionFixture(tokens: ShopTokens())
    let hellos = [
      ShopTokens.hello("nobody"), ShopTokens.hello("reader", [UInt8](repeating: 8, count: 32)),
      HelloRequest(client: "test"),
    ]
    var answers: [ReplyFrame] = []
    var delays: [UInt64] = []
    for hello in hellos {
      let peer = fixture.stranger()
      let now = Caller.now
      peer.send(type: 1, id: 0) { hello.encode(into: &$0) }
      #expect(peer.action == .pause && peer.frames.isEmpty && !peer.session.isIdle)
      delays.append(peer.session.deadline - now)
      peer.reachDeadline()
      #expect(peer.action == .close)
      answers.append(try #require(peer.frames.last))
    }
    #expect(answers.allSatisfy { $0 == answers[0] } && answers[0].code == .unauthenticated)
    #expect(delays == delays.sorted() && delays[2] > delays[0])
    #expect(try fixture.stranger().hello(ShopTokens.hello("reader")).code == nil)
  }

  @Test("each message asks for its scope in its project")
  func scopes() throws {
    let fixture = try SessionFixture(tokens: ShopTokens())
    var told: [String: [MessageType: Bool]] = [:]
    for id in ["reader", "writer", "admin", "stranger"] {
      let peer = fixture.stranger()
      _ = try peer.hello(ShopTokens.hello(id))
      let key = try card("a")
      var rows = WireRows()
      try rows.append(key: unsafe key.span.bytes)
      let answers: [(MessageType, ReplyFrame)] = [
        (
          .prepare,
          try peer.ask(.prepare) {
            PrepareRequest.features(["limits:limit"], project: "shop").encode(into: &$0)
          }
        ),
        (.push, try peer.reply(to: peer.sendPush(PushHead(project: "shop", view: "limits"), rows))),
        (.delete, try peer.reply(to: peer.sendPush(PushHead(view: "limits"), rows, .delete))),
        (.producer, try peer.ask(.producer) { ProducerRequest(name: "p").encode(into: &$0) }),
        (
          .erase,
          try peer.ask(.erase) {
            EraseRequest(
              project: "shop", keys: [EraseRequest.Key(name: "card_id", value: .string("z"))]
            ).encode(into: &$0)
          }
        ),
        (.scan, try peer.ask(.scan) { ScanRequest(view: "limits", rowsMax: 1).encode(into: &$0) }),
        (.describe, try peer.ask(.describe) { DescribeRequest().encode(into: &$0) }),
        (.stats, try peer.ask(.stats) { StatsRequest.server.encode(into: &$0) }),
        (.ping, try peer.ask(.ping)),
      ]
      for (type, frame) in answers {
        #expect(frame.code == nil || frame.code == .forbidden, "\(id), \(type)")
        told[id, default: [:]][type] = frame.code == nil
      }
    }
    let read: Set<MessageType> = [.prepare, .scan, .describe, .stats, .ping]
    let ingest: Set<MessageType> = [.push, .delete, .producer, .ping]
    func allowed(_ id: String) -> Set<MessageType> { Set(told[id, default: [:]].filter(\.value).keys) }
    #expect(allowed("reader") == read)
    #expect(allowed("writer") == ingest)
    #expect(allowed("admin") == [.erase, .ping])
    // Has everything elsewhere: what is of no project is answered.
    #expect(allowed("stranger") == [.producer, .stats, .ping])
  }

  // MARK: Frames

  @Test("an unknown type, id 0, an id under way, a compressed body and a stream's frame end the session")
  func malformed() throws {
    let fixture = try SessionFixture()
    func end(_ send: (Caller) -> Void) throws {
      let peer = try fixture.peer()
      send(peer)
      #expect(peer.frames.last?.code == .malformed && peer.action == .close)
      // Nothing is answered any more.
      let count = peer.frames.count
      peer.send(.ping)
      #expect(peer.frames.count == count)
    }
    try end { $0.send(type: 99, id: 1) { _ in } }
    try end { $0.send(type: 12, id: 0) { _ in } }
    try end { $0.send(type: 12, id: 1, flags: .compressed) { _ in } }
    try end { $0.send(.progress) }
    try end { $0.send(.get) { $0.write(1 as UInt16) } }
    try end { peer in
      for _ in 0..<2 {
        peer.send(type: 8, id: 9) { WaitRequest(LSN(1_000_000), .visible).encode(into: &$0) }
      }
    }
  }

  @Test("a server that stops says so")
  func stopping() throws {
    let fixture = try SessionFixture()
    let peer = try fixture.peer()
    var output = ByteWriter()
    peer.session.stopping(&output, now: 0)
    #expect(try peer.ask(.ping).code == .shuttingDown && peer.action == .goOn)
  }

  // MARK: Small messages

  @Test("PING repeats its bytes, STATS count, DESCRIBE and CONSOLE say what the console says")
  func asking() throws {
    let fixture = try SessionFixture()
    let peer = try fixture.peer()
    let ping = try peer.ask(.ping) { PingRequest([1, 2, 3]).encode(into: &$0) }
    let pong = try PingReply(decoding: unsafe ping.body.span.bytes)
    #expect(pong.bytes == [1, 2, 3] && pong.visible == fixture.store.visible)
    try peer.push([("a", 1), ("b", 2)])
    let frame = try peer.ask(.stats) { StatsRequest.server.encode(into: &$0) }
    let stats = try StatsReply(decoding: unsafe frame.body.span.bytes)
    #expect(stats.entries.first { $0.name == "pushed_rows" }?.value == .int64(2))
    for kind in [StatsRequest.store, .connections] {
      let frame = try peer.ask(.stats) { kind.encode(into: &$0) }
      _ = try StatsReply(decoding: unsafe frame.body.span.bytes)
    }
    let described = try peer.ask(.describe) { DescribeRequest(name: "score").encode(into: &$0) }
    let json = try DescribeReply(decoding: unsafe described.body.span.bytes).json
    #expect(json == "describe score --project shop --json")
    let nothing = try peer.ask(.describe) { DescribeRequest(name: "nothing").encode(into: &$0) }
    #expect(nothing.refusal?.what == "there is no \"nothing\"" && nothing.code == .unknownName)
    let console = try peer.ask(.console) {
      ConsoleRequest(words: ["plan", "x"], files: [ConsoleRequest.File(path: "x", content: "y")])
        .encode(into: &$0)
    }
    let printed = try ConsoleReply(decoding: unsafe console.body.span.bytes)
    #expect(printed == ConsoleReply(exitCode: 0, output: "plan x|x=y", errors: "read,ingest,admin"))
  }

  @Test("SCAN's pages together are the entities of a view, each once, with what is stored of them")
  func scan() throws {
    let fixture = try SessionFixture()
    let peer = try fixture.peer()
    try peer.push((0..<25).map { ("c\($0 + 10)", Int64($0)) }, at: fixture.now)
    var cards: [String] = []
    var from: [UInt8] = []
    repeat {
      let frame = try peer.ask(.scan) {
        ScanRequest(view: "activity", rowsMax: 7, from: from).encode(into: &$0)
      }
      let page = try ScanReply(decoding: unsafe frame.body.span.bytes)
      let (lsn, columns, count) = (page.lsn, page.columns, page.rows.count)
      #expect(lsn == fixture.store.visible && count <= 7)
      let column = try #require(columns.firstIndex(of: "count"))
      let mean = try #require(columns.firstIndex(of: "mean"))
      var keys = page.rows.keys
      for row in 0..<page.rows.count {
        let values = try KeySchema([.string]).decode(try keys.next())
        guard case .string(let name)? = values.first else { continue }
        let (said, other) = (try page.rows.input(row, column), try page.rows.input(row, mean))
        #expect(said == .value(.int64(Int64(cards.count))) && other == .absent)
        let eventTime = page.rows.times(row).eventTime
        #expect(eventTime == fixture.now)
        cards.append(name)
      }
      from = page.next
    } while !from.isEmpty
    #expect(cards == (0..<25).map { "c\($0 + 10)" })
    let bad = try peer.ask(.scan) { ScanRequest(view: "activity", rowsMax: 7, from: [9]).encode(into: &$0) }
    #expect(bad.code == .badKey)
    let unknown = try peer.ask(.scan) { ScanRequest(view: "activty", rowsMax: 7).encode(into: &$0) }
    #expect(unknown.refusal?.next == "did you mean \"activity\"?")
  }

  // MARK: Waiting

  @Test("WAIT is answered when the LSN is there, at once or later, and with NOT_YET at its deadline")
  func waiting() throws {
    let fixture = try SessionFixture()
    let peer = try fixture.peer()
    let lsn = try peer.push([("a", 1)]).last
    let now = try peer.ask(.wait) { WaitRequest(lsn, .durable).encode(into: &$0) }
    let known = try WaitReply(decoding: unsafe now.body.span.bytes)
    #expect(known.durable >= lsn)
    let later = peer.send(.wait) { WaitRequest(lsn.next, .visible).encode(into: &$0) }
    let late = peer.send(.wait, deadline: 60_000) {
      WaitRequest(lsn.advanced(by: 100), .visible).encode(into: &$0)
    }
    #expect(peer.session.deadline < .max)
    try peer.push([("b", 1)])
    let came = try peer.reply(to: later)
    let reached = try WaitReply(decoding: unsafe came.body.span.bytes)
    #expect(reached.visible >= lsn.next)
    peer.reachDeadline()
    let refusal = try #require(try peer.reply(to: late).refusal)
    #expect(refusal.code == .notYet && refusal.details.contains(.init("visible", "\(lsn.next)")))
    #expect(peer.session.deadline == .max && peer.session.isIdle)
  }

  @Test("GET with a minimum waits until its deadline, and what is asked behind it waits for its reply")
  func minimum() throws {
    let fixture = try SessionFixture()
    let peer = try fixture.peer()
    let prepared = try peer.prepare(["activity:count"])
    let lsn = try peer.push([("a", 1)]).last
    let key = try card("a")
    #expect(try peer.get(prepared.handle, rows: 1, [key], minimum: lsn).code == nil)
    #expect(try peer.get(prepared.handle, rows: 1, [key], minimum: lsn.next).code == .notYet)
    let waiting = peer.sendGet(prepared.handle, rows: 1, [key], minimum: lsn.next, deadline: 60_000)
    let ping = peer.send(.ping)
    let last = peer.sendGet(prepared.handle, rows: 1, [key])
    #expect(peer.frames.isEmpty)
    try fixture.peer().push([("a", 2)])
    while peer.frames.count < 3 { guard peer.fetch() else { break } }
    #expect(peer.frames.map(\.id) == [waiting, ping, last])
    #expect(peer.frames.allSatisfy { $0.code == nil } && peer.session.isIdle)

    let hopeless = peer.sendGet(
      prepared.handle, rows: 1, [key], minimum: lsn.advanced(by: 50), deadline: 60_000)
    let behind = peer.send(.ping)
    peer.reachDeadline()
    #expect(try peer.reply(to: hopeless).code == .notYet)
    #expect(try peer.reply(to: behind).code == nil)
  }

  @Test("the end of a connection ends what it waits for, and its vectors")
  func end() throws {
    let fixture = try SessionFixture()
    let peer = try fixture.peer()
    _ = try peer.prepare(["activity:count"])
    peer.send(.wait) { WaitRequest(LSN(1_000), .visible).encode(into: &$0) }
    peer.session.ended(.peerGone)
    #expect(peer.session.deadline == .max)
    let other = try fixture.peer()
    #expect(try other.prepare(["activity:count"]).handle == 1)
  }

  @Test("a request whose deadline passed before it was begun is not begun")
  func deadline() throws {
    let fixture = try SessionFixture()
    let peer = try fixture.peer()
    let prepared = try peer.prepare(["activity:count"])
    let waiting = peer.sendGet(
      prepared.handle, rows: 1, [try card("a")], minimum: fixture.store.visible.next, deadline: 60_000)
    let late = peer.send(.ping, deadline: 1)
    peer.aheadNanoseconds = 2_000_000
    try fixture.peer().push([("a", 1)])
    _ = try peer.reply(to: waiting)
    #expect(try peer.reply(to: late).code == .deadline)
  }

  // MARK: Codes

  @Test(
    "a closed store, a full disk and everything else that ends a request has the code that says what to do")
  func codes() throws {
    let expected: [(StoreError, WireCode)] = [
      (.unknownProject("x"), .unknownName), (.unknownKeyName("x", project: "p"), .unknownName),
      (.retired("x@1"), .retired), (.emptyBatch, .badRequest), (.emptyVector, .badRequest),
      (.columnNamedTwice("x"), .badRequest), (.keyMissing(row: 3, role: "payer"), .badKey),
      (.batchTooLong(byteCount: 9, max: 8), .badRequest), (.rowsRefused([]), .rowsRefused),
      (.badProducerName(""), .badRequest), (.unknownProducer(1), .unknownProducer),
      (.producerExpired(1), .producerExpired), (.fenced(producer: 1, epoch: 1, now: 2), .fenced),
      (.sequenceGap(producer: 1, found: 3, next: 2), .sequenceGap),
      (.sequenceReused(producer: 1, 3), .sequenceReused),
      (.sequenceTooOld(producer: 1, 3, oldest: 9), .sequenceTooOld),
      (.overloaded(waitingRequests: 1, waitingByteCount: 1, overlayByteCount: 1), .overloaded),
      (.deadLettersFull(byteCount: 9, max: 8), .deadLettersFull),
      (.deadLettersOld(since: WallTime(nanoseconds: 0)), .deadLettersFull),
      (.diskLow(freeByteCount: 1, reserve: 2), .diskFull), (.readOnly([]), .readOnly),
      (.rebuilding, .rebuilding), (.notYet(LSN(9), visible: LSN(8)), .notYet), (.closed, .shuttingDown),
    ]
    for (error, code) in expected {
      let refusal = error.refusal()
      #expect(refusal.code == code && !refusal.what.isEmpty && !refusal.next.isEmpty, "\(error)")
      #expect((refusal.waitMilliseconds > 0) == (code.class == .retry), "\(error)")
    }
    let fixture = try SessionFixture()
    let peer = try fixture.peer()
    let prepared = try peer.prepare(["activity:count"])
    try fixture.store.close()
    #expect(try peer.get(prepared.handle, rows: 1, [card("a")]).code == .shuttingDown)
    let id = peer.sendPush(
      PushHead(view: "activity", columns: ["count"]), try peer.counts([("a", 1)]))
    #expect(try peer.reply(to: id).code == .shuttingDown)
    #expect(
      try peer.ask(.wait) { WaitRequest(LSN(1_000), .visible).encode(into: &$0) }.code == .shuttingDown)
  }
}
