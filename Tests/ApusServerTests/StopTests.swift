// The end of a server: what it has taken it answers.

import ApusBytes
import ApusServer
import ApusSystem
import ApusTestSupport
import ApusWire
import Testing

@Suite("A server that stops")
struct StopTests {
  typealias Wish = EchoService.Wish

  @Test("under load answers every frame that it has taken, and then closes")
  func underLoad() throws {
    let server = try EchoServer(loops: 2)
    let address = server.address
    let received = Monitor(0)
    let rounds = Monitor([0, 0, 0, 0])
    let threads = try (0..<4).map { number in
      try SystemThread.start(name: "peer") {
        guard let peer = try? Peer(address) else { return }
        var count = 0
        defer { received.withLock { $0 += count } }
        let batch = (1...50).flatMap { Peer.frame(Wish.greet, id: $0, body: [1, 2, 3]) }
        // Until the server ends it: then what it sent before is still read.
        while (try? peer.send(batch)) != nil {
          for _ in 0..<50 {
            guard let reply = try? peer.receive() else { return }
            _ = reply
            count += 1
          }
          rounds.withLock { $0[number] += 1 }
          rounds.notifyAll()
        }
        while let reply = try? peer.receive() {
          _ = reply
          count += 1
        }
      }
    }
    // Each has begun, whoever runs first.
    #expect(rounds.wait(for: 60_000_000_000) { $0.allSatisfy { $0 > 0 } && $0.reduce(0, +) >= 40 })
    try server.stop(drainNanoseconds: 60_000_000_000)
    for thread in threads { thread.join() }
    #expect(server.witness.seen.withLock { $0.received } == received.withLock { $0 })
    #expect(server.witness.seen.withLock { $0.ends } == [ConnectionEnd](repeating: .shutdown, count: 4))
    #expect(server.server.sum.open == 0)
  }

  @Test("waits for what is under way elsewhere, tells latecomers, and listens no more")
  func underWay() throws {
    let server = try EchoServer(loops: 1)
    let peer = try server.peer()
    try peer.send(Wish.hold, id: 1)
    #expect(server.witness.wait { $0.held.count == 1 })
    server.server.stop(drainNanoseconds: 60_000_000_000)
    // The loop has seen the stop when it says so.
    var reply: Peer.Frame?
    repeat {
      try peer.send(Wish.echo, id: 2)
      reply = try peer.receive()
    } while reply?.header.type == Wish.echo | 128
    #expect(reply?.header.type == EchoService.stopped)
    #expect(throws: SystemError.self) { try server.peer() }
    let (mailbox, id) = server.witness.seen.withLock { $0.held[0] }
    mailbox.post(unsafe Peer.frame(Wish.hold | 128, id: id).span.bytes, note: 0)
    #expect(try peer.receive()?.header.id == 1)
    #expect(try peer.receive() == nil)
    peer.close()
    try server.stop(drainNanoseconds: 60_000_000_000)
  }

  @Test("ends what is left when the time to drain is over")
  func drained() throws {
    let clock = SimulatedClock()
    let server = try EchoServer(loops: 2, clock: clock)
    let peers = try (0..<2).map { _ in try server.peer() }
    for peer in peers { try peer.send(Wish.hold, id: 1) }
    #expect(server.witness.wait { $0.held.count == 2 })
    server.server.stop(drainNanoseconds: 1_000_000_000)
    clock.advance(nanoseconds: 1_000_000_000)
    server.server.wakeAll()
    try server.stop(drainNanoseconds: 1_000_000_000)
    #expect(server.witness.seen.withLock { $0.ends } == [.shutdown, .shutdown])
    for peer in peers { #expect(try peer.receive() == nil) }
  }

  @Test("leaves no name of a Unix socket behind, and can start again there at once")
  func unixName() throws {
    let folder = try TemporaryFolder("apus-loop")
    for _ in 0..<3 {
      let server = try EchoServer(at: .unix(path: folder.path("s")))
      let peer = try server.peer()
      try peer.send(Wish.echo, id: 1)
      #expect(try peer.receive()?.header.id == 1)
      try server.stop()
      #expect(try RealDisk().names(in: folder.path) == [])
    }
  }
}
