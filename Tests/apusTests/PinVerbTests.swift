import ApusStore
import Foundation
import Testing

@Suite("apus pin")
struct PinVerbTests {
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
          history: none
          features:
            count: {type: int64}
        kept:
          entity: card
          ttl: none
          features:
            count: {type: int64}

      """)
    try shop.prepare()
    return shop
  }

  private func push(_ shop: Shop, _ count: Int, _ place: [String]) throws {
    let file = shop.path("rows.csv")
    try Data("card_id,count\nc42,\(count)\n".utf8).write(to: URL(filePath: file))
    let run = try Program.run(["push", "activity", file, "--no-event-time"] + place)
    #expect(run.code == Code.done, "\(run.errors)")
  }

  private func everywhere(_ body: (Shop, [String]) throws -> Void) throws {
    let local = try shop()
    try body(local, ["--data", local.data])
    let remote = try shop()
    let served = try Served(remote.data)
    try body(remote, ["--server", try served.address()])
    #expect(try served.stop() == 0)
  }

  @Test("a pinned answer is repeated by --pin, told in the list and the status, and gone when it is released")
  func life() throws {
    try everywhere { shop, place in
      try push(shop, 1, place)
      #expect(try Program.run(["pin"] + place).output == "there is no pin\n")
      let pin = try Program.run(
        ["pin", "audit", "--note", "ticket 4711", "--expires", "90d", "--view", "activity"] + place)
      #expect(pin.code == Code.done, "\(pin.errors)")
      #expect(pin.lines[0].hasPrefix("pinned: audit: LSN "), "\(pin.output)")
      #expect(pin.output.contains("holds: activity@1\n") && pin.output.contains("note: ticket 4711\n"))
      #expect(pin.output.contains("costs: nothing so far\n"), "\(pin.output)")
      let get = ["get", "card_id=c42", "--view", "activity", "--pin", "audit", "--json"]
      let before = try Program.run(get + place)
      #expect(before.code == Code.done, "\(before.errors)")
      try push(shop, 2, place)
      #expect(try Program.run(get + place).output == before.output)
      for verb in ["explain", "history"] {
        let run = try Program.run([verb, "card_id=c42", "--view", "activity", "--pin", "audit"] + place)
        #expect(
          run.code == Code.done && !run.output.contains("= 2") && !run.output.contains("=2"), "\(run.output)")
      }
      let list = try Program.run(["pin", "--json"] + place).json()
      let pins = try #require(list["pins"] as? [[String: Any]])
      #expect(pins.count == 1)
      let keys = try Reference.keys(under: "apus pin --json")
      #expect(keys.isSuperset(of: pins[0].keys) && keys.isSuperset(of: list.keys), "\(pins)")
      #expect(pins[0]["note"] as? String == "ticket 4711" && pins[0]["expires"] is String)
      #expect(pins[0]["views"] as? [String] == ["activity@1"])
      let status = try Program.run(["status"] + place)
      #expect(status.output.contains("pins          1; they hold nothing back\n"), "\(status.output)")

      let twice = try Program.run(["pin", "audit"] + place)
      #expect(
        twice.code == Code.failed && twice.errors.contains("there is a pin \"audit\" already"),
        "\(twice.errors)")
      let released = try Program.run(["pin", "audit", "--release", "--json"] + place)
      #expect(try released.json()["released"] as? Bool == true, "\(released.output)\(released.errors)")
      let gone = try Program.run(["pin", "audit", "--release"] + place)
      #expect(gone.code == Code.failed && gone.errors.contains("there is no pin \"audit\""), "\(gone.errors)")
      let none = try Program.run(get + place)
      #expect(none.code == Code.failed, "\(none.output)")
    }
  }

  @Test("what a pin costs is told when its views would have let something go")
  func costs() throws {
    let shop = try shop()
    let place = ["--data", shop.data]
    try push(shop, 1, place)
    #expect(try Program.run(["pin", "audit"] + place).code == Code.done)
    for count in 2..<6 {
      try push(shop, count, place)
      #expect(try shop.apus("compact").code == Code.done)
    }
    let list = try Program.run(["pin"] + place)
    #expect(list.output.contains("costs: activity@1 keeps "), "\(list.output)")
    #expect(list.output.contains(": at most 5 events of "), "\(list.output)")
    #expect(try shop.apus("status").output.contains("pins          1; audit holds activity@1\n"))
    let forever = try Program.run(["pin", "other", "--view", "kept@1"] + place)
    #expect(forever.output.contains("costs: nothing, its views keep all history\n"), "\(forever.output)")
  }

  @Test("moments that cannot be pinned are told with what to do")
  func refused() throws {
    try everywhere { shop, place in
      try push(shop, 1, place)
      for (words, what) in [
        (["--at-lsn", "100000"], "LSN 100000 is not visible yet"),
        (["--at", "2100-01-01T00:00:00Z"], "2100-01-01T00:00:00.000000000Z is still to come"),
        (["--at", "1999-01-01T00:00:00Z"], "nothing had been appended by 1999-01-01"),
        (["--view", "actvity"], "there is no view `actvity`"),
        (["--view", "activity@9"], "there is no activity@9"),
      ] {
        let run = try Program.run(["pin", "a"] + words + place)
        #expect(run.code == Code.failed && run.errors.contains(what), "\(words): \(run.errors)")
      }
    }
  }
}
