import ApusBytes
import ApusClient
import ApusSystem
import ApusWire
import Testing

@Suite("A client at a real socket")
struct ClientTests {
  @Test("gets its answer over one connection, whatever the order in which replies come")
  func pipelining() async throws {
    let peer = try ScriptedPeer { connection in
      try connection.greet()
      // All three are under way before the first is answered.
      let frames = [try connection.next(), try connection.next(), try connection.next()]
      for frame in frames.reversed() { try connection.send(Frames.pong(id: frame.id, visible: frame.id)) }
      try connection.end()
    }
    let client = try ApusClient(peer.address, options: .patient)
    let seen = try await withThrowingTaskGroup(of: UInt64.self) { group in
      for _ in 0..<3 { group.addTask { try await client.ping().visible.rawValue } }
      return try await group.reduce(into: Set<UInt64>()) { $0.insert($1) }
    }
    #expect(seen.count == 3, "each got the reply to its own request")
    client.close()
    #expect(await peer.ended() == nil)
  }

  @Test("a call whose deadline passed throws, and its late reply is dropped")
  func deadline() async throws {
    let peer = try ScriptedPeer { connection in
      try connection.greet()
      let late = try connection.next()
      guard (1...51).contains(late.header.deadline) else { throw ScriptedPeer.Silence() }
      let next = try connection.next()
      try connection.send(Frames.pong(id: late.id, visible: 1) + Frames.pong(id: next.id, visible: 2))
      try connection.end()
    }
    let client = try ApusClient(peer.address, options: .patient)
    // Connected first, so that the short time is the call's alone.
    #expect(try await client.greeting().rowsMax == 1_000)
    let error = await #expect(throws: ClientError.self) { try await client.ping(timeout: .milliseconds(50)) }
    #expect(error?.code == .deadlinePassed)
    #expect(try await client.ping().visible.rawValue == 2, "the connection is as good as before")
    client.close()
    #expect(await peer.ended() == nil)
  }

  @Test("a server that accepts and says nothing is given up at the deadline")
  func silentServer() async throws {
    let peer = try ScriptedPeer { connection in try connection.end() }
    var options = ClientOptions.patient
    options.connectTimeout = .milliseconds(50)
    let client = try ApusClient(peer.address, options: options)
    let error = await #expect(throws: ClientError.self) { try await client.ping(timeout: .milliseconds(30)) }
    #expect(error?.code == .deadlinePassed || error?.code == .cannotConnect)
    #expect(error?.isRetryable == true)
    client.close()
    #expect(await peer.ended() == nil)
  }

  @Test("a cancelled task does not wait for its answer")
  func cancellation() async throws {
    let asked = Bell()
    let peer = try ScriptedPeer { connection in
      try connection.greet()
      _ = try connection.next()
      asked.ring()
      try connection.end()
    }
    let client = try ApusClient(peer.address, options: .patient)
    let task = Task { try await client.ping() }
    await asked.heard()
    task.cancel()
    let error = await #expect(throws: ClientError.self) { try await task.value }
    #expect(error?.code == .cancelled)
    client.close()
    #expect(await peer.ended() == nil)
  }

  @Test("what reads is asked again on another connection when the first breaks")
  func reconnect() async throws {
    let peer = try ScriptedPeer(
      { connection in
        try connection.greet()
        try connection.prepare(handle: 1)
        // Cut with the question under way.
        _ = try connection.next()
      },
      { connection in
        try connection.greet()
        try connection.prepare(handle: 2)
        guard try connection.get() == 2 else { throw ScriptedPeer.Silence() }
        try connection.end()
      })
    let client = try ApusClient(peer.address, options: .patient)
    let rows = try await client.features("fraud@1", for: [["card_id": "c42"]])
    #expect(rows.count == 1 && rows.fingerprint == Array(repeating: 2, count: 32))
    client.close()
    #expect(await peer.ended() == nil)
  }

