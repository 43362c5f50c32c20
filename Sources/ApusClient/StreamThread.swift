// A stream has a connection and a thread of its own: what goes over it is long, and questions on other connections are short. The thread ends with the
// stream; closing the connection tells the server that nobody wants it any more.

import ApusBytes
import ApusSystem
import ApusWire

/// Owned by its thread, from `run` to the end.
struct StreamThread: ~Copyable {
  private static let wakeToken: UInt64 = 1
  private static let socketToken: UInt64 = 2
  private static let receiveByteCount = 64 << 10
  private static let id: UInt64 = 1

  private let pipe: StreamPipe
  private let request: [UInt8]
  private let socket: StreamSocket
  private let poller: Poller
  private let greetingMilliseconds: Int32
  private var state: ConnectionState
  private var outbox = Outbox()
  private var pieceMax = 0
  /// What the server takes.
  private var credit: UInt64 = 0
  private var nextUp: UInt64 = 0
  private var nextDown: UInt64 = 0
  /// What it may still send.
  private var given = 0
  private var isUpOver = false
  private var isBegun = false
  private var isOver = false
  private var isWatchingRoom = false

  /// Starts the thread, which connects first.
  static func start(
    _ pipe: StreamPipe, _ connector: Connector, request: [UInt8], hasSpine: Bool
  ) throws(SystemError) {
    _ = try SystemThread.start(name: "apus-stream") {
      do throws(ClientError) {
        let socket = StreamSocket(try connector.connect())
        do throws(SystemError) {
          var thread = try StreamThread(pipe, socket, connector, request, hasSpine)
          try thread.run()
        } catch {
          throw ClientError(.connectionLost, "\(error)")
        }
      } catch {
        pipe.finish(.failure(error))
      }
    }
  }

  private init(
    _ pipe: StreamPipe, _ socket: consuming StreamSocket, _ connector: Connector, _ request: [UInt8],
    _ hasSpine: Bool
  ) throws(SystemError) {
    self.pipe = pipe
    self.request = request
    greetingMilliseconds = connector.milliseconds
    isUpOver = !hasSpine
    let poller = try Poller()
    try poller.watch(pipe.wake.raw, for: .readable, token: Self.wakeToken)
    try poller.watch(socket.raw, for: .readable, token: Self.socketToken)
    self.poller = poller
    self.socket = socket
    state = ConnectionState(connector.hello, into: &outbox.writer)
  }

  private mutating func run() throws(SystemError) {
    var block = ByteBlock(byteCount: Self.receiveByteCount)
    while !isOver, !pipe.isCancelled {
      send()
      if isOver { break }
      let ready = try poller.wait(milliseconds: isBegun ? -1 : greetingMilliseconds)
      if ready == 0, !isBegun {
        return fail(ClientError(.cannotConnect, "the server did not answer HELLO in time"))
      }
      for index in 0..<ready {
        let (token, readiness) = poller.ready(at: index)
        if token == Self.wakeToken {
          pipe.wake.heard()
        } else if readiness != .writable {
          try receive(into: &block)
        }
      }
    }
  }

  private mutating func fail(_ error: ClientError) {
    pipe.finish(.failure(error))
    isOver = true
  }

  // MARK: Out

  private mutating func send() {
    if isBegun {
      let owed = pipe.takeOwed()
      if owed > 0 { give(owed) }
      while !isUpOver, outbox.isEmpty || outbox.unsentByteCount < StreamPipe.aheadByteCount {
        switch pipe.nextUp(most: min(Int(clamping: credit), pieceMax)) {
        case .nothing:
          return flush()
        case .end:
          isUpOver = true
          state.stream(.end, id: Self.id, into: &outbox.writer) { _ in }
        case .piece(let piece):
          let sequence = nextUp
          state.stream(.data, id: Self.id, into: &outbox.writer) { writer in
            StreamData(sequence, piece).encode(into: &writer)
          }
          nextUp += 1
          credit -= UInt64(piece.count)
        }
      }
    }
    flush()
  }

  private mutating func give(_ byteCount: Int) {
    given += byteCount
    state.stream(.credit, id: Self.id, into: &outbox.writer) { writer in
      StreamCredit(UInt64(byteCount)).encode(into: &writer)
    }
  }

  private mutating func flush() {
    let wantsRoom: Bool
    switch outbox.send(on: socket) {
    case .all: wantsRoom = false
    case .wouldBlock: wantsRoom = true
    case .gone: return fail(ClientError(.connectionLost, "the connection was cut"))
    }
    guard wantsRoom != isWatchingRoom else { return }
    isWatchingRoom = wantsRoom
    do throws(SystemError) {
      try poller.rewatch(
        socket.raw, for: wantsRoom ? [.readable, .writable] : .readable, token: Self.socketToken)
    } catch {
      fail(ClientError(.connectionLost, "\(error)"))
    }
  }

  // MARK: In

  private mutating func receive(into block: inout ByteBlock) throws(SystemError) {
    var events: [ConnectionState.Event] = []
    var room = block.mutableBytes
    switch try socket.receive(into: &room) {
    case .bytes(let count): state.received(block.bytes.extracting(first: count), events: &events)
    case .wouldBlock: return
    case .ended, .gone: state.peerEnded(events: &events)
    }
    for event in events where !isOver { take(event) }
  }

  private mutating func take(_ event: ConnectionState.Event) {
    switch event {
    case .greeted(let hello): begin(hello)
    case .refused(_, let refusal): fail(ClientError(refusal))
    case .ended(let error): fail(error)
    case .reply(_, let body):
      do throws(WireError) {
        pipe.finish(.success(try ExportReply(decoding: unsafe body.span.bytes)))
        isOver = true
      } catch {
        fail(ClientError(error))
      }
    case .streamed(_, let type, let body):
      do throws(WireError) { try take(type, body) } catch { fail(ClientError(error)) }
    }
  }

  private mutating func begin(_ hello: HelloReply) {
    isBegun = true
    pieceMax = min(
      StreamPipe.aheadByteCount, Int(clamping: hello.frameByteCountMax) - StreamData.headByteCount)
    let request = request
    let admission = state.request(
      .export, id: Self.id, deadlineMilliseconds: 0, body: unsafe request.span.bytes, into: &outbox.writer)
    guard admission == .sent else {
      return fail(ClientError(.badInput, "the request is longer than the server takes"))
    }
    give(StreamPipe.windowByteCount)
  }

  private mutating func take(_ type: MessageType, _ body: [UInt8]) throws(WireError) {
    let bytes = unsafe body.span.bytes
    switch type {
    case .credit:
      let (sum, over) = credit.addingReportingOverflow(try StreamCredit(decoding: bytes).byteCount)
      credit = over ? .max : sum
    case .data:
      let data = try StreamData(decoding: bytes)
      guard data.sequence == nextDown, data.bytes.count <= given else {
        throw .malformed("DATA out of sequence, or beyond the credit", at: 0)
      }
      nextDown += 1
      given -= data.bytes.count
      pipe.receive(data.bytes)
    case .progress: pipe.tell(TrainingSet.Progress(try StreamProgress(decoding: bytes)))
    default: throw .malformed("a server says neither END nor CANCEL", at: 4)
    }
  }
}
