import Foundation
import Testing

@Suite("diff, skew")
struct DifferenceVerbTests {
  private func shop() throws -> Shop {
    let shop = try Shop(
      """
      project: shop
      entities:
        card: {keys: {card_id: string}}
      views:
        activity:
          entity: card
          ttl: 1d
          features:
            count: {type: int64}
            score: {type: float64}
            action: {type: string}
            parts: {type: "list<string>"}
      services:
        score:
          features:
            - {view: activity, take: [count, score, action, parts]}
          defaults: {count: 0}

      """)
    try shop.prepare()
    try push(
      shop,
      """
      {"card_id":"c1","event_timestamp":"2020-01-01T14:00:00Z","count":3,"score":0.1,"action":"buy","parts":["a","\\"b\\""]}
      {"card_id":"c2","event_timestamp":"2020-01-01T14:00:00Z","count":5,"score":-1e300,"action":""}
      """)
    return shop
  }

  private func push(_ shop: Shop, _ rows: String, _ more: [String] = []) throws {
    try Data((rows + "\n").utf8).write(to: URL(filePath: shop.path("rows.jsonl")))
    let run = try Program.run(
      ["push", "activity", shop.path("rows.jsonl"), "--known-at", "event-time", "--data", shop.data] + more)
    #expect(run.code == Code.done, "\(run.errors)")
  }

  private static let labels = """
    card_id,when,label
    c1,2020-01-01T14:06:00Z,a
    c2,2020-01-01T15:00:00Z,b
    ,2020-01-01T14:00:00Z,c
    nobody,2020-01-01T14:00:00Z,d

    """

  /// Exports a set, and gives its manifest.
  private func export(
    _ shop: Shop, _ name: String, _ labels: String = labels, _ more: [String] = []
  ) throws -> String {
    try Data(labels.utf8).write(to: URL(filePath: shop.path("labels.csv")))
    let run = try Program.run(
      [
        "export", "--spine", shop.path("labels.csv"), "--time", "when", "--service", "score", "--out",
        shop.path(name), "--data", shop.data,
      ] + more)
    #expect(run.code == Code.done, "\(run.errors)")
    return shop.path(String(name.prefix { $0 != "." }) + ".manifest.json")
  }

  @Test("two sets of one identity are the same in one line, in every format; a set in CSV is read as it was")
  func same() throws {
    let shop = try shop()
    let parquet = try export(shop, "a.parquet")
    for other in ["b.csv", "c.arrow"] {
      let manifest = try export(shop, other)
      let run = try Program.run(["diff", parquet, manifest])
      #expect(run.code == Code.done && run.lines.count == 2, "\(run.output)\(run.errors)")
      #expect(run.lines[0].hasPrefix("the same: 4 rows, identity "))
    }
  }

  @Test("what came in between is named, with its cause and its event, for people and for programs")
  func differ() throws {
    let shop = try shop()
    let a = try export(shop, "a.csv")
    try push(
      shop, #"{"card_id":"c1","event_timestamp":"2020-01-01T14:05:00Z","count":9,"parts":[]}"#,
      ["--producer", "late"])
    try push(
      shop, #"{"card_id":"c2","event_timestamp":"2020-01-01T14:00:00Z","action":"refund"}"#,
      ["--producer", "right"])
    let b = try export(shop, "b.parquet")
    let what = try Program.run(["diff", a, b])
    #expect(what.code == 3 && what.output.contains("say --data DIR"), "\(what.output)\(what.errors)")
    let why = try Program.run(["diff", a, b, "--data", shop.data])
    #expect(why.code == 3, "\(why.output)\(why.errors)")
    #expect(why.lines.contains { $0.hasPrefix("up to LSN: ") })
    #expect(why.output.contains("3 of 16 cells differ: 1 correction, 2 backfill"), "\(why.output)")
    #expect(why.output.contains("  card_id=c1 at 2020-01-01T14:06:00Z   3 -> 9   backfill   lsn "))
    #expect(why.output.contains("known 2020-01-01T14:05:00Z (assumed), written 20"), "\(why.output)")

    let json = try Program.run(["diff", a, b, "--json", "--data", shop.data]).json()
    #expect(
      Set(json.keys)
        == (try Reference.keys(under: "apus diff --json")).subtracting([
          "place", "key_and_time", "keys", "time", "row_lsn", "line", "name", "differing", "why", "examples",
          "in_a", "in_b", "also", "cause", "event",
        ]))
    #expect(json["same"] as? Bool == false && json["differ"] as? Int == 3)
    #expect(json["causes"] as? [String: Int] == ["correction": 1, "backfill": 2])
    let features = try #require(json["features"] as? [[String: Any]])
    let action = try #require(features.first { $0["name"] as? String == "action" })
    let cell = try #require((action["examples"] as? [[String: Any]])?.first)
    #expect(cell["in_a"] as? String == "" && cell["in_b"] as? String == "refund")
    #expect((cell["keys"] as? [String: Any])?["card_id"] as? String == "c2")

