// What is due when, and the end of everything: a stop is the deadline of the loop itself.

import ApusBytes
import ApusSystem

extension EventLoop {
  /// Reads at a stop of what a peer sent before it; what a flood sent beyond that is not answered.
  private static let lastReadsMax = 16

  /// When to look at the connection next; never too late, sometimes too early.
  func deadline(of connection: Connection) -> UInt64 {
    switch connection.phase {
    case .ended: return .max
    case .lingering(let until): return until
    case .closing: return slowReaderDeadline(of: connection)
    case .open:
      let own = connection.handler?.deadline ?? .max
      return min(own, slowReaderDeadline(of: connection), patience(with: connection)?.until ?? .max)
    }
  }

  private func slowReaderDeadline(of connection: Connection) -> UInt64 {
    guard connection.unsentByteCount > 0 else { return .max }
    let since = min(connection.stuckSince, connection.overSince ?? .max)
    return Self.moment(limits.slowReaderNanoseconds, after: since)
  }

  /// How long the peer may still do without what it should do next, and what it is called when it does not. Nil while it is our turn.
  private func patience(with connection: Connection) -> (until: UInt64, end: ConnectionEnd)? {
    guard let handler = connection.handler else { return nil }
    if !handler.isGreeted {
      return (Self.moment(limits.helloNanosecondsMax, after: connection.bornAt), .helloLate)
    }
    if let begun = connection.frameBegunAt {
      return (Self.moment(limits.frameNanosecondsMax, after: begun), .slowSender)
    }
    // Who sends no more and waits for what need not come would keep its connection for good, and may be gone long since.
    if connection.peerEnded || handler.isIdle, connection.unsentByteCount == 0 {
      return (Self.moment(limits.idleNanosecondsMax, after: connection.frameAt), .idle)
    }
    return nil
  }

  private static func moment(_ nanoseconds: UInt64, after start: UInt64) -> UInt64 {
    let (sum, overflow) = start.addingReportingOverflow(nanoseconds)
    return overflow ? .max : sum
  }

  func lookAtDeadlines() throws(SystemError) {
    // A deadline that a handler leaves where it is comes again in the next turn, not in this one.
    var left = deadlines.count
    while left > 0, let first = deadlines.first, first.deadline <= now {
      left -= 1
      deadlines.set(first.place, to: .max)
      if let connection = connections[first.place] { due(connection) }
    }
    if let rest = listenersRestUntil, rest <= now {
      listenersRestUntil = nil
      if listenersAreOpen { try watchListeners(for: .readable) }
    }
    if let stopBy, stopBy <= now {
      for case .some(let connection) in connections { end(connection, .shutdown) }
    }
  }

  private func due(_ connection: Connection) {
    switch connection.phase {
    case .ended: return
    case .lingering: return end(connection, .peerGone)
    case .open, .closing: break
    }
    if slowReaderDeadline(of: connection) <= now { return end(connection, .slowReader) }
    if connection.phase == .open {
      if let patience = patience(with: connection), patience.until <= now {
        farewell(connection, patience.end)
      } else if let handler = connection.handler, handler.deadline <= now {
        follow(handler.deadlineReached(&output(of: connection).bytes, now: now), connection)
      }
    }
    settle(connection)
  }

  /// From here on nothing comes in. What was asked for is answered, what comes late is told so, and then each connection ends.
  func stop(by moment: UInt64, _ block: inout ByteBlock) throws(SystemError) {
    stopBy = min(stopBy ?? .max, moment)
    try closeListeners()
    for case .some(let connection) in connections {
      guard connection.phase == .open, let handler = connection.handler else { continue }
      handler.stopping(&output(of: connection).bytes, now: now)
      var reads = 0
      while reads < Self.lastReadsMax, connection.interest.contains(.readable), connection.phase == .open,
        !connection.peerEnded, !connection.hasUncut
      {
        let before = counts.bytesReceived
        read(connection, &block)
        if counts.bytesReceived == before { break }
        reads += 1
      }
      settle(connection)
    }
  }

  private func closeListeners() throws(SystemError) {
    guard listenersAreOpen else { return }
    listenersAreOpen = false
    try seat.acceptor?.close()
  }

  /// What was given to this loop after its last connection is closed; what comes later is refused where it comes from.
  func end() throws(SystemError) {
    try closeListeners()
    for case .some(let connection) in connections { end(connection, .shutdown) }
    seat.inbox.close()
    seat.inbox.fetch(&letters)
    for case .adopt(let raw, _) in letters.all {
      _ = StreamSocket(raw)
      seat.shared.leave()
    }
    letters.removeAll()
    seat.publish(counts)
  }
}
