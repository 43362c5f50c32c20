import ApusBytes
import ApusClient
import ApusContracts
import ApusWire
import Testing

@Suite("A producer")
struct ProducerTests {
  private static let row = [FeatureRow(key: ["c42"], ["txn_count_24h": 4, "last_action": nil])]

  @Test("repeats a request under its number when the connection broke, and takes the first answer")
  func repeated() async throws {
    let peer = try ScriptedPeer(
      { connection in
        try connection.greet()
        try Self.opened(&connection, last: 6)
        guard try Self.sequence(try connection.next()) == 7 else { throw ScriptedPeer.Silence() }
      },
      { connection in
        try connection.greet()
        let again = try connection.next()
        guard try Self.sequence(again) == 7 else { throw ScriptedPeer.Silence() }
        try connection.reply(to: again) {
          Pushes.reply(first: 5, last: 5, isRepeated: true).encode(into: &$0)
        }
        let next = try connection.next()
        guard try Self.sequence(next) == 8 else { throw ScriptedPeer.Silence() }
        try connection.reply(to: next) { Pushes.reply(first: 6, last: 6).encode(into: &$0) }
        try connection.end()
      })
    let client = try ApusClient(peer.address, options: .patient)
    let producer = try await client.producer("payments")
    #expect(try await producer.push("card_activity", Self.row).isRepeated)
    #expect(try await producer.push("card_activity", Self.row).lsns?.lowerBound.rawValue == 6)
    #expect(await producer.lastSequence == 8)
    client.close()
    #expect(await peer.ended() == nil)
  }

