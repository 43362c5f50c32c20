import ApusStore
import Foundation
import Testing

@Suite("apus scan, delete and erase")
struct EntityVerbTests {
  /// Rows of five cards, c0 to c4.
  private func shop() throws -> Shop {
    let shop = try Shop()
    try shop.prepare()
    let rows = (0..<5).map { "c\($0),\($0),\($0 == 2 ? "" : "buy")\n" }.joined()
    try Data("card_id,count,action\n\(rows)".utf8).write(to: URL(filePath: shop.path("rows.csv")))
    let run = try Program.run(
      "push", "activity", shop.path("rows.csv"), "--no-event-time", "--data", shop.data)
    #expect(run.code == Code.done, "\(run.errors)")
    return shop
  }

  /// On a folder, and on a server of another that is the same.
  private func everywhere(_ body: ([String]) throws -> Void) throws {
    let here = try shop()
    try body(["--data", here.data])
    let there = try shop()
    let served = try Served(there.data)
    try body(["--server", try served.address()])
    #expect(try served.stop() == 0)
  }

  private func names(_ lines: [[String: Any]]) -> [String] {
    lines.compactMap { ($0["keys"] as? [String: Any])?["card_id"] as? String }
  }

  @Test("scan shows every entity once, part by part, and says how to go on")
  func scan() throws {
    try everywhere { place in
      var all: [String] = []
      var more: [String] = []
      var parts = 0
      while true {
        let lines = try Program.run(["scan", "activity", "--limit", "2", "--json"] + more + place).jsonLines()
        let end = try #require(lines.last)
        #expect(end["entities"] as? Int == lines.count - 1)
        all += names(lines)
        parts += 1
        try #require(parts < 9)
        guard let next = end["next"] as? String else { break }
        more = ["--after", next]
      }
      #expect(all == ["c0", "c1", "c2", "c3", "c4"] && parts == 3)

      let whole = try Program.run(["scan", "activity"] + place)
      #expect(whole.code == Code.done && whole.lines.count == 7, "\(whole.output)\(whole.errors)")
      #expect(whole.lines[0].hasPrefix("card_id  count  action"))
      #expect(whole.lines[1].hasPrefix("c0       0      buy") && whole.lines[3].contains("null"))
      let first = try Program.run(["scan", "activity", "--limit", "1"] + place)
      #expect(first.output.contains("next: apus scan activity@1 --limit 1 --after "), "\(first.output)")
      let wrong = try Program.run(["scan", "activty"] + place)
      #expect(wrong.code == Code.failed && wrong.errorLines.count == 3 && wrong.errors.contains("activity"))
      let after = try Program.run(["scan", "activity", "--after", "ff"] + place)
      #expect(after.code == Code.failed && after.errors.contains("--after is no key of activity@1"))
    }
  }

  @Test("delete ends one row, and says whether there was one")
  func delete() throws {
    try everywhere { place in
      let run = try Program.run(["delete", "activity", "card_id=c1"] + place)
      #expect(run.code == Code.done && run.output.contains("card_id=c1 is deleted from activity@1 (LSN "))
      #expect(run.output.contains("one row was found"), "\(run.output)\(run.errors)")
      let again = try Program.run(["delete", "activity", "card_id=c1", "--json"] + place).json()
      #expect(again["rows_found"] as? Int == 0 && again["lsn"] is Int)
      #expect(Set(again.keys) == (try Reference.keys(under: "apus delete --json")))
      #expect(
        try Program.run(["get", "card_id=c1", "--view", "activity"] + place).output.contains("deleted"))
      #expect(
        names(try Program.run(["scan", "activity", "--json"] + place).jsonLines()) == [
          "c0", "c2", "c3", "c4",
        ])
      let wrong = try Program.run(["delete", "activity", "crad_id=c1"] + place)
      #expect(wrong.code == Code.failed && wrong.errors.contains("give card_id (string)"), "\(wrong.errors)")
    }
  }

  @Test("erase says what would go, and then it is gone for good")
  func erase() throws {
    try everywhere { place in
      let dry = try Program.run(["erase", "card_id=c3", "--dry-run"] + place)
      #expect(
        dry.code == Code.done && dry.output.contains("nothing was changed"), "\(dry.output)\(dry.errors)")
      #expect(dry.output.contains("activity@1  1 row"))
      #expect(
        !(try Program.run(["get", "card_id=c3", "--view", "activity"] + place).output.contains("erased")))

      let run = try Program.run(["erase", "card_id=c3", "--json"] + place).json()
      #expect(
        Set(run.keys) == (try Reference.keys(under: "apus erase --json")).subtracting(["name", "rows_found"]))
      #expect(run["lsn"] is Int && run["dry_run"] as? Bool == false)
      #expect((run["views"] as? [[String: Any]])?.first?["rows_found"] as? Int == 1)
      #expect(try Program.run(["get", "card_id=c3", "--view", "activity"] + place).output.contains("erased"))
      let again = try Program.run(["erase", "card_id=c3", "--dry-run"] + place)
      #expect(again.output.contains("no row"), "\(again.output)")
      let wrong = try Program.run(["erase", "crad_id=c3"] + place)
      #expect(wrong.code == Code.failed && wrong.errors.contains("did you mean `card_id`"), "\(wrong.errors)")
    }
  }

  @Test("a server asks a token for ingest before it deletes, and for admin before it erases")
  func scopes() throws {
    let shop = try shop()
    let token = shop.path("reader.token")
    let made = try Program.run("token", "create", "reader", "--scope", "read", "--data", shop.data)
    try Data(made.output.utf8).write(to: URL(filePath: token))
    let served = try Served(shop.data, ["--tokens", "on"])
    let place = ["--server", try served.address(), "--token-file", token]
    #expect(try Program.run(["scan", "activity"] + place).code == Code.done)
    #expect(try Program.run(["get", "card_id=c1", "--view", "activity"] + place).code == Code.done)
    for (words, scope) in [
      (["delete", "activity", "card_id=c1"], "ingest"), (["erase", "card_id=c1"], "admin"),
      (["erase", "card_id=c1", "--dry-run"], "admin"),
    ] {
      let run = try Program.run(words + place)
      #expect(run.code == Code.failed && run.errors.contains("it needs the scope \(scope)"), "\(run.errors)")
    }
    let rows = try Program.run(["scan", "activity", "--json"] + place).jsonLines()
    #expect(names(rows) == ["c0", "c1", "c2", "c3", "c4"])
    #expect(try served.stop() == 0)
  }
}
