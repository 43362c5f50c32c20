import ApusContracts
import ApusStore
import Foundation
import Testing

@Suite("apus describe and dead-letters")
struct DescribeTests {
  /// Three rows of two cards, two letters, a producer, and an erased key that had a letter of its own.
  private func filled(killing: Bool = false) throws -> Shop {
    let shop = try Shop()
    try shop.prepare()
    try shop.open(killing: killing) { store in
      _ = try store.openProducer("pay-1")
      try shop.push([("c1", 1, "buy"), ("c2", 2, "refund")], into: store)
      try shop.push([("c1", 3, "add_to_cart"), ("c3", -1, "buy"), ("gone", 4, "add_to_cart")], into: store)
      try shop.push([("c1", 5, "buy")], into: store)
      _ = try store.erase([ErasedKey(name: "card_id", value: .string("gone"))], in: "shop")
    }
    return shop
  }

  @Test("the overview counts rows, events, letters and erasures, and says that freshness is missed")
  func overview() throws {
    let shop = try filled()
    let before = try shop.everything()
    let run = try shop.apus("describe")
    #expect(run.code == Code.done && run.errors == "")
    #expect(run.output.contains("\nindex         complete\n"))
    #expect(run.output.contains("\nerasures      1; bytes of 1 key are still in files\n"))
    let view = try #require(run.lines.first { $0.contains("activity@1  current") })
    #expect(view.contains("current         2     2       3  2020-09-13T12:26:43Z  MISSED (15m): "))
    #expect(run.lines.contains { $0.hasPrefix("pay-1") })
    #expect(run.lines.contains { $0.hasPrefix("  score@1") && $0.hasSuffix("activity@1") })
    #expect(try shop.everything() == before)

    let json = try shop.apus("describe", "--json").json()
    #expect(Set(json.keys) == (try Reference.keys(under: "apus describe --json")))
    let project = try #require((json["projects"] as? [[String: Any]])?.first)
    let activity = try #require((project["views"] as? [[String: Any]])?.first)
    #expect(activity["rows"] as? Int == 2 && activity["events"] as? Int == 3)
    #expect(activity["freshness_met"] as? Bool == false)
  }

  @Test(
    "status of a folder is in words for people, raw numbers for programs, and changes nothing",
    arguments: [false, true])
  func status(killing: Bool) throws {
    let shop = try filled(killing: killing)
    let before = try shop.everything()
    let run = try shop.apus("status")
    #expect(run.code == Code.done && run.errors == "")
    func line(_ head: String) -> Substring? { run.lines.first { $0.hasPrefix(head) }.map { $0[...] } }
    #expect(line("store         ")?.contains(shop.data) == true)
    #expect(line("log           ")?.contains("iB; last LSN ") == true, "\(run.output)")
    #expect(
      line("index         ")?.hasSuffix(killing ? "8 records behind the log" : "has everything") == true)
    #expect(line("dead letters  3 letters, ")?.contains(", the oldest ") == true, "\(run.output)")
    #expect(line("producers     1; pay-1 sent last, ") != nil && line("erasures      1") != nil)
    #expect(line("project       shop, fingerprint ") != nil)

