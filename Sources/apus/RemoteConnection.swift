// One connection to a server, for a program that asks a few things and ends: requests go out one at a time, and the thread waits
// for each answer. What the server sends is believed no further than its bytes allow.

import ApusBytes
import ApusServer
import ApusSystem
import ApusWire

struct RemoteConnection: ~Copyable {
  private static let helloMilliseconds: Int32 = 10_000
  private static let partByteCount = 64 << 10

  let address: SocketAddress
  private let socket: StreamSocket
  private var received: [UInt8] = []
  private var nextID: UInt64 = 0
  /// Its name and version.
  private(set) var server = ""
  private(set) var timeline: [UInt8] = []
  private(set) var bodyByteCountMax = ServerLimits.bodyByteCountMaxBeforeHello
  /// Of one request.
  private(set) var rowsMax = 1

  private init(_ address: SocketAddress, _ socket: consuming StreamSocket) {
    self.address = address
    self.socket = socket
  }

  /// Connects to the first of the addresses that lets itself be connected to, and says HELLO.
  static func open(to addresses: [SocketAddress], token: AccessToken?) throws(Trouble) -> RemoteConnection {
    var used = ListenAddress.usual.socketAddress
    let socket = try connect(to: addresses, &used)
    var connection = RemoteConnection(used, socket)
    try connection.greet(token)
    return connection
  }

  private mutating func greet(_ token: AccessToken?) throws(Trouble) {
    let request = HelloRequest(
      client: "apus \(Program.version)", token: token.map { HelloRequest.Token(id: $0.id, secret: $0.secret) }
    )
    let body = try ask(.hello, milliseconds: Self.helloMilliseconds) { request.encode(into: &$0) }
    let hello = try read("HELLO", body) { (body) throws(WireError) in try HelloReply(decoding: body) }
    server = hello.server
    timeline = hello.timeline
    bodyByteCountMax = Int(hello.frameByteCountMax)
    rowsMax = max(1, Int(hello.rowsMax))
  }

  private static func connect(
    to addresses: [SocketAddress], _ used: inout SocketAddress
  ) throws(Trouble) -> StreamSocket {
    var failure: SystemError?
    for address in addresses {
      do throws(SystemError) {
        used = address
        return try StreamSocket.connect(to: address, milliseconds: helloMilliseconds)
      } catch {
        failure = error
      }
    }
    let why = failure.map { ": \($0.call) says \($0.errno)" } ?? ""
    throw Trouble(
      "no_server", "no server answers\(why)", at: addresses.map(\.description).joined(separator: ", "),
      next: "check the address; `apus serve` starts a server, and --data DIR asks a folder without one")
  }

  /// Sends a request, and waits for its answer: no longer than so many milliseconds for each part of it, or for ever when negative.
  /// `deadline` is what the server is told of that.
  mutating func ask(
    _ type: MessageType, milliseconds: Int32, deadline: UInt16 = 0, _ write: (inout ByteWriter) -> Void
  ) throws(Trouble) -> [UInt8] {
    switch try exchange(type, milliseconds: milliseconds, deadline: deadline, write) {
    case .success(let body): return body
    case .failure(let refusal): throw Trouble(refusal, from: address)
    }
  }

  /// The same for who looks at a refusal itself.
  mutating func exchange(
    _ type: MessageType, milliseconds: Int32, deadline: UInt16 = 0, _ write: (inout ByteWriter) -> Void
  ) throws(Trouble) -> Result<[UInt8], WireRefusal> {
    var buffer = ByteWriter()
    let id = nextID
    nextID += 1
    let frame = FrameWriter.begin(type, id: id, deadline: deadline, in: &buffer)
    write(&buffer)
    frame.finish(in: &buffer)
    guard buffer.count <= bodyByteCountMax + FrameHeader.byteCount else {
      throw Trouble(
        "too_long",
        "the request has \(Numbers.count(buffer.count, "byte")), and the server takes \(Numbers.grouped(bodyByteCountMax))",
        at: "\(address)", next: "send less at a time")
    }
    try send(buffer.bytes)
    let (header, body) = try receive(milliseconds: milliseconds)
    guard header.id == id else { throw strange("an answer to something that was not asked") }
    if header.type == MessageType.error {
      return .failure(
        try read("an error", body) { (body) throws(WireError) in try WireRefusal(decoding: body) })
    }
    guard header.type == type.reply, header.flags.isEmpty else { throw strange("an answer of another kind") }
    return .success(body)
  }

  // MARK: Streams

  /// Sends a request whose answer comes frame by frame, and says its id.
  mutating func begin(_ type: MessageType, _ write: (inout ByteWriter) -> Void) throws(Trouble) -> UInt64 {
    let id = nextID
    nextID += 1
    try send(type, id, write)
    return id
  }

