import ApusStore
import Foundation
import Testing

@Suite("apus serve")
struct ServeTests {
  @Test("serves verbs from afar with the words that a folder gets, and ends in good order")
  func whole() throws {
    let shop = try Shop()
    let served = try Served(shop.data)
    let address = try served.address()
    func ask(_ words: String...) throws -> Program.Run { try Program.run(words + ["--server", address]) }

    let plan = try ask("plan", shop.files)
    #expect(plan.code == Code.done && plan.output.contains("+ activity@1"), "\(plan.output) \(plan.errors)")
    #expect(plan.output.contains("next: apus apply \(shop.files) --expect "))
    let applied = try ask("apply", shop.files)
    #expect(
      applied.code == Code.done && applied.output.contains("applied to project shop, LSN"),
      "\(applied.errors)")
    #expect(try ask("plan", shop.files, "--check").output.hasPrefix("nothing to change"))

    let here = try ask("describe", "activity", "--json").json()
    #expect((here["view"] as? [String: Any])?["name"] as? String == "activity@1")
    let overview = try ask("describe", "--json").json()
    #expect(Set(overview.keys) == (try Reference.keys(under: "apus describe --json")))
    #expect((overview["index"] as? [String: Any])?["state"] as? String == "usable")
    #expect(try ask("dead-letters").output == "no dead letters wait\n")

