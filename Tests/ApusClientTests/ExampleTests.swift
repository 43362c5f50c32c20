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
    let code = try #require(
      text.components(separatedBy: "```swift\n").dropFirst().first?
        .components(separatedBy: "```").first)
    let source = try String(contentsOf: here, encoding: .utf8)
    let body = try #require(
      source.components(separatedBy: "// begin\n").dropFirst().first?
        .components(separatedBy: "    // end").first)
    #expect(body.words == code.words)
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
