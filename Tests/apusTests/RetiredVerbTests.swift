import ApusBytes
import ApusContracts
import ApusStore
import Foundation
import Testing

@Suite("what is retired or removed, at the terminal")
struct RetiredVerbTests {
  private static let text = """
    project: shop
    entities:
      card: {keys: {card_id: string}}
    views:
      activity: {entity: card, ttl: none, features: {count: {type: int64}, action: {type: string}}}
      other: {entity: card, ttl: none, features: {level: {type: int64}}}
    services:
      score: {features: [{view: activity, take: [count]}], defaults: {count: 7}}

    """

  private struct Answered {
    let lsn: String
    let time: String
    let receipt: String
    let output: String
  }

  private func get(_ words: [String], _ place: [String]) throws -> Answered {
    let run = try Program.run(["get"] + words + ["--json"] + place)
    #expect(run.code == Code.done, "\(run.errors)")
    let object = try run.json()
    return Answered(
      lsn: "\(try #require(object["lsn"] as? Int))", time: try #require(object["read_time"] as? String),
      receipt: try #require(object["receipt"] as? String), output: run.output)
  }

  private func ran(_ words: [String], _ place: [String], _ code: Int32 = Code.done) throws -> Program.Run {
    let run = try Program.run(words + place)
    #expect(run.code == code, "\(words): \(run.output)\(run.errors)")
    return run
  }

  /// One row of a card; what was answered of it; then everything that answered is gone.
  private func shop() throws -> (Shop, service: Answered, list: Answered, blank: Answered) {
    let shop = try Shop(Self.text)
    try shop.prepare()
    try Data("card_id,event_timestamp,count,action\nc1,2020-01-01T10:00:00Z,3,buy\n".utf8).write(
      to: URL(filePath: shop.path("rows.csv")))
    let place = ["--data", shop.data]
    _ = try ran(["push", "activity", shop.path("rows.csv"), "--known-at", "event-time"], place)
    let service = try get(["card_id=c1", "--service", "score@1"], place)
    let blank = try get(["card_id=c2", "--service", "score@1"], place)
    let list = try get(["card_id=c1", "--features", "activity@1:count,activity@1:action"], place)
    _ = try ran(["retire", "--service", "score@1"], place)
    try shop.write(
      Self.text.replacing(", action: {type: string}", with: "").replacing(
        "  score: {features: [{view: activity, take: [count]}], defaults: {count: 7}}\n",
        with: "  level: {features: [{view: other, take: [level]}]}\n"))
    _ = try ran(["apply", shop.files, "--accept", "producers,readers"], place)
    return (shop, service, list, blank)
  }

  private func everywhere(_ shop: Shop, _ body: ([String]) throws -> Void) throws {
    try body(["--data", shop.data])
    let served = try Served(shop.data)
    try body(["--server", try served.address()])
    #expect(try served.stop() == 0)
  }

  @Test(
    "receipts of a retired service and of a removed feature are explained; so are reads at the LSN of then")
  func receipts() throws {
    let (shop, service, list, blank) = try shop()
    try everywhere(shop) { place in
      let told = try ran(["explain", "card_id=c1", "--receipt", service.receipt], place)
      #expect(
        told.lines[0].hasPrefix("score@1 at LSN \(service.lsn)") && told.lines[1].hasPrefix("count = 3 "))
      let names = ["--features", "activity@1:count,activity@1:action"]
      let ofList = try ran(["explain", "card_id=c1", "--receipt", list.receipt] + names, place)
      #expect(ofList.lines.contains { $0.hasPrefix("action = buy ") }, "\(ofList.output)")
      // Names of now are not those of the answer.
      let gone = try ran(["explain", "card_id=c1"] + names, place, Code.failed)
      #expect(gone.errors.contains("no feature"), "\(gone.errors)")

      for (answered, what) in [(service, ["--service", "score@1"]), (list, names)] {
        let moment = ["--at-lsn", answered.lsn, "--time", answered.time, "--json"]
        #expect(try ran(["get", "card_id=c1"] + what + moment, place).output == answered.output)
      }
      let filled = try ran(["explain", "card_id=c2", "--receipt", blank.receipt], place)
      #expect(filled.lines[1...] == ["count: never seen", "  served: 7, the service's default", ""])
      let object = try ran(["explain", "card_id=c2", "--receipt", blank.receipt, "--json"], place).json()
      #expect(
        Set(object.keys) == (try Reference.keys(under: "apus explain --json").intersection(object.keys)))
      #expect((object["features"] as? [[String: Any]])?.first?["default"] as? Int == 7)

      let now = try ran(["get", "card_id=c1", "--service", "score@1"], place, Code.failed)
      #expect(now.errors.contains("score@1") && now.errors.contains("is retired"), "\(now.errors)")
      #expect(now.errors.contains("can still be read, at a moment of the past"))
    }
  }

  @Test("a retired view's history and moments are answered, its scan is refused, and erasing names its rows")
  func view() throws {
    let (shop, _, list, _) = try shop()
    // Another version comes, and the first one goes.
    try shop.write(
      Self.text.replacing("count: {type: int64}", with: "count: {type: string}").replacing(
        "  score: {features: [{view: activity, take: [count]}], defaults: {count: 7}}\n",
        with: "  level: {features: [{view: other, take: [level]}]}\n"))
    let local = ["--data", shop.data]
    _ = try ran(["apply", shop.files, "--accept", "producers,readers"], local)
    _ = try ran(["promote", "activity@2"], local)
    _ = try ran(["retire", "activity@1"], local)
    try everywhere(shop) { place in
      let history = try ran(["history", "card_id=c1", "--view", "activity@1"], place)
      #expect(history.output.contains("wins  count=3"), "\(history.output)")
      let told = try ran(
        ["explain", "card_id=c1", "--view", "activity@1", "--at", "2020-01-02T00:00:00Z"], place)
      #expect(told.lines[1].hasPrefix("count = 3 "), "\(told.output)")
      // Without a number it is the version of then.
      let then = ["--at-lsn", list.lsn]
      for words in [
        ["get", "card_id=c1", "--view", "activity"], ["explain", "card_id=c1", "--view", "activity"],
      ] {
        #expect(try ran(words + then, place).output.contains("activity@1"))
      }
      let at = try ran(["get", "card_id=c1", "--view", "activity@1", "--at", "2020-01-02T00:00:00Z"], place)
      #expect(at.lines.contains { $0.hasPrefix("count") && $0.contains(" 3 ") }, "\(at.output)")
      #expect(try ran(["scan", "activity@1"], place, Code.failed).errors.contains("is retired"))
      let found = try ran(["erase", "card_id=c1", "--dry-run"], place)
      #expect(found.output.contains("activity@1  1 row"), "\(found.output)")
    }
  }

  @Test("absurd receipts are refused in words, and so is an LSN before the first")
  func absurd() throws {
    let (shop, service, _, _) = try shop()
    let text = Array(service.receipt)
    // r1_, 8 bytes timeline, 8 fingerprint, then LSN and time, little-endian, as digits.
    let (lsn, time) = (3 + 32, 3 + 48)
    func with(_ digits: String, at place: Int) -> String {
      String(text[..<place]) + digits + String(text[(place + 16)...])
    }
    try everywhere(shop) { place in
      for (receipt, words) in [
        (with("ffffffffffffffff", at: lsn), "of an LSN that this store has not reached"),
        (with("0000000000000000", at: lsn), "of an LSN that this store has not reached"),
        (with("ffffffffffffff7f", at: time), "of a time that is still to come"),
        (with("0000000000000080", at: time), "of a time that is still to come, or before 1970"),
      ] {
        let run = try ran(["explain", "card_id=c1", "--receipt", receipt], place, Code.failed)
        #expect(run.errors.contains(words) && run.errorLines.count == 3, "\(run.errors)")
      }
      for words in [["get", "card_id=c1"], ["explain", "card_id=c1"], ["history", "card_id=c1"]] {
        let none = try ran(words + ["--view", "other", "--at-lsn", "0"], place, Code.failed)
        #expect(none.errors.contains("LSN 0 has no record: the first one has LSN 1"), "\(none.errors)")
      }
    }
  }
}
