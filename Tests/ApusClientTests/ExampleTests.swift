import ApusBytes
import ApusClient
import ApusContracts
import ApusWire
import Foundation
import Testing

@Suite("The example of the client's documentation")
struct ExampleTests {
  @Test("compiles and does what it says")
  func runs() async throws {
    // The example has the times of an application, and a task may wait long for a thread while other tests have them all.
    for _ in 0..<20 {
      do { return try await run() } catch let error as ClientError where error.code == .deadlinePassed {}
    }
    try await run()
  }

  private func run() async throws {
    let peer = try ScriptedPeer { connection in
      try connection.greet()
      let producer = try connection.next()
      try connection.reply(to: producer) {
        ProducerReply(id: 1, epoch: 1, lastSequence: 0, sourceOffset: nil).encode(into: &$0)
      }
      let push = try connection.next()
      try connection.reply(to: push) { Pushes.reply(first: 40, last: 40).encode(into: &$0) }
      try connection.prepare(handle: 1)
      let get = try connection.next()
      let request = try GetRequest(decoding: unsafe get.body.span.bytes)
      guard request.minimum == LSN(40), request.rows == 2 else { throw ScriptedPeer.Silence() }
      let body = try Shop.reply(rows: 2, layout: .columns, options: request.options)
      try connection.reply(to: get) { $0.write(body) }
      try connection.end()
    }
    let (counts, action) = try await example(peer.address)
    #expect(counts == [0, 0] && action == "buy 0")
    #expect(await peer.ended() == nil)
  }

  @Test("is the same in the documentation and here")
  func same() throws {
    let here = URL(fileURLWithPath: #filePath)
    let page = here.deletingLastPathComponent().appendingPathComponent("../../Sources/ApusClient/Client.md")
    let text = try String(contentsOf: page, encoding: .utf8)
    let source = try String(contentsOf: here, encoding: .utf8)
    let shown = text.components(separatedBy: "```swift\n").dropFirst().map {
      $0.components(separatedBy: "```")[0].words
    }
    let run = source.components(separatedBy: "    // begin\n").dropFirst().map {
      $0.components(separatedBy: "    // end")[0].words
    }
    #expect(Set(shown) == Set(run) && run.count == 2)
  }

  @Test("of the past compiles and does what it says")
  func past() async throws {
    for _ in 0..<20 {
      do { return try await runPast() } catch let error as ClientError where error.code == .deadlinePassed {}
    }
    try await runPast()
  }

  private func runPast() async throws {
    let origin = EventTime(nanoseconds: 4_000)
    let peer = try ScriptedPeer { connection in
      try connection.greet()
      try connection.prepare(handle: 1)
      try connection.get()
      // By the receipt alone, the service is found by its fingerprint.
      let prepare = try connection.next()
      let name = "fingerprint:" + String(repeating: "01", count: 8)
      guard
        try PrepareRequest(decoding: unsafe prepare.body.span.bytes) == .service(name, project: "")
      else { throw ScriptedPeer.Silence() }
      try connection.reply(to: prepare) { Shop.prepared(handle: 2).encode(into: &$0) }
      let explain = try connection.next()
      let asked = try ExplainRequest(decoding: unsafe explain.body.span.bytes)
      guard asked.handle == 2, asked.rows == 1, case .receipt(let receipt) = asked.moment,
        receipt.lsn == LSN(42), receipt.time == ReadTime(nanoseconds: 5_000)
      else { throw ScriptedPeer.Silence() }
      let cells = Shop.types.indices.map { column in
        let candidate = ExplainReply.Candidate(
          .null, lsn: LSN(30), eventTime: origin, createdAt: CreatedAt(nanoseconds: 1),
          knownAt: KnownAt(nanoseconds: 2), isKnownAtAssumed: false, producer: "payments")
        return ExplainReply.Cell(
          .null, winner: candidate, loser: column == 0 ? .init(candidate, .older) : nil)
      }
      try connection.reply(to: explain) {
        ExplainReply(
          lsn: LSN(42), time: ReadTime(nanoseconds: 5_000), mayLack: false, rows: 1, service: "fraud@1",
          columns: Shop.prepared(handle: 2).columns.map {
            .init(name: $0.name, type: $0.type, feature: $0.feature)
          }, cells: cells
        ).encode(into: &$0)
      }
      for page in 0..<2 {
        let history = try connection.next()
        let request = try HistoryRequest(decoding: unsafe history.body.span.bytes)
        guard request.view == "card_activity", request.place == (page == 0 ? [] : [7]) else {
          throw ScriptedPeer.Silence()
        }
        let event = HistoryReply.Event(
          .upsert, .wins, lsn: LSN(UInt64(page)), eventTime: origin, createdAt: CreatedAt(nanoseconds: 1),
          knownAt: KnownAt(nanoseconds: 2), isKnownAtAssumed: false, producer: "",
          cells: [.init("txn_count_24h", .int64, nil)])
        try connection.reply(to: history) {
          HistoryReply(
            lsn: LSN(42), time: ReadTime(nanoseconds: 5_000), mayLack: false, horizon: nil,
            view: "card_activity@1", next: page == 0 ? [7] : [], events: [event]
          ).encode(into: &$0)
        }
      }
      try connection.end()
    }
    let client = try ApusClient(peer.address)
    let printed = try await examplePast(client)
    #expect(
      printed == ["null, said by payments", "null was older"]
        + (0..<2).map { #"\#($0) ["txn_count_24h": nil]"# }, "\(printed)")
    client.close()
    #expect(await peer.ended() == nil)
  }

  private func examplePast(_ client: ApusClient) async throws -> [String] {
    var printed: [String] = []
    func print(_ items: Any...) { printed.append(items.map { "\($0)" }.joined(separator: " ")) }
    // begin
    let card: [String: FeatureValue] = ["card_id": "c42"]
    let kept = try await client.features("fraud@1", for: [card]).receipt.text

    if let receipt = Receipt(kept) {
      let cell = try await client.explain(receipt, for: [card])[0, "txn_count_24h"]
      if let winner = cell.winner { print("\(winner.said), said by \(winner.origin.producer ?? "nobody")") }
      if let lost = cell.runnerUp { print("\(lost.candidate.said) was \(lost.why)") }
    }
    for try await page in client.history("card_activity", of: ["c42"]) {
      for event in page.events where event.fate == .wins { print(event.origin.lsn, event.features) }
    }
    // end
    return printed
  }

  private func example(_ address: String) async throws -> ([Int64], FeatureValue?) {
    // begin
    let client = try ApusClient(address)
    let producer = try await client.producer("payments")
    let rows = [FeatureRow(key: ["c42"], ["txn_count_24h": 4, "last_action": "buy"])]
    let pushed = try await producer.push("card_activity", rows)

    var options = ReadOptions()
    options.minimum = pushed.lsns?.upperBound
    let features = try await client.features(
      "fraud@1", for: [["card_id": "c42"], ["card_id": "c7"]], options: options)
    let counts = try features.int64s("txn_count_24h").values(missing: 0)
    let action = try features[0, "last_action"].value
    // end
    return (counts, action)
  }
}

extension String {
  /// Line breaks are the formatter's.
  fileprivate var words: String { filter { !$0.isWhitespace } }
}
