// One connection as the client's thread holds it: its socket, its state, what is to be sent, and who waits for room in flight.

import ApusBytes
import ApusSystem
import ApusWire

/// Owned by the client's thread; closes the socket when it is forgotten.
final class Link {
  let number: UInt64
  let slot: Int
  let greetingDeadline: UInt64
  private let socket: StreamSocket
  var state: ConnectionState
  var outbox: Outbox
  /// In the order in which they are to be sent.
  var queue = CallQueue()
  /// Once it was greeted.
  var live: LiveConnection?
  var isWatchingRoom = false

  init(
    number: UInt64, slot: Int, socket: consuming StreamSocket, hello: HelloRequest, greetingDeadline: UInt64
  ) {
    self.number = number
    self.slot = slot
    self.socket = socket
    self.greetingDeadline = greetingDeadline
    var outbox = Outbox()
    state = ConnectionState(hello, into: &outbox.writer)
    self.outbox = outbox
  }

  var raw: Int32 { socket.raw }

  /// Whether any byte of a frame may have reached the server.
  func mayHaveLeft(_ frameAt: UInt64?) -> Bool {
    guard let frameAt else { return false }
    return frameAt < outbox.sentEnd
  }

  func request(_ call: CallLetter, now: UInt64) -> ConnectionState.Admission {
    let body = call.body
    return state.request(
      call.type, id: call.ticket,
      deadlineMilliseconds: Self.milliseconds(until: call.deadline, now, most: call.type == .get ? .max : 0),
      body: unsafe body.span.bytes, into: &outbox.writer)
  }

  /// As a header has it. A deadline too far away for it is `most`: for GET the greatest, since without one it would not wait for its
  /// minimum LSN, and is asked again anyway; for all others none.
  static func milliseconds(until deadline: UInt64, _ now: UInt64, most: UInt16) -> UInt16 {
    guard deadline != .max else { return most }
    let left = deadline > now ? (deadline - now) / 1_000_000 + 1 : 1
    return UInt16(exactly: left) ?? most
  }

  func flush() -> Outbox.Outcome { outbox.send(on: socket) }

  /// Takes what is there, but no more than one block: other connections wait, too.
  func receive(into block: inout ByteBlock, events: inout [ConnectionState.Event]) {
    let received: StreamSocket.Received
    do throws(SystemError) {
      var room = block.mutableBytes
      received = try socket.receive(into: &room)
    } catch {
      return state.peerEnded(events: &events)
    }
    switch received {
    case .bytes(let count): state.received(block.bytes.extracting(first: count), events: &events)
    case .wouldBlock: break
    case .ended, .gone: state.peerEnded(events: &events)
    }
  }
}

/// First in, first out, without moving what waits at every step.
struct CallQueue {
  private var calls: [CallLetter?] = []
  private var head = 0

  var first: CallLetter? { head < calls.count ? calls[head] : nil }

  mutating func append(_ call: CallLetter) { calls.append(call) }

  mutating func removeFirst() {
    calls[head] = nil
    head += 1
    if head == calls.count {
      calls.removeAll(keepingCapacity: true)
      head = 0
    } else if head > 1_024, head > calls.count / 2 {
      calls.removeFirst(head)
      head = 0
    }
  }
}
