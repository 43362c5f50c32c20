// Each limit, and that whoever stays within it does not notice those who do not. Time is simulated: it passes when the test says so.

import ApusBytes
import ApusServer
import ApusSystem
import ApusTestSupport
import ApusWire
import Testing

@Suite("A limit")
struct LimitsTests {
  typealias Wish = EchoService.Wish
  static let second: UInt64 = 1_000_000_000

  @Test(
    "in time ends who does not greet, who is idle and who sends half a frame, each when it is due and not before"
  )
  func times() throws {
    let clock = SimulatedClock()
    let server = try EchoServer(loops: 1, greeted: false, clock: clock) {
      $0.frameNanosecondsMax = 30 * Self.second
      $0.idleNanosecondsMax = 100 * Self.second
      $0.lingerNanosecondsMax = 1
    }
    let (silent, half, idle) = (try server.peer(), try server.peer(), try server.peer())
    for (id, peer) in [(UInt64(1), half), (2, idle)] {
      try peer.send(Wish.greet, id: id)
      #expect(try peer.receive()?.header.id == id)
    }
    try half.send(Array(Peer.frame(Wish.echo, id: 3).prefix(15)))
    #expect(server.wait { $0.bytesReceived == 16 * 2 + 15 })

    try pass(5 * Self.second - 1, clock, server, idle)
    #expect(server.witness.seen.withLock { $0.ends } == [])
    clock.advance(nanoseconds: 1)
    server.server.wakeAll()
    #expect(server.witness.wait { $0.ends == [.helloLate] })
    #expect(try silent.receive()?.header.type == EchoService.farewell)
    #expect(try silent.receive() == nil)

    try pass(25 * Self.second - 1, clock, server, idle)
    #expect(server.witness.seen.withLock { $0.ends } == [.helloLate])
    clock.advance(nanoseconds: 1)
    server.server.wakeAll()
    #expect(server.witness.wait { $0.ends == [.helloLate, .slowSender] })
    #expect(try half.receive()?.header.type == EchoService.farewell)

    clock.advance(nanoseconds: 100 * Self.second)
    server.server.wakeAll()
    #expect(server.witness.wait { $0.ends == [.helloLate, .slowSender, .idle] })
    #expect(try idle.receive()?.header.type == EchoService.farewell)
    try server.stop()
  }

  @Test("for idleness ends who sends no more and waits for an answer that does not come")
  func halfGone() throws {
    let clock = SimulatedClock()
    let server = try EchoServer(loops: 1, clock: clock) {
      $0.idleNanosecondsMax = 100 * Self.second
      $0.lingerNanosecondsMax = 1
    }
    let (waiting, gone, beside) = (try server.peer(), try server.peer(), try server.peer())
    for peer in [waiting, gone] { try peer.send(Wish.hold, id: 1) }
    #expect(server.witness.wait { $0.held.count == 2 })
    try gone.endSending()
    try pass(100 * Self.second - 1, clock, server, beside)
    #expect(server.witness.seen.withLock { $0.ends } == [])
    clock.advance(nanoseconds: 1)
    server.server.wakeAll()
    #expect(server.witness.wait { $0.ends == [.idle] })
    #expect(try gone.receive()?.header.type == EchoService.farewell)
    // Who may still send is owed its answer.
    try pass(1, clock, server, beside)
    let (mailbox, id) = server.witness.seen.withLock { $0.held[0] }
    mailbox.post(unsafe Peer.frame(Wish.hold | 128, id: id).span.bytes, note: 0)
    #expect(try waiting.receive()?.header.id == 1)
    try server.stop()
  }

  /// Lets time pass, and makes sure that the loop has seen it.
  private func pass(_ nanoseconds: UInt64, _ clock: SimulatedClock, _ server: EchoServer, _ peer: Peer) throws
  {
    clock.advance(nanoseconds: nanoseconds)
    let before = server.server.sum.turns
    server.server.wakeAll()
    #expect(server.wait { $0.turns > before })
    try peer.send(Wish.echo, id: 77)
    #expect(try peer.receive()?.header.id == 77)
  }

  @Test("of a handler's own is kept, too")
  func handlersDeadline() throws {
    let clock = SimulatedClock()
    let server = try EchoServer(loops: 1, clock: clock)
    let peer = try server.peer()
    try peer.send(Peer.frame(Wish.later, id: 1, body: Peer.number(50)) + Peer.frame(Wish.echo, id: 2))
    #expect(try peer.receive()?.header.id == 2)
    clock.advance(nanoseconds: 50)
    server.server.wakeAll()
    #expect(try peer.receive()?.header.type == Wish.later | 128)
    try server.stop()
  }

  @Test("of unread replies stops reading, then cuts the reader off, while others go on")
  func slowReader() throws {
    let clock = SimulatedClock()
    let server = try EchoServer(loops: 1, clock: clock) {
      $0.outputByteCountMax = 1 << 20
      $0.slowReaderNanoseconds = 10 * Self.second
      $0.kernelSendByteCount = 64 << 10
    }
    let (slow, good) = (try server.peer(receiving: 32 << 10), try server.peer())
    for id: UInt64 in 1...100 { try slow.send(Wish.big, id: id, body: Peer.number(512 << 10)) }
    #expect(server.wait { $0.memoryByteCount >= 1 << 20 })
    try pass(10 * Self.second - 1, clock, server, good)
    let received = server.witness.seen.withLock { $0.received }
    // What is asked for stays in the kernel; what is held is one reply more than the limit, and what doubling a buffer adds.
    #expect(received < 20)
    #expect(server.server.sum.memoryByteCount <= 4 << 20)
    #expect(server.witness.seen.withLock { $0.ends } == [])
    clock.advance(nanoseconds: 10 * Self.second)
    server.server.wakeAll()
    #expect(server.witness.wait { $0.ends == [.slowReader] })
    try good.send(Wish.echo, id: 5)
    #expect(try good.receive()?.header.id == 5)
    #expect(server.wait { $0.open == 1 && $0.memoryByteCount == 0 })
    // Until here it is there: nobody else closes it.
    slow.close()
    try server.stop()
  }

