// Sessions without sockets: a real store in a folder of its own, and peers whose frames go straight into a session. What
// comes back later waits in the peer's port until the test fetches it.

import ApusBytes
import ApusContracts
import ApusServer
import ApusStore
import ApusSystem
import ApusTestSupport
import ApusWire
import Testing

let shopText = """
  project: shop
  entities:
    card:    {keys: {card_id: string}}
    account: {keys: {account_id: int64}}
  views:
    activity:
      entity: card
      ttl: 1h
      features:
        count:   {type: int64, min: 0}
        mean:    {type: float64}
        action:  {type: string, one_of: [buy, refund, ""]}
        flag:    {type: bool}
        small:   {type: int32}
        ratio:   {type: float32}
        at:      {type: timestamp}
        raw:     {type: bytes}
        tags:    {type: list<string>}
        numbers: {type: list<int64>}
        vector:  {type: "float32[3]"}
    limits:  {entity: card, ttl: none, features: {limit: {type: int32}, ratio: {type: float32}}}
    profile: {entity: account, ttl: none, features: {level: {type: int32}, opened: {type: timestamp}}}
  services:
    score:
      features:
        - {view: activity, take: [count, mean, action, tags, vector]}
        - {view: profile, as: payer, keys: {account_id: payer_id}}
        - {view: profile, as: payee, keys: {account_id: payee_id}}
      defaults: {count: 7, action: buy, payer__level: -1}
  """

final class SessionFixture {
  let folder: TemporaryFolder
  let clock = SimulatedClock()
  let store: Store
  let server: SessionServer
  let loop: SessionLoop
  let console = EchoConsole()

  init(
    _ text: String = shopText, tokens: (any TokenCheck)? = nil,
    options: (inout SessionOptions) -> Void = { _ in }, storeOptions: (inout StoreOptions) -> Void = { _ in }
  ) throws {
    folder = try TemporaryFolder("apus-session")
    var random = SplitMix64(seed: 7)
    var chosen = StoreOptions()
    chosen.scrubPeriodNanoseconds = nil
    chosen.diskReserveByteCount = 0
    storeOptions(&chosen)
    store = try Store.open(folder.path("store"), clock: clock, random: &random, options: chosen)
    var sessionOptions = SessionOptions()
    options(&sessionOptions)
    server = try SessionServer(store, options: sessionOptions, tokens: tokens, console: console)
    loop = SessionLoop(server)
    if !text.isEmpty { try apply(text) }
  }

  deinit {
    server.close()
    store.abandon()
  }

  func apply(_ text: String) throws {
    let definition = try DefinitionReader.read([DefinitionFile(name: "shop.yaml", bytes: Array(text.utf8))])
    _ = try store.apply(definition, accepting: [.producers, .readers])
  }

  var now: EventTime { EventTime(nanoseconds: clock.wall().nanoseconds) }

  /// A peer that has said HELLO.
  func peer() throws -> Caller {
    let peer = Caller(loop)
    let reply = try peer.hello()
    try #require(reply.type == MessageType.hello.reply)
    return peer
  }

  func stranger() -> Caller { Caller(loop) }
}

/// Says what it was asked.
struct EchoConsole: ConsoleHandler {
  func run(words: [String], files: [ConsoleFile], scopes: Scopes) -> ConsoleAnswer {
    if words.contains("nothing") {
      let trouble = ConsoleTrouble(name: "unknown_name", what: "there is no \"nothing\"", next: "say another")
      return ConsoleAnswer(exit: 1, out: "{}", err: "", trouble)
    }
    return ConsoleAnswer(
      exit: 0, out: words.joined(separator: " ") + files.map { "|\($0.path)=\($0.content)" }.joined(),
      err: "\(scopes.anywhere)")
  }
}

struct ReplyFrame: Equatable {
  let type: UInt8
  let id: UInt64
  let body: [UInt8]
  var flags: FrameHeader.Flags = []

  var refusal: WireRefusal? {
    type == MessageType.error ? try? WireRefusal(decoding: unsafe body.span.bytes) : nil
  }
  var code: WireCode? { refusal?.code }
}

