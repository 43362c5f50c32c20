import Foundation
import Testing

@Suite("apus token")
struct TokenCommandTests {
  @Test("shows a token once, keeps nothing of its secret, and lists and revokes it by name or id")
  func life() throws {
    let shop = try Shop()
    try shop.prepare()
    let made = try shop.apus("token", "create", "scorer", "--scope", "read")
    #expect(made.code == Code.done && made.errors == "" && made.lines.count == 2)
    let parts = made.lines[0].split(separator: "_")
    #expect(parts.count == 3 && parts[0] == "apus" && parts[1].count == 16 && parts[2].count == 64)
    let kept = try String(contentsOfFile: "\(shop.data)/tokens", encoding: .utf8)
    #expect(kept.contains(parts[1]) && !kept.contains(parts[2]))

    let json = try shop.apus(
      "token", "create", "etl", "--scope", "ingest,read", "--project", "shop", "--json"
    ).json()
    #expect(Set(json.keys) == (try Reference.keys(under: "apus token create --json")))
    #expect(json["scopes"] as? String == "read,ingest" && json["project"] as? String == "shop")

    let list = try shop.apus("token", "list")
    #expect(list.lines[1].hasPrefix("scorer  \(parts[1])  read") && list.lines[2].hasPrefix("etl "))
    #expect(!list.output.contains(parts[2]))
    let listed = try #require(try shop.apus("token", "list", "--json").json()["tokens"] as? [[String: Any]])
    #expect(
      listed.map { $0["name"] as? String } == ["scorer", "etl"] && listed.allSatisfy { $0["token"] == nil })

    expectTrouble(
      try shop.apus("token", "create", "etl", "--scope", "read"), code: Code.failed,
      what: "there is a token called `etl` already", at: "\(shop.data)/tokens")
    let unknown = try shop.apus("token", "revoke", "scorr")
    expectTrouble(unknown, code: Code.failed, what: "there is no token `scorr`", at: "\(shop.data)/tokens")
    #expect(unknown.errors.contains("did you mean `scorer`?"))
    #expect(try shop.apus("token", "revoke", String(parts[1])).output == "scorer (\(parts[1])) is revoked\n")
    #expect(try shop.apus("token", "revoke", "etl").code == Code.done)
    #expect(try shop.apus("token", "list").output.hasPrefix("no tokens; "))
  }

  @Test("works while the store is open elsewhere, and takes the folder from the environment")
  func served() throws {
    let shop = try Shop()
    try shop.prepare()
    let made = try shop.open { _ in try shop.apus("token", "create", "a", "--scope", "admin") }
    #expect(made.code == Code.done)
    let run = try Program.shell("APUS_DATA=\"$1\" exec \"$APUS\" token list", shop.data)
    #expect(run.code == Code.done && run.lines[1].hasPrefix("a "))
  }

  @Test("makes no folder where there is no store, and refuses a file that somebody edited")
  func refused() throws {
    let shop = try Shop()
    let nowhere = try shop.apus("token", "create", "a", "--scope", "read")
    #expect(nowhere.code == Code.failed && nowhere.errorLines.count == 3)
    #expect(!FileManager.default.fileExists(atPath: shop.data))
    try shop.prepare()
    try shop.apus("token", "create", "a", "--scope", "read")
    let path = "\(shop.data)/tokens"
    let text = try String(contentsOfFile: path, encoding: .utf8)
    try Data(text.replacingOccurrences(of: " read ", with: " admin ").utf8).write(to: URL(filePath: path))
    expectTrouble(
      try shop.apus("token", "list"), code: Code.failed, what: "damaged, or was edited by hand", at: path)
    #expect(try shop.apus("token", "create", "b", "--scope", "read").code == Code.failed)
  }
}
