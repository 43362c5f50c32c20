import Foundation
import Testing

@Suite("export: checks")
struct ExportCheckTests {
  private func shop() throws -> Shop {
    let shop = try Shop(
      """
      project: shop
      entities:
        card: {keys: {card_id: string}}
      views:
        activity:
          entity: card
          ttl: none
          features:
            count: {type: int64}
            action: {type: string}
      services:
        score:
          features:
            - {view: activity, take: [count, action]}
          defaults: {count: 0}

      """)
    try shop.prepare()
    try push(shop, "2020-01-01T14:00:00Z") { ("\($0 % 10)", $0 % 2 == 0 ? "buy" : "sell") }
    try push(shop, "2020-02-01T14:00:00Z") { ("\($0 % 10 + 40)", $0 % 2 == 0 ? "buy" : "refund") }
    var old = "card_id,when,country\n"
    var new = old
    for card in 0..<400 {
      old += "c\(card),2020-01-02T00:00:00Z,\(card % 4 == 0 ? "SE" : "NO")\n"
      new += "c\(card + (card % 4 == 0 ? 1_000 : 0)),2020-02-02T00:00:00Z,\(card % 4 == 0 ? "SE" : "NO")\n"
    }
    try write(old, to: shop.path("old.csv"))
    try write(new, to: shop.path("new.csv"))
    return shop
  }

  private func push(_ shop: Shop, _ time: String, _ row: (Int) -> (String, String)) throws {
    var text = "card_id,event_timestamp,count,action\n"
    for card in 0..<400 { text += "c\(card),\(time),\(row(card).0),\(row(card).1)\n" }
    try write(text, to: shop.path("rows.csv"))
    let run = try Program.run([
      "push", "activity", shop.path("rows.csv"), "--known-at", "event-time", "--data", shop.data,
    ])
    #expect(run.code == Code.done, "\(run.errors)")
  }

  private func write(_ text: String, to path: String) throws {
    try Data(text.utf8).write(to: URL(filePath: path))
  }

  private func export(_ shop: Shop, _ spine: String, _ out: String, _ more: [String] = []) throws
    -> Program.Run
  {
    try Program.run(
      [
        "export", "--spine", shop.path(spine), "--service", "score", "--time", "when", "--out",
        shop.path(out), "--data", shop.data,
      ] + more)
  }

  @Test("what drifted since an earlier set is told by its name, the set is there, and the exit code is 3")
  func drift() throws {
    let shop = try shop()
    let old = try export(shop, "old.csv", "old.parquet")
    #expect(old.code == Code.done, "\(old.output) \(old.errors)")
    #expect(old.output.contains("checks: 2 passed"), "\(old.output)")

    try write(
      """
      unseen: 0.2
      coverage: 0.9
      segments:
        northerners: {column: country, in: [NO]}
        swedes: {column: country, in: [SE], features: [action]}
      """, to: shop.path("checks.yaml"))
    let words = ["--checks", shop.path("checks.yaml"), "--against", shop.path("old.manifest.json")]
    let new = try export(shop, "new.csv", "new.parquet", words)
    #expect(new.code == Code.checkFailed, "\(new.output) \(new.errors)")
    let lines = new.output.split(separator: "\n").map {
      $0.split(separator: " ", omittingEmptySubsequences: true).prefix(6).joined(separator: " ")
    }
    #expect(lines.contains { $0.hasPrefix("failed psi count ") }, "\(new.output)")
    #expect(lines.contains { $0.hasPrefix("failed coverage swedes 0 ≥ 0.9") }, "\(new.output)")
    #expect(lines.contains { $0.hasPrefix("passed coverage northerners 1 ≥ 0.9") }, "\(new.output)")
    #expect(lines.contains { $0.hasPrefix("failed unseen action 0.666667 ≤ 0.2") }, "\(new.output)")
    #expect(lines.contains { $0.hasPrefix("next, psi:") } && new.output.contains("the set is there"))
    #expect(FileManager.default.fileExists(atPath: shop.path("new.parquet")))

    // The earlier manifest is not needed to check again.
    try FileManager.default.removeItem(atPath: shop.path("old.manifest.json"))
    let again = try Program.run([
      "export", "verify", shop.path("new.manifest.json"), "--data", shop.data, "--json",
    ])
    #expect(again.code == Code.done, "\(again.output) \(again.errors)")
    #expect(try again.json()["same_quality"] as? Bool == true)
    let manifest = try String(contentsOf: URL(filePath: shop.path("new.manifest.json")), encoding: .utf8)
    try write(
      manifest.replacing("\"failed\"", with: "\"passed\""), to: shop.path("new.manifest.json"))
    let other = try Program.run(["export", "verify", shop.path("new.manifest.json"), "--data", shop.data])
    #expect(other.code == Code.checkFailed && other.output.contains("the checks find something else"))
  }

