// Letters from other threads.

import ApusBytes
import ApusServer
import ApusSystem
import ApusTestSupport
import ApusWire
import Testing

@Suite("A connection's mailbox")
struct MailboxTests {
  typealias Wish = EchoService.Wish

  @Test("delivers what many threads post, each thread's in its order, and wakes the loop seldom")
  func manyThreads() throws {
    let server = try EchoServer(loops: 2)
    let peers = try (0..<4).map { _ in try server.peer() }
    #expect(server.witness.wait { $0.mailboxes.count == 4 })
    let mailboxes = server.witness.seen.withLock { $0.mailboxes }
    let (threadCount, letterCount) = (4, 2_000)
    let threads = try (0..<threadCount).map { thread in
      try SystemThread.start(name: "poster") {
        for letter in 0..<letterCount {
          let frame = Peer.frame(9, id: UInt64(thread) << 32 | UInt64(letter), body: [1, 2, 3])
          for mailbox in mailboxes { mailbox.post(unsafe frame.span.bytes) }
        }
      }
    }
    for peer in peers {
      var next = [UInt64](repeating: 0, count: threadCount)
      for _ in 0..<(threadCount * letterCount) {
        guard let frame = try peer.receive() else { break }
        let thread = Int(frame.header.id >> 32)
        #expect(frame.header.id & 0xFFFF_FFFF == next[thread])
        next[thread] += 1
      }
      #expect(next == [UInt64](repeating: UInt64(letterCount), count: threadCount))
    }
    for thread in threads { thread.join() }
    #expect(server.server.sum.turns < UInt64(threadCount * letterCount * 4))
    try server.stop()
  }

  @Test("runs what is posted on the loop, with the handler, and drops it when the connection is gone")
  func closures() throws {
    let server = try EchoServer(loops: 1)
    let (peer, other) = (try server.peer(), try server.peer())
    #expect(server.witness.wait { $0.mailboxes.count == 2 })
    // Connections come in in the order in which they were made: one loop, one listener.
    let mailboxes = server.witness.seen.withLock { $0.mailboxes }
    mailboxes[0].post { handler, output, _ in
      EchoHandler.write(type: handler is EchoHandler ? 77 : 0, id: 1, to: &output)
      return .close
    }
    #expect(try peer.receive()?.header.type == 77)
    #expect(try peer.receive() == nil)
    peer.close()
    #expect(server.wait { $0.open == 1 })
    let ran = Monitor(0)
    mailboxes[0].post { _, _, _ in
      ran.withLock { $0 += 1 }
      return .goOn
    }
    mailboxes[0].post(unsafe Peer.frame(1, id: 1).span.bytes, note: 0)
    mailboxes[1].post(unsafe Peer.frame(1, id: 2).span.bytes)
    #expect(try other.receive()?.header.id == 2)
    #expect(ran.withLock { $0 } == 0)
    try server.stop()
    // Nobody is there any more; nothing happens.
    mailboxes[1].post(unsafe Peer.frame(1, id: 3).span.bytes)
  }
}
