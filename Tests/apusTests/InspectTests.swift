import ApusBytes
import ApusLog
import ApusSystem
import ApusTestSupport
import Foundation
import Testing

@Suite("apus inspect")
struct InspectTests {
  @Test("log shows the manifest's promises and the segments")
  func stat() throws {
    let store = try Store()
    try store.writeThreeSegments()
    let run = try Program.run("inspect", "log", "--data", store.path)
    #expect(run.code == Code.done)
    #expect(run.output.contains("2026-01-01T00:00:00.001000000Z"))
    #expect(run.output.contains("ceiling      19 "))
    for (segment, lsns) in zip(try store.segments, ["1–6", "7–12", "13–18"]) {
      let line = try #require(run.lines.first { $0.hasPrefix(segment) })
      #expect(line.contains("  \(lsns) ") && line.hasSuffix("finished"))
    }
    #expect(try Program.run("inspect", "log", "stat", "--data", store.path).output == run.output)
  }

  @Test("log says what an unfinished segment, a gap and a missing file are")
  func statUnfinished() throws {
    let store = try Store()
    try store.write(frames: 2).abandon()
    try store.write(frames: 1, rotatingEvery: 1).abandon()
    var run = try Program.run("inspect", "log", "--data", store.path)
    #expect(run.output.contains("LSNs 5–1002"))
    #expect(run.lines.contains { $0.hasPrefix("log/") && $0.hasSuffix("unfinished") })
    let json = try Program.run("inspect", "log", "--data", store.path, "--json").json()
    #expect((json["gaps"] as? [[String: Int]])?.first == ["first_lsn": 5, "last_lsn": 1002])
    #expect(Set(json.keys) == (try Reference.keys(under: "apus inspect log stat --json")))
    let segments = try #require(json["segments"] as? [[String: Any]])
    #expect(segments.map { $0["records"] as? Int } == [4, 2])

    try store.remove(try store.segments[0])
    run = try Program.run("inspect", "log", "--data", store.path)
    #expect(run.code == Code.done)
    #expect(run.lines.contains { $0.hasPrefix("log/") && $0.hasSuffix("missing") })
  }

