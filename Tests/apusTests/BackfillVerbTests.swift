import ApusStore
import Foundation
import Testing

@Suite("apus backfill")
struct BackfillVerbTests {
  private static let first = """
    project: shop
    entities:
      card: {keys: {card_id: string}}
    views:
      card:
        entity: card
        ttl: none
        features:
          total: {type: int32}
          action: {type: string}

    """
  private static let second = first.replacingOccurrences(
    of: "total: {type: int32}", with: "total: {type: int64, max: 90}")

  /// Two versions; the first has rows, each known 10 minutes after it was true.
  private func shop(rows: Int = 40) throws -> Shop {
    let shop = try Shop(Self.first)
    try shop.prepare()
    var text = "card_id,event_timestamp,total,action\n"
    for row in 0..<rows { text += "c\(row % 7),2020-01-01T10:\(10 + row % 50):00Z,\(row),buy\n" }
    try Data(text.utf8).write(to: URL(filePath: shop.path("rows.csv")))
    try run(["push", "card@1", shop.path("rows.csv"), "--known-at", "event-time+10m", "--data", shop.data])
    try shop.write(Self.second)
    try run(["apply", shop.files, "--accept", "producers,readers", "--data", shop.data])
    return shop
  }

  @discardableResult
  private func run(_ words: [String], _ code: Int32 = Code.done) throws -> Program.Run {
    let run = try Program.run(words)
    #expect(run.code == code, "\(words): \(run.output)\(run.errors)")
    return run
  }

  private func everywhere(_ shop: () throws -> Shop, _ body: (Shop, [String]) throws -> Void) throws {
    let local = try shop()
    try body(local, ["--data", local.data])
    let remote = try shop()
    let served = try Served(remote.data)
    try body(remote, ["--server", try served.address()])
    #expect(try served.stop() == 0)
  }

