// Rows and keys at the edges of what is allowed.

import ApusBytes
import ApusContracts
import ApusIndex
import ApusLog
import ApusStore
import ApusSystem
import ApusTestSupport
import Testing

@Suite("the store at its edges")
struct StoreEdgeTests {
  @Test("the longest row that features can make has its place in overlay and index")
  func longestRow() {
    // A stamp of 24 bytes, the end of a value and the place of a stamp for each feature and the delete.
    let stamps = (RowFormat.featureCountMax + 1) * (24 + 4 + 2)
    let longest = RowFormat.featureCountMax * RowFormat.valueByteCountMax + stamps + 4_096
    #expect(longest <= OverlayLimits.versionByteCountMax)
    #expect(longest <= IndexFormat.rowByteCountMax)
    // What LMDB takes of a value.
    #expect(IndexFormat.rowByteCountMax + IndexFormat.valueHeaderByteCount <= Int(UInt32.max))
  }

  @Test("a row that grows beyond what one request could say is stored and read")
  func longRow() throws {
    let names = (0..<20).map { "f\($0)" }
    let text = """
      project: shop
      entities:
        card: {keys: {card_id: string}}
      views:
        wide:
          entity: card
          ttl: none
          features:
      \(names.map { "      \($0): {type: string}" }.joined(separator: "\n"))
      """
    let fixture = try StoreFixture(text) { $0.log.segmentByteCount = 1 << 26 }
    let long = String(repeating: "x", count: 1 << 20)
    for half in [0..<10, 10..<20] {
      var batch = fixture.store.batch()
      let name = try #require(VersionedName(spelling: "wide"))
      try batch.turn(to: try #require(fixture.store.catalog.view(name, in: "shop")))
      batch.upsert(
        key: [.string("c")], GivenTimes(eventTime: fixture.now),
        (0..<20).map { half.contains($0) ? .value(.string(long)) : .absent })
      _ = try fixture.store.append(batch.admitted())
      try fixture.store.checkpoint()
    }
    let vector = try fixture.store.vector(features: names.map { "wide:\($0)" }, in: "shop")
    func all() throws -> [CellStatus] {
      var keys = RequestKeys(for: vector)
      try keys.append(named: ["card_id": .string("c")])
      var reader = try fixture.store.reader()
      let table = try reader.table(vector, keys)
      return (0..<20).map { table[0, $0].status }
    }
    #expect(try all().allSatisfy { $0 == .present })
    try fixture.killAndReopen()
    #expect(try all().allSatisfy { $0 == .present })
  }

  @Test("an erasure hides the past and not the future, though the clock was set back in between")
  func eraseAfterStepBack() throws {
    let fixture = try StoreFixture()
    try fixture.push("c1", 1)
    let before = fixture.now
    fixture.clock.jumpWall(nanoseconds: -3_600_000_000_000)
    #expect(throws: StoreError.self) { try fixture.push("c1", 2) }
    _ = try fixture.store.confirmClock()
    _ = try fixture.store.erase([ErasedKey(name: "card_id", value: .string("c1"))], in: "shop")
    fixture.clock.advance(nanoseconds: 1_000_000_000)
    // Its event time is not after all that was erased.
    #expect(try fixture.push("c1", 3).counts.erased == 1)
    while fixture.now <= before { fixture.clock.advance(nanoseconds: 30_000_000_000) }
    try fixture.push("c1", 4)
    #expect(try fixture.read("c1").first?.value == .int64(4))
  }

}
