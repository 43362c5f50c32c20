import ApusStore
import ApusSystem
import Foundation
import Testing

@Suite("apus compact")
struct CompactTests {
  @Test("makes runs and ledgers of the log; what is looked at, checked and made anew is what it was")
  func compact() throws {
    let shop = try Shop()
    try shop.prepare()
    try shop.open { store in
      for round in 0..<20 {
        try shop.push((0..<10).map { ("c\($0)", Int64(round), "buy") }, into: store)
      }
    }
    let hash = try shop.open { "\(try $0.stateHash())" }
    let run = try shop.apus("compact")
    #expect(run.code == Code.done, "\(run.output)\(run.errors)")
    #expect(run.output.hasPrefix("1 pack of 200 events, 0 merges; "), "\(run.output)")
    let files = try FileManager.default.contentsOfDirectory(atPath: shop.data + "/history").sorted()
    #expect(files.map { $0.split(separator: ".").last } == ["parquet", "apus"])
    let again = try shop.apus("compact", "--json")
    let json = try again.json()
    #expect(json["packs"] as? Int == 0)
    #expect(Set(json.keys) == (try Reference.keys(under: "apus compact --json")).intersection(json.keys))
    #expect((json["history"] as? [String: Any])?["runs"] as? Int == 1)
    let check = try shop.apus("check", "--deep")
    #expect(check.code == Code.done, "\(check.output)\(check.errors)")
    #expect(check.output.contains("the index is what the log says, state hash \(hash)"))
    #expect(try shop.apus("describe").output.contains("\nhistory       1 run of "))
    let rebuilt = try shop.apus("repair", "--rebuild-index")
    #expect(rebuilt.code == Code.done, "\(rebuilt.output)\(rebuilt.errors)")
    #expect(try shop.open { "\(try $0.stateHash())" } == hash)
    #expect(try shop.apus("inspect", "manifest").output.contains("are reserved"))
  }

  @Test("refuses what is no store, and makes none")
  func noStore() throws {
    let shop = try Shop()
    let run = try shop.apus("compact")
    #expect(run.code == Code.failed)
    #expect(!FileManager.default.fileExists(atPath: shop.data))
  }
}
