import ApusIndex
import ApusLog
import ApusStore
import ApusSystem
import Foundation
import Testing

@Suite("apus check and repair of a whole store")
struct RepairTests {
  private func filled(killing: Bool = false, wall: WallTime? = nil) throws -> Shop {
    let shop = try wall.map { try Shop(wall: $0) } ?? Shop()
    try shop.prepare()
    try shop.open(killing: killing) { store in
      for round in 0..<20 {
        try shop.push((0..<10).map { ("c\($0)", Int64(round), "buy") }, into: store)
      }
    }
    return shop
  }

  private func index(_ shop: Shop) throws -> IndexFolder {
    let epoch = try #require(try IndexFolder.list(in: shop.data + "/index").ready.last)
    return IndexFolder(in: shop.data + "/index", epoch: epoch)
  }

  /// Flips a bit in the middle of the newest segment that has frames, where rows lie.
  private func damageLog(_ shop: Shop) throws {
    let folder = shop.data + "/log"
    let name = try #require(try FileManager.default.contentsOfDirectory(atPath: folder).sorted().last)
    let url = URL(filePath: "\(folder)/\(name)")
    var bytes = [UInt8](try Data(contentsOf: url))
    let end = try #require(bytes.lastIndex { $0 != 0 })
    bytes[4096 + (end - 4096) / 2] ^= 1
    try Data(bytes).write(to: url)
  }

  @Test("a sound store is sound, its replay equals its index, and nothing is changed")
  func sound() throws {
    for killing in [false, true] {
      let shop = try filled(killing: killing)
      let before = try shop.everything()
      let scratch = shop.path("scratch")
      try FileManager.default.createDirectory(atPath: scratch, withIntermediateDirectories: false)
      let run = try shop.apus("check", "--deep", "--scratch", scratch)
      #expect(run.code == Code.done, "\(run.output)\(run.errors)")
      #expect(run.output.contains("the index is what the log says, state hash "))
      #expect(run.output.hasSuffix("\nsound\n"))
      #expect(try FileManager.default.contentsOfDirectory(atPath: scratch).isEmpty)
      let json = try shop.apus("check", "--deep", "--json").json()
      #expect((json["replay"] as? [String: Any])?["index"] as? String == "equal")
      #expect(try shop.apus("repair").output == "nothing to mend\n")
      #expect(try shop.everything() == before)
    }
  }

  @Test("an index that was marked is told, and rebuilt when it is named; the rows are what they were")
  func rebuild() throws {
    let shop = try filled()
    let hash = try shop.open { "\(try $0.stateHash())" }
    try index(shop).markSuspect("a test says so")
    let check = try shop.apus("check")
    #expect(check.code == Code.checkFailed)
    #expect(check.output.contains("the index cannot be used, because "))
    #expect(check.output.contains("the next start makes another from the log"))
    let found = try shop.apus("repair")
    #expect(found.code == Code.checkFailed)
    #expect(found.lines.contains("  mend: apus repair --data \(shop.data) --rebuild-index"))
    let run = try shop.apus("repair", "--rebuild-index")
    #expect(run.code == Code.done && run.output == "the index is made anew from the log: 201 records\n")
    #expect(try shop.apus("check", "--deep").code == Code.done)
    #expect(try shop.open { "\(try $0.stateHash())" } == hash)
  }

  @Test("an index that is not there is a note, and one with a flipped bit a problem")
  func flipped() throws {
    let shop = try filled()
    let data = URL(filePath: try index(shop).data)
    var bytes = [UInt8](try Data(contentsOf: data))
    // The rows of view version 1 end with the texts that were pushed.
    let at = try #require(bytes.indices.last { bytes[$0...].starts(with: Array("buy".utf8)) })
    bytes[at] ^= 1
    try Data(bytes).write(to: data)
    let run = try shop.apus("check")
    #expect(run.code == Code.checkFailed, "\(run.output)")
    #expect(run.output.contains("  index: the value of key ") && run.output.contains("wrong checksum"))
    #expect(try shop.apus("repair").lines.contains { $0.hasSuffix("--rebuild-index") })

    try index(shop).remove()
    let none = try shop.apus("check", "--deep")
    #expect(none.code == Code.done, "\(none.output)")
    #expect(none.output.contains("there is no index: the next start makes another from the log"))
  }

