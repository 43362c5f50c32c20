import ApusStore
import Foundation
import Testing

@Suite("apus check of history")
struct HistoryCheckTests {
  /// A store with two runs and two ledgers, by the order of their names, and what it is asked.
  private struct Past {
    let shop: Shop
    let runs: [String]
    let ledgers: [String]

    init() throws {
      shop = try Shop()
      try shop.prepare()
      for half in 0..<2 {
        try shop.open { [shop] store in
          for round in 0..<20 {
            try shop.push((0..<10).map { ("c\($0)", Int64(20 * half + round), "buy") }, into: store)
          }
        }
        let run = try shop.apus("compact")
        try #require(run.code == Code.done, "\(run.output)\(run.errors)")
      }
      let names = try FileManager.default.contentsOfDirectory(atPath: shop.data + "/history").sorted()
      runs = names.filter { $0.hasSuffix(".parquet") }.map { "history/\($0)" }
      ledgers = names.filter { !$0.hasSuffix(".parquet") }.map { "history/\($0)" }
      try #require(runs.count == 2 && ledgers.count == 2, "\(names)")
    }

    func bytes(_ name: String) throws -> [UInt8] {
      [UInt8](try Data(contentsOf: URL(filePath: "\(shop.data)/\(name)")))
    }
    func write(_ bytes: [UInt8], _ name: String) throws {
      try Data(bytes).write(to: URL(filePath: "\(shop.data)/\(name)"))
    }
    func flip(_ name: String, _ at: (Int) -> Int) throws {
      var all = try bytes(name)
      all[at(all.count)] ^= 1
      try write(all, name)
    }
    func remove(_ name: String) throws { try FileManager.default.removeItem(atPath: "\(shop.data)/\(name)") }

    /// What a check says in JSON of each file that is not as it was written.
    func damages() throws -> [[String: Any]] {
      let run = try shop.apus("check", "--json")
      let json = try run.json()
      let damages = try #require((json["history"] as? [String: Any])?["damages"] as? [[String: Any]])
      #expect(json["sound"] as? Bool == damages.isEmpty)
      #expect(run.code == (damages.isEmpty ? Code.done : Code.checkFailed))
      #expect(Set(json.keys) == (try Reference.keys(under: "apus check --json")).intersection(json.keys))
      return damages
    }
    func readsNewest() throws -> Bool {
      try shop.apus("get", "card_id=c3", "--view", "activity", "--stale").output.contains(" 39 ")
    }
  }

  @Test("history that is whole is sound, is counted, and nothing is changed")
  func whole() throws {
    let past = try Past()
    let before = try past.shop.everything()
    let run = try past.shop.apus("check")
    #expect(run.code == Code.done, "\(run.output)\(run.errors)")
    #expect(run.output.contains("\nhistory   2 runs and 2 ledgers, "), "\(run.output)")
    #expect(run.output.hasSuffix("\nsound\n"))
    #expect(try past.damages().isEmpty)
    #expect(try past.shop.everything() == before)
  }

  @Test("finds a flipped byte anywhere in a run or a ledger, the older ones too, and says what to do")
  func flipped() throws {
    let past = try Past()
    for name in past.runs + past.ledgers {
      let sound = try past.bytes(name)
      // The first byte, one of the first page or header, one in the middle, the last.
      for at in [0, 40, sound.count / 2, sound.count - 1] {
        try past.flip(name) { _ in at }
        let run = try past.shop.apus("check")
        #expect(run.code == Code.checkFailed, "\(name) \(at): \(run.output)\(run.errors)")
        #expect(run.output.contains("damage: \(name)"), "\(at): \(run.output)")
        #expect(run.output.contains("restore each damaged file of history from a backup"))
        #expect(run.output.contains("do not remove the index folder"))
        #expect(!run.output.contains("--rebuild-index"))
        #expect(run.output.hasSuffix("\nNOT SOUND: 1 problem\n"), "\(run.output)")
        #expect(try past.damages().map { $0["file"] as? String } == [name])
        try past.write(sound, name)
      }
      #expect(try past.shop.apus("check").code == Code.done)
    }
  }

