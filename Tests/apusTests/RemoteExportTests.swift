import ApusClient
import Foundation
import Testing

@Suite("apus export by a server")
struct RemoteExportTests {
  /// A store with two rounds of history, of which the second became known later.
  private func shop() throws -> Shop {
    let shop = try Shop()
    try shop.prepare()
    var rows = "card_id,event_timestamp,count,action\n"
    for card in 0..<200 { rows += "c\(card),2020-01-01T14:00:0\(card % 10)Z,\(card),buy\n" }
    try push(rows, [], shop)
    rows = "card_id,event_timestamp,count\n"
    for card in 0..<100 { rows += "c\(card),2020-01-01T15:00:00Z,\(1_000 + card)\n" }
    try push(rows, ["--known-at", "event-time+10m"], shop)
    return shop
  }

  private func push(_ rows: String, _ more: [String], _ shop: Shop) throws {
    try Data(rows.utf8).write(to: URL(filePath: shop.path("rows.csv")))
    let known = more.isEmpty ? ["--known-at", "event-time"] : more
    let run = try Program.run(["push", "activity", shop.path("rows.csv"), "--data", shop.data] + known)
    #expect(run.code == Code.done, "\(run.errors)")
  }

  private static func labels(_ count: Int) -> String {
    var labels = "card_id,when,label\n"
    for row in 0..<count {
      labels += "c\(row % 220),2020-01-01T15:0\(row % 10):00Z,\(row % 7 == 0 ? "" : "\"row \(row)\"")\n"
    }
    return labels
  }

  private func bytes(_ path: String) throws -> Data { try Data(contentsOf: URL(filePath: path)) }

  private func object(_ path: String) throws -> [String: Any] {
    try #require(try JSONSerialization.jsonObject(with: try bytes(path)) as? [String: Any])
  }

  private func files(_ shop: Shop) throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: shop.path("")).filter { $0.contains("set") }
  }

  @Test("the same labels give the same set, identity and manifest as by --data, in every format")
  func same() throws {
    let shop = try shop()
    try Data(Self.labels(5_000).utf8).write(to: URL(filePath: shop.path("labels.csv")))
    let common = ["--time", "when", "--service", "score", "--columns", "statuses,reasons,event-times,lsns"]
    // A set of a spine of text is a spine of types.
    for format in ["parquet", "arrow"] {
      let made = try Program.run([
        "export", "--spine", shop.path("labels.csv"), "--out", shop.path("typed.\(format)"), "--time", "when",
        "--service", "score", "--prefix", "old_", "--columns", "event-times", "--data", shop.data,
      ])
      #expect(made.code == Code.checkFailed, "\(made.errors)")
    }
    var local: [[String: Any]] = []
    let asks: [(spine: String, out: String, more: [String])] = [
      ("labels.csv", "set.csv", common), ("labels.csv", "set.parquet", common + ["--split", "hash=0.5"]),
      ("typed.parquet", "set.arrow", ["--time", "old_count__event_time", "--service", "score"]),
      (
        "typed.arrow", "set.csv",
        ["--time", "old_count__event_time", "--view", "activity", "--strict-before"]
      ),
    ]
    // By LSN, since a server may write records of its own.
    func words(_ ask: (spine: String, out: String, more: [String]), at lsn: Int) -> [String] {
      [
        "export", "--spine", shop.path(ask.spine), "--out", shop.path(ask.out), "--at-lsn", "\(lsn)",
        "--json",
      ]
        + ask.more
    }
    let last = try #require(try object(shop.path("typed.manifest.json"))["lsn"] as? Int)
    var files: [Data] = []
    for ask in asks {
      let run = try Program.run(words(ask, at: last) + ["--data", shop.data])
      #expect(run.code == Code.checkFailed, "\(run.output)")
      local.append(try object(shop.path("set.manifest.json")))
      files.append(try bytes(shop.path(ask.out)))
      try FileManager.default.removeItem(atPath: shop.path(ask.out))
    }
    let served = try Served(shop.data)
    let address = try served.address()
    for (place, ask) in asks.enumerated() {
      let run = try Program.run(words(ask, at: last) + ["--server", address])
      #expect(run.code == Code.checkFailed, "\(run.output) \(run.errors)")
      let manifest = try object(shop.path("set.manifest.json"))
      #expect(NSDictionary(dictionary: manifest) == NSDictionary(dictionary: local[place]), "\(ask)")
      #expect(manifest["rows"] as? Int == 5_000)
      if ask.out == "set.csv" { #expect(try bytes(shop.path(ask.out)) == files[place]) }
      let again = try Program.run(
        "export", "verify", shop.path("set.manifest.json"), "--server", address, "--json")
      #expect(again.code == Code.done, "\(again.output)")
      #expect(Set(try again.json().keys) == (try Reference.keys(under: "apus export verify --json")))
    }
    let own = try Program.run(
      "export", "--view", "activity", "--from", "2020-01-01T14:30:00Z", "--out", shop.path("set.csv"),
      "--server", address)
    #expect(own.code == Code.done && own.output.hasPrefix("100 rows of activity@1 at LSN"), "\(own.output)")
    let pinned = try Program.run("pin", "june", "--at-lsn", "\(last)", "--server", address)
    #expect(pinned.code == Code.done, "\(pinned.errors)")
    let ask = asks[0]
    let kept = try Program.run(
      ["export", "--spine", shop.path(ask.spine), "--out", shop.path(ask.out), "--pin", "june"] + ask.more
        + ["--server", address])
    #expect(kept.code == Code.checkFailed, "\(kept.errors)")
    #expect(
      try object(shop.path("set.manifest.json"))["identity"] as? String == local[0]["identity"] as? String)
  }

  @Test(
    "label times without a zone are of --timezone, which is a part of the identity, by folder and by server")
  func zones() throws {
    let shop = try shop()
    let path = shop.path("labels.csv")
    func export(_ when: String, _ more: [String]) throws -> Program.Run {
      try Data("card_id,when\nc1,\(when)\n".utf8).write(to: URL(filePath: path))
      return try Program.run(
        [
          "export", "--spine", path, "--time", "when", "--service", "score", "--columns", "event-times",
          "--out",
          shop.path("set.csv"), "--json",
        ] + more)
    }
    func line() throws -> Substring? {
      String(decoding: try bytes(shop.path("set.csv")), as: UTF8.self).split(separator: "\n").last
    }
    // In Berlin 15:00:01 is 14:00:01 in UTC, which is when the first value came; and 2020-03-29T02:30 never was.
    var identities: [[String]] = []
    func ask(_ place: [String]) throws {
      var own: [String] = []
      for (when, zone, isThere) in [
        ("2020-01-01T15:00:01", "Europe/Berlin", true), ("2020-01-01 15:00:00", "+01:00", false),
        ("2020-01-01T14:00:01", "", true), ("2020-01-01T15:00:01+01:00", "+05:00", true),
      ] {
        let run = try export(when, (zone.isEmpty ? [] : ["--timezone", zone]) + place)
        #expect(run.code == Code.done, "\(run.output)")
        #expect(try #require(try line()).contains(",1,buy") == isThere, "\(when) \(zone)")
        let json = try run.json()
        own.append(try #require(json["content_digest"] as? String))
        let identity = try #require(json["identity_of"] as? String)
        #expect(identity.contains("timezone=\(zone)\n") == !zone.isEmpty)
        #expect(json["times_taken_for_utc"] as? Int == (zone.isEmpty ? 1 : 0))
        let again = try Program.run(["export", "verify", shop.path("set.manifest.json")] + place)
        #expect(again.code == Code.done, "\(again.output) \(again.errors)")
      }
      let never = try export("2020-03-29T02:30:00", ["--timezone", "Europe/Berlin"] + place)
      #expect(never.code == Code.failed && never.output.contains("row 0 of the spine"), "\(never.output)")
      let nowhere = try export("2020-03-29T02:30:00", ["--timezone", "Nowhere"] + place)
      #expect(nowhere.code == Code.failed && nowhere.output.contains("no time zone"), "\(nowhere.output)")
      identities.append(own)
    }
    try ask(["--data", shop.data])
    let served = try Served(shop.data)
    try ask(["--server", try served.address()])
    #expect(identities[0] == identities[1])
  }

  @Test("what is wrong with a spine is told by row and column, and nothing is left behind")
  func wrong() throws {
    let shop = try shop()
    let served = try Served(shop.data)
    let address = try served.address()
    func attempt(_ labels: String, _ more: [String] = [], _ expected: String) throws {
      try Data(labels.utf8).write(to: URL(filePath: shop.path("labels.csv")))
      let run = try Program.run(
        [
          "export", "--spine", shop.path("labels.csv"), "--service", "score", "--out",
          shop.path("set.parquet"), "--server", address,
        ] + more)
      #expect(run.code == Code.failed, "\(run.output)")
      #expect(run.errorLines.count == 3 && run.errors.contains(expected), "\(run.errors)")
      #expect(try files(shop) == [])
    }
    try attempt("card_id,when\nc1,2020-01-01T00:00:00Z\n", [], "--time COLUMN")
    try attempt("card,when\nc1,2020-01-01T00:00:00Z\n", ["--time", "when"], "no column card_id")
    try attempt(
      "card_id,when\nc1,2020-01-01\nc1,yesterday\n", ["--time", "when"], "row 1 of the spine, column when")
    try attempt("card_id,when\nc1\n", ["--time", "when"], "line 2")
    try attempt("", ["--time", "when"], "no header")
    try attempt(
      "card_id,when\nc1,2020-01-01T00:00:00Z\n", ["--time", "when", "--pin", "nothing"], "nothing")
  }

  /// A client whose spine is a pipe, so that it waits where the test wants it to.
  private final class Waiting {
    let process = Process()
    let spine: FileHandle

    init(_ shop: Shop, _ address: String, _ name: String) throws {
      let fifo = shop.path("\(name).csv")
      let made = unsafe mkfifo(fifo, 0o600)
      #expect(made == 0)
      process.executableURL = URL(filePath: try Program.path())
      process.arguments = [
        "export", "--spine", fifo, "--time", "when", "--service", "score", "--out",
        shop.path("set-\(name).csv"),
        "--server", address, "--json",
      ]
      process.standardInput = FileHandle.nullDevice
      process.standardOutput = Pipe()
      process.standardError = FileHandle.nullDevice
      try process.run()
      spine = try FileHandle(forWritingTo: URL(filePath: fifo))
      // More than the server lets lie between the two: so it has begun to take it.
      try spine.write(contentsOf: Data(RemoteExportTests.labels(100_000).utf8))
    }

    /// What it printed, once it has ended.
    func end() throws -> [String: Any] {
      try? spine.close()
      let output = try #require(process.standardOutput as? Pipe)
      let data = output.fileHandleForReading.readDataToEndOfFile()
      process.waitUntilExit()
      return (try? JSONSerialization.jsonObject(with: data)) as? [String: Any] ?? [:]
    }

    deinit { if process.isRunning { kill(process.processIdentifier, SIGKILL) } }
  }

  @Test("two at once are one too many, a killed client frees its place, a lost server leaves no set")
  func lost() throws {
    signal(SIGPIPE, SIG_IGN)
    let shop = try shop()
    let served = try Served(shop.data)
    let address = try served.address()
    try Data(Self.labels(100).utf8).write(to: URL(filePath: shop.path("labels.csv")))
    func attempt() throws -> Program.Run {
      try Program.run(
        "export", "--spine", shop.path("labels.csv"), "--time", "when", "--service", "score", "--out",
        shop.path("set.csv"), "--json", "--server", address)
    }
    let first = try Waiting(shop, address, "first")
    let second = try attempt()
    #expect(second.code == Code.failed && second.output.contains("overloaded"), "\(second.output)")
    kill(first.process.processIdentifier, SIGKILL)
    _ = try first.end()
    var third = try attempt()
    while third.output.contains("overloaded") { third = try attempt() }
    #expect(third.code == Code.done, "\(third.output)")
    #expect(try files(shop).filter { $0.hasPrefix("set") }.sorted() == ["set.csv", "set.manifest.json"])

    let fourth = try Waiting(shop, address, "fourth")
    served.kill9()
    let told = try fourth.end()
    #expect(fourth.process.terminationStatus == Code.failed)
    #expect("\(told)".contains("connection_lost"), "\(told)")
    #expect(try files(shop).filter { $0.hasPrefix("set") }.sorted() == ["set.csv", "set.manifest.json"])
    let names = try FileManager.default.contentsOfDirectory(atPath: shop.data)
    #expect(names.allSatisfy { !$0.hasPrefix(".export") }, "\(names)")
  }

  // MARK: The client of the library

  private struct Pieces: AsyncSequence, Sendable {
    typealias Element = [UInt8]
    let bytes: [UInt8]
    let each: Int

    struct Iterator: AsyncIteratorProtocol {
      var rest: ArraySlice<UInt8>
      let each: Int
      mutating func next() async throws -> [UInt8]? {
        guard !rest.isEmpty else { return nil }
        defer { rest = rest.dropFirst(each) }
        return Array(rest.prefix(each))
      }
    }

    func makeAsyncIterator() -> Iterator { Iterator(rest: bytes[...], each: each) }
  }

  @Test("a program streams its spine up and the set down, is told what is wrong, and may stop at any time")
  func library() async throws {
    let shop = try shop()
    try Data(Self.labels(20_000).utf8).write(to: URL(filePath: shop.path("labels.csv")))
    let served = try Served(shop.data, ["--export-idle-timeout", "15m"])
    let address = try served.address()
    for (spine, time, out, prefix) in [
      ("labels.csv", "when", "typed.arrow", ["--prefix", "old_"]),
      ("typed.arrow", "old_count__event_time", "set.arrow", []),
    ] {
      let made = try Program.run(
        [
          "export", "--spine", shop.path(spine), "--time", time, "--service", "score", "--columns",
          "event-times", "--out", shop.path(out), "--server", address,
        ] + prefix)
      #expect(made.code == Code.checkFailed, "\(made.errors)")
    }
    let spine = [UInt8](try bytes(shop.path("typed.arrow")))
    let client = try ApusClient("tcp://\(address)")
    var request = TrainingSetRequest(.service("score"))
    request.timeColumn = "old_count__event_time"
    request.columns = [.eventTime]
    let expected = try #require(try object(shop.path("set.manifest.json"))["content_digest"] as? String)
    for each in [1_000, 1 << 20] {
      let set = try client.trainingSet(request, spine: Pieces(bytes: spine, each: each))
      var came: [UInt8] = []
      for try await piece in set { came += piece }
      let outcome = try await set.outcome()
      #expect(outcome.rows == 20_000 && outcome.manifest.contains(expected))
      #expect(Data(came) == (try bytes(shop.path("set.arrow"))))
    }
    request.timeColumn = "nothing"
    let refused = try client.trainingSet(request, spine: Pieces(bytes: spine, each: 1 << 16))
    await #expect {
      for try await _ in refused {}
    } throws: { error in
      (error as? ClientError)?.code == .badSpine
    }
    // A spine that does not end.
    request.timeColumn = "old_count__event_time"
    let (endless, more) = AsyncStream.makeStream(of: [UInt8].self)
    more.yield(Array(spine.prefix(1_000)))
    let task = Task { [request] in
      for try await _ in try client.trainingSet(request, spine: endless) {}
    }
    task.cancel()
    await #expect {
      try await task.value
    } throws: { error in
      (error as? ClientError)?.code == .cancelled
    }
    more.finish()
    var code = ClientError.Code.overloaded
    while code == .overloaded {
      let set = try client.trainingSet(
        TrainingSetRequest(.view("activity")), eventsWithin: Int64.min...Int64.max)
      do {
        for try await _ in set {}
        #expect(try await set.outcome().rows == 300)
        break
      } catch {
        code = error.code
      }
    }
    #expect(code == .overloaded)
  }
}
