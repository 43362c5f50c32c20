// The Swift client against the real program: what is written is read, whatever happens to the server in between.

import ApusClient
import Foundation
import Testing

@Suite("apus serve and the Swift client")
struct EndToEndTests {
  /// A test's own time is nobody's to count: all tests of the house share a few threads.
  private static func client(_ socket: String) throws -> ApusClient {
    var options = ClientOptions()
    options.connectTimeout = .seconds(600)
    options.callTimeout = .seconds(600)
    return try ApusClient("unix:\(socket)", options: options)
  }

  private static func row(_ card: String, _ count: FeatureValue, _ action: FeatureValue? = "buy")
    -> FeatureRow
  {
    FeatureRow(key: [.string(card)], ["count": count, "action": action])
  }

  @Test("what was pushed is read at its LSN, blanks say why, and what breaks a rule is counted and set aside")
  func pushAndGet() async throws {
    let shop = try Shop()
    try shop.apply()
    let socket = shop.path("socket")
    let served = try Served(shop.data, ["--unix-socket", socket])
    _ = try served.address()
    let client = try Self.client(socket)
    let producer = try await client.producer("till")
    let pushed = try await producer.push(
      "activity", [Self.row("c1", 3), Self.row("c2", 4, nil), Self.row("c3", -1), Self.row("c4", 5, "steal")])
    #expect(pushed.accepted == 2)
    #expect(pushed.refusals.map(\.rule).sorted() == ["action.one_of", "count.min"])
    #expect(pushed.refusals.allSatisfy { $0.view == "activity@1" && $0.count == 1 })

    var options = ReadOptions()
    options.minimum = try #require(pushed.lsns).upperBound
    let rows = try await client.features(
      "score@1", for: ["c1", "c2", "c3"].map { ["card_id": .string($0)] }, options: options)
    #expect(try rows.int64s("count").values(missing: -9) == [3, 4, 0])
    #expect(try rows[0, "action"].value == "buy")
    #expect(try rows[1, "action"].status == .null)
    #expect(try rows[2, "action"].status == .notFound && rows[2, "action"].reason == .neverSeen)
    #expect(try rows[2, "count"].status == .notFound, "a default fills the value and leaves the status")
    let letters = try Program.run("dead-letters", "--server", "unix:\(socket)")
    #expect(
      letters.code == Code.done && letters.output.contains("one_of"), "\(letters.output) \(letters.errors)")

    _ = try await client.delete("activity", [["c1"]])
    let gone = try await client.features("score@1", for: [["card_id": "c1"]])
    #expect(try gone[0, "action"].reason == .deleted)
    // What was answered before is answered again.
    var then = ReadOptions()
    then.exact = (rows.lsn, rows.readTimeNanoseconds)
    let again = try await client.features(
      "score@1", for: ["c1", "c2", "c3"].map { ["card_id": .string($0)] }, options: then)
    #expect(again.receipt == rows.receipt)
    for row in 0..<3 {
      for column in rows.columns.indices { #expect(again[row, column] == rows[row, column]) }
    }
    let dry = try await client.erase([("card_id", "c2")], isDryRun: true)
    #expect(dry.lsn == nil && dry.views.map(\.count) == [1])
    #expect(try await client.erase([("card_id", "c2")], isDryRun: false).lsn != nil)
    let erased = try await client.features("score@1", for: [["card_id": "c2"]])
    #expect(try erased[0, "count"].reason == .erased)
    client.close()
    #expect(try served.stop() == 0)
  }

  @Test("every event of a key is told with its fate, and an answer's receipt tells why it was what it was")
  func past() async throws {
    let shop = try Shop()
    try shop.apply()
    let socket = shop.path("socket")
    let served = try Served(shop.data, ["--unix-socket", socket])
    _ = try served.address()
    let client = try Self.client(socket)
    let producer = try await client.producer("till")
    for count in 1...5 {
      _ = try await producer.push("activity", [Self.row("c1", .int64(Int64(count)), nil)])
    }
    _ = try await client.push("activity", [Self.row("c1", -1)])
    let keys: [[String: FeatureValue]] = [["card_id": "c1"], ["card_id": "c2"]]
    let rows = try await client.features("score@1", for: keys)
    let list = try await client.features(["activity:count"], for: keys)
    _ = try await client.delete("activity", [["c1"]])

    var options = HistoryOptions()
    options.eventsPerPage = 2
    options.includesRefused = true
    for isNewestFirst in [false, true] {
      options.isNewestFirst = isNewestFirst
      var events: [EntityHistory.Event] = []
      for try await page in client.history("activity", of: ["c1"], options: options) {
        #expect(page.view == "activity@1" && !page.mayLack && page.events.count <= 2)
        events += page.events
      }
      if isNewestFirst { events.reverse() }
      #expect(events.map(\.origin.lsn) == events.map(\.origin.lsn).sorted() && events.count == 7)
      #expect(
        events.map(\.fate) == Array(repeating: .winsNothing, count: 5) + [.refused(rule: "count.min"), .wins])
      #expect(events[0].features == ["count": 1, "action": nil] && events[0].origin.producer == "till")
      #expect(events[6].isDelete && events[6].features.isEmpty && events[6].origin.producer == nil)
    }

