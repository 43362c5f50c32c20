import Foundation
import Testing

/// What is gone from a store's folder, and what the program says and does about it.
@Suite("apus and what is gone")
struct LostVerbTests {
  /// Two runs and two ledgers, and a finished segment behind them, with a letter in each part.
  private func filled() throws -> Shop {
    let shop = try Shop()
    try shop.prepare()
    for round in 0..<3 {
      try shop.open { store -> Void in
        let rows = (0..<10).map { (card: "c\($0)", count: Int64(round), action: "buy") }
        _ = try shop.push(rows + [("bad", -1, "buy")], into: store)
      }
      if round < 2 { try #require(try shop.apus("compact").code == Code.done) }
    }
    return shop
  }

  private func names(_ shop: Shop, _ folder: String) throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: "\(shop.data)/\(folder)").sorted()
  }

  private func expectRows(_ shop: Shop) throws {
    for card in 0..<10 {
      let get = try shop.apus("get", "card_id=c\(card)", "--view", "activity", "--stale", "--json")
      #expect(get.code == Code.done && get.output.contains("\"value\":2"), "\(get.output)\(get.errors)")
    }
  }

  @Test(
    "a finished segment that is not there stops every verb, which says how it is given up; then all goes on")
  func segment() throws {
    let shop = try filled()
    let segment = try #require(try names(shop, "log").first)
    try FileManager.default.removeItem(atPath: "\(shop.data)/log/\(segment)")
    let get = try shop.apus("get", "card_id=c1", "--view", "activity")
    #expect(
      get.code == Code.failed && get.errors.contains("apus repair --data \(shop.data)"), "\(get.errors)")
    let found = try shop.apus("repair")
    let line = try #require(found.lines.first { $0.contains("--accept-loss ") }, "\(found.output)")
    let range = try #require(line.split(separator: "--accept-loss ").last.map(String.init))
    #expect(found.output.contains("\(segment) is not there") && found.output.contains("1 thing to mend"))
    let check = try shop.apus("check")
    #expect(check.code == Code.checkFailed && check.output.contains("is not there: LSNs "))
    let rebuild = try shop.apus("repair", "--rebuild-index")
    #expect(rebuild.code == Code.failed, "only the index has these rows")

    let done = try shop.apus("repair", "--accept-loss", range)
    #expect(done.code == Code.done, "\(done.errors)")
    #expect(done.output.contains("what 10 rows of the index still rested on is in the log again"))
    #expect(try shop.apus("check").code == Code.done)
    #expect(try shop.apus("repair").output == "nothing to mend\n")
    try expectRows(shop)
    #expect(try shop.apus("repair", "--rebuild-index").code == Code.done)
    try expectRows(shop)
  }

  @Test("history without its folder is given up file by file, as repair says, to the end")
  func history() throws {
    let shop = try filled()
    try FileManager.default.removeItem(atPath: shop.data + "/history")
    var steps = 0
    while steps < 10 {
      let found = try shop.apus("repair")
      guard let line = found.lines.first(where: { $0.contains("--accept-loss ") }) else { break }
      let file = try #require(line.split(separator: "--accept-loss ").last.map(String.init))
      let done = try shop.apus("repair", "--accept-loss", file)
      #expect(done.code == Code.done, "\(done.errors)")
      steps += 1
    }
    #expect(steps == 4)
    #expect(try shop.apus("check").code == Code.done)
    try expectRows(shop)
  }

  @Test(
    "a pipe, a socket or a folder in the place of a file is a finding like any other",
    arguments: [
      "mkfifo \"$1\"", "mkdir \"$1\"",
      "cd \"$(dirname \"$1\")\" && python3 -c "
        + "'import socket, sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])' \"$(basename \"$1\")\"",
    ])
  func noFile(command: String) throws {
    for folder in ["log", "history"] {
      let shop = try filled()
      let name = try #require(try names(shop, folder).last { folder == "log" || $0.hasSuffix(".parquet") })
      let path = "\(shop.data)/\(folder)/\(name)"
      try FileManager.default.removeItem(atPath: path)
      try #require(try Program.shell(command, path).code == Code.done)
      let check = try shop.apus("check")
      #expect(check.code == Code.checkFailed, "\(check.output)\(check.errors)")
      #expect(check.output.contains("no file but a folder, a pipe, a socket or a device"), "\(check.output)")
      let found = try shop.apus("repair")
      let line = try #require(found.lines.first { $0.contains("--accept-loss ") }, "\(found.output)")
      let flag = try #require(line.split(separator: "--accept-loss ").last.map(String.init))
      let done = try shop.apus("repair", "--accept-loss", flag)
      #expect(done.code == Code.done, "\(done.errors)")
      #expect(try names(shop, "aside") == [name])
      #expect(try shop.apus("check").code == Code.done)
      try expectRows(shop)
    }
  }

  @Test(
    "what is lost and still in the index is told alike by status, describe, dead-letters, repair and the server"
  )
  func held() throws {
    let shop = try filled()
    let segment = try #require(try names(shop, "log").first)
    let file = try FileHandle(forWritingTo: URL(filePath: "\(shop.data)/log/\(segment)"))
    try file.truncate(atOffset: 4_096)
    try file.close()
    let words = ", but the newest rows lack nothing: the index has them; see `apus repair"
    let status = try shop.apus("status")
    let line = try #require(status.lines.first { $0.hasPrefix("LOST ") }, "\(status.output)")
    #expect(line.contains(words))
    #expect(try shop.apus("describe").lines.contains(line))
    for verb in ["status", "describe"] {
      let json = try shop.apus(verb, "--json").json()
      #expect((json["held_losses"] as? [Any])?.count == 1 && (json["losses"] as? [Any])?.isEmpty == true)
    }
    #expect(status.output.contains("3 letters, "))
    let letters = try shop.apus("dead-letters", "list")
    #expect(letters.code == Code.done && letters.output.contains("1 letter that waits cannot be read"))
    let json = try shop.apus("dead-letters", "list", "--json").json()
    #expect(json["letters"] as? Int == 2 && json["unreadable"] as? Int == 1)

    let served = try Served(shop.data)
    let address = try served.address()
    let logged = try #require(
      served.lines.first {
        $0["message"] as? String == "records are lost, and only the index holds what they said last"
      })
    #expect(line.contains(logged["lost"] as? String ?? "nothing"))
    let asked = try Program.run("status", "--server", address)
    #expect(asked.lines.contains(line), "\(asked.output)")
    #expect(try served.stop() == 0)
  }

  @Test("a server says when it begins to make its index again, and when that is done")
  func rebuilding() throws {
    let shop = try filled()
    try FileManager.default.removeItem(atPath: shop.data + "/index")
    let served = try Served(shop.data)
    _ = try served.address()
    let messages = served.lines.compactMap { $0["message"] as? String }
    let begun = messages.firstIndex { $0.hasPrefix("the index is made again from the log; until then") }
    let done = messages.firstIndex { $0 == "the index was made again from the log" }
    #expect(try #require(begun) < #require(done), "\(messages)")
    #expect(served.lines.contains { $0["why"] as? String == "there was none" && $0["milliseconds"] != nil })
    #expect(try served.stop() == 0)
  }
}
