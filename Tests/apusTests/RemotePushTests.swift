import ApusClient
import Foundation
import Testing

@Suite("apus push to a server")
struct RemotePushTests {
  private static let head = "card_id,event_timestamp,count,action\n"
  private static let time = "2020-09-13T12:00:00Z"

  private func shop() throws -> Shop {
    let shop = try Shop()
    try shop.prepare()
    return shop
  }

  private func write(_ text: String, _ name: String, in shop: Shop) throws -> String {
    try Data(text.utf8).write(to: URL(filePath: shop.path(name)))
    return shop.path(name)
  }

  /// What is seen of every card, by its key's bytes.
  private func rows(_ address: String) async throws -> [[UInt8]: [String: FeatureValue?]] {
    var rows: [[UInt8]: [String: FeatureValue?]] = [:]
    let client = try ApusClient(address.hasPrefix("unix:") ? address : "tcp://\(address)")
    // Other tests may have all threads for a while.
    for try await page in client.scan("activity", timeout: .seconds(60)) {
      for row in page.rows { rows[row.key] = row.features }
    }
    return rows
  }

  private func view(_ address: String) throws -> [String: Any] {
    let described = try Program.run("describe", "activity", "--json", "--server", address).json()
    return try #require(described["view"] as? [String: Any])
  }