  /// Sends a frame.
  func send(_ type: MessageType, _ id: UInt64, _ write: (inout ByteWriter) -> Void) throws(Trouble) {
    var buffer = ByteWriter()
    let frame = FrameWriter.begin(type, id: id, in: &buffer)
    write(&buffer)
    frame.finish(in: &buffer)
    try send(buffer.bytes)
  }

  /// The next frame, as soon as it is there.
  mutating func frame(milliseconds: Int32) throws(Trouble) -> (FrameHeader, [UInt8]) {
    try receive(milliseconds: milliseconds)
  }

  /// A frame that is there already.
  mutating func frameIfAny() throws(Trouble) -> (FrameHeader, [UInt8])? {
    while true {
      if let frame = try cut() { return frame }
      guard try receiveSome() else { return nil }
    }
  }

  // MARK: Answers

  /// Reads the body of an answer.
  func read<T>(
    _ what: String, _ body: [UInt8], _ decode: (RawSpan) throws(WireError) -> T
  ) throws(Trouble) -> T {
    do throws(WireError) { return try unsafe decode(body.span.bytes) } catch {
      throw strange("\(what), and it cannot be read: \(error)")
    }
  }

  // MARK: Bytes

  private func send(_ bytes: RawSpan) throws(Trouble) {
    var done = 0
    while done < bytes.byteCount {
      let sent: StreamSocket.Sent
      do throws(SystemError) { sent = try socket.send(bytes.extracting(done...)) } catch {
        throw failed(error)
      }
      switch sent {
      case .bytes(let count): done += count
      case .wouldBlock: try wait(forSending: true, Self.helloMilliseconds)
      // What it has to say about that may still be read.
      case .gone: return
      }
    }
  }

  private mutating func receive(milliseconds: Int32) throws(Trouble) -> (FrameHeader, [UInt8]) {
    while true {
      if let frame = try cut() { return frame }
      if try !receiveSome() { try wait(forSending: false, milliseconds) }
    }
  }

  /// Takes what is there; false when there is nothing yet.
  private mutating func receiveSome() throws(Trouble) -> Bool {
    var part = ByteBlock(byteCount: Self.partByteCount)
    let result: StreamSocket.Received
    do throws(SystemError) {
      var room = part.mutableBytes
      result = try socket.receive(into: &room)
    } catch {
      throw failed(error)
    }
    switch result {
    case .bytes(let count):
      received += part.bytes.extracting(..<count).copied()
      return true
    case .wouldBlock: return false
    case .ended, .gone:
      throw Trouble(
        "connection_lost", "the server closed the connection without an answer", at: "\(address)",
        next: "look into the server's log; what was asked for may or may not have been done")
    }
  }

  /// The first whole frame of what was received.
  private mutating func cut() throws(Trouble) -> (FrameHeader, [UInt8])? {
    let header: FrameHeader?
    do throws(WireError) { header = try unsafe FrameHeader.decode(received.span.bytes) } catch {
      throw strange("no frame: \(error)")
    }
    guard let header else { return nil }
    guard header.length <= ServerLimits.bodyByteCountMax else { throw strange("a frame that is too long") }
    guard received.count >= header.frameByteCount else { return nil }
    let body = Array(received[FrameHeader.byteCount..<FrameHeader.byteCount + Int(header.length)])
    received.removeFirst(header.frameByteCount)
    return (header, body)
  }

  private func wait(forSending sending: Bool, _ milliseconds: Int32) throws(Trouble) {
    let isReady: Bool
    do throws(SystemError) {
      isReady = try socket.wait(forSending: sending, milliseconds: milliseconds)
    } catch {
      throw failed(error)
    }
    guard isReady else {
      throw Trouble(
        "no_answer", "the server does not answer", at: "\(address)",
        next: "look at the server: `apus ping` tells when it answers again")
    }
  }

  private func failed(_ error: SystemError) -> Trouble {
    Trouble(
      "system", "the connection failed: \(error.call) says \(error.errno)", at: "\(address)",
      next: "try again")
  }

  func strange(_ what: String) -> Trouble {
    Trouble(
      "strange_answer", "what answers there is no Apus server, or another version: it sent \(what)",
      at: "\(address)", next: "check the address")
  }
}

extension Trouble {
  /// What the server said, in its own words.
  init(_ refusal: WireRefusal, from address: SocketAddress) {
    let code = refusal.code?.name.lowercased() ?? "code_\(refusal.number)"
    let place = refusal.where.isEmpty ? "\(address)" : "\(refusal.where) (\(address))"
    var next = refusal.next
    if refusal.code == .unauthenticated {
      next = "name a file with a token of this server: --token-file FILE, or $APUS_TOKEN_FILE"
    } else if next.isEmpty {
      next = refusal.class == .retry ? "try again" : "`apus help` shows how it is meant"
    }
    self.init(code, refusal.what, at: place, next: next)
  }
}
