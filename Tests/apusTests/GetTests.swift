import ApusStore
import Foundation
import Testing

@Suite("apus get")
struct GetTests {
  /// One that is whole and new, one with a row that is years old, and two keys of the second entity.
  private func shop() throws -> Shop {
    let shop = try Shop(
      """
      project: shop
      entities:
        card: {keys: {card_id: string}}
        account: {keys: {account_id: int64}}
      views:
        activity:
          entity: card
          ttl: 30d
          features:
            count: {type: int64, min: 0}
            action: {type: string, one_of: [buy, refund]}
        profile:
          entity: account
          ttl: none
          features:
            opened_at: {type: timestamp}
      services:
        score:
          features:
            - {view: activity, take: [count, action]}
            - {view: profile, as: payer, keys: {account_id: payer_id}}
          defaults: {count: 7}

      """)
    try shop.prepare()
    for (name, view, text, more) in [
      ("new.csv", "activity", "card_id,count,action\nnew,3,buy\nhalf,,refund\n", ["--no-event-time"]),
      ("old.csv", "activity", "card_id,event_timestamp,count,action\nold,2001-02-03T04:05:06Z,5,buy\n", []),
      ("accounts.csv", "profile", "account_id,opened_at\n9,2019-04-01T09:30:00Z\n", ["--no-event-time"]),
    ] {
      try Data(text.utf8).write(to: URL(filePath: shop.path(name)))
      let run = try Program.run(["push", view, shop.path(name), "--data", shop.data] + more)
      #expect(run.code == Code.done, "\(run.errors)")
    }
    return shop
  }

  /// Asks a folder, and then a server of it, whose words must be the same but for the times.
  private func everywhere(_ shop: Shop, _ body: ([String]) throws -> Void) throws {
    try body(["--data", shop.data])
    let served = try Served(shop.data)
    try body(["--server", try served.address()])
    #expect(try served.stop() == 0)
  }

  private func cells(_ object: [String: Any]) throws -> [String: [String: Any]] {
    let features = try #require(object["features"] as? [[String: Any]])
    return Dictionary(
      uniqueKeysWithValues: features.compactMap { f in (f["name"] as? String).map { ($0, f) } })
  }

  @Test("shows what a service gives for an entity, and says of a blank cell why, from a folder and a server")
  func service() throws {
    let shop = try shop()
    try everywhere(shop) { place in
      let run = try Program.run(["get", "card_id=new", "payer_id=9", "--service", "score@1"] + place)
      #expect(
        run.code == Code.done && run.lines[0].hasPrefix("score@1 at LSN "), "\(run.output)\(run.errors)")
      #expect(run.lines[1].hasPrefix("feature "))
      #expect(
        run.lines[2].hasPrefix("count ") && run.lines[2].contains(" 3 ") && run.lines[2].contains("present"))
      #expect(run.lines[4].contains("payer__opened_at") && run.lines[4].contains("2019-04-01T09:30:00Z"))

      let blank = try Program.run(
        ["get", "card_id=nobody", "payer_id=10", "--service", "score", "--json"] + place)
      let object = try blank.json()
      #expect(Set(object.keys) == (try Reference.keys(under: "apus get --json").intersection(object.keys)))
      #expect(object["of"] as? String == "score@1")
      #expect((object["keys"] as? [String: Any])?["payer_id"] as? Int == 10)
      let cells = try cells(object)
      #expect(cells["count"]?["value"] as? Int == 7 && cells["count"]?["is_default"] as? Bool == true)
      #expect(cells["count"]?["status"] as? String == "not_found")
      #expect(cells["action"]?["value"] is NSNull && cells["action"]?["reason"] as? String == "never seen")
    }
  }

  @Test("shows a null as one, and a value that is out of age only to who asks for it")
  func blanks() throws {
    let shop = try shop()
    try everywhere(shop) { place in
      let half = try cells(
        try Program.run(["get", "card_id=half", "--view", "activity", "--json"] + place).json())
      #expect(half["count"]?["status"] as? String == "null" && half["count"]?["value"] is NSNull)
      let old = try Program.run(["get", "card_id=old", "--view", "activity"] + place)
      #expect(old.output.contains("out of age") && !old.output.contains("buy"), "\(old.output)")
      #expect(old.output.contains("2001-02-03T04:05:06Z"))
      let stale = try Program.run(["get", "card_id=old", "--view", "activity", "--stale"] + place)
      #expect(stale.output.contains("out of age") && stale.output.contains("buy"), "\(stale.output)")
    }
  }

  @Test("answers lines of keys with a line each, in their order, all of one LSN")
  func many() throws {
    let shop = try shop()
    let lines = #"printf '{"card_id":"new"}\n\ncard_id=nobody\n{"card_id": "old"}\n'"#
    try everywhere(shop) { place in
      let words = "get - --features activity:count,activity@1:action \(place[0]) \"$1\""
      let table = try Program.shell("\(lines) | \"$APUS\" \(words)", place[1])
      #expect(table.code == Code.done && table.lines.count == 6, "\(table.output)\(table.errors)")
      #expect(table.lines[2].hasPrefix("card_id=new ") && table.lines[2].hasSuffix("buy"))
      #expect(table.lines[3].contains("(never seen)") && table.lines[4].contains("(out of age)"))
      let json = try Program.shell("\(lines) | \"$APUS\" \(words) --json", place[1]).jsonLines()
      #expect(
        json.compactMap { ($0["keys"] as? [String: Any])?["card_id"] as? String } == ["new", "nobody", "old"])
      #expect(Set(json.compactMap { $0["lsn"] as? Int }).count == 1)
      // One character that is written as two escapes, and a backslash that begins none.
      let escapes = #"printf '%s\n' '{"card_id": "\ud83d\ude00 \\ud83d \u00e9\/"}'"#
      let told = try Program.shell("\(escapes) | \"$APUS\" \(words) --json", place[1]).json()
      #expect((told["keys"] as? [String: Any])?["card_id"] as? String == "\u{1F600} \\ud83d \u{E9}/")
      let half = try Program.shell("echo '{\"card_id\": \"\\ud83d\"}' | \"$APUS\" \(words)", place[1])
      #expect(half.code == Code.failed && half.errors.contains("this is no JSON object"), "\(half.output)")
    }
  }

  @Test("tells in three lines what is no key, no name, or not there yet")
  func wrong() throws {
    let shop = try shop()
    try everywhere(shop) { place in
      for (words, what) in [
        ("card_id=a payer_id=x --service score", "`payer_id` is int64, and `x` is none"),
        ("card_id=a --service score", "`payer_id` is not given"),
        ("card_id=a other=1 --view activity", "no key that is asked for is called `other`"),
        ("card_id=a --view activty", "there is no view `activty`"),
        ("card_id=a --features activity:cuont", "no feature"),
        // A server waits for it; nobody writes into a folder.
        (
          "card_id=a --view activity --min-lsn 99999",
          place[0] == "--data" ? "LSN 99999 is not visible yet" : "LSN 99999 was not reached in time"
        ),
      ] {
        let run = try Program.run(["get"] + words.split(separator: " ").map(String.init) + place)
        #expect(run.code == Code.failed && run.errorLines.count == 3, "\(words): \(run.errors)")
        #expect(run.errors.contains(what), "\(words): \(run.errors)")
      }
      let line = try Program.shell(
        "printf 'card_id=a\\n{\"card_id\": 5}\\n' | \"$APUS\" get - --view activity \(place[0]) \"$1\"",
        place[1])
      expectTrouble(
        line, code: Code.failed, what: "`card_id` is string, and the number 5 is none",
        at: "standard input, line 2")
    }
  }
}
