// Where a socket is: an address and a port, or a path. Names are not addresses; `SocketAddress.resolve` makes them such.

package enum SocketAddress: Equatable, Hashable, Sendable {
  /// The four bytes as they are written, from left to right.
  case v4(UInt32, port: UInt16)
  /// The sixteen bytes, the first eight and the last eight as they are written; `scope` is the interface of a link-local address, or 0.
  case v6(UInt64, UInt64, port: UInt16, scope: UInt32 = 0)
  case unix(path: String)

  package static func loopback(port: UInt16) -> SocketAddress { .v4(0x7F00_0001, port: port) }

  /// Reachable from this machine alone.
  package var isLoopback: Bool {
    switch self {
    case .v4(let host, _): host >> 24 == 127
    case .v6(let high, let low, _, _): high == 0 && (low == 1 || low >> 24 == 0xFFFF_7F)
    case .unix: true
    }
  }

  /// Nil for a path.
  package var port: UInt16? {
    switch self {
    case .v4(_, let port), .v6(_, _, let port, _): port
    case .unix: nil
    }
  }
}