  @Test("log dump shows every frame, marks, seals and gaps included")
  func dump() throws {
    let store = try Store()
    let writer = try store.write(frames: 2)
    try writer.mark()
    writer.abandon()
    try store.write(frames: 1).close()
    let run = try Program.run("inspect", "log", "dump", "--data", store.path)
    #expect(run.code == Code.done)
    let kinds = run.lines.dropFirst().dropLast().map { line in
      ["records", "mark", "seal", "gap"].first { line.contains($0) } ?? line
    }
    #expect(kinds == ["records", "records", "mark", "seal", "gap", "records", "seal"])
    let json = try Program.run("inspect", "log", "dump", "--data", store.path, "--json").jsonLines()
    #expect(json.map { $0["type"] as? String ?? $0["kind"] as? String } == kinds)
    #expect(
      Set(json[0].keys.map { $0 } + ["payload"])
        == (try Reference.keys(under: "apus inspect log dump --json")))
  }

  @Test("log dump shows a confirmed clock")
  func dumpClock() throws {
    let store = try Store()
    let writer = try store.write(frames: 1)
    store.clock.jumpWall(nanoseconds: -3_600_000_000_000)
    _ = try writer.confirmClock()
    try writer.close()
    let frames = try Program.run("inspect", "log", "dump", "--data", store.path, "--json").jsonLines()
    #expect(frames.map { $0["type"] as? String } == ["records", "clock", "seal"])
    #expect(frames.map { $0["clock_step"] as? Bool } == [false, true, false])
    #expect(try Program.run("check", "--data", store.path).code == Code.done)
  }

  @Test("log dump shows damage in its place, and goes on behind it")
  func dumpDamage() throws {
    let store = try Store()
    try store.writeThreeSegments()
    let segment = try store.segments[1]
    try store.flip(segment, at: 4096 + 56 + 10)
    let run = try Program.run("inspect", "log", "dump", "--data", store.path)
    #expect(run.code == Code.done)
    let at = try #require(run.lines.firstIndex { $0.hasPrefix("DAMAGE") })
    #expect(run.lines[at].contains(segment) && run.lines[at].contains("LSNs 7–8"))
    #expect(run.lines[at - 1].contains("seal"))
    #expect(run.lines[at + 1].contains("9–10"))
    let kinds = try Program.run("inspect", "log", "dump", "--data", store.path, "--json").jsonLines()
      .map { $0["kind"] as? String }
    #expect(kinds.filter { $0 == "damage" }.count == 1)
    #expect(kinds.count == 12)
  }

  @Test("log dump goes on behind a file that is missing")
  func dumpMissing() throws {
    let store = try Store()
    try store.writeThreeSegments()
    let segment = try store.segments[1]
    try store.remove(segment)
    let run = try Program.run("inspect", "log", "dump", "--data", store.path)
    #expect(run.code == Code.done)
    #expect(run.lines.contains("MISSING \(segment): LSNs 7–12 cannot be read"))
    #expect(run.output.contains("13–14"))
    let kinds = try Program.run("inspect", "log", "dump", "--data", store.path, "--json").jsonLines()
      .map { $0["kind"] as? String }
    #expect(kinds.firstIndex(of: "missing") == 4)
  }

  @Test("log dump calls a seal that cannot be read damage, as a check does")
  func dumpDamagedSeal() throws {
    let store = try Store()
    try store.writeThreeSegments()
    let segment = try store.segments[1]
    let size = try store.bytes(of: segment).count
    try store.flip(segment, at: size - 1)
    let words = "\(segment), bytes \(size - 120)..<\(size): no record is lost"
    let dump = try Program.run("inspect", "log", "dump", "--data", store.path)
    #expect(dump.lines.filter { $0 == "DAMAGE  \(words)" }.count == 1)
    #expect(dump.lines.count == 1 + 9 + 2 + 1 + 1)
    let check = try Program.run("check", "--data", store.path)
    #expect(check.code == Code.checkFailed)
    #expect(check.output.contains("damage: \(words)"))
  }

  @Test("log dump shows a torn tail as what it is")
  func dumpTorn() throws {
    let store = try Store()
    try store.write(frames: 3).abandon()
    let segment = try #require(try store.segments.last)
    let end = try #require(try store.bytes(of: segment).lastIndex { $0 != 0 })
    try store.flip(segment, at: end)
    let last = try Program.run("inspect", "log", "dump", "--data", store.path, "--json").jsonLines().last
    #expect(last?["kind"] as? String == "torn")
    #expect(last?["end_byte"] as? Int == end + 1)
  }

  @Test("log dump begins at an LSN, ends after so many frames, and may show payloads")
  func dumpRange() throws {
    let store = try Store()
    try store.writeThreeSegments()
    func dump(_ more: String...) throws -> [[String: Any]] {
      let arguments = ["\(store.path)"] + more
      let run = try Program.shell(
        "exec \"$APUS\" inspect log dump --data \"$1\" --json \(arguments.dropFirst().joined(separator: " "))",
        store.path)
      #expect(run.code == Code.done)
      return try run.jsonLines()
    }
    #expect(try dump("--from", "10", "--limit", "1").map { $0["first_lsn"] as? Int } == [9])
    #expect(try dump("--from=7", "--limit=3").map { $0["first_lsn"] as? Int } == [7, 9, 11])
    #expect(try dump("--limit", "0").isEmpty)
    #expect(try dump("--from", "4000").isEmpty)
    let payload = try #require(try dump("--from", "3", "--limit", "1", "--payload")[0]["payload"] as? String)
    #expect(payload.count == 2 * 101 && payload.hasSuffix(String(repeating: "62", count: 27)))
    let text = try Program.run(
      "inspect", "log", "dump", "--data", store.path, "--from", "3", "--limit", "1", "--payload")
    #expect(text.lines.count == 1 + 1 + 7 + 1)
    #expect(
      text.lines[7] == "    00000050  62 62 62 62 62 62 62 62  62 62 62 62 62 62 62 62  |bbbbbbbbbbbbbbbb|")
    #expect(text.lines[8] == "    00000060  62 62 62 62 62                                    |bbbbb|")
  }

  @Test("ends quietly when nobody reads on, and says so when the output is full")
  func brokenPipe() throws {
    let store = try Store()
    for _ in 0..<4 { try store.write(frames: 100).close() }
    let line = "set -o pipefail; \"$APUS\" inspect log dump --payload --data \"$1\" | head -n 1"
    let run = try Program.shell(line, store.path)
    #expect(run.code == Code.done)
    #expect(run.errors == "")
    #expect(run.lines.count == 2)
    let full = try Program.shell("\"$APUS\" inspect log dump --data \"$1\" >/dev/full", store.path)
    expectTrouble(full, code: Code.failed, what: "ENOSPC", at: "standard output")
  }

  @Test("works with streams that are closed")
  func closedStreams() throws {
    let store = try Store()
    try store.writeThreeSegments()
    let before = try store.everything()
    #expect(try Program.shell("\"$APUS\" check --data \"$1\" <&- >&- 2>&-", store.path).code == Code.done)
    #expect(try store.everything() == before)
  }

  @Test("manifest tells every edit in words")
  func manifest() throws {
    let store = try Store()
    try store.writeThreeSegments()
    let run = try Program.run("inspect", "manifest", "--data", store.path)
    #expect(run.code == Code.done)
    #expect(run.lines.contains("edit 1, a snapshot of all before"))
    for segment in try store.segments { #expect(run.output.contains("is added: \(segment), from LSN")) }
    #expect(run.output.contains("is finished: up to LSN 18, 3 frames"))
    let json = try Program.run("inspect", "manifest", "--data", store.path, "--json").json()
    #expect(Set(json.keys) == (try Reference.keys(under: "apus inspect manifest --json")))
    let edits = try #require(json["edits"] as? [[String: Any]])
    #expect(edits.map { $0["edit"] as? Int } == Array(1...edits.count))
  }

  @Test("an accepted loss is shown wherever the damage was, which is no problem any more")
  func acceptedLoss() throws {
    let store = try Store()
    try store.write(frames: 3).abandon()
    try store.flip(try #require(try store.segments.last), at: 4096 + 56)
    #expect(try Program.run("check", "--data", store.path).code == Code.checkFailed)
    var random = SplitMix64(seed: 1)
    let acceptance = try Log.acceptLoss(
      of: LSNRange(LSN(1), through: LSN(2)), in: store.path, on: RealDisk(), clock: store.clock,
      random: &random)

    let manifest = try Program.run("inspect", "manifest", "--data", store.path)
    #expect(manifest.output.contains("  the loss of LSNs 1–2 was accepted at \(store.clock.wall())\n"))
    #expect(manifest.output.contains("  timeline \(acceptance.fork.timeline) shares nothing with its parent"))
    let edits = try Program.run("inspect", "manifest", "--data", store.path, "--json").json()["edits"]
    let changes = try #require((edits as? [[String: Any]])?.last?["changes"] as? [[String: Any]])
    #expect(changes.compactMap { $0["change"] as? String } == ["damage", "accepted", "fork"])

    let check = try Program.run("check", "--data", store.path)
    #expect(check.output.contains("damage, accepted as a loss: "))
    // The damage is no problem any more, nor is that later records rest on what was lost.
    #expect(check.code == Code.done, "\(check.output)")
    let stat = try Program.run("inspect", "log", "--data", store.path)
    #expect(stat.output.contains("losses that a person accepted\n  the loss of LSNs 1–2"))
    let json = try Program.run("inspect", "log", "--data", store.path, "--json").json()
    #expect((json["accepted_losses"] as? [[String: Any]])?.first?["last_lsn"] as? Int == 2)
    #expect(
      (json["forks"] as? [[String: Any]])?.first?["timeline"] as? String == "\(acceptance.fork.timeline)")
    let segment = try #require((json["segments"] as? [[String: Any]])?.first)
    #expect(segment["records"] as? Int == 4 && (segment["damages"] as? [Any])?.count == 1)
  }

  @Test("is refused as a check is", arguments: [["log"], ["log", "dump"], ["manifest"]])
  func refusals(_ words: [String]) throws {
    let store = try Store()
    let line = "exec \"$APUS\" inspect \(words.joined(separator: " ")) --data \"$1\""
    expectTrouble(try Program.shell(line, store.path), code: Code.failed, what: "no store", at: store.path)
    let writer = try store.write(frames: 1)
    expectTrouble(try Program.shell(line, store.path), code: Code.failed, what: "in use", at: store.path)
    try writer.close()
    try store.flip("CURRENT", at: 3)
    expectTrouble(
      try Program.shell(line, store.path), code: Code.failed, what: "cannot be trusted",
      at: store.at("CURRENT"))
  }
}