  @Test("a write that may have been done is not made again, and says so")
  func uncertainWrite() async throws {
    let peer = try ScriptedPeer { connection in
      try connection.greet()
      _ = try connection.next()
    }
    let client = try ApusClient(peer.address, options: .patient)
    let error = await #expect(throws: ClientError.self) {
      try await client.push("card_activity", [FeatureRow(key: ["c42"], ["txn_count_24h": 4])])
    }
    #expect(error?.code == .connectionLost && error?.mayBeDone == true)
    #expect(await peer.ended() == nil, "nobody connected a second time")
  }

  @Test("waits as long as an overloaded server asks, and then asks again")
  func overloaded() async throws {
    let peer = try ScriptedPeer { connection in
      try connection.greet()
      let first = try connection.next()
      try connection.send(Frames.error(WireRefusal(.overloaded, "later", waitMilliseconds: 20), id: first.id))
      let second = try connection.next()
      guard second.type == .push, second.body == first.body else { throw ScriptedPeer.Silence() }
      try connection.reply(to: second) { Pushes.reply(first: 5, last: 5).encode(into: &$0) }
      try connection.end()
    }
    let client = try ApusClient(peer.address, options: .patient)
    let clock = ContinuousClock()
    let start = clock.now
    let result = try await client.push("card_activity", [FeatureRow(key: ["c42"], ["txn_count_24h": 4])])
    #expect(clock.now - start >= .milliseconds(20))
    #expect(result.accepted == 1)
    client.close()
    #expect(await peer.ended() == nil)
  }

  @Test("no more is under way than the server takes; the others wait their turn")
  func inFlight() async throws {
    let peer = try ScriptedPeer { connection in
      try connection.greet(inFlightMax: 2)
      for _ in 0..<10 {
        let frame = try connection.next()
        try connection.send(Frames.pong(id: frame.id))
      }
      try connection.end()
    }
    let client = try ApusClient(peer.address, options: .patient)
    try await withThrowingTaskGroup(of: Void.self) { group in
      for _ in 0..<10 { group.addTask { _ = try await client.ping() } }
      try await group.waitForAll()
    }
    client.close()
    #expect(await peer.ended() == nil)
  }

  @Test("a refused token is told with its code, at once")
  func unauthenticated() async throws {
    let peer = try ScriptedPeer { connection in
      _ = try connection.next()
      try connection.send(Frames.error(WireRefusal(.unauthenticated, "no such token"), id: 0))
    }
    let client = try ApusClient(peer.address, options: .patient)
    let error = await #expect(throws: ClientError.self) { try await client.ping() }
    #expect(error?.code == .unauthenticated)
    #expect(await peer.ended() == nil)
  }

  @Test("where nobody listens, a call says so after its attempts")
  func nobody() async throws {
    let closed = try ScriptedPeer()
    #expect(await closed.ended() == nil)
    var options = ClientOptions.patient
    options.retries.attemptsMax = 2
    let client = try ApusClient(closed.address, options: options)
    let error = await #expect(throws: ClientError.self) { try await client.ping() }
    #expect(error?.code == .cannotConnect)
  }

  @Test("a client that is closed answers everybody, and takes no more")
  func closing() async throws {
    let asked = Bell()
    let peer = try ScriptedPeer { connection in
      try connection.greet()
      _ = try connection.next()
      asked.ring()
      try connection.end()
    }
    let client = try ApusClient(peer.address, options: .patient)
    let task = Task { try await client.ping() }
    await asked.heard()
    client.close()
    let error = await #expect(throws: ClientError.self) { try await task.value }
    #expect(error?.code == .closed)
    let after = await #expect(throws: ClientError.self) { try await client.ping() }
    #expect(after?.code == .closed)
    #expect(await peer.ended() == nil)
  }

  @Test("beyond callsMax a call is refused at once")
  func busy() async throws {
    let asked = Bell()
    let peer = try ScriptedPeer { connection in
      try connection.greet()
      _ = try connection.next()
      asked.ring()
      try connection.end()
    }
    var options = ClientOptions.patient
    options.callsMax = 1
    options.retries = .never
    let client = try ApusClient(peer.address, options: options)
    let task = Task { try await client.ping() }
    await asked.heard()
    let error = await #expect(throws: ClientError.self) { try await client.ping() }
    #expect(error?.code == .busy)
    client.close()
    _ = await task.result
    #expect(await peer.ended() == nil)
  }
}

enum Pushes {
  static func reply(first: UInt64, last: UInt64, isRepeated: Bool = false) -> PushReply {
    PushReply(
      first: LSN(first), last: LSN(last), durable: LSN(last), timeNanoseconds: 8,
      accepted: first <= last ? 1 : 0, isRepeated: isRepeated)
  }
}