    let now = try await client.explain("score@1", for: keys)
    #expect(try now[0, "count"].reason == .deleted && now[0, "count"].winner?.said == .deleted)
    #expect(try now[0, "count"].runnerUp?.why == .deleted)
    #expect(try now[1, "count"] == Explanation.Cell(status: .notFound, reason: .neverSeen))
    // As it was answered, by the receipt as a log keeps it.
    let receipt = try #require(Receipt("\(rows.receipt)"))
    let then = try await client.explain(receipt, for: keys)
    #expect(then.service == "score@1" && then.lsn == rows.lsn && then.count == 2)
    #expect(then.readTimeNanoseconds == rows.readTimeNanoseconds)
    for row in 0..<2 {
      for column in then.columns.indices {
        #expect(then[row, column].status == rows[row, column].status)
        #expect(then[row, column].reason == rows[row, column].reason)
      }
    }
    #expect(try then[0, "count"].winner?.said == .value(5) && then[0, "count"].runnerUp?.why == .older)
    let listed = try await client.explain(list.receipt, of: ["activity:count"], for: keys)
    #expect(try listed.service == nil && listed[0, 0].winner == then[0, "count"].winner)
    let at = try await client.explain(
      ["activity:*"], for: keys, at: .lsn(rows.lsn, timeNanoseconds: rows.readTimeNanoseconds))
    #expect(at.columns.map(\.name) == ["count", "action"] && at[0, 0] == listed[0, 0])