final class TestPort: ReplyPort {
  enum Letter: Sendable {
    case frames([UInt8])
    case run(@Sendable (Session, inout ByteWriter, UInt64) -> ConnectionAction)
    case resume
  }

  let letters = Monitor<[Letter]>([])

  private func add(_ letter: Letter) {
    letters.withLock { $0.append(letter) }
    letters.notifyAll()
  }

  func post(_ frames: [UInt8]) { add(.frames(frames)) }
  func run(_ body: @escaping @Sendable (Session, inout ByteWriter, UInt64) -> ConnectionAction) {
    add(.run(body))
  }
  func resume() { add(.resume) }

  /// What has come, once something has; nothing after a minute.
  func fetch() -> [Letter] {
    var all: [Letter] = []
    _ = letters.wait(for: 60_000_000_000) { letters in
      swap(&all, &letters)
      return !all.isEmpty
    }
    return all
  }
}

final class Caller {
  let session: Session
  let port = TestPort()
  private(set) var frames: [ReplyFrame] = []
  private(set) var action = ConnectionAction.goOn
  private(set) var resumes = 0
  private var nextID: UInt64 = 1

  init(_ loop: SessionLoop) { session = Session(loop, port) }

  /// By how much what the session is told to be now is ahead of the clock.
  var aheadNanoseconds: UInt64 = 0

  static var now: UInt64 { SystemClock().monotonic().nanoseconds }
  private var now: UInt64 { Self.now + aheadNanoseconds }

  func hello(_ request: HelloRequest = HelloRequest(client: "test")) throws -> ReplyFrame {
    send(type: MessageType.hello.rawValue, id: 0) { request.encode(into: &$0) }
    let reply = frames.popLast()
    return try #require(reply)
  }

  func id() -> UInt64 {
    defer { nextID += 1 }
    return nextID
  }

  @discardableResult
  func send(
    type: UInt8, id: UInt64, flags: FrameHeader.Flags = [], deadline: UInt16 = 0,
    _ encode: (inout ByteWriter) -> Void
  ) -> ConnectionAction {
    var body = ByteWriter()
    encode(&body)
    let header = FrameHeader(
      length: UInt32(body.count), type: type, flags: flags, deadline: deadline, id: id)
    var output = ByteWriter()
    action = session.received(header, body.bytes, &output, now: now)
    take(output.bytes)
    return action
  }

  /// Sends a request under a new id, which comes back.
  @discardableResult
  func send(
    _ type: MessageType, deadline: UInt16 = 0, _ encode: (inout ByteWriter) -> Void = { _ in }
  ) -> UInt64 {
    let id = id()
    send(type: type.rawValue, id: id, deadline: deadline, encode)
    return id
  }

  /// Sends a request and waits for its reply.
  func ask(
    _ type: MessageType, deadline: UInt16 = 0, _ encode: (inout ByteWriter) -> Void = { _ in }
  ) throws -> ReplyFrame { try reply(to: send(type, deadline: deadline, encode)) }

  /// The reply to a request, fetched from the port if it has not come yet. It is taken out.
  func reply(to id: UInt64) throws -> ReplyFrame {
    while true {
      if let place = frames.firstIndex(where: { $0.id == id }) { return frames.remove(at: place) }
      if !fetch() { break }
    }
    struct NoReply: Error { let id: UInt64 }
    throw NoReply(id: id)
  }

  /// False when nothing came.
  @discardableResult
  func fetch() -> Bool {
    let letters = port.fetch()
    for letter in letters {
      switch letter {
      case .frames(let bytes):
        take(unsafe bytes.span.bytes)
        var output = ByteWriter()
        _ = session.noted(0, &output, now: now)
      case .run(let body):
        var output = ByteWriter()
        action = body(session, &output, now)
        take(output.bytes)
      case .resume: resumes += 1
      }
    }
    return !letters.isEmpty
  }

