// One end of a connection, never blocking. That the peer is gone is an answer and not an error: it happens every day.

import ApusBytes
import CLinux

package struct StreamSocket: ~Copyable {
  private let descriptor: OwnedDescriptor

  package enum Received: Equatable, Sendable {
    case bytes(Int)
    case wouldBlock
    /// The peer sends no more; it may still read.
    case ended
    case gone
  }

  package enum Sent: Equatable, Sendable {
    /// So many of them; perhaps not all.
    case bytes(Int)
    case wouldBlock
    case gone
  }

  /// Takes over a descriptor of a connection that does not block.
  package init(_ raw: Int32) { descriptor = OwnedDescriptor(raw) }

  private init(owning descriptor: consuming OwnedDescriptor) { self.descriptor = descriptor }

  /// For a poller to watch.
  package var raw: Int32 { descriptor.raw }

  package consuming func giveUp() -> Int32 { descriptor.giveUp() }

  package consuming func close() throws(SystemError) { try descriptor.close() }

  /// Waits for the connection to stand, but no longer than `milliseconds`.
  package static func connect(to address: SocketAddress, milliseconds: Int32) throws(SystemError)
    -> StreamSocket
  {
    let descriptor = try address.newSocket()
    do throws(SystemError) {
      let raw = descriptor.raw
      // A Unix socket whose listener is full would block, for as long as it is; a caller can try again.
      if case .wouldBlock = try unsafe address.lend(to: "connect", { unsafe linux_connect(raw, $0) }) {
        throw SystemError("connect", .wouldBlock, on: address.description)
      }
    } catch  where error.errno == .inProgress {
      let raw = descriptor.raw
      let ready = try Kernel.call("poll", on: address.description) {
        linux_wait_until_ready(raw, 1, milliseconds)
      }
      if ready == 0 { throw SystemError("connect", .timedOut, on: address.description) }
      let failed = try Kernel.call("getsockopt", on: address.description) {
        linux_option(raw, LINUX_LEVEL_SOCKET, LINUX_SOCKET_ERROR)
      }
      if failed != 0 {
        throw SystemError(
          "connect", Errno(rawValue: Int32(truncatingIfNeeded: failed)), on: address.description)
      }
    }
    let socket = StreamSocket(owning: descriptor)
    try socket.sendAtOnce()
    return socket
  }

  /// Reads what is there, as much as `bytes` can hold, which must be something.
  package func receive(into bytes: inout MutableRawSpan) throws(SystemError) -> Received {
    precondition(bytes.byteCount > 0, "without room for a byte, the end cannot be told from nothing")
    let raw = descriptor.raw
    do throws(SystemError) {
      let result = try unsafe bytes.withUnsafeMutableBytes { bytes throws(SystemError) in
        try Kernel.ask("recv", on: "a connection") {
          unsafe linux_receive(raw, bytes.baseAddress, bytes.count)
        }
      }
      switch result {
      case .done(0): return .ended
      case .done(let count): return .bytes(count)
      case .wouldBlock: return .wouldBlock
      }
    } catch  where error.errno.meansPeerGone {
      return .gone
    }
  }

  /// Sends what the kernel has room for.
  package func send(_ bytes: RawSpan) throws(SystemError) -> Sent {
    let raw = descriptor.raw
    do throws(SystemError) {
      let result = try unsafe bytes.withUnsafeBytes { bytes throws(SystemError) in
        try Kernel.ask("send", on: "a connection") { unsafe linux_send(raw, bytes.baseAddress, bytes.count) }
      }
      switch result {
      case .done(let count): return .bytes(count)
      case .wouldBlock: return .wouldBlock
      }
    } catch  where error.errno.meansPeerGone {
      return .gone
    }
  }

  /// Tells the peer that nothing follows. A peer that is gone need not be told.
  package func endSending() throws(SystemError) {
    let raw = descriptor.raw
    do throws(SystemError) {
      try Kernel.call("shutdown", on: "a connection") { linux_shutdown_sending(raw) }
    } catch  where error.errno.meansPeerGone {}
  }

  /// Waits, on a thread that has nothing else to do, until bytes can be read (or, for `sending`, sent), or the peer is gone. False when
  /// the time is up; negative: there is no such time.
  package func wait(forSending sending: Bool = false, milliseconds: Int32) throws(SystemError) -> Bool {
    let raw = descriptor.raw
    return try Kernel.call("poll", on: "a connection") {
      linux_wait_until_ready(raw, sending ? 1 : 0, milliseconds)
    } > 0
  }

  /// Small frames leave at once and are not gathered by the kernel. Nothing for a Unix socket, which never gathers.
  package func sendAtOnce() throws(SystemError) {
    let raw = descriptor.raw
    do throws(SystemError) {
      try Kernel.call("setsockopt TCP_NODELAY", on: "a connection") {
        linux_set_option(raw, LINUX_LEVEL_TCP, LINUX_NO_DELAY, 1)
      }
    } catch  where error.errno == .notSupported || error.errno.meansPeerGone || error.errno == .invalid {}
  }

  /// How much the kernel keeps for this connection; it doubles and bounds the numbers as it likes.
  package func limitBuffers(receiving: Int32? = nil, sending: Int32? = nil) throws(SystemError) {
    let raw = descriptor.raw
    if let receiving {
      try Kernel.call("setsockopt SO_RCVBUF", on: "a connection") {
        linux_set_option(raw, LINUX_LEVEL_SOCKET, LINUX_RECEIVE_BUFFER, receiving)
      }
    }
    if let sending {
      try Kernel.call("setsockopt SO_SNDBUF", on: "a connection") {
        linux_set_option(raw, LINUX_LEVEL_SOCKET, LINUX_SEND_BUFFER, sending)
      }
    }
  }

  /// Where this end is.
  package func address() throws(SystemError) -> SocketAddress? {
    try SocketAddress.of(descriptor.raw, peer: false)
  }

  /// Where the other end is; nil when it is gone.
  package func peerAddress() throws(SystemError) -> SocketAddress? {
    try SocketAddress.of(descriptor.raw, peer: true)
  }
}

extension SocketAddress {
  /// A socket of this address's family, that does not block, bound to nothing.
  func newSocket() throws(SystemError) -> OwnedDescriptor {
    let family =
      switch self {
      case .v4: LINUX_V4
      case .v6: LINUX_V6
      case .unix: LINUX_UNIX
      }
    return OwnedDescriptor(Int32(try Kernel.call("socket", on: description) { linux_socket(family) }))
  }

  static func of(_ descriptor: Int32, peer: Bool) throws(SystemError) -> SocketAddress? {
    var address = linux_address()
    do throws(SystemError) {
      try Kernel.call(peer ? "getpeername" : "getsockname", on: "descriptor \(descriptor)") {
        unsafe linux_socket_address(descriptor, peer ? 1 : 0, &address)
      }
    } catch  where error.errno.meansPeerGone {
      return nil
    }
    return SocketAddress(address)
  }
}