  @Test("programs read verdict, figures and profiles, and against the online rows an old set fails")
  func json() throws {
    let shop = try shop()
    let run = try export(shop, "old.csv", "old.csv.parquet", ["--against", "online", "--json"])
    #expect(run.code == Code.checkFailed, "\(run.output) \(run.errors)")
    let quality = try #require(try run.json()["quality"] as? [String: Any])
    #expect(quality["verdict"] as? String == "failed")
    #expect((quality["reference"] as? String)?.hasPrefix("the online rows at LSN") == true)
    let checks = try #require(quality["checks"] as? [[String: Any]])
    let psi = try #require(checks.first { $0["check"] as? String == "psi" && $0["of"] as? String == "count" })
    #expect(psi["threshold"] as? Double == 0.1 && (psi["figure"] as? Double ?? 0) > 1)
    let profiles = try #require(quality["profiles"] as? [[String: Any]])
    #expect(profiles.map { $0["name"] as? String } == ["count", "action"])
    #expect(profiles[0]["present"] as? Int == 400)

    let unchecked = try export(shop, "old.csv", "unchecked.parquet", ["--checks", "none", "--json"])
    #expect(unchecked.code == Code.done)
    #expect(try unchecked.json()["quality"] is NSNull)
    let verified = try Program.run([
      "export", "verify", shop.path("unchecked.manifest.json"), "--data", shop.data,
    ])
    #expect(verified.code == Code.done, "\(verified.output)")
    let refused = try export(
      shop, "old.csv", "x.parquet", ["--against", shop.path("unchecked.manifest.json")])
    #expect(refused.code == Code.failed && refused.errors.contains("has no profiles"), "\(refused.errors)")
  }

  @Test("mistakes in a file of checks are told before anything is made, each with its line")
  func mistakes() throws {
    let shop = try shop()
    func attempt(_ text: String, _ expected: String, _ more: [String] = []) throws {
      try write(text, to: shop.path("c.yaml"))
      let run = try export(shop, "old.csv", "set.parquet", ["--checks", shop.path("c.yaml")] + more)
      #expect(run.code == Code.failed && run.errors.contains(expected), "\(run.output) \(run.errors)")
      let left = try FileManager.default.contentsOfDirectory(atPath: shop.path("")).filter {
        $0.contains("set")
      }
      #expect(left == [], "\(left)")
    }
    try attempt("duplicats: 1\n", "c.yaml:1:1: a file of checks has no setting \"duplicats\"; did you mean")
    try attempt("psi: -1\nks: x\n", "c.yaml:2:5: expected a number from 0 to 1, or none, found \"x\"")
    try attempt("features: {cuont: {psi: 1}}\n", "did you mean \"count\"?")
    try attempt("against: nowhere.json\n", "nowhere.json")
    try attempt("{}", "is no manifest", ["--against", shop.path("c.yaml")])
    let missing = try export(shop, "old.csv", "set.parquet", ["--checks", shop.path("none.yaml")])
    #expect(
      missing.code == Code.failed && missing.errors.contains("the checks cannot be read"), "\(missing.errors)"
    )
    let both = try export(shop, "old.csv", "set.parquet", ["--checks", "none", "--against", "online"])
    #expect(both.code == Code.usage, "\(both.errors)")
  }
}
