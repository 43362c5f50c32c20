// Frames over real sockets: whatever the pieces they come in, each gets its answer, and nobody else notices.

import ApusBytes
import ApusServer
import ApusSystem
import ApusTestSupport
import ApusWire
import Testing

@Suite("A connection")
struct TransportTests {
  typealias Wish = EchoService.Wish

  @Test("gets the answer to frames that come byte by byte")
  func oneByteSegments() throws {
    let server = try EchoServer()
    let peer = try server.peer()
    for id: UInt64 in 1...3 {
      let body = (0..<UInt8(id * 11)).map { $0 }
      for byte in Peer.frame(Wish.echo, id: id, body: body) { try peer.send([byte]) }
      let reply = try peer.receive()
      #expect(reply?.header.id == id && reply?.body == body && reply?.header.type == Wish.echo | 128)
    }
    try server.stop()
  }

  @Test(
    "gets all answers, in order, to frames sent without waiting, over TCP 4 and 6 and a Unix socket",
    arguments: [4, 6, 0])
  func pipeline(family: Int) throws {
    let folder = try TemporaryFolder("apus-loop")
    let address: SocketAddress =
      switch family {
      case 4: .loopback(port: 0)
      case 6: .v6(0, 1, port: 0)
      default: .unix(path: folder.path("socket"))
      }
    let server = try EchoServer(at: address)
    let peer = try server.peer()
    var bytes: [UInt8] = []
    for id: UInt64 in 1...5_000 {
      bytes += Peer.frame(Wish.echo, id: id, body: Array(repeating: 7, count: Int(id % 100)))
    }
    try peer.send(bytes)
    for id: UInt64 in 1...5_000 {
      let reply = try peer.receive()
      #expect(reply?.header.id == id && reply?.body.count == Int(id % 100))
    }
    try server.stop()
  }

  @Test("takes the longest frame and gives back memory afterwards")
  func longest() throws {
    let server = try EchoServer()
    let peer = try server.peer()
    let body = (0..<ServerLimits.bodyByteCountMax).map { UInt8(truncatingIfNeeded: $0 &* 31) }
    try peer.sendAndReceive(Wish.echo, id: 9, body: body)
    #expect(server.wait { $0.memoryByteCount == 0 })
    try server.stop()
  }

  @Test("whose peer ends sending still gets its answers, those on their way from elsewhere too")
  func halfClosed() throws {
    let server = try EchoServer()
    let peer = try server.peer()
    try peer.send(Peer.frame(Wish.hold, id: 1) + Peer.frame(Wish.echo, id: 2))
    try peer.endSending()
    #expect(try peer.receive()?.header.id == 2)
    #expect(server.witness.wait { $0.held.count == 1 })
    let (mailbox, id) = server.witness.seen.withLock { $0.held[0] }
    mailbox.post(unsafe Peer.frame(Wish.hold | 128, id: id).span.bytes, note: 0)
    #expect(try peer.receive()?.header.id == 1)
    #expect(try peer.receive() == nil)
    #expect(server.witness.wait { $0.ends == [.peerClosed] })
    try server.stop()
  }

  @Test("that is malformed is told so and closed, and others go on")
  func malformed() throws {
    let server = try EchoServer(loops: 1)
    let good = try server.peer()
    let bad = try server.peer()
    var frame = Peer.frame(Wish.echo, id: 2)
    frame[5] = 2
    // What was right before it is answered, what comes behind it is not.
    try bad.send(Peer.frame(Wish.echo, id: 1) + frame + Peer.frame(Wish.echo, id: 3))
    #expect(try bad.receive()?.header.id == 1)
    #expect(try bad.receive()?.header.type == EchoService.farewell)
    #expect(try bad.receive() == nil)
    try good.send(Wish.echo, id: 5)
    #expect(try good.receive()?.header.id == 5)
    #expect(
      server.witness.wait { $0.ends == [.malformed(.malformed("a frame has the unknown flags 2", at: 5))] })
    try server.stop()
  }

  @Test("of a stranger takes short frames only, and longer ones as soon as it is greeted")
  func stranger() throws {
    let server = try EchoServer(greeted: false)
    let peer = try server.peer()
    let long = [UInt8](repeating: 1, count: ServerLimits.bodyByteCountMaxBeforeHello + 1)
    try peer.send(Peer.frame(Wish.greet, id: 1) + Peer.frame(Wish.echo, id: 2, body: long))
    #expect(try peer.receive()?.header.id == 1)
    #expect(try peer.receive()?.body == long)
    let stranger = try server.peer()
    try stranger.send(Wish.echo, id: 2, body: long)
    #expect(try stranger.receive()?.header.type == EchoService.farewell)
    #expect(try stranger.receive() == nil)
    try server.stop()
  }

  @Test("that its handler paused is not read until it is resumed, and loses nothing")
  func paused() throws {
    let server = try EchoServer()
    let peer = try server.peer()
    try peer.send(
      Peer.frame(Wish.pause, id: 1) + Peer.frame(Wish.pause, id: 2) + Peer.frame(Wish.hold, id: 3))
    #expect(try peer.receive()?.header.id == 1)
    #expect(server.witness.seen.withLock { $0.received } == 1)
    let mailbox = server.witness.seen.withLock { $0.mailboxes[0] }
    mailbox.resume()
    #expect(try peer.receive()?.header.id == 2)
    #expect(server.witness.seen.withLock { $0.received } == 2)
    mailbox.resume()
    #expect(server.witness.wait { $0.held.count == 1 })
    // Until here it is there: nobody else closes it.
    peer.close()
    try server.stop()
  }

  @Test("that its handler closes gets what was written before, and no more")
  func closed() throws {
    let server = try EchoServer()
    let peer = try server.peer()
    try peer.send(Peer.frame(Wish.close, id: 1) + Peer.frame(Wish.echo, id: 2))
    #expect(try peer.receive()?.header.id == 1)
    #expect(try peer.receive() == nil)
    #expect(server.witness.wait { $0.ends == [.asked] })
    try server.stop()
  }

  @Test("that was reset has ended, and is no error")
  func reset() throws {
    let server = try EchoServer()
    let peer = try server.peer()
    try peer.send(Wish.big, id: 1, body: Peer.number(4_000_000))
    #expect(try peer.receive()?.body.count == 4_000_000)
    try peer.send(Wish.big, id: 2, body: Peer.number(60_000_000))
    #expect(server.witness.wait { $0.received == 2 })
    // With bytes unread, a close is a reset.
    peer.close()
    #expect(server.witness.wait { $0.ends.count == 1 })
    #expect(server.witness.seen.withLock { $0.ends[0] } == .peerGone)
    #expect(server.wait { $0.open == 0 && $0.memoryByteCount == 0 })
    try server.stop()
  }
}

extension Peer {
  /// For a frame that is larger than what the kernel keeps of it and of its reply: reads while it sends.
  func sendAndReceive(_ type: UInt8, id: UInt64, body: [UInt8]) throws {
    let bytes = Peer.frame(type, id: id, body: body)
    // The server reads a frame to its end before it answers, so sending never waits for the reply to be read.
    try send(bytes)
    let reply = try receive()
    #expect(reply?.header.id == id)
    #expect(reply?.body == body)
  }
}