  @Test("what the log lost and the index holds is not given up by a rebuild")
  func indexNeeded() throws {
    let shop = try filled()
    try damageLog(shop)
    let found = try shop.apus("repair")
    #expect(found.code == Code.checkFailed)
    #expect(found.output.contains("the index holds what they said last"))
    let before = try shop.everything()
    let run = try shop.apus("repair", "--rebuild-index")
    #expect(run.code == Code.failed && run.errors.contains("the index may hold what is left of them"))
    #expect(try shop.everything() == before)
  }

  @Test("a loss is named, accepted for good, and the store writes again on a new timeline")
  func acceptLoss() throws {
    let shop = try filled()
    try damageLog(shop)
    try index(shop).remove()
    let found = try shop.apus("repair")
    #expect(found.code == Code.checkFailed)
    let line = try #require(found.lines.first { $0.contains("--accept-loss ") })
    let range = try #require(line.split(separator: "--accept-loss ").last.map(String.init))
    let refused = try shop.apus("apply", shop.files)
    #expect(refused.code == Code.done, "there is nothing to write")
    try shop.change("min: 0", to: "min: -1")
    let readOnly = try shop.apply("--accept", "readers")
    #expect(readOnly.code == Code.failed && readOnly.errors.contains("the store is read-only, because "))
    #expect(readOnly.errors.contains("apus repair --data "))

    let wrong = try shop.apus("repair", "--accept-loss", "1..2")
    #expect(wrong.code == Code.failed && wrong.errors.contains("no loss lies in LSNs 1–2"))
    let run = try shop.apus("repair", "--accept-loss", range)
    #expect(run.code == Code.done, "\(run.errors)")
    #expect(run.output.contains("given up for good: ") && run.output.contains("10 records"))
    #expect(run.output.contains("a new timeline begins: timeline "))
    // What is lost besides rows is told here, and wherever somebody looks from now on.
    let lost =
      "may have said definitions, pins, horizons, producers' requests and dead letters; erasures among them are known"
    for told in [found, run, try shop.apus("status"), try shop.apus("describe"), try shop.apus("check")] {
      #expect(told.output.contains(lost), "\(told.output)")
    }
    let status = try #require(try shop.apus("status", "--json").json()["unknown"] as? [[String: Any]])
    #expect(status.count == 1 && status[0]["may_be_erasures"] as? Bool == false)
    #expect(run.output.hasSuffix("the store opens for writing again\n"))
    #expect(try shop.apus("repair").output == "nothing to mend\n")
    #expect(try shop.apply("--accept", "readers").code == Code.done)
    let again = try shop.apus("repair", "--accept-loss", range)
    expectTrouble(again, code: Code.failed, what: "no record is lost", at: shop.data)
  }

  @Test("a clock that stands behind the last append stops writing until it is confirmed")
  func clock() throws {
    // In the year 2200, where no clock that runs this test is.
    let shop = try filled(wall: WallTime(nanoseconds: 7_258_118_400 * 1_000_000_000))
    try shop.change("min: 0", to: "min: -1")
    let stopped = try shop.apply("--accept", "readers")
    #expect(stopped.code == Code.failed && stopped.errors.contains("CLOCK_JUMP: "))
    #expect(stopped.errors.contains("else run `apus repair --confirm-clock --data "))
    let found = try shop.apus("repair")
    #expect(found.code == Code.checkFailed && found.output.contains("--confirm-clock"))
    let run = try shop.apus("repair", "--confirm-clock")
    #expect(run.code == Code.done && run.output.hasPrefix("the clock is believed: append times go on from "))
    #expect(
      try shop.apus("repair", "--confirm-clock").output == "no jump of the clock stands: nothing was done\n")
    #expect(try shop.apply("--accept", "readers").code == Code.done)
  }

  @Test("records that cannot be applied are found, though every byte of them is as it was written")
  func unreadable() throws {
    let store = try Store()
    guard let writer = try store.open().writer else { throw CocoaError(.fileWriteNoPermission) }
    let letters = [UInt8](repeating: 0x62, count: 40)
    // An array's elements are all there, and a UInt8 has no padding.
    _ = try unsafe writer.append(recordCount: 1, payload: letters.span.bytes)
    try writer.close()
    let run = try Program.run("check", "--data", store.path)
    #expect(run.code == Code.checkFailed)
    #expect(run.output.contains("LSN 1: a record of the log cannot be applied: "))
  }
}
