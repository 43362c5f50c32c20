// Takes connections in, and never spins: when this process has no descriptor left, a spare one is given up to take the connection and
// close it, so that the peer learns of it at once and the listener is quiet again.

import ApusBytes
import ApusSystem

/// Owned by the thread of the first loop once the server runs; before that by whoever starts it.
final class Acceptor: @unchecked Sendable {
  enum Accepted {
    case connection(Int32, ConnectionPeer)
    /// Somebody came and was closed: no descriptor.
    case turnedAway
    case nobody
    /// There is not even room to turn somebody away: to be tried again later.
    case exhausted
  }

  private var listeners: [Listener] = []
  private var spare: OwnedDescriptor?

  init(_ addresses: [SocketAddress]) throws(SystemError) {
    for address in addresses { listeners.append(Listener(try ListeningSocket(at: address))) }
    spare = try RealDisk.spareDescriptor()
  }

  var count: Int { listeners.count }
  /// With the ports that the kernel chose.
  var addresses: [SocketAddress] { listeners.compactMap(\.address) }
  func raw(_ listener: Int) -> Int32? { listeners[listener].raw }

  func accept(from listener: Int) throws(SystemError) -> Accepted {
    do throws(SystemError) {
      return try take(from: listener)
    } catch  where error.errno.meansOutOfDescriptors {
      guard spare != nil else {
        refill()
        return .exhausted
      }
      spare = nil
      defer { refill() }
      do throws(SystemError) {
        guard case .connection(let raw, _) = try take(from: listener) else { return .nobody }
        // Its owner ends at once, and with it the connection.
        _ = StreamSocket(raw)
        return .turnedAway
      } catch  where error.errno.meansOutOfDescriptors {
        return .exhausted
      }
    }
  }

  /// No connection comes in any more; the names of Unix sockets are free again.
  func close() throws(SystemError) {
    for listener in listeners { try listener.close() }
    spare = nil
  }

  private func take(from listener: Int) throws(SystemError) -> Accepted {
    switch try listeners[listener].accept() {
    case .connection(let raw, let address):
      .connection(raw, ConnectionPeer(address: address, listener: listener))
    case .none: .nobody
    }
  }

  private func refill() {
    // Without one, the next connection that finds no descriptor waits until there is one.
    if spare == nil { spare = try? RealDisk.spareDescriptor() }
  }

  private final class Listener {
    private var socket: ListeningSocket?

    init(_ socket: consuming ListeningSocket) { self.socket = consume socket }

    var raw: Int32? { socket?.raw }
    var address: SocketAddress? { socket?.address }

    func accept() throws(SystemError) -> ListeningSocket.Accepted { try socket?.accept() ?? .none }

    func close() throws(SystemError) { try socket.take()?.close() }
  }
}