    let json = try shop.apus("status", "--json").json()
    #expect(Set(json.keys) == (try Reference.keys(under: "apus status --data DIR --json")))
    #expect(json["dead_letters"] as? Int == 3)
    #expect(try #require(json["last_lsn"] as? Int) >= 9)
    #expect(json["tail_records"] as? Int == (killing ? 8 : 0))
    #expect(try #require(json["log_segments"] as? Int) >= 1)
    #expect(try #require(json["log_bytes"] as? Int) > 500)
    #expect(try shop.everything() == before)
  }

  @Test("a store that was killed tells the same events, and which rows its index does not have yet")
  func killed() throws {
    let shop = try filled(killing: true)
    let before = try shop.everything()
    let run = try shop.apus("describe")
    #expect(
      run.output.contains("index         complete to LSN 1; rows below are of then, and 8 records behind it"))
    #expect(
      try #require(run.lines.first { $0.contains("activity@1  current") }).contains("       3  2020-09-13"))
    #expect(try shop.everything() == before)
  }

  @Test("a view shows its features, rules, settings and readers; a service its columns, keys and defaults")
  func named() throws {
    let shop = try filled()
    let view = try shop.apus("describe", "activity@1")
    #expect(
      view.output.hasPrefix(
        "view activity@1, current, revision 1\n  entity           card {card_id: string}\n"))
    #expect(view.lines.contains { $0.hasPrefix("  count    int64   min: 0") && $0.hasSuffix("score@1") })
    #expect(view.lines.contains("  freshness        15m"))
    let service = try shop.apus("describe", "score")
    #expect(service.output.hasPrefix("service score@1\n"))
    #expect(service.lines.contains("  count   int64   activity@1:count   0"))
    #expect(service.lines.contains("  card_id      string  card_id of card"))
    for (name, heading) in [("activity", "view"), ("score@1", "service")] {
      let json = try shop.apus("describe", name, "--json").json()
      let object = try #require(json[heading] as? [String: Any])
      #expect(Set(object.keys) == (try Reference.keys(under: "apus describe \(heading) --json")))
    }
    let unknown = try shop.apus("describe", "scroe")
    expectTrouble(
      unknown, code: Code.failed, what: "there is neither a view nor a service `scroe`", at: "project shop")
    #expect(unknown.errors.contains("did you mean `score`?"))
  }

  @Test("letters are counted by view and rule, with an example, and none of an erased key")
  func list() throws {
    let shop = try filled()
    let run = try shop.apus("dead-letters")
    #expect(run.code == Code.done)
    #expect(run.lines.count == 6 && run.lines[0].hasPrefix("view        rule           letters"))
    #expect(
      run.lines[1].hasPrefix(
        "activity@1  action.one_of        1  2020-09-13T12:26:42Z  LSN 5: action.one_of: "))
    #expect(run.lines[1].contains("\"add_to_cart\" is refused by activity@1"))
    #expect(run.lines[2].hasPrefix("activity@1  count.min            1"))
    #expect(!run.output.contains("gone"))
    #expect(try shop.apus("dead-letters", "list", "--rule", "count.min").lines.count == 5)
    let json = try shop.apus("dead-letters", "--json").json()
    #expect(Set(json.keys) == (try Reference.keys(under: "apus dead-letters list --json")))
    #expect(json["letters"] as? Int == 2)
  }

  @Test("letters are shown whole, by rule, by LSN, and no more than asked for")
  func show() throws {
    let shop = try filled()
    let run = try shop.apus("dead-letters", "show", "--rule", "action.one_of")
    #expect(
      run.lines == [
        "LSN 5  activity@1  action.one_of  arrived 2020-09-13T12:26:42Z",
        "  why    action.one_of: \"add_to_cart\" is refused by activity@1", "  key    card_id = \"c1\"",
        "  times  event 2020-09-13T12:26:42.000000000Z", "  upsert of revision 1", "    count = 3",
        "    action = \"add_to_cart\"", "",
      ])
    let one = try shop.apus("dead-letters", "show", "--limit", "1", "--view", "activity")
    #expect(one.output.hasSuffix("\n1 more; --limit N shows more\n"))
    let json = try shop.apus("dead-letters", "show", "--lsn", "6", "--json").json()
    #expect(Set(json.keys) == (try Reference.keys(under: "apus dead-letters show --json")))
    let letter = try #require((json["letters"] as? [[String: Any]])?.first)
    #expect(letter["rule"] as? String == "count.min" && letter["key"] as? [String] == ["c3"])
    let erased = try shop.apus("dead-letters", "show", "--lsn", "7")
    expectTrouble(erased, code: Code.failed, what: "no dead letter that waits has LSN 7", at: shop.data)
    let unknown = try shop.apus("dead-letters", "show", "--view", "actvity")
    #expect(unknown.errors.contains("did you mean `activity`?"))
    #expect(try shop.apus("dead-letters", "--rule", "none.such").output == "no dead letters wait\n")
  }
}