    try shop.change("one_of: [buy, refund]", to: "one_of: [buy, refund, void]")
    let refused = try ask("apply", shop.files)
    #expect(
      refused.code == Code.failed
        && refused.errorLines.first?.contains("must be accepted for readers") == true)
    let accepted = try ask("apply", shop.files, "--accept", "readers")
    #expect(accepted.code == Code.done, "\(accepted.errors)")
    let unknown = try ask("describe", "actvity")
    #expect(unknown.errors.contains("did you mean `activity`?"))
    let wrong = try ask("promote", "activity@9")
    expectTrouble(wrong, code: Code.failed, what: "there is no activity@9", at: "project shop")

    let ping = try ask("ping", "--json").json()
    #expect(Set(ping.keys) == (try Reference.keys(under: "apus ping --json")))
    let status = try ask("status", "--json").json()
    #expect(Set(status.keys) == (try Reference.keys(under: "apus status --json")))
    let words = try ask("status").output
    for head in [
      "server ", "connections ", "memory ", "LSN ", "log ", "index ", "dead letters ", "producers ",
      "history       0 runs and 0 ledgers, ", "  compacted   0 packs, 0 merges",
    ] {
      #expect(words.split(separator: "\n").contains { $0.hasPrefix(head) }, "\(head)\n\(words)")
    }
    #expect(words.contains("project       shop, fingerprint ") && !words.contains("catalog"), "\(words)")
    // A figure that has no words is shown by the name that programs know it by.
    let heads = words.split(separator: "\n").map { $0.prefix { $0 != " " } }
    #expect(heads.allSatisfy { !$0.contains("_") && $0 != "TROUBLE" }, "\(words)")

    let inUse = try Program.run("describe", "--data", shop.data)
    expectTrouble(
      inUse, code: Code.failed, what: "in use by process \(served.process.processIdentifier)", at: shop.data)
    #expect(try served.stop() == 0)
    #expect(served.lines.map { $0["message"] as? String }.suffix(2) == ["stopping", "stopped"])
    let offline = try shop.apus("describe", "--json").json()
    #expect(offline["tail_records"] as? Int == 0, "everything is in the index")
    #expect(offline["last_lsn"] as? Int == 2)
  }

  @Test("says in its log and its status, once for each reason, why history is not compacted")
  func notCompacted() throws {
    let shop = try Shop()
    try shop.prepare()
    // The simulated clock is behind: what was finished under it is old, and becomes history at once.
    for round in 0..<2 {
      try shop.open { store in _ = try shop.push([("c1", Int64(round), "buy")], into: store) }
    }
    let history = shop.data + "/history"
    try? FileManager.default.removeItem(atPath: history)
    try Data().write(to: URL(filePath: history))
    let served = try Served(shop.data)
    let address = try served.address()
    let line = try #require(try served.wait(for: "history is not compacted"))
    #expect(line["level"] as? String == "warn" && (line["why"] as? String)?.isEmpty == false, "\(line)")
    let words = try Program.run("status", "--server", address).output
    #expect(words.contains("\nTROUBLE       history is not compacted: "), "\(words)")
    try FileManager.default.removeItem(atPath: history)
    try FileManager.default.createDirectory(atPath: history, withIntermediateDirectories: false)
    #expect(try served.wait(for: "history is compacted again") != nil)
    let after = try Program.run("status", "--server", address).output
    #expect(after.contains("\n  compacted   1 pack, ") && !after.contains("TROUBLE"), "\(after)")
    #expect(after.contains(" bytes written for each that left the log\n"), "\(after)")
    #expect(try served.stop() == 0)
    #expect(served.lines.count { $0["message"] as? String == "history is not compacted" } == 1)
  }

  @Test("with the smallest segments that are allowed, takes whole blocks of the program's own pushes")
  func smallSegments() throws {
    let shop = try Shop()
    try shop.change("string, one_of: [buy, refund]}", to: "string}")
    try shop.apply()
    let text = String(repeating: "x", count: 400)
    let lines = (0..<11_000).map {
      "{\"card_id\":\"c\($0)\",\"event_timestamp\":\"2026-01-01T00:00:00Z\",\"count\":1,\"action\":\"\(text)\"}\n"
    }
    let file = shop.path("rows.jsonl")
    try Data(lines.joined().utf8).write(to: URL(filePath: file))
    let served = try Served(shop.data, ["--segment-size", "8MiB", "--disk-reserve", "0B"])
    let pushed = try Program.run(
      "push", "activity", file, "--known-at", "event-time", "--server", try served.address(), "--json")
    #expect(pushed.code == Code.done, "\(pushed.output)\(pushed.errors)")
    #expect(try pushed.json()["accepted"] as? Int == 11_000, "\(pushed.output)")
    #expect(try served.stop() == 0)
    let refused = try Program.run("serve", "--data", shop.data, "--segment-size", "1MiB")
    #expect(
      refused.code != Code.done && refused.errors.contains("a size from 8MiB to 4GiB"), "\(refused.errors)")
  }

  @Test("with tokens, lets in who shows one, for what it allows, and knows a new one without a restart")
  func tokens() throws {
    let shop = try Shop()
    try shop.apply()
    let served = try Served(shop.data, ["--tokens", "on"])
    let address = try served.address()
    #expect(try served.wait(for: "tokens are on, and there is none: nobody can come in") != nil)
    func ask(_ token: String?, _ words: String...) throws -> Program.Run {
      try Program.run(words + ["--server", address] + (token.map { ["--token-file", $0] } ?? []))
    }
    func make(_ name: String, _ more: String...) throws -> String {
      let made = try Program.run(["token", "create", name, "--data", shop.data] + more)
      let path = shop.path(name)
      try Data(made.output.utf8).write(to: URL(filePath: path))
      return path
    }
    let nobody = try ask(nil, "ping")
    #expect(
      nobody.code == Code.failed && nobody.errorLines.last?.contains("--token-file FILE") == true,
      "\(nobody.errors)")
    let reader = try make("reader", "--scope", "read")
    let other = try make("other", "--scope", "read,admin", "--project", "elsewhere")
    let admin = try make("admin", "--scope", "admin", "--project", "shop")
    kill(served.process.processIdentifier, SIGHUP)
    // Once a second they are read anyway, so perhaps one after the other.
    #expect(try served.wait(for: "tokens were read again", tokens: 3) != nil)

    #expect(try ask(reader, "ping").code == Code.done)
    #expect(try ask(reader, "describe").code == Code.done)
    let forbidden = try ask(reader, "retire", "--service", "score@1")
    #expect(
      forbidden.code == Code.failed && forbidden.errors.contains("it needs the scope admin"),
      "\(forbidden.errors)")
    let elsewhere = try ask(other, "describe", "--project", "shop")
    #expect(elsewhere.errors.contains("may not do that in project shop"), "\(elsewhere.errors)")
    #expect(try ask(other, "apply", shop.files).errors.contains("may not do that in project shop"))
    #expect(try ask(admin, "apply", shop.files).code == Code.done)
    let variable = try Program.shell(
      "APUS_URL=\(address) APUS_TOKEN_FILE=\"$1\" exec \"$APUS\" describe", reader)
    #expect(variable.code == Code.done && variable.output.contains("project shop"), "\(variable.errors)")

    let start = served.lines.count
    try Program.run("token", "revoke", "reader", "--data", shop.data)
    // Nobody told it.
    #expect(try served.wait(for: "tokens were read again", tokens: 2, from: start) != nil)
    #expect(try ask(reader, "ping").code == Code.failed)
    #expect(try served.stop(SIGINT) == 0)
    for line in served.lines { #expect(!"\(line)".contains("apus_")) }
  }

  @Test("says in three lines why it does not start")
  func refused() throws {
    let shop = try Shop()
    try shop.prepare()
    let open = try Program.run("serve", "--data", shop.data, "--listen", "0.0.0.0:0")
    expectTrouble(
      open, code: Code.failed, what: "can be reached from other machines, and tokens are off",
      at: "`listen` (--listen)")
    let served = try Served(shop.data)
    let address = try served.address()
    let second = try Program.run(
      "serve", "--data", shop.data, "--listen", "127.0.0.1:0", "--log-level", "error")
    expectTrouble(
      second, code: Code.failed, what: "in use by process \(served.process.processIdentifier)", at: shop.data)
    let port = try Program.run(
      "serve", "--data", shop.path("other"), "--listen", address, "--log-level", "error")
    expectTrouble(port, code: Code.failed, what: "this address is in use", at: address)
    #expect(try served.stop() == 0)
  }

  @Test("nobody there is told in three lines, and so is somebody else")
  func nobody() throws {
    let run = try Program.run("ping", "--server", "127.0.0.1:1")
    expectTrouble(run, code: Code.failed, what: "no server answers: ", at: "127.0.0.1:1")
    #expect(
      try Program.run("status", "--server", "unix:/nowhere/x.sock").errors.contains("no server answers"))
  }

  @Test("serves a Unix socket, too, and a store that a kill left behind")
  func unix() throws {
    let shop = try Shop()
    try shop.apply()
    let path = shop.path("sock")
    let served = try Served(shop.data, ["--unix-socket", path])
    _ = try served.address()
    #expect(try Program.run("describe", "--server", "unix:\(path)").output.contains("project shop"))
    served.kill9()
    let again = try Served(shop.data, ["--unix-socket", path])
    _ = try again.address()
    #expect(try Program.run("ping", "--server", "unix:\(path)").code == Code.done)
    #expect(try again.stop() == 0)
  }

  @Test("a second signal ends it at once, and the next start has what was acknowledged")
  func twice() throws {
    let shop = try Shop()
    let served = try Served(shop.data)
    let address = try served.address()
    #expect(try Program.run("apply", shop.files, "--server", address).code == Code.done)
    // Both are there when it looks.
    kill(served.process.processIdentifier, SIGSTOP)
    kill(served.process.processIdentifier, SIGINT)
    kill(served.process.processIdentifier, SIGTERM)
    kill(served.process.processIdentifier, SIGCONT)
    #expect(try served.wait(for: "ended at once, by a second signal") != nil)
    served.process.waitUntilExit()
    #expect(served.process.terminationStatus == Code.failed)
    #expect(try shop.apus("describe").output.contains("project shop"))
  }

  @Test("a store that lost records is served for reading, says what is lost, and changes nothing")
  func readOnly() throws {
    let store = try Store()
    try store.writeThreeSegments()
    let middle = try store.segments[1]
    try store.flip(middle, at: 4096 + 56 + 10)
    let served = try Served(store.path)
    let address = try served.address()
    let lost = try #require(
      served.lines.first { $0["message"] as? String == "records are lost, and the store is read-only" })
    #expect((lost["next"] as? String)?.contains("apus repair") == true)
    let run = try Program.run("describe", "--server", address)
    #expect(run.code == Code.done && run.output.contains("\nLOST "), "\(run.output)\(run.errors)")
    let shop = try Shop()
    let refused = try Program.run("apply", shop.files, "--server", address)
    #expect(refused.code == Code.failed && refused.errorLines.count == 3, "\(refused.errors)")
    #expect(refused.errors.contains("apus repair --data \(store.path)"))
    #expect(try served.stop() == 0)
  }
}