  /// Letters without where and when they lie.
  private func letters(_ words: [String]) throws -> [NSDictionary] {
    let shown = try Program.run(["dead-letters", "show", "--json", "--limit", "1000"] + words).json()
    return try #require(shown["letters"] as? [[String: Any]]).map { letter in
      NSDictionary(dictionary: letter.filter { !["lsn", "arrived"].contains($0.key) })
    }
  }

  @Test("the same file gives the same report, exit code, rows and letters as by --data")
  func same() async throws {
    var csv = Self.head
    for row in 0..<9_000 {
      let count = row % 701 == 5 ? "many" : row % 503 == 7 ? "-1" : row % 11 == 0 ? "" : "\(row)"
      csv += "c\(row % 2_000),2020-09-13T12:\(10 + row / 60 % 50):\(10 + row % 50)Z,\(count),"
      csv += row % 997 == 3 ? "steal\n" : row % 5 == 0 ? "\n" : "buy\n"
    }
    csv += "c1,\(Self.time)\n"
    // A value of another kind in every second row, so that no two rows go together.
    var lines = ""
    for row in 0..<40 {
      let count = row % 4 == 1 ? "1.5" : row % 4 == 3 ? "\"x\"" : "\(row)"
      lines += #"{"card_id":"j\#(row)","event_timestamp":"\#(Self.time)","count":\#(count)}"# + "\n"
    }
    let (here, there) = (try shop(), try shop())
    let files = [try write(csv, "a.csv", in: here), try write(lines, "b.jsonl", in: here)]
    let served = try Served(there.data)
    let address = try served.address()
    for file in files {
      let byData = try here.apus("push", "activity", file, "--json", "--known-at", "event-time")
      let byServer = try Program.run(
        "push", "activity", file, "--json", "--known-at", "event-time", "--server", address)
      #expect(byData.code == 2 && byServer.code == 2, "\(byServer.errors)")
      #expect(try NSDictionary(dictionary: byData.json()) == NSDictionary(dictionary: byServer.json()))
    }
    let ended = try write("card_id,event_timestamp\nc7,2021-01-01\nc8,2021-01-01\n", "c.csv", in: here)
    let byData = try here.apus("push", "activity", ended, "--mode", "delete", "--timezone", "UTC")
    let byServer = try Program.run(
      "push", "activity", ended, "--mode", "delete", "--timezone", "UTC", "--server", address)
    #expect(byServer.code == Code.done && byData.output == byServer.output, "\(byServer.errors)")

    let seen = try await rows(address)
    #expect(try letters(["--server", address]) == (try letters(["--data", here.data])))
    let counted = try view(address)
    #expect(try served.stop() == 0)
    let second = try Served(here.data)
    let other = try second.address()
    #expect(try await rows(other) == seen && seen.count > 1_900)
    for key in ["events", "dead_letters"] {
      #expect(try view(other)[key] as? Int == counted[key] as? Int)
    }
    #expect(try second.stop() == 0)
  }

  @Test("what a request has no place for is told with its rule, and kept nowhere")
  func uncarried() throws {
    let shop = try shop()
    let lines = [
      #"{"card_id":"a","event_timestamp":"\#(Self.time)","count":1}"#,
      #"{"event_timestamp":"\#(Self.time)","count":1}"#,
      #"{"card_id":7,"event_timestamp":"\#(Self.time)","count":1}"#,
      #"{"card_id":"b","event_timestamp":"soon","count":1}"#,
      #"{"card_id":"c","event_timestamp":"\#(Self.time)","count":-1}"#,
    ]
    let file = try write(lines.joined(separator: "\n"), "a.jsonl", in: shop)
    let served = try Served(shop.data)
    let address = try served.address()
    let run = try Program.run("push", "activity", file, "--server", address)
    #expect(run.code == 2 && run.lines.first == "1 accepted   1 set aside   3 refused and kept nowhere")
    #expect(run.lines.contains { $0.contains("2 × key") && $0.contains("a.jsonl:2 ") }, "\(run.output)")
    #expect(run.lines.contains { $0.contains("1 × unknown_feature") && $0.contains("a.jsonl:4 ") })
    #expect(run.lines.contains { $0.contains("1 × count min") && $0.contains("a.jsonl:5 -1") })
    #expect(try view(address)["dead_letters"] as? Int == 1)
    #expect(try served.stop() == 0)
  }

  /// A load from a pipe, of which more is written when the test wants it.
  private final class Fed {
    let process = Process()
    let input = Pipe()
    let output = Pipe()

    init(_ words: [String]) throws {
      process.executableURL = URL(filePath: try Program.path())
      process.arguments = words
      process.standardInput = input
      process.standardOutput = output
      process.standardError = FileHandle.nullDevice
      try process.run()
    }

    deinit { if process.isRunning { kill(process.processIdentifier, SIGKILL) } }
  }

  private static func lines(_ rows: Range<Int>) -> String {
    rows.map { "c\($0),\(time),\($0),buy\n" }.joined()
  }

  /// Asks until the first blocks are in: the program has been given several.
  private func waitForEvents(_ address: String) throws -> Int {
    while true {
      let events = try #require(try view(address)["events"] as? Int)
      if events >= 4_096 { return events }
    }
  }

  @Test("goes on by itself when the server is killed in the middle and comes again: each row once")
  func restarted() async throws {
    let shop = try shop()
    let path = shop.path("sock")
    let first = try Served(shop.data, ["--unix-socket", path])
    _ = try first.address()
    let address = "unix:\(path)"
    let fed = try Fed([
      "push", "activity", "-", "--format", "csv", "--producer", "p", "--server", address, "--json",
    ])
    try fed.input.fileHandleForWriting.write(contentsOf: Data((Self.head + Self.lines(0..<20_000)).utf8))
    #expect(try waitForEvents(address) < 30_000)
    first.kill9()
    let second = try Served(shop.data, ["--unix-socket", path])
    _ = try second.address()
    try fed.input.fileHandleForWriting.write(contentsOf: Data(Self.lines(20_000..<30_000).utf8))
    try fed.input.fileHandleForWriting.close()
    let said = fed.output.fileHandleForReading.readDataToEndOfFile()
    fed.process.waitUntilExit()
    #expect(fed.process.terminationStatus == Code.done, "\(String(decoding: said, as: UTF8.self))")
    let report = try #require(try JSONSerialization.jsonObject(with: said) as? [String: Any])
    #expect(report["accepted"] as? Int == 30_000)
    #expect(try view(address)["events"] as? Int == 30_000)
    #expect(try await rows(address).count == 30_000)
    #expect(try second.stop() == 0)
  }

  @Test(
    "waits for a server that is not there yet when it begins, with a producer; without one it says so at once"
  )
  func serverLater() async throws {
    let shop = try shop()
    let address = "unix:\(shop.path("sock"))"
    let file = try write(Self.head + Self.lines(0..<100), "a.csv", in: shop)
    let alone = try Program.run("push", "activity", file, "--server", address)
    #expect(alone.code == Code.failed && alone.errors.contains("no server answers"))
    let fed = try Fed([
      "push", "activity", "-", "--format", "csv", "--producer", "p", "--server", address, "--json",
    ])
    try fed.input.fileHandleForWriting.write(contentsOf: Data((Self.head + Self.lines(0..<100)).utf8))
    try fed.input.fileHandleForWriting.close()
    let served = try Served(shop.data, ["--unix-socket", shop.path("sock")])
    _ = try served.address()
    let said = fed.output.fileHandleForReading.readDataToEndOfFile()
    fed.process.waitUntilExit()
    #expect(fed.process.terminationStatus == Code.done, "\(String(decoding: said, as: UTF8.self))")
    #expect(try view(address)["events"] as? Int == 100)
    let clock = try Program.run("repair", "--confirm-clock", "--server", address)
    #expect(clock.code == Code.done && clock.output == "no jump of the clock stands: nothing was done\n")
    #expect(try served.stop() == 0)
  }

  @Test("said again after the server and the load were killed, loads each row once")
  func saidAgain() async throws {
    let shop = try shop()
    let file = try write(Self.head + Self.lines(0..<30_000), "a.csv", in: shop)
    let first = try Served(shop.data)
    let address = try first.address()
    let fed = try Fed([
      "push", "activity", "-", "--format", "csv", "--producer", "p", "--server", address,
    ])
    try fed.input.fileHandleForWriting.write(contentsOf: Data((Self.head + Self.lines(0..<20_000)).utf8))
    _ = try waitForEvents(address)
    first.kill9()
    kill(fed.process.processIdentifier, SIGKILL)
    fed.process.waitUntilExit()
    let second = try Served(shop.data)
    let again = try second.address()
    let before = try #require(try view(again)["events"] as? Int)
    #expect(before >= 4_096 && before <= 20_000)
    let run = try Program.run("push", "activity", file, "--producer", "p", "--server", again, "--json")
    #expect(run.code == Code.done, "\(run.errors)")
    let report = try run.json()
    #expect(report["passed_over"] as? Int == before && report["accepted"] as? Int == 30_000 - before)
    #expect(try view(again)["events"] as? Int == 30_000)
    #expect(try await rows(again).count == 30_000)
    // Nothing of it is new.
    let third = try Program.run("push", "activity", file, "--producer", "p", "--server", again)
    #expect(third.lines.first == "0 accepted   30,000 were in already")
    #expect(try second.stop() == 0)
  }

  @Test("a server that is not there, a view that it has not, and what it cannot do are told in three lines")
  func wrong() throws {
    let shop = try shop()
    let file = try write(Self.head + "c1,\(Self.time),1,buy\n", "a.csv", in: shop)
    let served = try Served(shop.data)
    let address = try served.address()
    expectTrouble(
      try Program.run("push", "actvity", file, "--server", address), code: Code.failed,
      what: "no view `actvity`", at: address)
    expectTrouble(
      try Program.run("push", "score", file, "--server", address), code: Code.failed, what: "no view `score`",
      at: address)
    expectTrouble(
      try Program.run("push", "activity", shop.path("none.csv"), "--server", address), code: Code.failed,
      what: "no such file", at: shop.path("none.csv"))
    for option in ["--dry-run", "--all-or-nothing"] {
      let run = try Program.run("push", "activity", file, option, "--server", address)
      expectTrouble(
        run, code: Code.usage, what: "a server judges rows as it takes them",
        at: "apus push … \(option)")
    }
    #expect(try view(address)["events"] as? Int == 0)
    #expect(try served.stop() == 0)
    #expect(
      try Program.run("push", "activity", file, "--server", "127.0.0.1:1").errors
        .contains("no server answers"))
  }
}
