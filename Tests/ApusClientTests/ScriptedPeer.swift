// A server of one's own on a real socket: every connection that comes runs the next script, and is closed at its end.

import ApusBytes
import ApusClient
import ApusSystem
import ApusWire

final class ScriptedPeer: Sendable {
  typealias Script = @Sendable (inout Connection) throws -> Void

  /// For a client.
  let address: String
  private let thread: SystemThread
  private let failure = Monitor<String?>(nil)
  private let over = Bell()

  struct Silence: Error {}

  struct Connection: ~Copyable {
    let socket: StreamSocket
    private var bytes: [UInt8] = []

    init(_ socket: consuming StreamSocket) { self.socket = socket }

    struct Frame {
      let header: FrameHeader
      let body: [UInt8]
      var id: UInt64 { header.id }
      var type: MessageType? { MessageType(rawValue: header.type) }
    }

    /// The next frame of the client.
    mutating func next() throws -> Frame {
      while true {
        if let header = try FrameHeader.decode(unsafe bytes.span.bytes), bytes.count >= header.frameByteCount
        {
          let body = Array(bytes.dropFirst(FrameHeader.byteCount).prefix(Int(header.length)))
          bytes.removeFirst(header.frameByteCount)
          return Frame(header: header, body: body)
        }
        guard try receive() else { throw Silence() }
      }
    }

    /// Waits until the client ends the connection.
    mutating func end() throws { while try receive() {} }

    /// False at the end.
    private mutating func receive() throws -> Bool {
      guard try socket.wait(milliseconds: ScriptedPeer.patience) else { throw Silence() }
      var block = ByteBlock(byteCount: 4_096)
      var room = block.mutableBytes
      switch try socket.receive(into: &room) {
      case .bytes(let count):
        bytes += block.bytes.extracting(first: count).copied()
        return true
      case .wouldBlock: return true
      case .ended, .gone: return false
      }
    }

    func send(_ frame: [UInt8]) throws {
      var sent = 0
      while sent < frame.count {
        switch try socket.send(unsafe frame.span.bytes.extracting(droppingFirst: sent)) {
        case .bytes(let count): sent += count
        case .wouldBlock: _ = try socket.wait(forSending: true, milliseconds: ScriptedPeer.patience)
        case .gone: throw Silence()
        }
      }
    }

    func reply(to frame: borrowing Frame, _ body: (inout ByteWriter) -> Void) throws {
      guard let type = frame.type else { throw Silence() }
      try send(Frames.reply(to: type, id: frame.id, body))
    }

    mutating func greet(inFlightMax: UInt32 = 64) throws {
      let frame = try next()
      guard frame.type == .hello, (try? HelloRequest(decoding: unsafe frame.body.span.bytes)) != nil else {
        throw Silence()
      }
      try send(Frames.hello(inFlightMax: inFlightMax))
    }

    /// Answers PREPARE with the shop's vector.
    mutating func prepare(handle: UInt32) throws {
      let frame = try next()
      guard frame.type == .prepare else { throw Silence() }
      try reply(to: frame) { Shop.prepared(handle: handle).encode(into: &$0) }
    }

    /// Answers GET with the shop's rows, and gives its handle.
    @discardableResult
    mutating func get() throws -> UInt32 {
      let frame = try next()
      guard frame.type == .get else { throw Silence() }
      let request = try GetRequest(decoding: unsafe frame.body.span.bytes)
      let handle = request.handle
      let body = try Shop.reply(rows: request.rows, layout: request.layout, options: request.options)
      try reply(to: frame) { $0.write(body) }
      return handle
    }
  }

  /// Longer than anything takes when all is well.
  fileprivate static let patience: Int32 = 600_000

  init(_ scripts: Script...) throws {
    let listener = try ListeningSocket(at: .loopback(port: 0))
    address = "tcp://\(listener.address)"
    let poller = try Poller()
    try poller.watch(listener.raw, for: .readable, token: 1)
    let kept = Monitor<OwnedListener?>(OwnedListener(listener))
    let failure = failure
    let over = over
    thread = try SystemThread.start(name: "scripted-peer") {
      guard let listener = kept.withLock({ $0 }) else { return over.ring() }
      do {
        for script in scripts {
          var accepted: Int32?
          while accepted == nil {
            guard try poller.wait(milliseconds: Self.patience) > 0 else { throw Silence() }
            if case .connection(let raw, _) = try listener.socket.accept() { accepted = raw }
          }
          if let accepted {
            var connection = Connection(StreamSocket(accepted))
            try script(&connection)
          }
        }
      } catch {
        failure.withLock { $0 = "\(error)" }
      }
      kept.withLock { $0 = nil }
      over.ring()
    }
  }

  /// Waits for the last script to end; nil when all ran as they were written. The tasks of other tests go on meanwhile: a
  /// thread that waited here would be one of the few that they all share.
  func ended() async -> String? {
    await over.heard()
    return failure.withLock { $0 }
  }
}

/// Immutable but for what the kernel does behind the descriptor.
private final class OwnedListener: Sendable {
  let socket: ListeningSocket
  init(_ socket: consuming ListeningSocket) { self.socket = socket }
}

/// Rung once by any thread, heard by one task.
final class Bell: Sendable {
  private let stream: AsyncStream<Void>
  private let continuation: AsyncStream<Void>.Continuation

  init() { (stream, continuation) = AsyncStream.makeStream(of: Void.self) }

  func ring() { continuation.finish() }
  func heard() async { for await _ in stream {} }
}

extension ClientOptions {
  /// A test's own time is nobody's to count: all tests of the house share a few threads, and a task may wait long for one.
  static var patient: ClientOptions {
    var options = ClientOptions()
    options.connectTimeout = .seconds(600)
    options.callTimeout = .seconds(600)
    return options
  }
}
