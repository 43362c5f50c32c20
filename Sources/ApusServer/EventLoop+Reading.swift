// From bytes to frames. What is read lies in the loop's own block; frames that are whole in there are handed out from there, and only
// what is left over is copied to the connection's buffer. So `input` is there if and only if something is left over.

import ApusBytes
import ApusSystem
import ApusWire

extension EventLoop {
  /// Replies of one turn above which they are sent before the next frame is handed out.
  static let flushByteCount = 64 << 10

  func read(_ connection: Connection, _ block: inout ByteBlock) {
    var room = block.mutableBytes
    let received: StreamSocket.Received
    do throws(SystemError) {
      received = try connection.socket.receive(into: &room)
    } catch {
      return end(connection, .failed(error))
    }
    switch received {
    case .wouldBlock: return
    case .gone: end(connection, .peerGone)
    case .ended:
      connection.peerEnded = true
      if case .lingering = connection.phase { end(connection, .peerClosed) }
    case .bytes(let count):
      counts.bytesReceived += UInt64(count)
      guard connection.phase == .open else { return }
      arrived(block.bytes.extracting(0..<count), connection)
    }
  }

  private func arrived(_ bytes: RawSpan, _ connection: Connection) {
    var rest = bytes
    // First what completes the frame that is begun, byte for byte as much as is needed.
    while connection.input != nil, !rest.isEmpty, connection.phase == .open {
      compact(connection)
      guard let input = connection.input else { break }
      // While no frame is taken, all of it is kept.
      let missing = connection.hasUncut ? rest.byteCount : connection.needed - input.bytes.count
      let count = min(max(missing, 1), rest.byteCount)
      input.bytes.write(rest.extracting(0..<count))
      rest = rest.extracting(count...)
      if !connection.hasUncut, input.bytes.count >= connection.needed { cutKept(connection) }
    }
    guard !rest.isEmpty, connection.phase == .open else { return }
    let used = cut(rest, connection)
    if used < rest.byteCount, connection.phase == .open {
      let input = pool.take()
      input.bytes.write(rest.extracting(used...))
      connection.input = input
      connection.used = 0
    }
  }

  /// Hands out what `input` holds of whole frames.
  func cutKept(_ connection: Connection) {
    guard let input = connection.input else {
      connection.hasUncut = false
      return
    }
    // Lent to the handler while it is nobody's, so that nothing can change it meanwhile.
    var kept = ByteWriter()
    swap(&kept, &input.bytes)
    connection.used += cut(kept.bytes.extracting(connection.used...), connection)
    swap(&kept, &input.bytes)
    if connection.used == input.bytes.count || connection.phase != .open { drop(input, of: connection) }
  }

  private func compact(_ connection: Connection) {
    guard connection.used > 0, let input = connection.input else { return }
    let rest = pool.take()
    var whole = ByteWriter()
    swap(&whole, &input.bytes)
    rest.bytes.write(whole.bytes.extracting(connection.used...))
    swap(&whole, &input.bytes)
    connection.input = rest
    connection.used = 0
    pool.give(input)
  }

  func drop(_ input: Buffer, of connection: Connection) {
    connection.input = nil
    connection.used = 0
    connection.needed = 0
    connection.hasUncut = false
    connection.frameBegunAt = nil
    pool.give(input)
  }

  /// Hands out whole frames, and says how many bytes they had. Stops when the connection takes no more (then `hasUncut` is set), or
  /// when the next frame is not whole (then `needed` says what it takes).
  private func cut(_ bytes: RawSpan, _ connection: Connection) -> Int {
    guard let handler = connection.handler else { return bytes.byteCount }
    var used = 0
    connection.hasUncut = false
    while used < bytes.byteCount {
      guard takesFrames(connection) else {
        connection.hasUncut = connection.phase == .open
        connection.frameBegunAt = nil
        return used
      }
      let rest = bytes.extracting(used...)
      let taken = handler.receivedTogether(rest, &output(of: connection).bytes, now: now)
      if taken.count > 0 {
        used += taken.byteCount
        counts.frames += UInt64(taken.count)
        connection.frameAt = now
        connection.frameBegunAt = nil
        continue
      }
      do throws(WireError) {
        switch try FrameCutter.cut(rest, bodyByteCountMax: handler.bodyByteCountMax) {
        case .needs(let count):
          connection.needed = count
          if connection.frameBegunAt == nil { connection.frameBegunAt = now }
          return used
        case .frame(let header, let byteCount):
          used += byteCount
          counts.frames += 1
          connection.frameAt = now
          connection.frameBegunAt = nil
          let body = FrameCutter.body(of: header, in: rest)
          follow(handler.received(header, body, &output(of: connection).bytes, now: now), connection)
        }
      } catch {
        farewell(connection, .malformed(error))
        return bytes.byteCount
      }
    }
    connection.frameBegunAt = nil
    return used
  }

  /// Whether the next frame may be handed out: it is not while there are too many replies that are not read.
  private func takesFrames(_ connection: Connection) -> Bool {
    guard connection.phase == .open, !connection.isPaused else { return false }
    if connection.unsentByteCount >= min(Self.flushByteCount, limits.outputByteCountMax) {
      guard flush(connection) else { return false }
    }
    return connection.unsentByteCount < limits.outputByteCountMax
  }
}
