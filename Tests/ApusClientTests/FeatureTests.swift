import ApusBytes
import ApusClient
import ApusContracts
import ApusTestSupport
import ApusWire
import Testing

@Suite("The answer to a request for features")
struct FeatureTests {
  @Test("says of every cell what it is, in both layouts", arguments: [ReplyLayout.columns, .row])
  func cells(layout: ReplyLayout) throws {
    let options: GetOptions = [.eventTimes, .lsns]
    let rows = try rows(layout == .row ? 1 : 4, layout, options)
    let first = rows[0, 0]
    #expect(first.status == .present && first.reason == nil && first.value == 0)
    #expect(first.eventTimeNanoseconds == 4_000 && first.age == .nanoseconds(1_000))
    #expect(first.lsn?.rawValue == 30)
    #expect(try rows[0, "last_action"].value == "buy 0")
    #expect(rows.lsn.rawValue == 42 && rows.readTimeNanoseconds == 5_000)
    guard layout == .columns else { return }
    let missing = rows[1, 0]
    #expect(missing.status == .notFound && missing.reason == .neverSeen)
    #expect(missing.value == 0, "the service's default stands in")
    #expect(missing.eventTimeNanoseconds == nil && missing.age == nil && missing.lsn == nil)
    #expect(rows[1, 1].status == .null && rows[1, 1].value == nil)
  }

  @Test("lends columns as what they are, and as nothing else")
  func columns() throws {
    let rows = try rows(4, .columns, [])
    #expect(Array(try rows.int64s("txn_count_24h")) == [0, 0, 20, 30])
    #expect(Array(try rows.float64s("avg_amount_30d")) == [0, nil, 1, nil])
    #expect(try rows.float64s("avg_amount_30d").values(missing: -1) == [0, -1, 1, -1])
    #expect(try rows.strings("last_action") == ["buy 0", "buy 1", "buy 2", "buy 3"])
    #expect(throws: ClientError.self) { try rows.int64s("avg_amount_30d") }
    #expect(throws: ClientError.self) { try rows.timestamps("txn_count_24h") }
    #expect(throws: ClientError.self) { try rows.int64s("no_such_column") }
    #expect(Array(try self.rows(1, .row, []).int64s("txn_count_24h")) == [0])
  }

  @Test("of mutated bytes is refused, or read without a crash", arguments: [5, 6] as [UInt64])
  func mutations(seed: UInt64) throws {
    var random = SplitMix64(seed: seed)
    let prepared = try PreparedFeatures(Shop.prepared(handle: 1))
    for (layout, count) in [(ReplyLayout.columns, 7), (.row, 1)] {
      let options: GetOptions = [.eventTimes, .lsns]
      let good = try Shop.reply(rows: count, layout: layout, options: options)
      for _ in 0..<5_000 {
        var bytes = good
        for _ in 0..<random.within(1...3) {
          bytes[random.below(bytes.count)] = UInt8(truncatingIfNeeded: random.next())
        }
        if random.chance(0.1) { bytes.removeLast(random.within(1...bytes.count)) }
        guard
          let rows = try? FeatureRows(
            bytes, of: prepared, rows: count, layout: layout, options: options, keys: [], timeline: [])
        else { continue }
        for row in 0..<count { for column in 0..<3 { _ = rows[row, column] } }
        _ = try? rows.strings("last_action")
        _ = try rows.int64s("txn_count_24h").values(missing: 0)
      }
    }
  }

  @Test("a receipt tells keys apart, and is the same for the same question")
  func receipts() async throws {
    let peer = try ScriptedPeer { connection in
      try connection.greet()
      try connection.prepare(handle: 1)
      for _ in 0..<3 { try connection.get() }
      try connection.end()
    }
    let client = try ApusClient(peer.address, options: .patient)
    let first = try await client.features("fraud@1", for: [["card_id": "c42"]]).receipt
    let again = try await client.features("fraud@1", for: [["card_id": "c42"]]).receipt
    let other = try await client.features("fraud@1", for: [["card_id": "c43"]]).receipt
    #expect(first == again && first != other)
    #expect(first.lsn.rawValue == 42 && first.readTimeNanoseconds == 5_000)
    let text = first.text
    #expect(Receipt(text) == first && text.hasPrefix("r1_") && text.utf8.count == 83)
    for wrong in [
      "", "r1_", String(text.dropLast()), text + "0", text.uppercased(), "r2" + text.dropFirst(2),
      text.replacing("r1_", with: "r1_ "), String(text.dropLast()) + "g", String(text.dropLast()) + "é",
    ] {
      #expect(Receipt(wrong) == nil, "\(wrong)")
    }
    client.close()
    #expect(await peer.ended() == nil)
  }

  @Test("comes with a new handle when the definition changed, and the old handle is released")
  func renewal() async throws {
    let peer = try ScriptedPeer { connection in
      try connection.greet()
      try connection.prepare(handle: 1)
      let old = try connection.next()
      try connection.send(
        Frames.error(WireRefusal(.definitionChanged, "a feature was removed"), id: old.id))
      let release = try connection.next()
      guard release.type == .release,
        try ReleaseRequest(decoding: unsafe release.body.span.bytes) == ReleaseRequest(handle: 1)
      else { throw ScriptedPeer.Silence() }
      try connection.reply(to: release) { _ in }
      try connection.prepare(handle: 2)
      guard try connection.get() == 2 else { throw ScriptedPeer.Silence() }
      // From here on the new one is known.
      guard try connection.get() == 2 else { throw ScriptedPeer.Silence() }
      try connection.end()
    }
    let client = try ApusClient(peer.address, options: .patient)
    for _ in 0..<2 {
      let rows = try await client.features("fraud@1", for: [["card_id": "c42"], ["card_id": "c7"]])
      #expect(rows.count == 2)
    }
    client.close()
    #expect(await peer.ended() == nil)
  }

  @Test("keys that cannot be asked for are refused before anything is sent")
  func wrongKeys() async throws {
    let peer = try ScriptedPeer { connection in
      try connection.greet()
      try connection.prepare(handle: 1)
      try connection.end()
    }
    let client = try ApusClient(peer.address, options: .patient)
    let wrong: [[[String: FeatureValue]]] = [
      [["card": "c42"]], [[:]], [["card_id": 42]], [["card_id": "c42", "more": 1]], [],
      [["card_id": .string(String(repeating: "x", count: 500))]],
    ]
    for keys in wrong {
      let error = await #expect(throws: ClientError.self) { try await client.features("fraud@1", for: keys) }
      #expect(error?.code == .badInput)
    }
    client.close()
    #expect(await peer.ended() == nil)
  }

  private func rows(_ count: Int, _ layout: ReplyLayout, _ options: GetOptions) throws -> FeatureRows {
    try FeatureRows(
      try Shop.reply(rows: count, layout: layout, options: options),
      of: try PreparedFeatures(Shop.prepared(handle: 1)), rows: count, layout: layout, options: options,
      keys: [], timeline: [])
  }
}
