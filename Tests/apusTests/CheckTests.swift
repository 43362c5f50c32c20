import ApusLog
import Foundation
import Testing

@Suite("apus check")
struct CheckTests {
  @Test("says that a store is sound, and what is in it")
  func sound() throws {
    let store = try Store()
    try store.writeThreeSegments()
    let run = try Program.run("check", "--data", store.path)
    #expect(run.code == Code.done)
    #expect(run.errors == "")
    #expect(run.output.hasSuffix("\nsound\n"))
    #expect(run.output.contains("LSNs 1–18: 9 frames, 18 records"))
    for segment in try store.segments { #expect(run.output.contains(segment)) }
  }

  @Test("finds a new store sound that holds no record")
  func empty() throws {
    let store = try Store()
    try store.open().close()
    let run = try Program.run("check", "--data=\(store.path)/")
    #expect(run.code == Code.done)
    #expect(run.output.contains("no record"))
  }

  @Test("finds a torn tail no fault, and says what the next start will cut")
  func torn() throws {
    let store = try Store()
    try store.write(frames: 3).abandon()
    let segment = try #require(try store.segments.last)
    // In the last frame's payload; no frame behind it says that it was durable.
    let end = try #require(try store.bytes(of: segment).lastIndex { $0 != 0 })
    try store.flip(segment, at: end)
    let run = try Program.run("check", "--data", store.path)
    #expect(run.code == Code.done)
    #expect(run.output.contains("\(segment) is torn at byte"))
    #expect(run.output.contains("nothing behind LSN 4 was durable"))
    #expect(run.output.hasSuffix("\nsound\n"))
  }

  @Test("finds an edit that was cut short no fault, because it never took effect")
  func tornManifest() throws {
    let store = try Store()
    try store.writeThreeSegments()
    let name = "manifest-0000000001"
    var bytes = try store.bytes(of: name)
    let end = try #require(bytes.lastIndex { $0 != 0 })
    bytes[(end / 8 + 1) * 8] = 0x41
    try store.write(bytes, to: name)
    let run = try Program.run("check", "--data", store.path)
    #expect(run.code == Code.done)
    #expect(run.output.contains("\(name): an edit at byte"))
    let json = try Program.run("check", "--data", store.path, "--json").json()
    #expect((json["manifest"] as? [String: Any])?["tail"] as? String == "torn")
    #expect(try Program.run("inspect", "manifest", "--data", store.path).output.contains("torn at byte"))
  }

  @Test("names the file, the bytes and the LSNs of a flipped bit in a finished segment")
  func flippedBit() throws {
    let store = try Store()
    try store.writeThreeSegments()
    let segment = try store.segments[1]
    try store.flip(segment, at: 4096 + 56 + 10)
    let run = try Program.run("check", "--data", store.path)
    #expect(run.code == Code.checkFailed)
    #expect(run.errors == "")
    #expect(run.output.contains("damage: \(segment), bytes 4096..<"))
    #expect(run.output.contains("LSNs 7–8 cannot be read"))
    #expect(run.output.hasSuffix("\nNOT SOUND: 1 problem\n"))
  }

  @Test("knows damage from a torn tail in an unfinished segment, by what later frames call durable")
  func damagedUnfinished() throws {
    let store = try Store()
    try store.write(frames: 3).abandon()
    let segment = try #require(try store.segments.last)
    try store.flip(segment, at: 4096 + 56)
    let run = try Program.run("check", "--data", store.path)
    #expect(run.code == Code.checkFailed)
    #expect(run.output.contains("damage: \(segment), bytes 4096..<4256: LSNs 1–2 cannot be read"))
  }

  @Test("finds every kind of damage to finished segments", arguments: [0, 20, 4095, 4096, 4111, 4200, -1])
  func anyByte(_ offset: Int) throws {
    let store = try Store()
    try store.writeThreeSegments()
    let segment = try store.segments[0]
    let size = try store.bytes(of: segment).count
    try store.flip(segment, at: offset < 0 ? size + offset : offset)
    #expect(try Program.run("check", "--data", store.path).code == Code.checkFailed)
  }

  @Test("finds a segment that is missing, cut, or longer than it was")
  func wrongFile() throws {
    for change in ["missing", "cut", "longer"] {
      let store = try Store()
      try store.writeThreeSegments()
      let segment = try store.segments[1]
      let bytes = try store.bytes(of: segment)
      switch change {
      case "missing": try store.remove(segment)
      case "cut": try store.write(Array(bytes.dropLast(8)), to: segment)
      default: try store.write(bytes + [1], to: segment)
      }
      let run = try Program.run("check", "--data", store.path)
      #expect(run.code == Code.checkFailed, "\(change)")
      #expect(run.output.contains(segment), "\(change)")
      if change == "missing" { #expect(run.output.contains("LSNs 7–12 cannot be read")) }
    }
    let store = try Store()
    try store.writeThreeSegments()
    try store.remove("log")
    let run = try Program.run("check", "--data", store.path)
    #expect(run.code == Code.checkFailed)
    #expect(run.output.contains("log/ is not there"))
  }

  @Test("finds a damaged or missing manifest, or the file that names it: three lines, and a failed check")
  func manifest() throws {
    let damages: [(String, (Store) throws -> Void, String)] = [
      ("CURRENT", { try $0.flip("CURRENT", at: 20) }, "cannot be trusted"),
      ("CURRENT", { try $0.write([], to: "CURRENT") }, "cannot be trusted"),
      ("CURRENT", { try $0.remove("CURRENT") }, "it is missing"),
      ("manifest-0000000001", { try $0.remove("manifest-0000000001") }, "not there"),
      ("manifest-0000000001", { try $0.flip("manifest-0000000001", at: 50) }, "checksum"),
      ("manifest-0000000001", { try $0.flip("manifest-0000000001", at: 4096 + 60) }, "damaged: bytes 4096"),
    ]
    for (name, damage, what) in damages {
      let store = try Store()
      try store.writeThreeSegments()
      try damage(store)
      let before = try store.everything()
      expectTrouble(
        try Program.run("check", "--data", store.path), code: Code.checkFailed, what: what, at: store.at(name)
      )
      let json = try Program.run("check", "--data", store.path, "--json")
      #expect(json.code == Code.checkFailed)
      #expect(try json.json()["sound"] as? Bool == false)
      #expect(try store.everything() == before)
    }
  }

  @Test("tells a store that lost CURRENT from a folder that is something else")
  func lostCurrent() throws {
    let store = try Store()
    try store.open().close()
    try FileManager.default.moveItem(
      atPath: store.at("manifest-0000000001"), toPath: store.at("manifest-0000000002"))
    try store.remove("CURRENT")
    expectTrouble(
      try Program.run("check", "--data", store.path), code: Code.checkFailed,
      what: "manifest-0000000002 is there",
      at: store.at("CURRENT"))
  }

  @Test("says in three lines that there is no folder, no store, or something else")
  func nothingToCheck() throws {
    let store = try Store()
    expectTrouble(
      try Program.run("check", "--data", store.path), code: Code.failed, what: "there is no store",
      at: store.path)
    try FileManager.default.createDirectory(atPath: store.path, withIntermediateDirectories: false)
    expectTrouble(
      try Program.run("check", "--data", store.path), code: Code.failed, what: "there is no store",
      at: store.path)
    try store.write([1], to: "letters")
    expectTrouble(
      try Program.run("check", "--data", store.path), code: Code.failed, what: "there is letters",
      at: store.path)
    expectTrouble(
      try Program.run("check", "--data", store.at("letters")), code: Code.failed, what: "a file of that name",
      at: store.at("letters"))
  }

  @Test("names the process that uses the store, which notices nothing")
  func inUse() throws {
    let store = try Store()
    let writer = try store.write(frames: 2)
    let before = try store.everything()
    let run = try Program.run("check", "--data", store.path)
    let own = ProcessInfo.processInfo.processIdentifier
    expectTrouble(run, code: Code.failed, what: "in use by process \(own)", at: store.path)
    #expect(try store.everything() == before)
    try writer.close()
    #expect(try Program.run("check", "--data", store.path).code == Code.done)
  }

  @Test(
    "refuses a store of a newer program and leaves it alone", arguments: ["segment", "manifest", "CURRENT"])
  func newer(_ kind: String) throws {
    let store = try Store()
    try store.writeThreeSegments()
    let name = kind == "segment" ? try store.segments[1] : kind == "manifest" ? "manifest-0000000001" : kind
    try store.write(Newer.version(of: try store.bytes(of: name), isLine: kind == "CURRENT"), to: name)
    let before = try store.everything()
    expectTrouble(
      try Program.run("check", "--data", store.path), code: Code.failed, what: "version", at: store.at(name))
    #expect(try store.everything() == before)
  }

  @Test("refuses a feature that it does not know")
  func newerFeature() throws {
    let store = try Store()
    try store.writeThreeSegments()
    let name = try store.segments[0]
    try store.write(Newer.feature(in: try store.bytes(of: name)), to: name)
    expectTrouble(
      try Program.run("check", "--data", store.path), code: Code.failed, what: "required features",
      at: store.at(name))
  }

  @Test("changes nothing, whether it finds fault or not", arguments: [false, true])
  func changesNothing(_ isTorn: Bool) throws {
    let store = try Store()
    if isTorn { try store.write(frames: 4).abandon() } else { try store.writeThreeSegments() }
    try store.write([1, 2, 3], to: "log/stray")
    let before = try store.everything()
    let run = try Program.run("check", "--data", store.path)
    #expect(run.output.contains("log/stray is in no manifest"))
    try Program.run("inspect", "log", "--data", store.path)
    try Program.run("inspect", "log", "dump", "--data", store.path)
    try Program.run("inspect", "manifest", "--data", store.path)
    #expect(try store.everything() == before)
  }

  @Test("answers in JSON with the promised keys")
  func json() throws {
    let store = try Store()
    try store.writeThreeSegments()
    try store.flip(try store.segments[1], at: 4096 + 56 + 10)
    let run = try Program.run("check", "--json", "--data", store.path)
    #expect(run.code == Code.checkFailed)
    #expect(run.errors == "")
    let json = try run.json()
    #expect(json["sound"] as? Bool == false)
    #expect(json["folder"] as? String == store.path)
    #expect((json["store_id"] as? String)?.count == 32)
    #expect(json["first_lsn"] as? Int == 1)
    #expect(json["last_lsn"] as? Int == 18)
    #expect(json["records"] as? Int == 16)
    #expect((json["problems"] as? [String])?.count == 1)
    let segments = try #require(json["segments"] as? [[String: Any]])
    #expect(segments.map { $0["name"] as? String } == (try store.segments))
    let damage = try #require((json["damages"] as? [[String: Any]])?.first)
    #expect(damage["file"] as? String == (try store.segments[1]))
    #expect(damage["first_byte"] as? Int == 4096)
    #expect(damage["first_lsn"] as? Int == 7)
    #expect(damage["last_lsn"] as? Int == 8)
    let promised = try Reference.keys(under: "apus check --json")
    #expect(Set(json.keys) == promised)
  }

  @Test("answers with an error in JSON, too")
  func jsonError() throws {
    let run = try Program.run("check", "--json", "--data", try Store().path)
    #expect(run.code == Code.failed)
    #expect(run.errors == "")
    let error = try #require(try run.json()["error"] as? [String: String])
    #expect(error["code"] == "no_store")
    #expect(Set(error.keys) == ["code", "what", "where", "next"])
  }

  @Test("takes any name for a folder, and shows none that would garble the terminal")
  func names() throws {
    for name in ["two words", "new\nline", "\u{1B}[31mred", "größe 店 🐜", "-dash", "quote\"back\\slash"] {
      let store = try Store(named: name)
      try store.writeThreeSegments()
      let run = try Program.run("check", "--data", store.path)
      #expect(run.code == Code.done)
      #expect(!run.output.contains("\u{1B}"))
      #expect(run.lines.filter { $0.hasPrefix("folder") }.count == 1)
      #expect(run.lines.filter { $0.hasPrefix("line") }.isEmpty)
      #expect(
        try Program.run("check", "--data", store.path, "--json").json()["folder"] as? String == store.path)
    }
  }
}
