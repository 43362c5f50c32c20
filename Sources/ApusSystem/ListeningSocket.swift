// Where connections come in. A path of a Unix socket belongs to the listener: it takes the place of a socket that nobody
// answers at, never of a living one and never of another kind of file, and is removed when the listener is closed.

import CLinux

package struct ListeningSocket: ~Copyable {
  private let descriptor: OwnedDescriptor
  /// Where it listens: with the port that the kernel chose, when it was left to choose.
  package let address: SocketAddress

  package enum Accepted: Equatable, Sendable {
    /// A descriptor that is the caller's now, and who is at the other end.
    case connection(Int32, SocketAddress)
    /// Nobody waits, or whoever waited is gone.
    case none
  }

  /// - Parameter sharesPort: several sockets may listen at one port; the kernel hands out who comes.
  package init(
    at address: SocketAddress, backlog: Int32 = 4096, sharesPort: Bool = false
  ) throws(SystemError) {
    if case .unix(let path) = address { try Self.removeStale(path, address) }
    let descriptor = try address.newSocket()
    let raw = descriptor.raw
    if case .unix = address {
    } else {
      // A restart need not wait for the last connections of the process before to be forgotten.
      try Self.set(raw, LINUX_LEVEL_SOCKET, LINUX_REUSE_ADDRESS, address)
      if sharesPort { try Self.set(raw, LINUX_LEVEL_SOCKET, LINUX_REUSE_PORT, address) }
      if case .v6 = address { try Self.set(raw, LINUX_LEVEL_V6, LINUX_V6_ONLY, address) }
    }
    _ = try unsafe address.lend(to: "bind") { unsafe linux_bind(raw, $0) }
    try Kernel.call("listen", on: address.description) { linux_listen(raw, backlog) }
    self.address = try SocketAddress.of(raw, peer: false) ?? address
    self.descriptor = descriptor
  }

  /// For a poller to watch.
  package var raw: Int32 { descriptor.raw }

  /// One connection, if one waits. An error is one of this process: out of descriptors, or out of memory.
  package func accept() throws(SystemError) -> Accepted {
    let raw = descriptor.raw
    var peer = linux_address()
    do throws(SystemError) {
      switch try Kernel.ask("accept", on: address.description, { unsafe linux_accept(raw, &peer) }) {
      case .done(let accepted): return .connection(Int32(accepted), SocketAddress(peer) ?? address)
      case .wouldBlock: return .none
      }
    } catch  where error.errno.meansPeerGone {
      return .none
    }
  }

  package consuming func close() throws(SystemError) {
    if case .unix(let path) = address {
      do throws(SystemError) {
        try Kernel.call("unlink", on: path) { unsafe linux_unlink(path) }
      } catch  where error.errno == .noEntry {}
    }
    try descriptor.close()
  }

  private static func set(
    _ raw: Int32, _ level: Int32, _ option: Int32, _ address: SocketAddress
  ) throws(SystemError) {
    try Kernel.call("setsockopt", on: address.description) { linux_set_option(raw, level, option, 1) }
  }

  /// A process that was killed leaves its socket's name behind, and bind would find it in use for ever.
  private static func removeStale(_ path: String, _ address: SocketAddress) throws(SystemError) {
    do throws(SystemError) {
      let answers = try StreamSocket.connect(to: address, milliseconds: 1_000)
      try answers.close()
    } catch {
      switch error.errno {
      case .noEntry: return
      // Only a socket refuses: of a regular file the kernel says the same, so it is looked at first.
      case .connectionRefused where try isSocket(path):
        try Kernel.call("unlink", on: path) { unsafe linux_unlink(path) }
        return
      // Its listener is there, and busy.
      case .wouldBlock, .timedOut: break
      default: throw error
      }
    }
    throw SystemError("bind", .addressInUse, on: address.description)
  }

  private static func isSocket(_ path: String) throws(SystemError) -> Bool {
    try Kernel.call("lstat", on: path) { unsafe linux_is_socket(path) } == 1
  }
}
