// Connections come in at the first loop, which hands them out in turn; each loop makes its own of what it is given. One that is too
// many is told so, and lingers a little without a handler, unless too many do so already.

import ApusBytes
import ApusSystem

extension EventLoop {
  /// Refused connections that may linger at once.
  static let refusedLingeringMax = 64

  func watchListeners(for readiness: Poller.Readiness) throws(SystemError) {
    guard let acceptor = seat.acceptor else { return }
    for listener in 0..<acceptor.count {
      guard let raw = acceptor.raw(listener) else { continue }
      let token = Self.listenerToken | UInt64(listener)
      // Only the first time there is nothing to change yet.
      if counts.turns == 0 {
        try poller.watch(raw, for: readiness, token: token)
      } else {
        try poller.rewatch(raw, for: readiness, token: token)
      }
    }
  }

  func accept(from listener: Int) throws(SystemError) {
    guard let acceptor = seat.acceptor, listenersAreOpen else { return }
    for _ in 0..<Self.acceptCountMax {
      switch try acceptor.accept(from: listener) {
      case .nobody: return
      case .turnedAway: counts.refused += 1
      case .exhausted:
        counts.refused += 1
        listenersRestUntil = now + Self.exhaustedNanoseconds
        return try watchListeners(for: [])
      case .connection(let raw, let peer): handOut(raw, peer)
      }
    }
  }

  private func handOut(_ raw: Int32, _ peer: ConnectionPeer) {
    guard seat.shared.enter() else { return refuse(raw) }
    let loop = nextLoop
    nextLoop = (nextLoop + 1) % seat.shared.inboxes.count
    if loop == seat.index { return adopt(raw, peer) }
    if !seat.shared.inboxes[loop].adopt(raw, peer) {
      seat.shared.leave()
      _ = StreamSocket(raw)
    }
  }

  func adopt(_ raw: Int32, _ peer: ConnectionPeer) {
    guard let connection = welcome(raw, isRefused: false) else { return seat.shared.leave() }
    counts.accepted += 1
    let mailbox = ConnectionMailbox(inbox: seat.inbox, connection: connection.id)
    let handler = service.handler(of: peer, mailbox: mailbox, now: now)
    connection.handler = handler
    // It came to a server that was about to stop.
    if stopBy != nil {
      handler.stopping(&output(of: connection).bytes, now: now)
      beginClosing(connection, .shutdown)
    }
    settle(connection)
  }

  private func refuse(_ raw: Int32) {
    counts.refused += 1
    counts.count(.refused)
    guard refusedLingering < Self.refusedLingeringMax else {
      _ = StreamSocket(raw)
      return
    }
    guard let connection = welcome(raw, isRefused: true) else { return }
    refusedLingering += 1
    seat.service.writeRefusal(into: &output(of: connection).bytes)
    connection.phase = .closing(.refused)
    settle(connection)
  }

  /// Gives a place to a connection; nil, and closes it, when the kernel does not want to watch it.
  private func welcome(_ raw: Int32, isRefused: Bool) -> Connection? {
    let socket = StreamSocket(raw)
    let place = freePlaces.last ?? connections.count
    let id = (serial + 1) << Self.placeBits | UInt64(place)
    do throws(SystemError) {
      try socket.sendAtOnce()
      try socket.limitBuffers(receiving: limits.kernelReceiveByteCount, sending: limits.kernelSendByteCount)
      try poller.watch(raw, for: .readable, token: id)
    } catch {
      counts.count(.failed(error))
      return nil
    }
    precondition(place < 1 << Self.placeBits, "a loop has more places than connections are allowed")
    serial += 1
    if freePlaces.popLast() == nil { connections.append(nil) }
    let connection = Connection(place: place, id: id, socket: socket, isRefused: isRefused, now: now)
    connections[place] = connection
    counts.open += 1
    return connection
  }
}