    // Erased: what A has, nobody can say any more.
    #expect(try shop.apus("erase", "card_id=c1").code == Code.done)
    let c = try export(shop, "c.arrow")
    let erased = try Program.run(["diff", a, c, "--data", shop.data])
    #expect(erased.code == 3 && erased.output.contains("last erasure: "), "\(erased.output)")
    #expect(erased.output.contains("4 erase"), "\(erased.output)")
    #expect(erased.output.contains("3 -> 0   erase"), "\(erased.output)")
  }

  @Test("options that differ are the cause of cells, and sets of other labels are matched by key and time")
  func options() throws {
    let shop = try shop()
    let a = try export(shop, "a.parquet")
    let late =
      Self.labels.replacingOccurrences(of: "15:00:00Z,b", with: "15:00:00Z,x") + "c2,2020-01-01T13:00:00Z,n\n"
    let b = try export(shop, "b.parquet", late, ["--delay", "10m"])
    let run = try Program.run(["diff", a, b, "--data", shop.data])
    #expect(run.code == 3, "\(run.output)\(run.errors)")
    #expect(run.output.contains("delay (ns): 0 -> 600000000000"), "\(run.output)")
    #expect(run.output.contains("4 and 5 rows, by key and time: 4 in both, 0 only in A, 1 only in B"))
    #expect(run.output.contains("  only in B: card_id=c2 at 2020-01-01T13:00:00Z"))
    #expect(run.output.contains("  label   1 row of the spine's own differ"))
    #expect(run.output.contains("4 of 16 cells differ: 4 options"), "\(run.output)")
  }

  @Test("what is no set, or another one, is told in three lines")
  func wrong() throws {
    let shop = try shop()
    let a = try export(shop, "a.parquet")
    let b = try export(shop, "b.parquet", Self.labels + "c9,2020-01-01T14:00:00Z,z\n")
    func attempt(_ words: [String], _ code: Int32, _ expected: String) throws {
      let run = try Program.run(["diff"] + words)
      #expect(run.code == code && run.output.isEmpty, "\(run.output)")
      #expect(run.errorLines.count == 3 && run.errors.contains(expected), "\(run.errors)")
    }
    try attempt([a, shop.path("none.manifest.json")], Code.failed, "the manifest cannot be read")
    try attempt([a, shop.path("a.parquet")], Code.failed, "this is no JSON")
    try attempt([a], Code.usage, "two manifests")
    try attempt([a, b, "--memory", "x"], Code.usage, "--memory needs")
    let other = try Shop()
    #expect(try other.apply().code == Code.done)
    try attempt([a, b, "--server", "localhost"], Code.usage, "it needs the folder")
    try attempt([a, b, "--data", other.data], Code.failed, "the set is of another store")
    try attempt([a, b, "--data", shop.path("nowhere")], Code.failed, "there is no store")
    try FileManager.default.removeItem(atPath: shop.path("b.parquet"))
    try FileManager.default.copyItem(atPath: shop.path("a.parquet"), toPath: shop.path("b.parquet"))
    try attempt([a, b], Code.failed, "is not what its manifest tells of")
    try FileManager.default.removeItem(atPath: shop.path("b.parquet"))
    try attempt([a, b], Code.failed, "a set cannot be read")
  }

  // MARK: skew

  @Test("of a folder and of a server, nothing that is served differs from what the exporter says")
  func skew() throws {
    let shop = try shop()
    let words = ["skew", "--service", "score", "--sample", "20", "--seed", "7"]
    let here = try Program.run(words + ["--data", shop.data])
    #expect(here.code == Code.done, "\(here.output)\(here.errors)")
    #expect(here.lines[0] == "score@1: 16 cells of 4 entities, 0 differ", "\(here.output)")
    #expect(here.lines[1].contains("seed 7, 2 of them unknown to the store"))
    let json = try Program.run(words + ["--json", "--data", shop.data]).json()
    let inner: Set<String> = [
      "entities", "cells", "differ", "erased_since", "beyond_history", "first_lsn", "last_lsn", "differences",
      "keys", "feature", "part", "status", "reason", "value", "event", "lsn", "read_time", "receipt", "kept",
      "served", "exported", "event_time", "cell_lsn",
    ]
    #expect(Set(json.keys) == (try Reference.keys(under: "apus skew --json")).subtracting(inner))
    let part = try #require((json["of"] as? [[String: Any]])?.first)
    #expect(Set(part.keys).isSubset(of: inner.union(["of"])))

    let served = try Served(shop.data)
    let address = try served.address()
    let there = try Program.run(words + ["--server", address])
    #expect(there.code == Code.done && there.output == here.output, "\(there.output)\(there.errors)")
    // Writes go on meanwhile.
    var rows = "card_id,count,score\n"
    for row in 0..<20_000 { rows += "c\(row % 50),\(row),\(row)\n" }
    try Data(rows.utf8).write(to: URL(filePath: shop.path("live.csv")))
    let run = try Program.shell(
      """
      "$APUS" push activity "$1/live.csv" --no-event-time --server \(address) >/dev/null & writer=$!
      for turn in 1 2 3 4 5; do
        "$APUS" skew --service score --sample 60 --server \(address) || exit 1
      done
      wait $writer
      """, shop.path(""))
    #expect(run.code == Code.done, "\(run.output)\(run.errors)")
    let last = try Program.run(["skew", "--view", "activity", "--sample", "80", "--server", address])
    #expect(last.code == Code.done && last.output.contains(" 0 differ"), "\(last.output)\(last.errors)")
    #expect(try served.stop() == 0)
  }

  @Test("kept answers are answered again, and one that was changed is found")
  func receipts() throws {
    let shop = try shop()
    var kept = ""
    for card in ["c1", "c2", "nobody"] {
      kept += try Program.run([
        "get", "card_id=\(card)", "--service", "score", "--stale", "--json", "--data", shop.data,
      ])
      .output
    }
    try push(
      shop, #"{"card_id":"c1","event_timestamp":"2020-01-01T14:05:00Z","count":9}"#, ["--producer", "late"])
    let file = shop.path("kept.jsonl")
    func skew(_ text: String, _ place: [String]) throws -> Program.Run {
      try Data(text.utf8).write(to: URL(filePath: file))
      return try Program.run(["skew", "--receipts", file] + place)
    }
    func everywhere(_ place: [String]) throws {
      let same = try skew(kept, place)
      #expect(same.code == Code.done, "\(same.output)\(same.errors)")
      #expect(same.lines[0] == "score@1: 12 cells of 3 entities, 0 differ", "\(same.output)")
      let changed = try skew(kept.replacingOccurrences(of: #""value":"buy""#, with: #""value":"bay""#), place)
      #expect(changed.code == 3, "\(changed.output)")
      #expect(changed.lines.contains("card_id=c1 action: the value differs"), "\(changed.output)")
      #expect(changed.output.contains("1 differ") && changed.output.contains("--receipt r1_"))
      #expect(changed.output.contains(#"  kept:     {"name":"action""#))
      let number = try skew(kept.replacingOccurrences(of: #""value":0.1"#, with: #""value":0.2"#), place)
      #expect(number.code == 3 && number.output.contains("score: the value differs"), "\(number.output)")
      // Of other keys, and no answer at all.
      let keys = try skew(kept.replacingOccurrences(of: #""card_id":"c2""#, with: #""card_id":"c1""#), place)
      #expect(keys.code == Code.failed && keys.errors.contains("--receipts, line 2"), "\(keys.errors)")
      let none = try skew("{\"keys\":{}}\n", place)
      #expect(none.code == Code.failed && none.errors.contains("no answer with a receipt"), "\(none.errors)")
    }
    try everywhere(["--data", shop.data])
    let served = try Served(shop.data)
    try everywhere(["--server", try served.address()])
    #expect(try served.stop() == 0)
    let missing = try Program.run(["skew", "--receipts", shop.path("none"), "--data", shop.data])
    #expect(missing.code == Code.failed && missing.errors.contains("the receipts cannot be read"))
    let usage = try Program.run(["skew", "--data", shop.data])
    #expect(usage.code == Code.usage && usage.errors.contains("which features"), "\(usage.errors)")
    let both = try Program.run(["skew", "--receipts", file, "--sample", "3", "--data", shop.data])
    #expect(both.code == Code.usage, "\(both.errors)")
  }
}