  /// Lets the session's deadline come.
  func reachDeadline() {
    var output = ByteWriter()
    action = session.deadlineReached(&output, now: session.deadline)
    take(output.bytes)
  }

  private func take(_ bytes: RawSpan) {
    var at = 0
    while at < bytes.byteCount {
      guard let header = try? FrameHeader.decode(bytes.extracting(at...)) else {
        Issue.record("a session sends whole frames")
        return
      }
      let body = bytes.extracting((at + 16)..<(at + 16 + Int(header.length)))
      frames.append(ReplyFrame(type: header.type, id: header.id, body: body.copied(), flags: header.flags))
      at += header.frameByteCount
    }
    #expect(at == bytes.byteCount)
  }
}

extension Caller {
  func prepare(_ names: [String], project: String = "") throws -> PrepareReply {
    let frame = try ask(.prepare) { PrepareRequest.features(names, project: project).encode(into: &$0) }
    if let refusal = frame.refusal { throw refusal }
    return try PrepareReply(decoding: unsafe frame.body.span.bytes)
  }

  func prepare(service: String, project: String = "") throws -> PrepareReply {
    let frame = try ask(.prepare) { PrepareRequest.service(service, project: project).encode(into: &$0) }
    if let refusal = frame.refusal { throw refusal }
    return try PrepareReply(decoding: unsafe frame.body.span.bytes)
  }

  /// Keys: row after row, and role after role.
  func sendGet(
    _ handle: UInt32, rows: Int, _ keys: [[UInt8]], _ layout: ReplyLayout = .columns,
    _ options: GetOptions = [], minimum: LSN? = nil, deadline: UInt16 = 0
  ) -> UInt64 {
    send(.get, deadline: deadline) { body in
      GetRequest.encode(
        handle: handle, rows: rows, layout: layout, options: options, minimum: minimum, into: &body)
      for key in keys { body.write(short: unsafe key.span.bytes) }
    }
  }

  func get(
    _ handle: UInt32, rows: Int, _ keys: [[UInt8]], _ layout: ReplyLayout = .columns,
    _ options: GetOptions = [], minimum: LSN? = nil, deadline: UInt16 = 0
  ) throws -> ReplyFrame {
    try reply(
      to: sendGet(handle, rows: rows, keys, layout, options, minimum: minimum, deadline: deadline))
  }

  func sendPush(_ head: PushHead, _ rows: WireRows, _ type: MessageType = .push, deadline: UInt16 = 0)
    -> UInt64
  {
    send(type, deadline: deadline) { head.encode(rows, into: &$0) }
  }

  func push(_ head: PushHead, _ rows: WireRows, _ type: MessageType = .push) throws -> PushReply {
    let frame = try reply(to: sendPush(head, rows, type))
    if let refusal = frame.refusal { throw refusal }
    return try PushReply(decoding: unsafe frame.body.span.bytes)
  }

  /// Pushes counts of cards.
  @discardableResult
  func push(
    _ cards: [(String, Int64)], at time: EventTime? = nil, producer: PushHead.Producer? = nil,
    view: String = "activity", policy: PushHead.Policy = .setAside
  ) throws -> PushReply {
    try push(
      PushHead(policy: policy, producer: producer, view: view, columns: ["count"]), counts(cards, at: time))
  }

  func counts(_ cards: [(String, Int64)], at time: EventTime? = nil) throws -> WireRows {
    var rows = WireRows([.int64])
    for (card, count) in cards {
      let key = try encoded([.string(card)])
      try rows.append(
        key: unsafe key.span.bytes, GivenTimes(eventTime: time), [.value(.int64(count))])
    }
    return rows
  }
}

/// A key's bytes, whatever the values.
func encoded(_ values: [Value]) throws -> [UInt8] {
  let types = try values.map { value in
    try #require(KeyType.allCases.first { $0.element == value.scalarType })
  }
  var encoder = KeyEncoder()
  try KeySchema(types).encode(values, into: &encoder)
  return encoder.bytes.copied()
}

func card(_ name: String) throws -> [UInt8] { try encoded([.string(name)]) }
