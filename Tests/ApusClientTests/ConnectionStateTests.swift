import ApusBytes
import ApusClient
import ApusTestSupport
import ApusWire
import Testing

@Suite("A connection, without its socket")
struct ConnectionStateTests {
  @Test("begins with HELLO and sends nothing else before its reply")
  func greeting() throws {
    let state = Session()
    let begun = state.sent
    let header = try #require(try FrameHeader.decode(unsafe begun.span.bytes))
    #expect(header.type == MessageType.hello.rawValue && header.id == 0)
    #expect(header.frameByteCount == begun.count)
    #expect(state.ask(.ping, 1) == .notOpen)
    #expect(state.sent == begun)
    let events = state.receive(Frames.hello())
    guard case .greeted(let hello) = events.first else {
      Issue.record("not greeted: \(events)")
      return
    }
    #expect(hello.server == "apus test" && events.count == 1)
    #expect(state.ask(.ping, 1) == .sent)
  }

  @Test("matches replies to requests by id, in whatever order they come")
  func order() {
    let state = opened()
    for id: UInt64 in 1...3 { #expect(state.ask(.ping, id) == .sent) }
    let events = state.receive(Frames.pong(id: 3) + Frames.pong(id: 1) + Frames.pong(id: 2))
    #expect(
      events.map(\.replyID) == [3, 1, 2], "each reply goes to whoever asked")
    #expect(state.underWay == 0)
  }

