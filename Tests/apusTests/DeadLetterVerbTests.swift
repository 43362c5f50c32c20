import ApusStore
import Foundation
import Testing

@Suite("apus dead-letters replay and purge")
struct DeadLetterVerbTests {
  /// Three letters: two that the definitions in force would admit, and one that they would not.
  private func shop() throws -> Shop {
    let shop = try Shop()
    try shop.prepare()
    try shop.open { store in
      _ = try shop.push([("c1", 3, "add_to_cart"), ("c2", 4, "add_to_cart"), ("c3", -1, "buy")], into: store)
    }
    try shop.change("[buy, refund]", to: "[buy, refund, add_to_cart]")
    #expect(try shop.apply("--accept", "readers").code == Code.done)
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

  @Test("replay makes events of what the contract admits by now, and tells by rule what it still refuses")
  func replay() throws {
    try everywhere { place in
      let dry = try Program.run(["dead-letters", "replay", "--dry-run"] + place)
      #expect(dry.code == 2, "\(dry.output)\(dry.errors)")
      #expect(dry.lines.first == "dry run: 2 replayed   1 still refused")
      #expect(dry.output.contains("next: apus dead-letters replay --all"), "\(dry.output)")
      #expect(try Program.run(["dead-letters", "--json"] + place).json()["letters"] as? Int == 3)

      let one = try Program.run(["dead-letters", "replay", "--all", "--limit", "1"] + place)
      #expect(one.code == Code.done && one.lines.first == "1 replayed", "\(one.output)\(one.errors)")
      #expect(one.output.contains("next: apus dead-letters replay --from "), "\(one.output)")

      let run = try Program.run(["dead-letters", "replay", "--all"] + place)
      #expect(
        run.code == 2 && run.lines.first == "1 replayed   1 still refused", "\(run.output)\(run.errors)")
      #expect(run.output.contains("1 × count min   activity@1   e.g. LSN "), "\(run.output)")
      #expect(run.output.contains("next: apus dead-letters show --lsn "))
      for card in ["c1", "c2"] {
        let row = try Program.run(["get", "card_id=\(card)", "--view", "activity", "--stale"] + place)
        #expect(row.output.contains("add_to_cart"), "\(row.output)\(row.errors)")
      }
      let again = try Program.run(["dead-letters", "replay", "--rule", "action.one_of", "--json"] + place)
      #expect(again.code == Code.done)
      let json = try again.json()
      #expect(Set(json.keys) == (try Reference.keys(under: "apus dead-letters replay --json")))
      #expect(json["replayed"] as? Int == 0 && json["still_refused"] as? Int == 0 && json["lsn"] is NSNull)
    }
  }

  @Test("purge gives up what is named, and nothing else")
  func purge() throws {
    try everywhere { place in
      let young = try Program.run(["dead-letters", "purge", "--older-than", "5000w"] + place)
      #expect(young.code == Code.done, "\(young.output)\(young.errors)")
      #expect(young.output == "no dead letters wait that are of this kind\n")
      let run = try Program.run(
        [
          "dead-letters", "purge", "--rule", "count.min", "--view", "activity", "--older-than", "1m",
          "--json",
        ]
          + place)
      let json = try run.json()
      let keys = try Reference.keys(under: "apus dead-letters replay --json").subtracting(["replayed"])
        .union(Reference.keys(under: "apus dead-letters purge --json"))
      #expect(Set(json.keys) == keys && json["purged"] as? Int == 1 && json["bytes"] as? Int ?? 0 > 0)
      let left = try Program.run(["dead-letters", "--json"] + place).json()
      #expect(left["letters"] as? Int == 2)
      let rest = try Program.run(["dead-letters", "purge", "--all"] + place)
      #expect(rest.lines.first == "2 purged" && rest.output.contains("2 × action one_of"), "\(rest.output)")
      #expect(try Program.run(["dead-letters"] + place).output == "no dead letters wait\n")
    }
  }

  @Test(
    "a letter that is named by its LSN and does not wait is an error, for every verb, and nothing happens")
  func named() throws {
    try everywhere { place in
      let letter = try Program.run(["dead-letters", "show", "--rule", "count.min", "--json"] + place).json()
      let lsn = try #require((letter["letters"] as? [[String: Any]])?.first?["lsn"] as? Int)
      let runs: [(verb: String, more: [String])] = [
        ("show", []), ("replay", []), ("purge", []), ("replay", ["--dry-run"]), ("purge", ["--dry-run"]),
      ]
      for (verb, more) in runs {
        let none = try Program.run(["dead-letters", verb, "--lsn", "7777"] + more + place)
        #expect(none.code == Code.failed && none.output.isEmpty, "\(verb) \(more): \(none.output)")
        #expect(none.errorLines.count == 3, "\(none.errors)")
        #expect(none.errors.contains("no dead letter that waits has LSN 7777\n"), "\(none.errors)")
        let other = try Program.run(
          ["dead-letters", verb, "--lsn", "\(lsn)", "--rule", "action.one_of"] + more + place)
        #expect(other.code == Code.failed, "\(verb) \(more): \(other.output)")
        #expect(other.errors.contains("has LSN \(lsn) and is of this kind"), "\(other.errors)")
      }
      // A range is a question, and may have no answer.
      let range = try Program.run(["dead-letters", "purge", "--from", "7777"] + place)
      #expect(range.code == Code.done && range.output == "no dead letters wait that are of this kind\n")
      #expect(try Program.run(["dead-letters", "--json"] + place).json()["letters"] as? Int == 3)
      let one = try Program.run(["dead-letters", "purge", "--lsn", "\(lsn)"] + place)
      #expect(one.code == Code.done && one.lines.first == "1 purged", "\(one.output)\(one.errors)")
      let gone = try Program.run(["dead-letters", "purge", "--lsn", "\(lsn)", "--json"] + place)
      #expect(gone.code == Code.failed && gone.output.contains("no_letter"), "\(gone.output)")
    }
  }

  @Test("letters of an erased key are told by number alone, and purged")
  func erased() throws {
    try everywhere { place in
      #expect(try Program.run(["erase", "card_id=c2"] + place).code == Code.done)
      let run = try Program.run(["dead-letters", "replay", "--rule", "action.one_of"] + place)
      #expect(run.code == Code.done, "\(run.output)\(run.errors)")
      #expect(run.lines.first == "1 replayed   1 of erased keys purged" && !run.output.contains("c2"))
    }
  }

  @Test("a server asks a token for ingest before it replays, and for admin before it purges")
  func scopes() throws {
    let shop = try shop()
    func token(_ scope: String) throws -> String {
      let path = shop.path("\(scope).token")
      let made = try Program.run("token", "create", scope, "--scope", scope, "--data", shop.data)
      try Data(made.output.utf8).write(to: URL(filePath: path))
      return path
    }
    let (reader, ingester) = (try token("read"), try token("ingest"))
    let served = try Served(shop.data, ["--tokens", "on"])
    let place = ["--server", try served.address(), "--token-file"]
    for (verb, token, scope) in [
      ("replay", reader, "ingest"), ("purge", reader, "admin"), ("purge", ingester, "admin"),
    ] {
      let run = try Program.run(["dead-letters", verb, "--all"] + place + [token])
      #expect(run.code == Code.failed && run.errors.contains("it needs the scope \(scope)"), "\(run.errors)")
    }
    let run = try Program.run(["dead-letters", "replay", "--all"] + place + [ingester])
    #expect(run.code == 2 && run.lines.first == "2 replayed   1 still refused", "\(run.output)\(run.errors)")
    #expect(try served.stop() == 0)
  }
}
