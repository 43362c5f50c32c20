// Very many connections, and very few bytes a second.

import ApusBytes
import ApusServer
import ApusSystem
import ApusTestSupport
import ApusWire
import Testing

@Suite("A crowd")
struct CrowdTests {
  typealias Wish = EchoService.Wish

  @Test("of ten thousand idle connections holds no buffer, and the loop does nothing for it")
  func idle() async {
    await #expect(processExitsWith: .success) {
      let wanted = 10_000
      // Both ends are ours.
      let most = try OpenFilesLimit.set(UInt64(wanted) * 2 + 200)
      let count = min(wanted, Int(clamping: most - 200) / 2)
      let folder = try TemporaryFolder("apus-crowd")
      let server = try EchoServer(loops: 2, at: .unix(path: folder.path("s")))
      var peers: [Peer] = []
      for id in 1...UInt64(count) {
        let peer = try server.peer()
        try peer.send(Wish.echo, id: id, body: [UInt8](repeating: 1, count: 100))
        guard try peer.receive()?.header.id == id else { Kernel.trap("no answer") }
        peers.append(peer)
      }
      guard server.wait(until: { $0.open == count && $0.memoryByteCount == 0 }) else {
        Kernel.trap("idle ones hold memory")
      }
      let before = server.server.sum
      for id: UInt64 in 1...100 {
        try peers[Int(id) * 7].send(Wish.echo, id: id)
        guard try peers[Int(id) * 7].receive()?.header.id == id else { Kernel.trap("no answer in the crowd") }
      }
      let after = server.server.sum
      guard after.turns - before.turns <= 110, after.frames - before.frames >= 99 else {
        Kernel.trap("turns for nobody")
      }
      try server.stop()
      guard server.server.sum.open == 0, server.witness.seen.withLock({ $0.ends.count }) == count else {
        Kernel.trap("somebody is left")
      }
    }
  }

  @Test("of random pieces, from many peers at once, gets every answer, whatever the sizes")
  func randomPieces() throws {
    let seed = UInt64.random(in: 0...UInt64.max)
    let server = try EchoServer(loops: 2) { $0.outputByteCountMax = 100_000 }
    let address = server.address
    let failures = Monitor<[String]>([])
    let threads = try (0..<8).map { (index: UInt64) in
      try SystemThread.start(name: "crowd") {
        do {
          var random = SplitMix64(seed: seed &+ index)
          let peer = try Peer(address)
          for round: UInt64 in 0..<20 {
            var bytes: [UInt8] = []
            var bodies: [[UInt8]] = []
            for id in 0..<(1 + random.next() % 20) {
              let length = random.next() % 8 == 0 ? random.next() % 200_000 : random.next() % 300
              bodies.append([UInt8](repeating: UInt8(truncatingIfNeeded: random.next()), count: Int(length)))
              bytes += Peer.frame(Wish.echo, id: round << 32 | id, body: bodies[Int(id)])
            }
            // Reads in between what must not wait in the kernel for ever: sends a piece, takes what is there.
            var at = 0
            var next = 0
            while next < bodies.count {
              if at < bytes.count {
                let end = min(bytes.count, at + 1 + Int(random.next() % 70_000))
                at += try peer.sendSome(Array(bytes[at..<end]))
              }
              while let reply = try peer.receiveIfThere(waiting: at == bytes.count && next < bodies.count) {
                if reply.header.id != round << 32 | UInt64(next) || reply.body != bodies[next] {
                  failures.withLock {
                    $0.append("seed \(seed), peer \(index), round \(round), reply \(next)")
                  }
                  return
                }
                next += 1
              }
            }
          }
        } catch {
          failures.withLock { $0.append("seed \(seed), peer \(index): \(error)") }
        }
      }
    }
    for thread in threads { thread.join() }
    #expect(failures.withLock { $0 } == [])
    try server.stop()
    #expect(server.server.sum.memoryByteCount == 0)
  }

  @Test("in which one sends any bytes at all disturbs nobody else")
  func anyBytes() throws {
    let seed = UInt64.random(in: 0...UInt64.max)
    var random = SplitMix64(seed: seed)
    let server = try EchoServer(loops: 1)
    let good = try server.peer()
    for round: UInt64 in 1...300 {
      let bad = try server.peer()
      // A valid session of which some bits are others.
      var bytes: [UInt8] = []
      for id: UInt64 in 1...5 {
        // A type that no few bits turn into one that the handler does more for than to echo.
        bytes += Peer.frame(0xF8, id: id, body: [UInt8](repeating: 3, count: Int(random.next() % 50)))
      }
      for _ in 0..<(1 + random.next() % 4) {
        bytes[Int(random.next() % UInt64(bytes.count))] ^= 1 << (random.next() % 8)
      }
      try? bad.send(bytes)
      try? bad.endSending()
      while let reply = try? bad.receive() { _ = reply }
      bad.close()
      try good.send(Wish.echo, id: round)
      #expect(try good.receive()?.header.id == round, "seed \(seed)")
    }
    #expect(server.wait { $0.open == 1 && $0.memoryByteCount == 0 }, "seed \(seed)")
    try server.stop()
  }
}

extension Peer {
  /// What the kernel takes at once.
  func sendSome(_ bytes: [UInt8]) throws -> Int {
    switch try attempt(bytes) {
    case .bytes(let count): return count
    case .wouldBlock: return 0
    case .gone: throw PeerError.ended
    }
  }

  /// A frame that is there, or, when waiting, one that comes.
  func receiveIfThere(waiting: Bool) throws -> Frame? {
    if waiting { return try receive() }
    return try receiveAtOnce()
  }
}
