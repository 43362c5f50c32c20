// Sockets, readiness and wake-ups, on this machine's own network.

import ApusBytes
import ApusSystem
import ApusTestSupport
import Glibc
import Testing

@Suite("A socket")
struct SocketTests {
  private static let addresses: [SocketAddress] = [.loopback(port: 0), .v6(0, 1, port: 0)]
  private static let patience: Int32 = 60_000

  /// Both ends of a connection.
  private func connected(
    to address: SocketAddress, _ body: (borrowing StreamSocket, borrowing StreamSocket) throws -> Void
  ) throws {
    let listener = try ListeningSocket(at: address)
    let client = try StreamSocket.connect(to: listener.address, milliseconds: Self.patience)
    // The connection stands, so it can be taken.
    guard case .connection(let raw, _) = try listener.accept() else {
      Issue.record("nobody came")
      return
    }
    let server = StreamSocket(raw)
    try body(client, server)
    try listener.close()
  }

  private func send(_ bytes: [UInt8], on socket: borrowing StreamSocket) throws -> StreamSocket.Sent {
    try socket.send(unsafe bytes.span.bytes)
  }

  private func receive(_ socket: borrowing StreamSocket, atMost: Int = 100) throws -> (
    StreamSocket.Received, [UInt8]
  ) {
    var bytes = [UInt8](repeating: 0, count: atMost)
    var span = bytes.mutableSpan
    var room = unsafe span.mutableBytes
    let received = try socket.receive(into: &room)
    if case .bytes(let count) = received { return (received, Array(bytes.prefix(count))) }
    return (received, [])
  }

  @Test(
    "carries bytes both ways, and tells nothing-yet, the end and the lost peer apart", arguments: addresses)
  func bothWays(address: SocketAddress) throws {
    try connected(to: address) { client, server in
      #expect(try receive(server).0 == .wouldBlock)
      #expect(try send([1, 2, 3], on: client) == .bytes(3))
      #expect(try server.wait(milliseconds: Self.patience))
      #expect(try receive(server, atMost: 2).1 != [])
      try client.endSending()
      #expect(try server.wait(milliseconds: Self.patience))
      var last = try receive(server)
      while case .bytes = last.0 { last = try receive(server) }
      #expect(last.0 == .ended)
      #expect(try server.peerAddress() == (try client.address()))
      #expect(try server.address() == (try client.peerAddress()))
    }
  }

  @Test("whose peer is gone says so, and the process lives on")
  func gone() throws {
    let listener = try ListeningSocket(at: .loopback(port: 0))
    let client = try StreamSocket.connect(to: listener.address, milliseconds: Self.patience)
    guard case .connection(let raw, let peer) = try listener.accept() else {
      Issue.record("nobody came")
      return
    }
    #expect(try client.address() == peer)
    try StreamSocket(raw).close()
    var sent = StreamSocket.Sent.bytes(0)
    // The first bytes meet a closed end, which answers; those after the answer fail.
    while case .bytes = sent {
      sent = try send([0], on: client)
      _ = try client.wait(milliseconds: 1)
    }
    #expect(sent == .gone)
    try listener.close()
  }

  @Test("refused throws who refused, and where")
  func refused() throws {
    try connected(to: .loopback(port: 0)) { client, _ in
      // A port that is taken, so that nobody else can listen there meanwhile.
      let address = try #require(try client.address())
      #expect(throws: SystemError("connect", .connectionRefused, on: "\(address)")) {
        _ = try StreamSocket.connect(to: address, milliseconds: Self.patience)
      }
    }
  }

  @Test("of a path takes the place of a dead one, and of nothing else")
  func unixPath() throws {
    let folder = try TemporaryFolder("apus-socket")
    let path = folder.path("s")
    let address = SocketAddress.unix(path: path)
    let living = try ListeningSocket(at: address)
    #expect(throws: SystemError("bind", .addressInUse, on: "unix:\(path)")) {
      _ = try ListeningSocket(at: address)
    }
    // The living one is untouched.
    try StreamSocket.connect(to: address, milliseconds: Self.patience).close()
    try living.close()
    #expect(try RealDisk().names(in: folder.path) == [])

    // As kill -9 leaves it: the name is there, and nobody behind it.
    let dead = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
    var name = sockaddr_un()
    name.sun_family = sa_family_t(AF_UNIX)
    unsafe withUnsafeMutableBytes(of: &name.sun_path) { unsafe $0.copyBytes(from: path.utf8) }
    let bound = unsafe withUnsafePointer(to: &name) {
      unsafe $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        unsafe Glibc.bind(dead, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
      }
    }
    #expect(bound == 0)
    Glibc.close(dead)
    #expect(try RealDisk().names(in: folder.path) == ["s"])
    let next = try ListeningSocket(at: address)
    try StreamSocket.connect(to: address, milliseconds: Self.patience).close()
    try next.close()

    // A file is somebody's.
    let file = unsafe open(path, O_CREAT | O_WRONLY, 0o600)
    #expect(file >= 0 && Glibc.close(file) == 0)
    #expect(throws: SystemError.self) { _ = try ListeningSocket(at: address) }
    #expect(try RealDisk().names(in: folder.path) == ["s"])
  }

  @Test("of a path too long for the kernel is refused before it asks")
  func longPath() {
    let path = "/" + String(repeating: "x", count: SocketAddress.unixPathByteCountMax)
    for wrong in [path, "/a\0b"] {
      #expect(throws: SystemError.self) { _ = try ListeningSocket(at: .unix(path: wrong)) }
    }
  }

  @Test("listening, answers at once that nobody is there")
  func nobody() throws {
    let listener = try ListeningSocket(at: .loopback(port: 0))
    #expect(try listener.accept() == .none)
    try listener.close()
  }
}