  @Test("the new version answers a moment of the past as the old one does; the same again finds nothing new")
  func fills() throws {
    try everywhere({ try shop() }) { shop, place in
      let words = ["backfill", "card@2", "--from", "card@1", "--batch", "3"] + place
      let dry = try run(words + ["--dry-run"])
      #expect(
        dry.lines[0] == "dry run: of card@1 into card@2" && dry.lines[1] == "  40 events would be written")
      let done = try run(words)
      #expect(done.lines[0].hasPrefix("card@2 has what card@1 had up to LSN "), "\(done.output)")
      #expect(done.lines[1] == "  40 events written" && done.lines[2] == "  features: total, action")
      for moment in ["2020-01-01T10:19:59Z", "2020-01-01T10:25:00Z", "2020-01-01T12:00:00Z"] {
        for card in 0..<7 {
          let get = ["get", "card_id=c\(card)", "--at", moment, "--json"] + place
          let (old, new) = (try run(get + ["--view", "card@1"]), try run(get + ["--view", "card@2"]))
          func features(_ run: Program.Run) throws -> [String] {
            let all = try #require(try run.json()["features"] as? [[String: Any]])
            return all.map {
              "\($0["name"] ?? "") \($0["value"] ?? "") \($0["status"] ?? "") \($0["event_time"] ?? "")"
            }
          }
          #expect(try features(old) == features(new), "\(card) at \(moment)")
        }
      }
      let again = try run(words + ["--json"]).json()
      #expect((again["now"] as? [String: Int])?["written"] == 0)
      #expect((again["in_all"] as? [String: Int])?["written"] == 40)
      let keys = try Reference.keys(under: "apus backfill --json")
      #expect(keys.isSuperset(of: again.keys), "\(again.keys)")
      let explained = try run(
        ["explain", "card_id=c1", "--view", "card@2", "--at", "2020-01-01T12:00:00Z"] + place)
      #expect(explained.output.contains("producer backfill shop/card@1>card@2"), "\(explained.output)")
    }
  }

  @Test("rows that the new contract refuses are set aside, with their rule and exit code 2")
  func setAside() throws {
    try everywhere({ try shop(rows: 100) }) { shop, place in
      let words = ["backfill", "card@2", "--from", "card@1"] + place
      let dry = try run(words + ["--dry-run"], 2)
      #expect(dry.output.contains("  9 × total max   e.g. "), "\(dry.output)")
      #expect(try run(["dead-letters"] + place).output.contains("no dead letters"))
      let done = try run(words, 2)
      #expect(done.lines[1] == "  91 events written   9 set aside", "\(done.output)")
      #expect(done.lines.contains { $0.hasPrefix("  next: apus dead-letters list --view card@2") })
      #expect(try run(["dead-letters"] + place).output.contains("total"))
    }
  }

  @Test("a feature of the same name can be left out, and must be left out again")
  func leftOut() throws {
    try everywhere({ try shop() }) { shop, place in
      let words = ["backfill", "card@2", "--from", "card@1"]
      let done = try run(words + ["--except", "total"] + place)
      #expect(done.output.contains("  features: action\n  not taken of card@1: total\n"), "\(done.output)")
      let get = try run(["get", "card_id=c1", "--view", "card@2"] + place)
      #expect(get.lines.contains { $0.hasPrefix("total") && $0.contains("never seen") }, "\(get.output)")
      let other = try run(words + place, Code.failed)
      #expect(other.errors.contains("say the same --map and --except as the first time"), "\(other.errors)")
      #expect(try run(words + ["--except", "total"] + place).code == Code.done)
    }
  }

  @Test("what does not fit is refused before the first row, by name")
  func refused() throws {
    try everywhere({ try shop() }) { shop, place in
      for (words, what) in [
        (["card@2", "--from", "card@3"], "there is no card@3"),
        (["card@2", "--from", "card@1", "--except", "totl"], "card@1 has no feature \"totl\""),
        (
          ["card@2", "--from", "card@1", "--map", "total=total", "--except", "total"],
          "total of card@1 is mapped, and left out"
        ),
        (
          ["card@1", "--from", "card@2"],
          "int64 total would become int32 total: not every value would stay what it is"
        ),
        (["card@2", "--from", "card@2"], "card@2 is the source and the target"),
        (["card@2", "--from", "card@1", "--map", "totl=total"], "card@1 has no feature \"totl\""),
      ] {
        let run = try run(["backfill"] + words + place, Code.failed)
        #expect(run.errors.contains(what), "\(words): \(run.errors)")
        #expect(run.errorLines.count == 3)
      }
      #expect(try run(["status", "--json"] + place).code == Code.done)
    }
  }

  @Test("a backfill that was killed goes on, and no row is there twice")
  func killed() throws {
    let shop = try shop(rows: 3_000)
    let served = try Served(shop.data)
    let server = try served.address()
    let process = Process()
    process.executableURL = URL(filePath: try Program.path())
    process.arguments = ["backfill", "card@2", "--from", "card@1", "--batch", "1", "--server", server]
    process.standardOutput = FileHandle.nullDevice
    process.standardError = FileHandle.nullDevice
    try process.run()
    // As soon as something of it is there.
    var written = 0
    while written == 0, process.isRunning {
      let status = try run(["describe", "card@2", "--json", "--server", server]).output
      written = status.contains("\"events\":0") ? 0 : 1
    }
    served.kill9()
    process.waitUntilExit()
    let done = try run(
      ["backfill", "card@2", "--from", "card@1", "--json", "--data", shop.data], 2)
    let all = try #require(try done.json()["in_all"] as? [String: Int])
    #expect((all["written"] ?? 0) + (all["set_aside"] ?? 0) == 3_000, "\(all)")
    func count(_ version: Int) throws -> Int {
      try (0..<7).reduce(0) { sum, card in
        let lines = try run(
          [
            "history", "card_id=c\(card)", "--view", "card@\(version)", "--limit", "100000", "--json",
            "--data", shop.data,
          ]
        ).jsonLines()
        return sum + (lines.last?["events"] as? Int ?? 0)
      }
    }
    #expect(try count(1) == 3_000 && count(2) == all["written"])
  }
}
