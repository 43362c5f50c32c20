import Foundation
import Testing

@Suite("apus push")
struct PushTests {
  private let head = "card_id,event_timestamp,count,action\n"
  private let time = "2020-09-13T12:00:00Z"

  private func shop(_ files: [String: String]) throws -> Shop {
    let shop = try Shop()
    try shop.prepare()
    for (name, text) in files { try Data(text.utf8).write(to: URL(filePath: shop.path(name))) }
    return shop
  }

  private func push(_ shop: Shop, _ name: String, _ more: String...) throws -> Program.Run {
    try Program.run(["push", "activity", shop.path(name), "--data", shop.data] + more)
  }

  private func events(of shop: Shop) throws -> Int? {
    let described = try shop.apus("describe", "activity", "--json").json()
    return (described["view"] as? [String: Any])?["events"] as? Int
  }

  @Test("loads a file, and exits 0 when every row is in")
  func good() throws {
    let shop = try shop(["a.csv": head + "c1,\(time),1,buy\nc2,\(time),,\n"])
    let run = try push(shop, "a.csv")
    #expect(run.code == Code.done && run.errors == "")
    #expect(run.lines.first == "2 accepted")
    #expect(try events(of: shop) == 2)
  }

  @Test("tells what was set aside: the rule, an example with its line, and the next command")
  func setAside() throws {
    let shop = try shop([
      "jan.csv": head + "c1,\(time),1,buy\nc2,\(time),1,add_to_cart\nc3,\(time),x,buy\nc4,\(time)\n"
    ])
    let run = try push(shop, "jan.csv")
    #expect(run.code == 2)
    #expect(run.lines.first == "1 accepted   2 set aside   1 line unreadable")
    #expect(
      run.lines.contains { $0.hasPrefix("  1 × action one_of") && $0.contains("jan.csv:3 \"add_to_cart\"") })
    #expect(run.lines.contains { $0.contains("× count type") && $0.contains("jan.csv:4 \"x\"") })
    #expect(run.lines.contains { $0.contains("jan.csv:5 has 2 fields, and the header has 4") })
    let next = try #require(run.lines.first { $0.hasPrefix("  next: apus ") })
    let shown = try Program.shell("exec \"$APUS\" \(next.dropFirst("  next: apus ".count))")
    #expect(shown.code == Code.done && shown.output.contains("add_to_cart"))
    let json = try push(shop, "jan.csv", "--json", "--dry-run").json()
    #expect(Set(json.keys) == (try Reference.keys(under: "apus push --json")))
    #expect(json["set_aside"] as? Int == 2 && json["dry_run"] as? Bool == true)
  }

  @Test("reads standard input, and other names, formats and times")
  func options() throws {
    let shop = try shop([:])
    let line = #"{"cc":"c1","ts":1600000000,"count":1,"more":true}"#
    let run = try Program.shell(
      "echo '\(line)' | exec \"$APUS\" push activity@1 - --format jsonl --key card_id=cc --event-time ts "
        + "--time-unit s --ignore-unknown --known-at event-time+15m --data \"$1\"", shop.data)
    #expect(run.code == Code.done, "\(run.errors)")
    #expect(run.lines.first == "1 accepted")
  }

  @Test("warns once of times without an offset, and of old rows that are known only now")
  func warnings() throws {
    let shop = try shop(["a.csv": head + "c1,2020-09-13T12:00:00,1,buy\nc2,2020-09-13,1,buy\n"])
    let first = try push(shop, "a.csv")
    #expect(first.lines.filter { $0.contains("2 times without an offset were taken for UTC") }.count == 1)
    #expect(!first.output.contains("known only from now on"))
    let second = try push(shop, "a.csv", "--timezone", "-03:00")
    #expect(second.output.contains("known only from now on") && !second.output.contains("without an offset"))
  }

  @Test("with a producer loads nothing twice, and what has grown from where it ended")
  func producer() throws {
    let shop = try shop(["a.csv": head + "c1,\(time),1,buy\n"])
    #expect(try push(shop, "a.csv", "--producer", "p").lines.first == "1 accepted")
    #expect(try push(shop, "a.csv", "--producer", "p").lines.first == "0 accepted   1 were in already")
    try Data((head + "c1,\(time),1,buy\nc2,\(time),1,buy\n").utf8).write(
      to: URL(filePath: shop.path("a.csv")))
    #expect(try push(shop, "a.csv", "--producer", "p").lines.first == "1 accepted   1 were in already")
    expectTrouble(
      try push(shop, "a.csv", "--producer", "p", "--known-at", "live"), code: Code.failed,
      what: "began with --known-at event-time", at: shop.path("a.csv"))
  }

  @Test("with --dry-run and with --all-or-nothing writes nothing that it should not")
  func nothing() throws {
    let shop = try shop([
      "a.csv": head + "c1,\(time),1,buy\nc2,\(time),-1,buy\n", "b.csv": head + "c1,\(time),1,buy\n",
    ])
    #expect(try push(shop, "a.csv", "--dry-run").code == 2)
    let run = try push(shop, "a.csv", "--all-or-nothing")
    #expect(
      run.code == Code.failed && run.errors.contains("nothing was written")
        && run.errors.contains("count min"))
    #expect(try events(of: shop) == 0)
    #expect(try push(shop, "b.csv", "--all-or-nothing").code == Code.done)
    #expect(try events(of: shop) == 1)
  }

  @Test("a file that is not meant so is told in three lines, and nothing of it is loaded")
  func wrong() throws {
    let shop = try shop([
      "typo.csv": "card_id,event_timestamp,cuont\n", "time.csv": "card_id,ts,count\nc,1,1\n",
      "unit.csv": head + "c,1600000000,1,buy\n", "empty.csv": "",
    ])
    for (name, what, next) in [
      ("typo.csv", "knows nothing of the column `cuont`", "did you mean `count`"),
      ("time.csv", "which column is the event time", "--event-time COLUMN, with one of ts"),
      ("unit.csv", "holds a whole number for a time", "--time-unit"), ("empty.csv", "empty", "first line"),
      ("none.csv", "no such file", "check the path"),
    ] {
      let run = try push(shop, name)
      expectTrouble(run, code: Code.failed, what: what, at: shop.path(name))
      #expect(run.errors.contains(next), "\(run.errors)")
    }
    for (words, what) in [
      (["--known-at", "soon"], "--known-at"), (["--mode", "replace"], "--mode"),
      (["--time-unit", "h"], "--time-unit"),
      (["--key", "a"], "--key"), (["--delimiter", "\""], "--delimiter"),
      (["--event-time", "a", "--no-event-time"], "--no-event-time"),
    ] {
      let run = try Program.run(["push", "activity", "x.csv", "--data", shop.data] + words)
      #expect(run.code == Code.usage && run.errors.contains(what), "\(run.errors)")
    }
    #expect(
      try Program.run("push", "activity", "-", "--all-or-nothing", "--format", "csv", "--data", shop.data)
        .code == Code.usage)
    #expect(try push(shop, "unit.csv", "--timezone", "Mars/Base").errors.contains("no time zone"))
  }
}