  @Test("asks what became of a request that nobody knows of before it sends another")
  func unsettled() async throws {
    let peer = try ScriptedPeer { connection in
      try connection.greet()
      try Self.opened(&connection, last: 0)
      let lost = try connection.next()
      let again = try connection.next()
      guard again.body == lost.body, again.type == lost.type else { throw ScriptedPeer.Silence() }
      try connection.reply(to: again) { Pushes.reply(first: 5, last: 5, isRepeated: true).encode(into: &$0) }
      let next = try connection.next()
      guard try Self.sequence(next) == 2 else { throw ScriptedPeer.Silence() }
      try connection.reply(to: next) { Pushes.reply(first: 6, last: 6).encode(into: &$0) }
      try connection.end()
    }
    let client = try ApusClient(peer.address, options: .patient)
    let producer = try await client.producer("payments")
    var short = PushOptions()
    short.timeout = .milliseconds(50)
    let error = await #expect(throws: ClientError.self) {
      try await producer.push("card_activity", Self.row, sourceOffset: [1], options: short)
    }
    #expect(error?.code == .deadlinePassed && error?.mayBeDone == true)
    let result = try await producer.push("card_activity", Self.row, sourceOffset: [2])
    #expect(result.lsns?.lowerBound.rawValue == 6 && !result.isRepeated)
    #expect(await producer.sourceOffset == [2])
    client.close()
    #expect(await peer.ended() == nil)
  }

  @Test("gives the number of a request that wrote nothing to the next")
  func unused() async throws {
    let peer = try ScriptedPeer { connection in
      try connection.greet()
      try Self.opened(&connection, last: 0)
      let refused = try connection.next()
      guard try Self.sequence(refused) == 1 else { throw ScriptedPeer.Silence() }
      try connection.send(Frames.error(WireRefusal(.rowsRefused, "row 0"), id: refused.id))
      let empty = try connection.next()
      guard try Self.sequence(empty) == 1 else { throw ScriptedPeer.Silence() }
      try connection.reply(to: empty) { Pushes.reply(first: 1, last: 0).encode(into: &$0) }
      let deleted = try connection.next()
      guard deleted.type == .delete, try Self.sequence(deleted) == 1 else { throw ScriptedPeer.Silence() }
      try connection.reply(to: deleted) { Pushes.reply(first: 5, last: 5).encode(into: &$0) }
      try connection.end()
    }
    let client = try ApusClient(peer.address, options: .patient)
    let producer = try await client.producer("payments")
    let error = await #expect(throws: ClientError.self) {
      try await producer.push("card_activity", Self.row)
    }
    #expect(error?.code == .rowsRefused && error?.mayBeDone == false)
    #expect(try await producer.push("card_activity", Self.row).lsns == nil)
    #expect(try await producer.delete("card_activity", [["c42"]]).lsns != nil)
    #expect(await producer.lastSequence == 1)
    client.close()
    #expect(await peer.ended() == nil)
  }

  @Test("sends one request at a time, in the order of the calls")
  func order() async throws {
    let peer = try ScriptedPeer { connection in
      try connection.greet()
      try Self.opened(&connection, last: 0)
      for sequence in 1...20 as ClosedRange<UInt64> {
        let frame = try connection.next()
        guard try Self.sequence(frame) == sequence else { throw ScriptedPeer.Silence() }
        try connection.reply(to: frame) { Pushes.reply(first: sequence, last: sequence).encode(into: &$0) }
      }
      try connection.end()
    }
    let client = try ApusClient(peer.address, options: .patient)
    let producer = try await client.producer("payments")
    let seen = try await withThrowingTaskGroup(of: UInt64?.self) { group in
      for _ in 0..<20 {
        group.addTask { try await producer.push("card_activity", Self.row).lsns?.lowerBound.rawValue }
      }
      return try await group.reduce(into: Set<UInt64?>()) { $0.insert($1) }
    }
    #expect(seen.count == 20)
    client.close()
    #expect(await peer.ended() == nil)
  }

  @Test("sends what rows say: absent, null and value, their keys and their times")
  func rows() async throws {
    let peer = try ScriptedPeer { connection in
      try connection.greet()
      let frame = try connection.next()
      let request = try PushRequest(decoding: unsafe frame.body.span.bytes, isDelete: false)
      guard request.head.view == "card_activity", request.head.columns == ["action", "count"],
        request.head.policy == .allOrNothing, request.rows.count == 2,
        try request.rows.input(0, 0) == .value(.string("buy")), try request.rows.input(0, 1) == .null,
        try request.rows.input(1, 0) == .absent, try request.rows.input(1, 1) == .value(.int64(3)),
        request.rows.times(0).eventTime == nil,
        request.rows.times(1).eventTime == EventTime(nanoseconds: 99)
      else { throw ScriptedPeer.Silence() }
      var keys = request.rows.keys
      let schema = KeySchema([.string, .int64])
      guard try schema.decode(try keys.next()) == [.string("a"), .int64(1)],
        try schema.decode(try keys.next()) == [.string("b"), .int64(2)]
      else { throw ScriptedPeer.Silence() }
      try connection.reply(to: frame) { Pushes.reply(first: 5, last: 6).encode(into: &$0) }
      try connection.end()
    }
    let client = try ApusClient(peer.address, options: .patient)
    var options = PushOptions()
    options.isAllOrNothing = true
    let rows = [
      FeatureRow(key: ["a", 1], ["action": "buy", "count": nil]),
      FeatureRow(key: ["b", 2], ["count": 3], eventTimeNanoseconds: 99),
    ]
    #expect(try await client.push("card_activity", rows, options: options).lsns?.upperBound.rawValue == 6)
    let mixed = [FeatureRow(key: ["a", 1], ["count": 3]), FeatureRow(key: ["b", 1], ["count": 3.5])]
    let error = await #expect(throws: ClientError.self) { try await client.push("card_activity", mixed) }
    #expect(error?.code == .badInput, "a column has one type")
    client.close()
    #expect(await peer.ended() == nil)
  }

  private static func opened(_ connection: inout ScriptedPeer.Connection, last: UInt64) throws {
    let frame = try connection.next()
    guard frame.type == .producer else { throw ScriptedPeer.Silence() }
    try connection.reply(to: frame) {
      ProducerReply(id: 3, epoch: 2, lastSequence: last, sourceOffset: nil).encode(into: &$0)
    }
  }

  private static func sequence(_ frame: ScriptedPeer.Connection.Frame) throws -> UInt64? {
    let request = try PushRequest(decoding: unsafe frame.body.span.bytes, isDelete: frame.type == .delete)
    guard request.head.producer?.id == 3, request.head.producer?.epoch == 2 else { return nil }
    return request.head.producer?.sequence
  }
}
