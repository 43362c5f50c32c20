// One thread and the connections that belong to it. A turn: wait, read what is ready, read the letters, let the service go on with what
// was gathered, look at what is due. Nothing in a turn waits for anything but the poller.
//
// A connection is handed from function to function as an object; one that has ended in between says so (`hasEnded`), and is no longer in
// `connections`. Every function that may change what a connection waits for ends in `settle`, or in `touch`, which has it settled in this
// turn.

import ApusBytes
import ApusSystem

/// Made, used and forgotten on its thread.
final class EventLoop {
  /// How much is read from one connection in a turn.
  static let readByteCount = 64 << 10
  /// Connections that are read before replies are sent to them, one send after the other: a peer that has several is woken once.
  static let settleTogetherMax = 16
  /// Connections taken in from a listener in a turn.
  static let acceptCountMax = 64
  /// How long a listener rests for which there is no descriptor at all.
  static let exhaustedNanoseconds: UInt64 = 100_000_000
  /// A place in the lower bits of a connection's id, and above it a number that is never used again.
  static let placeBits: UInt64 = 24
  static let bellToken: UInt64 = 1 << 63
  static let listenerToken: UInt64 = 1 << 62

  let seat: LoopSeat
  let limits: TransportLimits
  let service: any LoopService
  let poller: Poller
  var now: UInt64

  var connections: [Connection?] = []
  var freePlaces: [Int] = []
  var serial: UInt64 = 0
  var deadlines = DeadlineHeap()
  var pool = BufferPool()
  var counts = LoopCounts()
  var touched: [Connection] = []
  /// The letters of this turn, and the memory of the next.
  var letters = Letters()

  var nextLoop = 0
  var listenersRestUntil: UInt64?
  var listenersAreOpen: Bool
  /// Connections that are refused and still there.
  var refusedLingering = 0
  /// Set once: everything is to end, by this moment at the latest.
  var stopBy: UInt64?

  init(_ seat: LoopSeat) throws(SystemError) {
    self.seat = seat
    limits = seat.limits
    poller = seat.poller
    service = seat.service.loopService(loop: seat.index)
    now = seat.clock.monotonic().nanoseconds
    listenersAreOpen = seat.acceptor != nil
    try poller.watch(seat.inbox.bell.raw, for: .readable, token: Self.bellToken)
    try watchListeners(for: .readable)
  }

  /// Until the last connection has ended after a stop.
  func run() throws(SystemError) {
    var block = ByteBlock(byteCount: Self.readByteCount)
    repeat { try turn(&block) } while stopBy == nil || counts.open > 0
    try end()
  }

  private func turn(_ block: inout ByteBlock) throws(SystemError) {
    let count = try poller.wait(milliseconds: timeout())
    now = seat.clock.monotonic().nanoseconds
    counts.turns += 1
    var hasLetters = false
    for index in 0..<count {
      let (token, readiness) = poller.ready(at: index)
      if token == Self.bellToken {
        hasLetters = true
      } else if token >= Self.listenerToken {
        try accept(from: Int(truncatingIfNeeded: token & 0xFFFF))
      } else if let connection = connection(token) {
        ready(connection, readiness, &block)
        if touched.count == Self.settleTogetherMax { settleTouched() }
      }
    }
    settleTouched()
    if hasLetters {
      try readLetters(&block)
      letters.removeAll()
    }
    service.turnEnded(now: now)
    try lookAtDeadlines()
    seat.publish(counts)
  }

  /// Rounded up, so that what is due is due when the wait ends.
  private func timeout() -> Int32 {
    var next = deadlines.first?.deadline ?? .max
    if let stopBy { next = min(next, stopBy) }
    if let listenersRestUntil { next = min(next, listenersRestUntil) }
    if next == .max { return -1 }
    let current = seat.clock.monotonic().nanoseconds
    if next <= current { return 0 }
    return Int32(min((next - current) / 1_000_000 + 1, 3_600_000))
  }

  func connection(_ id: UInt64) -> Connection? {
    let place = Int(truncatingIfNeeded: id & (1 << Self.placeBits - 1))
    guard place < connections.count, let connection = connections[place], connection.id == id else {
      return nil
    }
    return connection
  }

  private func ready(
    _ connection: Connection, _ readiness: Poller.Readiness, _ block: inout ByteBlock
  ) {
    if readiness.contains(.failed) { return end(connection, .peerGone) }
    // Nobody is left to read a reply, and we would be told so again and again.
    if readiness.contains(.hungUp), !connection.interest.contains(.readable) {
      return end(connection, .peerGone)
    }
    // Not as a set of both: such a literal is an array, and asks for memory.
    if readiness.contains(.readable) || readiness.contains(.hungUp), connection.interest.contains(.readable) {
      read(connection, &block)
    }
    touch(connection)
  }

  private func readLetters(_ block: inout ByteBlock) throws(SystemError) {
    seat.inbox.bell.heard()
    seat.inbox.fetch(&letters)
    // Lent to the connections while they are nobody's.
    var bytes = ByteWriter()
    swap(&bytes, &letters.bytes)
    defer { swap(&bytes, &letters.bytes) }
    var at = 0
    for letter in letters.all {
      switch letter {
      case .frames(let id, let byteCount, let note):
        if let connection = connection(id), connection.handler != nil {
          let buffer = output(of: connection)
          buffer.bytes.write(bytes.bytes.extracting(at..<(at + byteCount)))
          if let note, let handler = connection.handler {
            follow(handler.noted(note, &buffer.bytes, now: now), connection)
          }
          touch(connection)
        }
        at += byteCount
      case .run(let id, let body):
        guard let connection = connection(id), let handler = connection.handler else { continue }
        follow(body(handler, &output(of: connection).bytes, now), connection)
        touch(connection)
      case .resume(let id):
        guard let connection = connection(id) else { continue }
        follow(.resume, connection)
        touch(connection)
      case .adopt(let raw, let peer): adopt(raw, peer)
      case .stop(let moment): try stop(by: moment, &block)
      }
    }
    settleTouched()
  }

  private func settleTouched() {
    for connection in touched {
      connection.isTouched = false
      settle(connection)
    }
    touched.removeAll(keepingCapacity: true)
  }

  private func touch(_ connection: Connection) {
    if connection.isTouched { return }
    connection.isTouched = true
    touched.append(connection)
  }

  /// Does what a handler wants.
  func follow(_ action: ConnectionAction, _ connection: Connection) {
    switch action {
    case .goOn: return
    case .pause: connection.isPaused = true
    case .resume: connection.isPaused = false
    case .close: beginClosing(connection, .asked)
    }
  }

  /// What it holds of replies, in a buffer that it has from here on.
  func output(of connection: Connection) -> Buffer {
    if let output = connection.output { return output }
    let buffer = pool.take()
    connection.output = buffer
    connection.stuckSince = now
    return buffer
  }
}
