// After whatever happened to a connection: what can be sent is sent, what can go on goes on, and the poller and the deadlines learn what
// it waits for now.

import ApusBytes
import ApusSystem

extension EventLoop {
  func settle(_ connection: Connection) {
    if connection.hasEnded { return }
    guard flush(connection) else { return }
    while connection.hasUncut, canTake(connection) {
      cutKept(connection)
      guard !connection.hasEnded, flush(connection) else { return }
    }
    if connection.peerEnded, !connection.hasUncut { connection.handler?.nothingMoreComes() }
    let isSilent = connection.unsentByteCount == 0
    if isSilent, let handler = connection.handler, handler.wantsRoom { handler.roomMade() }
    connection.overSince =
      connection.unsentByteCount >= limits.outputByteCountMax ? connection.overSince ?? now : nil
    if connection.phase == .open, isSilent, connection.handler?.isIdle ?? true, !connection.hasUncut {
      // A peer that sends no more gets the replies that are under way, and no frame of it will ever be whole.
      if connection.peerEnded { return end(connection, .peerClosed) }
      if stopBy != nil { beginClosing(connection, .shutdown) }
    }
    if case .closing(let reason) = connection.phase, isSilent {
      linger(connection, reason)
      if connection.hasEnded { return }
    }
    watch(connection)
    if connection.hasEnded { return }
    // Only ever moved forward here: one that has become later is found out when it comes, and not with every frame.
    let due = deadline(of: connection)
    if due < deadlines.deadline(of: connection.place) ?? .max { deadlines.set(connection.place, to: due) }
    account(connection)
  }

  /// Sends what the kernel takes. False: the connection has ended.
  func flush(_ connection: Connection) -> Bool {
    guard let output = connection.output else { return true }
    while connection.sent < output.bytes.count {
      // Lent to the kernel while it is nobody's.
      var bytes = ByteWriter()
      swap(&bytes, &output.bytes)
      defer { swap(&bytes, &output.bytes) }
      let sent: StreamSocket.Sent
      do throws(SystemError) {
        sent = try connection.socket.send(bytes.bytes.extracting(connection.sent...))
      } catch {
        end(connection, .failed(error))
        return false
      }
      switch sent {
      case .wouldBlock:
        forgetSent(connection, &bytes)
        return true
      case .gone:
        end(connection, .peerGone)
        return false
      case .bytes(let count):
        counts.bytesSent += UInt64(count)
        connection.sent += count
        connection.stuckSince = now
      }
    }
    connection.output = nil
    connection.sent = 0
    pool.give(output)
    return true
  }

  /// What is sent already must not outgrow what is not.
  private func forgetSent(_ connection: Connection, _ bytes: inout ByteWriter) {
    guard connection.sent >= Self.readByteCount, connection.sent >= bytes.count / 2 else { return }
    let rest = pool.take()
    rest.bytes.write(bytes.bytes.extracting(connection.sent...))
    swap(&rest.bytes, &bytes)
    connection.sent = 0
    pool.give(rest)
  }

  private func canTake(_ connection: Connection) -> Bool {
    connection.phase == .open && !connection.isPaused
      && connection.unsentByteCount < limits.outputByteCountMax
  }

  /// No further frame is taken; what is written is still sent.
  func beginClosing(_ connection: Connection, _ reason: ConnectionEnd) {
    guard connection.phase == .open else { return }
    connection.phase = .closing(reason)
    // While it is lent to a handler, whoever lent it drops it.
    if let input = connection.input, !input.bytes.isEmpty { drop(input, of: connection) }
  }

  /// Tells the peer why, and closes.
  func farewell(_ connection: Connection, _ reason: ConnectionEnd) {
    guard connection.phase == .open else { return }
    connection.handler?.farewell(reason, &output(of: connection).bytes)
    beginClosing(connection, reason)
  }

  /// Everything is sent. Closed at once, the kernel would answer what still comes with a reset, and the peer could lose the last words.
  private func linger(_ connection: Connection, _ reason: ConnectionEnd) {
    connection.handler?.ended(reason)
    connection.handler = nil
    if reason != .refused { counts.count(reason) }
    if connection.peerEnded { return end(connection, reason) }
    do throws(SystemError) {
      try connection.socket.endSending()
    } catch {
      return end(connection, .failed(error))
    }
    let until = now.addingReportingOverflow(limits.lingerNanosecondsMax)
    connection.phase = .lingering(until: until.overflow ? .max : until.partialValue)
  }

  private func watch(_ connection: Connection) {
    var interest = Poller.Readiness(rawValue: 0)
    if !connection.peerEnded {
      switch connection.phase {
      case .open: if canTake(connection), !connection.hasUncut { interest.insert(.readable) }
      case .lingering: interest.insert(.readable)
      case .closing, .ended: break
      }
    }
    if connection.unsentByteCount > 0 { interest.insert(.writable) }
    guard interest != connection.interest else { return }
    connection.interest = interest
    do throws(SystemError) {
      try poller.rewatch(connection.socket.raw, for: interest, token: connection.id)
    } catch {
      end(connection, .failed(error))
    }
  }

  /// The last of a connection, at once. Safe to be called for one that has ended.
  func end(_ connection: Connection, _ reason: ConnectionEnd) {
    if connection.hasEnded { return }
    if let handler = connection.handler {
      handler.ended(reason)
      connection.handler = nil
      counts.count(reason)
    }
    if connection.isRefused { refusedLingering -= 1 } else { seat.shared.leave() }
    connection.phase = .ended
    connection.input = nil
    connection.output = nil
    account(connection)
    deadlines.set(connection.place, to: .max)
    connections[connection.place] = nil
    freePlaces.append(connection.place)
    counts.open -= 1
    // The descriptor is closed with the connection's last holder, at the latest when this turn ends.
  }

  /// Keeps the sum of what all hold, and the sum within its budget: whoever holds the most goes.
  private func account(_ connection: Connection) {
    let held = connection.heldByteCount
    counts.memoryByteCount += held - connection.memoryByteCount
    connection.memoryByteCount = held
    while counts.memoryByteCount > seat.memoryByteCountMax {
      var biggest: Connection?
      for case .some(let one) in connections where one.memoryByteCount > (biggest?.memoryByteCount ?? 0) {
        biggest = one
      }
      guard let biggest else { return }
      end(biggest, .memory)
    }
  }
}
