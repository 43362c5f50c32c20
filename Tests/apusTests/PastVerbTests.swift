import ApusStore
import Foundation
import Testing

@Suite("get of the past, history, explain")
struct PastVerbTests {
  /// One card with a value, a correction that became known years after it was true, and a delete in another view.
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
            count: {type: int64, min: 0}
            action: {type: string}

      """)
    try shop.prepare()
    for (name, text, more) in [
      (
        "first.csv", "card_id,event_timestamp,count,action\nc42,2020-01-01T14:01:10Z,3,buy\n",
        ["--known-at", "event-time", "--producer", "pay-2"]
      ),
      (
        "late.csv", "card_id,event_timestamp,count\nc42,2020-01-01T14:03:05Z,9\n",
        ["--known-at", "event-time+10m"]
      ),
    ] {
      try Data(text.utf8).write(to: URL(filePath: shop.path(name)))
      let run = try Program.run(["push", "activity", shop.path(name), "--data", shop.data] + more)
      #expect(run.code == Code.done, "\(run.errors)")
    }
    return shop
  }

  private func everywhere(_ shop: Shop, _ body: ([String]) throws -> Void) throws {
    try body(["--data", shop.data])
    let served = try Served(shop.data)
    try body(["--server", try served.address()])
    #expect(try served.stop() == 0)
  }

  @Test("explain names the winner, and the first that lost with why, from a folder and a server")
  func explain() throws {
    let shop = try shop()
    try everywhere(shop) { place in
      let what = ["explain", "card_id=c42", "--view", "activity"]
      let then = try Program.run(what + ["--at", "2020-01-01T14:03:22Z"] + place)
      #expect(then.code == Code.done, "\(then.errors)")
      #expect(then.lines.count == 5, "\(then.output)")
      #expect(
        then.lines[1].hasPrefix(
          "count = 3   event 2020-01-01T14:01:10Z   known 2020-01-01T14:01:10Z   producer pay-2   @1   lsn "))
      #expect(
        then.lines[2].hasPrefix("  not chosen: 9   event 2020-01-01T14:03:05Z   known 2020-01-01T14:13:05Z"))
      #expect(then.lines[2].hasSuffix("(not yet known)"))
      #expect(then.lines[3].hasPrefix("action = buy   "))
      let object = try Program.run(what + ["--json"] + place).json()
      #expect(
        Set(object.keys) == (try Reference.keys(under: "apus explain --json").intersection(object.keys)))
      let features = try #require(object["features"] as? [[String: Any]])
      #expect((features[0]["winner"] as? [String: Any])?["value"] as? Int == 9)
      let lost = try #require(features[0]["not_chosen"] as? [String: Any])
      #expect(lost["value"] as? Int == 3 && lost["why"] as? String == "older")
      #expect(features[1]["not_chosen"] is NSNull)
      let before = try Program.run(what + ["--at", "2019-01-01T00:00:00Z"] + place)
      #expect(before.lines[1] == "count: not yet known", "\(before.output)")
    }
  }

  @Test("an answer's LSN and time repeat it, whatever was written since")
  func repeated() throws {
    let shop = try shop()
    let get = ["get", "card_id=c42", "--view", "activity", "--json"]
    let answer = try Program.run(get + ["--data", shop.data])
    let object = try answer.json()
    let lsn = try #require(object["lsn"] as? Int)
    let time = try #require(object["read_time"] as? String)
    try Data("card_id,count,action\nc42,100,refund\n".utf8).write(to: URL(filePath: shop.path("new.csv")))
    let push = try Program.run(
      ["push", "activity", shop.path("new.csv"), "--no-event-time", "--data", shop.data])
    #expect(push.code == Code.done, "\(push.errors)")
    try everywhere(shop) { place in
      #expect(try Program.run(get + place).output != answer.output)
      let again = try Program.run(get + ["--at-lsn", "\(lsn)", "--time", time] + place)
      #expect(again.code == Code.done && again.output == answer.output, "\(again.output)\(again.errors)")
      let ahead = try Program.run(get + ["--at-lsn", "1000000"] + place)
      #expect(ahead.code == Code.failed, "\(ahead.output)")
    }
  }

  @Test("history lists every event in the order of writing, and marks those that win")
  func history() throws {
    let shop = try shop()
    try everywhere(shop) { place in
      let what = ["history", "card_id=c42", "--view", "activity"]
      let run = try Program.run(what + place)
      #expect(run.code == Code.done && run.lines.count == 5, "\(run.output)\(run.errors)")
      #expect(run.lines[2].contains("pay-2") && run.lines[2].contains("wins  count=3 action=buy"))
      #expect(run.lines[3].contains("(assumed)") && run.lines[3].hasSuffix("wins  count=9"))
      let lines = try Program.run(what + ["--limit", "1", "--json"] + place).jsonLines()
      #expect(lines.count == 2 && lines[1]["more"] as? Bool == true, "\(lines)")
      let keys = try Reference.keys(under: "apus history --json")
      #expect(lines.allSatisfy { keys.isSuperset(of: $0.keys) }, "\(lines)")
      let none = try Program.run(what + ["--from", "2021-01-01T00:00:00Z"] + place)
      #expect(none.output.hasSuffix("there is no event\n"), "\(none.output)")
    }
  }
}