  @Test("of unread replies leaves a reader alone who reads in time, and it gets every one of them")
  func readerInTime() throws {
    let server = try EchoServer(loops: 1) {
      $0.outputByteCountMax = 256 << 10
      $0.kernelSendByteCount = 64 << 10
    }
    let peer = try server.peer(receiving: 32 << 10)
    for id: UInt64 in 1...100 { try peer.send(Wish.big, id: id, body: Peer.number(100_000 + id)) }
    for id: UInt64 in 1...100 {
      let reply = try peer.receive()
      #expect(reply?.header.id == id && reply?.body.count == 100_000 + Int(id))
    }
    try server.stop()
  }

  @Test("of memory cuts off whoever holds the most, and nobody else")
  func memory() throws {
    let server = try EchoServer(loops: 1) {
      $0.memoryByteCountMax = 4 << 20
    }
    let peers = try (0..<3).map { _ in try server.peer() }
    // Half frames: the second holds the most, and its growing goes beyond the budget.
    var header = ByteWriter()
    FrameHeader(length: 8 << 20, type: Wish.echo, id: 1).encode(into: &header)
    let begun = header.bytes.copied()
    for peer in [peers[0], peers[2]] { try peer.send(begun + [UInt8](repeating: 1, count: 300_000)) }
    #expect(server.wait { $0.bytesReceived == 2 * 300_016 })
    // Cut off while it sends, it may learn of that by an error.
    try? peers[1].send(begun + [UInt8](repeating: 1, count: 7 << 20))
    #expect(server.witness.wait { $0.ends == [.memory] })
    #expect(server.wait { $0.open == 2 && $0.memoryByteCount <= 4 << 20 })
    let before = server.server.sum.bytesReceived
    for peer in [peers[0], peers[2]] { try peer.send([UInt8](repeating: 1, count: 100_000)) }
    #expect(server.wait { $0.bytesReceived == before + 200_000 })
    #expect(server.witness.seen.withLock { $0.ends } == [.memory])
    #expect(server.server.sum.open == 2)
    // Until here they are there: nobody else closes them.
    for peer in peers { peer.close() }
    try server.stop()
  }

  @Test("of connections refuses the next with a word, and takes one again when one has gone")
  func connections() throws {
    let server = try EchoServer { $0.connectionCountMax = 2 }
    let first = try server.peer()
    let second = try server.peer()
    for peer in [first, second] {
      try peer.send(Wish.echo, id: 1)
      #expect(try peer.receive()?.header.id == 1)
    }
    let third = try server.peer()
    try third.send(Wish.echo, id: 1)
    #expect(try third.receive()?.header.type == EchoService.refusal)
    #expect(try third.receive() == nil)
    #expect(server.wait { $0.refused == 1 && $0.ended(.refused) == 1 })
    first.close()
    #expect(server.witness.wait { $0.ends.count == 1 })
    third.close()
    #expect(server.wait { $0.open == 1 })
    let fourth = try server.peer()
    try fourth.send(Wish.echo, id: 4)
    #expect(try fourth.receive()?.header.id == 4)
    // Until here it is there: nobody else closes it.
    second.close()
    try server.stop()
  }

  @Test(
    "of the process's descriptors closes who comes beyond it, without spinning, and those who are there go on"
  )
  func descriptors() async {
    await #expect(processExitsWith: .success) {
      let server = try EchoServer(loops: 1)
      let good = try server.peer()
      try good.send(Wish.echo, id: 1)
      _ = try good.receive()
      // Every descriptor is taken, but for the one that the peer itself needs.
      var fillers = [try RealDisk.spareDescriptor().giveUp()]
      try OpenFilesLimit.set(UInt64(fillers[0]) + 4)
      // Others in this process close some now and then: whoever is let in by such a one takes it up.
      var peers: [Peer] = []
      while server.server.sum.refused == 0 {
        while let filler = try? RealDisk.spareDescriptor() { fillers.append(filler.giveUp()) }
        try OwnedDescriptor(fillers.removeLast()).close()
        peers.append(try server.peer())
        let come = UInt64(peers.count) + 1
        guard server.wait(until: { $0.accepted + $0.refused >= come }) else {
          Kernel.trap("nobody was let in or refused")
        }
      }
      let refused = peers[peers.count - 1]
      let turns = server.server.sum.turns
      for id: UInt64 in 2...101 {
        try good.send(Wish.echo, id: id)
        guard try good.receive()?.header.id == id else { Kernel.trap("a good peer was disturbed") }
      }
      guard try refused.receive() == nil else { Kernel.trap("a refused peer was answered") }
      // A turn for each frame, and some to spare: a spinning loop takes thousands.
      guard server.server.sum.turns - turns < 500 else { Kernel.trap("the loop spins") }
      for filler in fillers { try OwnedDescriptor(filler).close() }
      let late = try server.peer()
      try late.send(Wish.echo, id: 7)
      guard try late.receive()?.header.id == 7 else { Kernel.trap("nobody is let in any more") }
      try server.stop()
    }
  }
}
