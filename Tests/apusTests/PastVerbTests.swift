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
      services:
        score: {features: [{view: activity, take: [count, action]}]}

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
      #expect(Set(lines.flatMap(\.keys)) == keys, "\(lines)")
      let none = try Program.run(what + ["--from", "2021-01-01T00:00:00Z"] + place)
      #expect(none.output.hasSuffix("there is no event\n"), "\(none.output)")
    }
  }

  @Test("a folder and a server answer byte for byte alike, for people and for programs")
  func alike() throws {
    let shop = try shop()
    let bad = shop.path("bad.csv")
    try Data("card_id,event_timestamp,count\nc42,2020-01-02T00:00:00Z,-1\n".utf8).write(
      to: URL(filePath: bad))
    #expect(
      try Program.run(["push", "activity", bad, "--known-at", "event-time", "--data", shop.data]).code == 2)
    let get = try Program.run(["get", "card_id=c42", "--view", "activity", "--json", "--data", shop.data])
      .json()
    let lsn = "\(try #require(get["lsn"] as? Int))"
    let receipt = try #require(get["receipt"] as? String)
    var asked: [[String]] = []
    for more in [
      [], ["--refused"], ["--newest-first", "--refused"], ["--limit", "1"], ["--at", "2020-01-01T14:03:22Z"],
      ["--at-lsn", lsn], ["--from", "2020-01-01T14:02:00Z", "--to", "2020-01-01T15:00:00Z"],
    ] {
      asked.append(["history", "card_id=c42", "--view", "activity"] + more)
    }
    asked.append(["history", "card_id=nobody", "--view", "activity@1"])
    for what in [
      ["--view", "activity"], ["--view", "activity@1"], ["--features", "activity:action,activity@1:count"],
      ["--features", "activity:*"], ["--service", "score"], ["--service", "score@1"],
    ] {
      for more in [["--at", "2020-01-01T14:03:22Z"], ["--at-lsn", lsn, "--time", "2020-01-02T00:00:00Z"]] {
        asked.append(["explain", "card_id=c42"] + what + more)
      }
    }
    asked.append(["explain", "card_id=nobody", "--view", "activity", "--at", "2020-01-01T14:03:22Z"])
    asked.append(["explain", "card_id=c42", "--view", "activity", "--receipt", receipt])
    var here: [Program.Run] = []
    try everywhere(shop) { place in
      var runs: [Program.Run] = []
      for words in asked {
        for form in [[], ["--json"]] {
          let run = try Program.run(words + form + place)
          #expect(run.code == Code.done && run.errors.isEmpty, "\(words): \(run.errors)")
          runs.append(run)
        }
      }
      if here.isEmpty { here = runs }
      for (place, (mine, theirs)) in zip(here, runs).enumerated() {
        #expect(mine.output == theirs.output, "\(asked[place / 2])")
      }
    }
    #expect(here[2].output.contains("never") && here[2].output.contains("refused: count.min  count=-1"))
    #expect(here[3].output.contains(#""fate":"refused","rule":"count.min""#))
    #expect(here[4].lines[2].contains("refused: count.min"), "the newest comes first")
  }

  @Test("a receipt is explained with the service's name or without, and what does not fit is said")
  func receipts() throws {
    let shop = try shop()
    let get = ["get", "card_id=c42", "--service", "score"]
    let shown = try Program.run(get + ["--receipts", "--data", shop.data])
    let receipt = try #require(shown.lines.last { $0.hasPrefix("receipt ") }).dropFirst("receipt ".count)
    let list = try Program.run(
      ["get", "card_id=c42", "--features", "activity:count", "--json", "--data", shop.data]
    ).json()
    let ofList = try #require(list["receipt"] as? String)
    try Data("card_id,count,action\nc42,100,refund\n".utf8).write(to: URL(filePath: shop.path("new.csv")))
    #expect(
      try Program.run(["push", "activity", shop.path("new.csv"), "--no-event-time", "--data", shop.data]).code
        == Code.done)
    try everywhere(shop) { place in
      func explain(_ words: String...) throws -> Program.Run {
        try Program.run(["explain"] + words + place)
      }
      let first = try explain("card_id=c42", "--receipt", "\(receipt)")
      #expect(first.code == Code.done && first.lines[0].hasPrefix("score@1 at LSN "), "\(first.errors)")
      #expect(first.lines[1].hasPrefix("count = 9   "), "\(first.output)")
      let named = try explain("card_id=c42", "--receipt", "\(receipt)", "--service", "score@1")
      #expect(named.output == first.output)
      let of = try explain("card_id=c42", "--receipt", ofList, "--features", "activity:count")
      #expect(of.code == Code.done && of.lines[1].hasPrefix("count = 9   "), "\(of.errors)")

      let unknown = try explain("card_id=c42", "--receipt", ofList)
      #expect(unknown.code == Code.failed && unknown.errorLines.count == 3)
      #expect(unknown.errors.contains("no service of the project has the fingerprint"), "\(unknown.errors)")
      let keys = try explain("card_id=c43", "--receipt", "\(receipt)", "--json")
      let error = try keys.json()["error"] as? [String: Any]
      #expect(keys.code == Code.failed && error?["code"] as? String == "bad_receipt", "\(keys.output)")
      let other = try explain("card_id=c42", "--receipt", ofList, "--view", "activity")
      #expect(other.code == Code.failed && other.errors.contains("of other features"), "\(other.errors)")
      let none = try explain("card_id=c42", "--receipt", "r1_zz")
      #expect(none.code == Code.usage && none.errors.contains("80 hexadecimal digits"), "\(none.errors)")
      let both = try explain("card_id=c42", "--receipt", "\(receipt)", "--at-lsn", "3")
      #expect(both.code == Code.usage, "\(both.errors)")
      let many = try Program.run(get + ["--receipts", "--at", "2020-01-01T14:03:22Z"] + place)
      #expect(many.lines.contains("receipt none"), "\(many.output)")
    }
  }

  @Test("what cannot be asked is told alike by a folder and a server")
  func refused() throws {
    let shop = try shop()
    try everywhere(shop) { place in
      for words in [
        ["history", "card_id=c42", "--view", "activty"], ["explain", "card_id=c42", "--view", "activity@7"],
        ["explain", "card_id=c42", "--service", "scor"], ["explain", "crad_id=c42", "--view", "activity"],
        ["explain", "card_id=c42", "--features", "activity:cuont"],
        ["history", "card_id=c42", "--view", "activity", "--at-lsn", "1000000"],
        ["explain", "card_id=c42", "--view", "activity", "--project", "other"],
      ] {
        let run = try Program.run(words + place)
        #expect(
          run.code == Code.failed && run.errorLines.count == 3 && run.output.isEmpty,
          "\(words): \(run.errors)")
      }
    }
  }
}