    func fault(_ body: () async throws -> Explanation) async throws -> String? {
      do { _ = try await body() } catch let error as ClientError {
        #expect(error.code == .badReceipt && !error.isRetryable)
        return error.details.first { $0.name == "part" }?.value
      }
      return nil
    }
    #expect(try await fault { try await client.explain(receipt, for: keys.reversed()) } == "keys")
    #expect(
      try await fault { try await client.explain(receipt, of: ["activity:count"], for: keys) }
        == "fingerprint")
    client.close()
    #expect(try served.stop() == 0)
  }

  @Test("a client that asks for compression gets what one that does not gets, in fewer bytes")
  func compressed() async throws {
    let shop = try Shop()
    try shop.apply()
    let socket = shop.path("socket")
    let served = try Served(shop.data, ["--unix-socket", socket, "--compress-from", "1KiB"])
    _ = try served.address()
    let plain = try Self.client(socket)
    var options = ClientOptions()
    options.connectTimeout = .seconds(600)
    options.callTimeout = .seconds(600)
    options.compressFrom = 1_024
    let compressing = try ApusClient("unix:\(socket)", options: options)
    func moved(_ body: () async throws -> Void) async throws -> (received: Int64, sent: Int64) {
      func figure(_ name: String) async throws -> Int64 {
        let all = try await plain.statistics(.connections)
        guard case .number(let number)? = all.first(where: { $0.name == name })?.value else { return -1 }
        return number
      }
      let before = (try await figure("bytes_received"), try await figure("bytes_sent"))
      try await body()
      return (try await figure("bytes_received") - before.0, try await figure("bytes_sent") - before.1)
    }
    let rows = (0..<2_000).map { Self.row("c\($0)", .int64(Int64($0 % 7))) }
    let long = try await moved { _ = try await plain.push("activity", rows) }
    var accepted = 0
    let short = try await moved { accepted = try await compressing.push("activity", rows).accepted }
    #expect(accepted == 2_000)
    #expect(short.received < long.received / 2, "\(short) \(long)")

    let keys = (0..<1_000).map { ["card_id": FeatureValue.string("c\($0)")] }
    var (expected, found): ([Int64], [Int64]) = ([], [])
    let whole = try await moved {
      expected = try await plain.features("score@1", for: keys).int64s("count").values(missing: -1)
    }
    let packed = try await moved {
      found = try await compressing.features("score@1", for: keys).int64s("count").values(missing: -1)
    }
    #expect(expected == found && expected == (0..<1_000).map { Int64($0 % 7) })
    #expect(packed.sent < whole.sent / 2, "\(packed) \(whole)")
    plain.close()
    compressing.close()
    #expect(try served.stop() == 0)
  }

  @Test("get with a least LSN waits for it, and says when it did not come")
  func leastLSN() async throws {
    let shop = try Shop()
    try shop.apply()
    let socket = shop.path("socket")
    let served = try Served(shop.data, ["--unix-socket", socket])
    _ = try served.address()
    let client = try Self.client(socket)
    let first = try await client.push("activity", [Self.row("c1", 1)])
    let next = try #require(first.lsns).upperBound.rawValue + 1
    let asked = Task.detached {
      try Program.run(
        "get", "card_id=c1", "--service", "score", "--min-lsn", "\(next)", "--server", "unix:\(socket)")
    }
    // Whether the push comes before or after the question does not matter: it is answered from there on.
    _ = try await client.push("activity", [Self.row("c1", 2)])
    let answered = try await asked.value
    #expect(
      answered.code == Code.done && answered.output.contains("2"), "\(answered.output) \(answered.errors)")
    client.close()
    #expect(try served.stop() == 0)
    let alone = try Program.run(
      "get", "card_id=c1", "--service", "score", "--min-lsn", "99999999", "--data", shop.data)
    #expect(alone.code == Code.failed && alone.errors.contains("99999999"), "\(alone.errors)")
  }

  @Test("after kill -9 the same client goes on: what was answered is there, once")
  func killed() async throws {
    let shop = try Shop()
    try shop.apply()
    let socket = shop.path("socket")
    var served = try Served(shop.data, ["--unix-socket", socket])
    _ = try served.address()
    let client = try Self.client(socket)
    let producer = try await client.producer("till")
    for round in 1...3 {
      for number in 0..<20 {
        let answer = try await producer.push("activity", [Self.row("c\(number)", .int64(Int64(round)))])
        #expect(answer.accepted == 1)
      }
      served.kill9()
      served = try Served(shop.data, ["--unix-socket", socket])
      _ = try served.address()
      let rows = try await client.features(
        "score@1", for: (0..<20).map { ["card_id": .string("c\($0)")] })
      #expect(try rows.int64s("count").values(missing: 0) == [Int64](repeating: Int64(round), count: 20))
    }
    #expect(await producer.lastSequence == 60)
    let overview = try Program.run("describe", "activity", "--json", "--server", "unix:\(socket)").json()
    #expect((overview["view"] as? [String: Any])?["events"] as? Int == 60, "\(overview)")
    client.close()
    #expect(try served.stop() == 0)
  }

  @Test(
    "two versions of a view are written and served at once, and a prepared service goes on through the change"
  )
  func versions() async throws {
    let shop = try Shop()
    try shop.apply()
    let socket = shop.path("socket")
    let served = try Served(shop.data, ["--unix-socket", socket])
    _ = try served.address()
    let client = try Self.client(socket)
    _ = try await client.push("activity@1", [Self.row("c1", 3)])
    #expect(
      try await client.features("score@1", for: [["card_id": "c1"]]).int64s("count").values(missing: 0) == [3]
    )
    try shop.change("count: {type: int64, min: 0}", to: "count: {type: float64, min: 0}")
    let applied = try Program.run(
      "apply", shop.files, "--accept", "producers,readers", "--server", "unix:\(socket)")
    #expect(applied.code == Code.done, "\(applied.output) \(applied.errors)")
    _ = try await client.push("activity@1", [Self.row("c1", 4)])
    _ = try await client.push("activity@2", [Self.row("c1", .float64(4.5))])
    let old = try await client.features(["activity@1:count"], for: [["card_id": "c1"]])
    let new = try await client.features(["activity@2:count"], for: [["card_id": "c1"]])
    #expect(try old.int64s("count").values(missing: 0) == [4])
    #expect(try new.float64s("count").values(missing: 0) == [4.5])
    #expect(
      try await client.features("score@1", for: [["card_id": "c1"]]).int64s("count").values(missing: 0) == [4]
    )
    client.close()
    #expect(try served.stop() == 0)
  }
}
