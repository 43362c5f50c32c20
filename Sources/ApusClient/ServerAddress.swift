// Where a server listens, as a person writes it. What cannot be an address is refused before anything is opened.

import ApusSystem

/// `tcp://host:port`, where an IPv6 address stands in brackets, or `unix:/path`.
public struct ServerAddress: Hashable, Sendable, CustomStringConvertible {
  enum Place: Hashable, Sendable {
    case host(String, port: UInt16)
    case path(String)
  }

  let place: Place

  public init(_ text: String) throws(ClientError) {
    if text.hasPrefix("unix:") {
      let path = String(text.dropFirst("unix:".count))
      guard path.hasPrefix("/"), path.utf8.count <= SocketAddress.unixPathByteCountMax, !path.utf8.contains(0)
      else { throw Self.refusal(text, "a path begins with / and is short") }
      place = .path(path)
    } else if text.hasPrefix("tcp://") {
      let rest = text.dropFirst("tcp://".count)
      guard let colon = rest.lastIndex(of: ":"), let port = UInt16(rest[rest.index(after: colon)...]),
        port > 0
      else { throw Self.refusal(text, "a port follows the host") }
      var host = rest[..<colon]
      if host.hasPrefix("["), host.hasSuffix("]") {
        host = host.dropFirst().dropLast()
      } else if host.contains(":") {
        throw Self.refusal(text, "an IPv6 address stands in brackets")
      }
      guard !host.isEmpty, !host.contains(where: { $0 == "/" || $0 == "@" || $0.isWhitespace }) else {
        throw Self.refusal(text, "this is no host")
      }
      place = .host(String(host), port: port)
    } else {
      throw Self.refusal(text, "there are two kinds")
    }
  }

  private static func refusal(_ text: String, _ why: String) -> ClientError {
    ClientError(
      .badAddress, "\"\(text)\" is no address: \(why)", next: "write tcp://host:port or unix:/path")
  }

  public var description: String {
    switch place {
    case .host(let host, let port): host.contains(":") ? "tcp://[\(host)]:\(port)" : "tcp://\(host):\(port)"
    case .path(let path): "unix:\(path)"
    }
  }

  /// In the order in which they should be tried. May wait for a name server.
  func resolved() throws(SystemError) -> [SocketAddress] {
    switch place {
    case .host(let host, let port): try SocketAddress.resolve(host, port: port)
    case .path(let path): [.unix(path: path)]
    }
  }
}