@Suite("An address")
struct SocketAddressTests {
  @Test(
    "is written as people write it",
    arguments: [
      (SocketAddress.loopback(port: 7417), "127.0.0.1:7417", true),
      (.v4(0x0A00_0102, port: 1), "10.0.1.2:1", false),
      (.v6(0, 1, port: 5), "[::1]:5", true), (.v6(0, 0, port: 5), "[::]:5", false),
      (.v6(0xFE80_0000_0000_0000, 0x1, port: 5, scope: 3), "[fe80::1%3]:5", false),
      (.v6(0x2001_0DB8_0000_0000, 0x0000_0001_0000_0001, port: 5), "[2001:db8::1:0:1]:5", false),
      (.v6(0x0001_0002_0003_0004, 0x0005_0006_0007_0008, port: 5), "[1:2:3:4:5:6:7:8]:5", false),
      (.v6(0x0001_0000_0003_0004, 0x0005_0006_0007_0008, port: 5), "[1:0:3:4:5:6:7:8]:5", false),
      (.v6(0, 0x0000_FFFF_7F00_0001, port: 5), "[::ffff:7f00:1]:5", true),
      (.unix(path: "/run/apus"), "unix:/run/apus", true),
    ])
  func written(address: SocketAddress, text: String, isLoopback: Bool) {
    #expect(address.description == text)
    #expect(address.isLoopback == isLoopback)
  }

  @Test("is found for a number and for this machine's own name, and not for one that nobody has")
  func resolved() throws {
    #expect(try SocketAddress.resolve("127.0.0.1", port: 9) == [.loopback(port: 9)])
    #expect(try SocketAddress.resolve("::1", port: 9) == [.v6(0, 1, port: 9)])
    let own = try SocketAddress.resolve("localhost", port: 9)
    #expect(!own.isEmpty && own.allSatisfy { $0.isLoopback && $0.port == 9 })
    #expect(throws: SystemError.self) { try SocketAddress.resolve("not a host", port: 9) }
  }
}

@Suite("A poller")
struct PollerTests {
  @Test(
    "reports what is ready with its token, again as long as it is ready, and what is no longer watched not at all"
  )
  func ready() throws {
    let poller = try Poller()
    let (one, two) = (try WakeUp(), try WakeUp())
    try poller.watch(one.raw, for: .readable, token: .max)
    try poller.watch(two.raw, for: .readable, token: 7)
    #expect(try poller.wait(milliseconds: 0) == 0)
    one.ring()
    one.ring()
    for _ in 0..<2 {
      #expect(try poller.wait(milliseconds: 60_000) == 1)
      let (token, readiness) = poller.ready(at: 0)
      #expect(token == .max && readiness == .readable)
    }
    // Two rings are one.
    #expect(one.heard())
    #expect(!one.heard())
    #expect(try poller.wait(milliseconds: 0) == 0)
    one.ring()
    two.ring()
    try poller.unwatch(one.raw)
    #expect(try poller.wait(milliseconds: 60_000) == 1)
    #expect(poller.ready(at: 0).token == 7)
    try poller.rewatch(two.raw, for: [], token: 7)
    #expect(try poller.wait(milliseconds: 0) == 0)
    try poller.rewatch(two.raw, for: .writable, token: 8)
    #expect(try poller.wait(milliseconds: 60_000) == 1)
    #expect(poller.ready(at: 0) == (8, .writable))
  }

  @Test("wakes for a ring from another thread")
  func woken() throws {
    let poller = try Poller()
    let bell = try WakeUp()
    try poller.watch(bell.raw, for: .readable, token: 1)
    let thread = try SystemThread.start(name: "ringer") { bell.ring() }
    #expect(try poller.wait(milliseconds: -1) == 1)
    thread.join()
  }
}

@Suite("Signals as mail")
struct SignalMailTests {
  @Test("are read one after the other, and end nobody")
  func read() throws {
    let seen = Monitor<[SignalMail.Signal?]>([])
    let thread = try SystemThread.start(name: "mail") {
      guard let mail = try? SignalMail() else { return }
      var found: [SignalMail.Signal?] = [try? mail.next()]
      for signal in [SignalMail.Signal.terminate, .hangUp, .interrupt] {
        // To this thread alone: others of the tests' process do not block it.
        _ = pthread_kill(pthread_self(), signal.number)
        found.append(try? mail.wait(milliseconds: 60_000))
      }
      found.append(try? mail.wait(milliseconds: 0))
      seen.withLock { $0 = found }
    }
    thread.join()
    #expect(seen.withLock { $0 } == [nil, .terminate, .hangUp, .interrupt, nil])
  }
}

@Suite("The limit of open files")
struct OpenFilesLimitTests {
  @Test("is raised as far as it goes, and never above what is allowed")
  func raised() async {
    await #expect(processExitsWith: .success) {
      let (_, most) = try OpenFilesLimit.current()
      guard try OpenFilesLimit.set(64) == 64, try OpenFilesLimit.current().now == 64 else {
        Kernel.trap("not set")
      }
      guard try OpenFilesLimit.set(.max) == most, try OpenFilesLimit.current() == (most, most) else {
        Kernel.trap("not raised")
      }
    }
  }
}
