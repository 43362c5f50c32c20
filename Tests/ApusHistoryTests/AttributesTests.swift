import ApusBytes
import ApusContracts
import ApusHistory
import ApusTestSupport
import Testing

@Suite("What the manifest knows of history's files")
struct AttributesTests {
  private func digest(_ seed: UInt64) throws -> SHA256.Digest {
    var random = SplitMix64(seed: seed)
    return try #require(SHA256.Digest(random.bytes(32)))
  }

  private func run() throws -> RunAttributes {
    RunAttributes(
      viewVersion: ViewVersionID(7), last: LSN(0x1122), events: 3, size: 4096, tailAt: 4000,
      tailDigest: try digest(1), digest: EventDigest(first: 1, second: 2),
      greatestKnownAt: KnownAt(nanoseconds: -5), greatestEventTime: EventTime(nanoseconds: -6), rawBytes: 99,
      keys: 2, folded: LSN(0x33))
  }

  private func ledger() throws -> LedgerAttributes {
    LedgerAttributes(last: LSN(9), size: 1000, digest: try digest(2), frames: 4, letters: 5)
  }

  private func readRun(_ bytes: [UInt8]) throws -> RunAttributes {
    try RunAttributes(unsafe bytes.span.bytes, path: "p")
  }

  private func readLedger(_ bytes: [UInt8]) throws -> LedgerAttributes {
    try LedgerAttributes(unsafe bytes.span.bytes, path: "p")
  }

  @Test("attributes of a run are read as they were written, and have the size that History.md says")
  func runs() throws {
    let attributes = try run()
    #expect(attributes.encoded.count == RunFormat.attributesByteCount)
    #expect(try readRun(attributes.encoded) == attributes)
    #expect(
      Array(attributes.encoded[..<40]) == [
        1, 0, 0, 0, 7, 0, 0, 0, 0x22, 0x11, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 0, 16, 0, 0, 0, 0, 0, 0,
        0xa0, 15, 0, 0, 0, 0, 0, 0,
      ])
  }

  @Test("attributes of a ledger are read as they were written, and have the size that History.md says")
  func ledgers() throws {
    let attributes = try ledger()
    #expect(attributes.encoded.count == LedgerFormat.attributesByteCount)
    #expect(try readLedger(attributes.encoded) == attributes)
  }

  @Test("attributes that are cut, longer, or of another version are refused")
  func refused() throws {
    for count in 0..<RunFormat.attributesByteCount {
      #expect(throws: HistoryError.self) { try readRun(Array(run().encoded[..<count])) }
    }
    for count in 0..<LedgerFormat.attributesByteCount {
      #expect(throws: HistoryError.self) { try readLedger(Array(ledger().encoded[..<count])) }
    }
    #expect(throws: HistoryError.self) { try readRun(run().encoded + [0]) }
    #expect(throws: HistoryError.self) { try readLedger(ledger().encoded + [0]) }
    var newer = try run().encoded
    newer[0] = 2
    #expect(throws: HistoryError.newer(path: "p", "its attributes are of version 2")) { try readRun(newer) }
    var tail = try run()
    tail.tailAt = tail.size + 1
    #expect(throws: HistoryError.self) { try readRun(tail.encoded) }
  }

  @Test("the names of history's files say what is in them, and sort by it")
  func names() {
    let lsns = LSNRange(LSN(12), through: LSN(345))
    #expect(
      RunFormat.name(view: "card", version: 2, lsns: lsns, file: 0xbeef)
        == "history/card@2-00000000000000000012-00000000000000000345-0000beef.parquet")
    #expect(
      LedgerFormat.name(lsns: lsns, file: 1)
        == "history/ledger-00000000000000000012-00000000000000000345-00000001.apus")
  }
}