  @Test("gives the same events for the same bytes, however they are cut")
  func cuts() {
    let bytes =
      Frames.hello() + Frames.pong(id: 2)
      + Frames.error(WireRefusal(.unknownName, "no such view"), id: 1) + Frames.pong(id: 3)
    var whole: [ConnectionState.Event] = []
    for size in [bytes.count, 1, 3, 7, 16, 17, 64] {
      let state = Session()
      var events: [ConnectionState.Event] = []
      var at = 0
      while at < bytes.count {
        events += state.receive(Array(bytes[at..<min(at + size, bytes.count)]))
        at += size
        if state.isOpen, state.underWay == 0, events.count == 1 {
          for id: UInt64 in 1...3 { #expect(state.ask(.ping, id) == .sent) }
        }
      }
      if size == bytes.count {
        // Everything at once: nothing was asked when the replies came, which ends the session.
        #expect(events.count == 2 && state.isEnded)
        continue
      }
      if size >= Frames.hello().count { continue }
      if whole.isEmpty { whole = events }
      #expect(events == whole && events.count == 4, "in pieces of \(size)")
    }
  }

  @Test("has no more under way than the server takes, what was forgotten included")
  func inFlight() {
    let state = opened(inFlightMax: 2)
    #expect(state.ask(.ping, 1) == .sent)
    #expect(state.ask(.ping, 2) == .sent)
    #expect(state.ask(.ping, 3) == .full)
    state.forget(1)
    #expect(state.ask(.ping, 3) == .full)
    #expect(state.receive(Frames.pong(id: 1)).isEmpty, "nobody waits for it any more")
    #expect(state.ask(.ping, 3) == .sent)
  }

  @Test("refuses a body that the server would not take, and goes on")
  func long() {
    let state = opened()
    let body = [UInt8](repeating: 0, count: 1 << 20 + 1)
    #expect(state.ask(.push, 1, body) == .tooLong(max: 1 << 20))
    #expect(state.ask(.ping, 2) == .sent)
  }

  @Test("a refused request is one request's; a session error ends the connection for all")
  func refusals() {
    let state = opened()
    for id: UInt64 in 1...3 { #expect(state.ask(.ping, id) == .sent) }
    let refused = state.receive(Frames.error(WireRefusal(.overloaded, "later", waitMilliseconds: 5), id: 2))
    #expect(refused == [.refused(id: 2, WireRefusal(.overloaded, "later", waitMilliseconds: 5))])
    #expect(state.isOpen)
    let ended = state.receive(Frames.error(WireRefusal(.malformed, "what?"), id: 1))
    #expect(ended.count == 2 && state.isEnded)
    guard case .ended(let error) = ended.last else {
      Issue.record("the session goes on: \(ended)")
      return
    }
    #expect(error.code == .connectionLost && error.isRetryable)
    #expect(state.receive(Frames.pong(id: 3)).isEmpty, "nothing behind it is believed")
  }

  @Test(
    "ends the session over bytes that no server may send",
    arguments: [
      ("a reply that nobody asked for", Frames.pong(id: 99)),
      ("a reply of another type", Frames.reply(to: .stats, id: 1) { StatsReply([]).encode(into: &$0) }),
      ("an unknown flag", [0, 0, 0, 0, 140, 2, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0]),
      ("compression, which was not offered", [0, 0, 0, 0, 140, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0]),
      ("a deadline", [0, 0, 0, 0, 140, 0, 1, 0, 1, 0, 0, 0, 0, 0, 0, 0]),
      ("a length beyond every limit", [255, 255, 255, 255, 140, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0]),
      ("16 MiB and one", [1, 0, 0, 1, 140, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0]),
      (
        "padding that is not zero",
        [1, 0, 0, 0, 140, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 7, 0, 0, 0, 0, 0, 0, 1]
      ),
    ])
  func malformed(what: String, bytes: [UInt8]) {
    let state = opened()
    #expect(state.ask(.ping, 1) == .sent)
    let events = state.receive(bytes)
    guard case .ended(let error) = events.last else {
      Issue.record("\(what): \(events)")
      return
    }
    #expect(error.code == .badReply && !error.isRetryable, "\(what)")
  }

  @Test("a stranger that is no Apus server is told apart before more than 4,000 bytes came")
  func stranger() {
    let state = Session()
    let events = state.receive(Array("HTTP/1.1 400 Bad Request\r\n\r\n".utf8))
    #expect(events.count == 1 && state.isEnded)
  }

  @Test("a server may refuse to be greeted, and says why")
  func unauthenticated() {
    let state = Session()
    let events = state.receive(Frames.error(WireRefusal(.unauthenticated, "no such token"), id: 0))
    #expect(events == [.ended(ClientError(WireRefusal(.unauthenticated, "no such token")))])
  }

  @Test("mutated sessions end in events and never in a crash", arguments: [1, 2, 3, 4] as [UInt64])
  func mutations(seed: UInt64) throws {
    var random = SplitMix64(seed: seed)
    let get = try Shop.reply(rows: 5, layout: .columns)
    let session =
      Frames.hello() + Frames.pong(id: 1) + Frames.reply(to: .get, id: 2) { $0.write(get) }
      + Frames.error(WireRefusal(.notYet, "wait", waitMilliseconds: 3), id: 3) + Frames.pong(id: 4)
    for round in 0..<5_000 {
      var bytes = session
      for _ in 0..<random.within(1...4) {
        switch random.below(4) {
        case 0: bytes[random.below(bytes.count)] = UInt8(truncatingIfNeeded: random.next())
        case 1: bytes[random.below(bytes.count)] ^= 1 << UInt8(random.below(8))
        case 2: bytes.removeSubrange(random.below(bytes.count)...)
        default: bytes.insert(contentsOf: random.bytes(random.within(1...9)), at: random.below(bytes.count))
        }
        if bytes.isEmpty { bytes = session }
      }
      let state = Session()
      var isAsked = false
      var ends = 0
      var at = 0
      while at < bytes.count {
        let next = min(bytes.count, at + random.within(1...200))
        for event in state.receive(Array(bytes[at..<next])) {
          if case .ended = event { ends += 1 }
        }
        if state.isOpen, !isAsked {
          isAsked = true
          for (id, type) in [(1, MessageType.ping), (2, .get), (3, .ping), (4, .ping)] {
            _ = state.ask(type, UInt64(id))
          }
        }
        at = next
      }
      #expect(ends == (state.isEnded ? 1 : 0), "seed \(seed), round \(round)")
      #expect(state.underWay <= 4, "seed \(seed), round \(round)")
    }
  }

  @Test("compresses what is long if the server said so, and never a GET of one row")
  func compresses() throws {
    let state = Session(compressFrom: 100)
    _ = state.receive(Frames.hello(compressFrom: 200))
    func flags(_ type: MessageType, _ id: UInt64, _ body: [UInt8]) throws -> FrameHeader.Flags {
      let before = state.sent.count
      #expect(state.ask(type, id, body) == .sent)
      let frame = Array(state.sent.dropFirst(before))
      return try #require(try FrameHeader.decode(unsafe frame.span.bytes)).flags
    }
    let long = [UInt8](repeating: 7, count: 500)
    #expect(try flags(.describe, 1, Array(long.prefix(199))) == [])
    #expect(try flags(.describe, 2, long) == .compressed)
    func get(_ rows: Int) -> [UInt8] {
      var body = ByteWriter()
      GetRequest.encode(handle: 1, rows: rows, layout: .columns, into: &body)
      body.write(long)
      return body.bytes.copied()
    }
    #expect(try flags(.get, 3, get(1)) == [])
    #expect(try flags(.get, 4, get(2)) == .compressed)
    #expect(try flags(.get, 5, get(257)) == .compressed)
  }

  @Test("reads compressed replies as any other, and ends on one that was not agreed on or is too long")
  func decompresses() throws {
    let json = String(repeating: "{}", count: 300)
    let reply = Frames.reply(to: .describe, id: 1) { DescribeReply(json: json).encode(into: &$0) }
    let short = try compressed(reply)
    #expect(short.count < reply.count / 4)
    let state = Session(compressFrom: 100)
    _ = state.receive(Frames.hello(compressFrom: 200))
    #expect(state.ask(.describe, 1) == .sent)
    #expect(state.receive(short) == [.reply(id: 1, body: Frames.body(of: reply))])

    // Nothing was agreed on; or only for what is longer.
    for (asked, said): (UInt32, UInt32) in [(0, 0), (100, 0), (100, 700)] {
      let strict = Session(compressFrom: asked)
      _ = strict.receive(Frames.hello(compressFrom: said))
      #expect(strict.isOpen && strict.ask(.describe, 1) == .sent)
      guard case .ended(let error)? = strict.receive(short).last else {
        Issue.record("a compressed reply was taken, with \(asked) and \(said)")
        continue
      }
      #expect(error.code == .badReply)
    }
    // HELLO's reply chooses what was not offered.
    for (asked, said): (UInt32, UInt32) in [(0, 100), (100, 99)] {
      let strict = Session(compressFrom: asked)
      _ = strict.receive(Frames.hello(compressFrom: said))
      #expect(strict.isEnded)
    }
    // More than any body may be.
    let bomb = try compressed(
      Frames.reply(to: .describe, id: 1) { $0.write([UInt8](repeating: 0, count: 17 << 20)) })
    let bombed = Session(compressFrom: 100)
    _ = bombed.receive(Frames.hello(compressFrom: 200))
    #expect(bombed.ask(.describe, 1) == .sent)
    guard case .ended? = bombed.receive(bomb).last else {
      Issue.record("a bomb was taken")
      return
    }
  }

  private func compressed(_ frame: [UInt8]) throws -> [UInt8] {
    let header = try #require(try FrameHeader.decode(unsafe frame.span.bytes))
    var writer = ByteWriter()
    let begun = FrameWriter.begin(replyTo: .describe, id: header.id, in: &writer)
    writer.write(Frames.body(of: frame))
    var codec = BodyCodec()
    codec.finish(begun, from: 1, in: &writer)
    return writer.bytes.copied()
  }

  private func opened(inFlightMax: UInt32 = 64) -> Session {
    let state = Session()
    _ = state.receive(Frames.hello(inFlightMax: inFlightMax))
    return state
  }
}

/// A state and what it sends, in a form that can be expected of.
private final class Session {
  private var state: ConnectionState
  private var output: ByteWriter

  init(compressFrom: UInt32 = 0) {
    var output = ByteWriter()
    state = ConnectionState(HelloRequest(compressFrom: compressFrom, client: "test"), into: &output)
    self.output = output
  }

  var sent: [UInt8] { Self.copy(output) }

  private static func copy(_ writer: borrowing ByteWriter) -> [UInt8] { writer.bytes.copied() }
  var isOpen: Bool { state.isOpen }
  var isEnded: Bool { state.isEnded }
  var underWay: Int { state.underWay }

  func forget(_ id: UInt64) { state.forget(id) }

  func ask(_ type: MessageType, _ id: UInt64, _ body: [UInt8] = []) -> ConnectionState.Admission {
    state.request(
      type, id: id, deadlineMilliseconds: 0, body: unsafe body.span.bytes, into: &output)
  }

  func receive(_ bytes: [UInt8]) -> [ConnectionState.Event] {
    var events: [ConnectionState.Event] = []
    state.received(unsafe bytes.span.bytes, events: &events)
    return events
  }
}

extension ConnectionState.Event {
  fileprivate var replyID: UInt64? {
    if case .reply(let id, _) = self { id } else { nil }
  }
}