  @Test("finds a run or a ledger that is cut, longer, empty, another one's or a folder")
  func wrongFile() throws {
    let past = try Past()
    for (name, other) in [(past.runs[0], past.runs[1]), (past.ledgers[0], past.ledgers[1])] {
      let sound = try past.bytes(name)
      for wrong in [Array(sound.dropLast(1)), sound + [0], [], try past.bytes(other)] {
        try past.write(wrong, name)
        let damages = try past.damages()
        #expect(damages.map { $0["file"] as? String } == [name], "\(wrong.count) bytes")
        #expect(damages.first?["missing"] as? Bool == false)
      }
      try past.remove(name)
      try FileManager.default.createDirectory(
        atPath: "\(past.shop.data)/\(name)", withIntermediateDirectories: false)
      #expect(
        try past.damages().map { $0["what"] as? String } == [
          "it is no file but a folder, a pipe, a socket or a device"
        ])
      try past.remove(name)
      try past.write(sound, name)
      #expect(try past.damages().isEmpty)
    }
  }

  @Test(
    "tells all files that are damaged, not only the first; --deep, too; and repair says how each is given up")
  func all() throws {
    let past = try Past()
    try past.flip(past.runs[0]) { $0 / 2 }
    try past.write(Array(try past.bytes(past.runs[1]).dropLast(9)), past.runs[1])
    try past.flip(past.ledgers[0]) { $0 / 2 }
    let damaged = Set(past.runs + [past.ledgers[0]])
    for words in [["check"], ["check", "--deep"]] {
      let run = try Program.run(words + ["--data", past.shop.data])
      #expect(run.code == Code.checkFailed, "\(run.output)\(run.errors)")
      #expect(run.errors == "")
      for name in damaged { #expect(run.output.contains("damage: \(name)"), "\(run.output)") }
      #expect(run.output.contains("; 3 files NOT as written"))
      #expect(run.output.hasSuffix("\nNOT SOUND: 3 problems\n"), "\(run.output)")
    }
    #expect(Set(try past.damages().compactMap { $0["file"] as? String }) == damaged)
    let repair = try past.shop.apus("repair", "--json")
    #expect(repair.code == Code.checkFailed)
    let findings = try #require(try repair.json()["findings"] as? [[String: Any]])
    #expect(findings.count == 3)
    for finding in findings {
      let flag = try #require(finding["flag"] as? String)
      #expect(damaged.contains(flag.replacing("--accept-loss ", with: "")), "\(flag)")
    }
  }

  @Test(
    "reads of the newest rows go on beside damaged files of history, as the check says", arguments: [0, 1])
  func readsGoOn(_ which: Int) throws {
    let past = try Past()
    #expect(try past.readsNewest())
    try past.flip(past.runs[which]) { $0 / 2 }
    try past.flip(past.ledgers[which]) { $0 / 2 }
    #expect(try past.damages().count == 2)
    #expect(try past.readsNewest())
  }

  @Test(
    "tells a missing ledger or run beside what else is damaged, and that the store opens without it while its index is good"
  )
  func missing() throws {
    let past = try Past()
    for (gone, flipped) in [(past.ledgers[0], past.runs[1]), (past.runs[0], past.ledgers[1])] {
      let kept = [try past.bytes(gone), try past.bytes(flipped)]
      try past.remove(gone)
      try past.flip(flipped) { $0 / 2 }
      let run = try past.shop.apus("check")
      #expect(run.code == Code.checkFailed, "\(run.output)\(run.errors)")
      #expect(run.output.contains("\(gone) is listed in the manifest and is not there"), "\(run.output)")
      #expect(run.output.contains("damage: \(flipped)"), "\(run.output)")
      #expect(run.output.contains("the store opens without it while its index is good"))
      #expect(run.output.hasSuffix("\nNOT SOUND: 2 problems\n"), "\(run.output)")
      let damages = try past.damages()
      #expect(Set(damages.compactMap { $0["file"] as? String }) == [gone, flipped])
      #expect(damages.first { $0["file"] as? String == gone }?["missing"] as? Bool == true)
      let get = try past.shop.apus("get", "card_id=c3", "--view", "activity", "--stale", "--json")
      #expect(get.code == Code.done)
      #expect(try get.json()["may_lack"] as? Bool == true)
      try past.write(kept[0], gone)
      try past.write(kept[1], flipped)
      #expect(try past.shop.apus("check").code == Code.done)
    }
  }

  @Test("without an index, too, all damage of history is told")
  func withoutIndex() throws {
    let past = try Past()
    try past.remove("index")
    try past.flip(past.runs[0]) { $0 / 2 }
    try past.flip(past.ledgers[1]) { $0 / 2 }
    #expect(
      Set(try past.damages().compactMap { $0["file"] as? String }) == [past.runs[0], past.ledgers[1]])
    let text = try past.shop.apus("check").output
    #expect(!text.contains("the next start makes"), "\(text)")
  }
}
