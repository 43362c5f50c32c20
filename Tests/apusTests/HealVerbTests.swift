import Foundation
import Testing

@Suite("apus repair of history, and what lies aside")
struct HealVerbTests {
  /// A store whose log is history: one run and one ledger.
  private func packed() throws -> (shop: Shop, run: String, ledger: String) {
    let shop = try Shop()
    try shop.prepare()
    try shop.open { store in
      for round in 0..<5 { try shop.push((0..<10).map { ("c\($0)", Int64(round), "buy") }, into: store) }
    }
    try #require(try shop.apus("compact").code == Code.done)
    let names = try FileManager.default.contentsOfDirectory(atPath: shop.data + "/history").sorted()
    return (
      shop, try #require(names.first { $0.hasSuffix(".parquet") }),
      try #require(names.first { $0.hasSuffix(".apus") })
    )
  }

  private func flip(_ shop: Shop, _ name: String) throws {
    let url = URL(filePath: "\(shop.data)/history/\(name)")
    var bytes = [UInt8](try Data(contentsOf: url))
    bytes[bytes.count / 2] ^= 1
    try Data(bytes).write(to: url)
  }

  @Test("a damaged run and the ledger are given up one after another, as repair says, and the store is sound")
  func giveUp() throws {
    let (shop, run, ledger) = try packed()
    for name in [run, ledger] { try flip(shop, name) }
    let found = try shop.apus("repair")
    #expect(found.code == Code.checkFailed)
    #expect(found.output.contains("of 50 events of activity@1 in LSNs 1–"), "\(found.output)")
    for name in [run, ledger] {
      #expect(found.output.contains("--accept-loss history/\(name)"), "\(found.output)")
      let done = try shop.apus("repair", "--accept-loss", "history/\(name)")
      #expect(done.code == Code.done, "\(done.errors)")
      #expect(
        done.output.contains("given up for good: ") && done.output.contains("the newest rows lack nothing"))
    }
    let past = try shop.apus("history", "card_id=c1", "--view", "activity", "--json").jsonLines()
    #expect(past.last?["may_lack"] as? Bool == true && past.last?["events"] as? Int ?? 0 > 0, "\(past)")
    let check = try shop.apus("check", "--deep")
    #expect(check.code == Code.done, "\(check.output)")
    #expect(check.output.contains("the index is what the log says"))
    let rebuilt = try shop.apus("repair", "--rebuild-index")
    #expect(rebuilt.code == Code.done, "\(rebuilt.errors)")
    for card in 0..<10 {
      let get = try shop.apus("get", "card_id=c\(card)", "--view", "activity", "--stale", "--json")
      #expect(get.code == Code.done)
      #expect(
        get.output.contains("\"value\":4") && get.output.contains("\"may_lack\":false"), "\(get.output)")
    }
  }

  @Test("what is no file of history, or sound, is not given up, and the newest ledger not without an index")
  func refused() throws {
    let (shop, run, ledger) = try packed()
    let stranger = try shop.apus("repair", "--accept-loss", "history/nothing-1")
    expectTrouble(stranger, code: Code.failed, what: "history has no file `history/nothing-1`", at: shop.data)
    let sound = try shop.apus("repair", "--accept-loss", run)
    #expect(sound.code == Code.failed && sound.errors.contains("this file is as it was written"))
    try FileManager.default.removeItem(atPath: shop.data + "/index")
    try FileManager.default.removeItem(atPath: shop.data + "/history/\(ledger)")
    let lost = try shop.apus("repair", "--accept-loss", ledger)
    #expect(lost.code == Code.failed && lost.errors.contains("the newest ledger cannot be given up"))
    let get = try shop.apus("get", "card_id=c1", "--view", "activity")
    expectTrouble(
      get, code: Code.failed, what: "a file of history is not there", at: "\(shop.data)/history/\(ledger)")
  }

  @Test("odd things in history stop no opening, are moved aside, and are removed when a person says so")
  func aside() throws {
    let (shop, _, _) = try packed()
    let history = shop.data + "/history"
    try FileManager.default.createDirectory(atPath: history + "/x.tmp", withIntermediateDirectories: false)
    try Data("y".utf8).write(to: URL(filePath: history + "/x.tmp/y"))
    try FileManager.default.createSymbolicLink(atPath: history + "/link", withDestinationPath: "/nowhere")
    #expect(try Program.shell("mkfifo \"$1/pipe\"", history).code == Code.done)
    #expect(try shop.open { _ in true })
    #expect(
      try FileManager.default.contentsOfDirectory(atPath: shop.data + "/aside").sorted() == [
        "link", "pipe", "x.tmp",
      ])
    #expect(try shop.apus("check").code == Code.done)
    let run = try shop.apus("repair", "--clear-aside")
    #expect(run.code == Code.done, "\(run.errors)")
    #expect(run.output.contains("aside/x.tmp is removed for good"))
    #expect(try FileManager.default.contentsOfDirectory(atPath: shop.data + "/aside").isEmpty)
    #expect(try shop.apus("repair", "--clear-aside").output == "nothing lies in aside/\n")
  }

  @Test("a description has the last append also when all of the log is history")
  func lastAppend() throws {
    let (shop, _, _) = try packed()
    #expect(try shop.apus("describe", "--json").json()["last_append_time"] as? String != nil)
  }

  @Test("repair asks for a folder, but for the clock, which a server may be told to believe")
  func usage() throws {
    let run = try Program.run("repair", "--rebuild-index")
    #expect(run.code == Code.usage && run.errors.contains("needs to know the store's folder"))
    let none = try Program.run("repair", "--confirm-clock", "--server", "127.0.0.1:1")
    #expect(none.code == Code.failed && none.errors.contains("no server answers"))
  }
}
