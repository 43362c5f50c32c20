import ApusContracts
import ApusIngest
import ApusSystem
import ApusTestSupport
import Testing

@Suite("A load that goes on")
struct ResumingTests {
  private func text(_ count: Int, end: String = "\n") -> String {
    "card,event_timestamp\n" + (0..<count).map { "c\($0),2026-11-19T14:03:22Z" }.joined(separator: "\n") + end
  }

  private func load(_ text: String, _ stored: LoadOffset? = nil) throws -> Loading {
    try Loading(Array(text.utf8), stored: stored, keepsOffset: true)
  }

  @Test("begins behind every block that was taken, and repeats no row", arguments: [0, 1, 2])
  func goesOn(taken: Int) throws {
    let all = text(2 * RowBlock.rowsMax + 7)
    let first = try load(all)
    let second = try load(all, first.blocks[taken].offset)
    let before = first.blocks[...taken].map(\.rows.count).reduce(0, +)
    #expect(second.report.passedOver == before)
    #expect(second.rows == Array(first.rows.dropFirst(before)))
    #expect(second.blocks.last?.offset ?? first.blocks[2].offset == first.blocks[2].offset)
  }

  @Test("goes on where a file that was read to its end has grown")
  func grown() throws {
    let stored = try #require(try load(text(5)).blocks.last?.offset)
    #expect(stored.isEnd)
    let again = try load(text(5), stored)
    #expect(again.rows.isEmpty && again.report.passedOver == 5)
    let grown = try load(text(8), stored)
    #expect(grown.rows.map(\.key) == [[.string("c5")], [.string("c6")], [.string("c7")]])
    // The last line had no end yet, and has become another.
    let open = try #require(try load(text(5, end: "")).blocks.last?.offset)
    #expect(refusal { _ = try load(text(5, end: "9\n"), open) } == .changedSource("rows"))
  }

  @Test("begins anew with another file once the one before was read to its end, and not earlier")
  func other() throws {
    let other = "card,event_timestamp\nx,2026-11-19T14:03:22Z\n" + text(5)
    let done = try #require(try load(text(5)).blocks.last?.offset)
    #expect(try load(other, done).report.passedOver == 0)
    let half = try load(text(RowBlock.rowsMax + 1)).blocks[0].offset
    #expect(refusal { _ = try load(other, half) } == .otherSource("rows"))
  }

  @Test("refuses a file whose beginning is no longer what was read, or that has become shorter")
  func changed() throws {
    let all = text(3 * RowBlock.rowsMax)
    let stored = try load(all).blocks[1].offset
    var bytes = Array(all.utf8)
    bytes[Input.headByteCountMax + 30] ^= 1
    #expect(refusal { _ = try Loading(bytes, stored: stored, keepsOffset: true) } == .changedSource("rows"))
    let short = Array(Array(all.utf8).prefix(Input.headByteCountMax + 100))
    #expect(refusal { _ = try Loading(short, stored: stored, keepsOffset: true) } == .changedSource("rows"))
  }

  @Test("stores its offset as the page says, and takes no other bytes for one")
  func bytes() throws {
    let offset = LoadOffset(
      position: 0x0102_0304_0506_0708, checksum: 0x1112_1314, headByteCount: 65_536,
      headChecksum: 0x2122_2324,
      isEnd: true, choice: .eventTimePlus(nanoseconds: 900_000_000_000))
    let bytes = offset.bytes
    #expect(bytes.count == LoadOffset.byteCount)
    #expect(
      Array(bytes.dropLast(4)) == [
        1, 4, 1, 0, 0x00, 0x00, 0x01, 0x00, 0x24, 0x23, 0x22, 0x21, 8, 7, 6, 5, 4, 3, 2, 1, 0x14, 0x13, 0x12,
        0x11, 0x00, 0x28, 0x2E, 0x8C, 0xD1, 0x00, 0x00, 0x00,
      ])
    #expect(LoadOffset(bytes) == offset)
    var ofRows = offset
    ofRows.counts = .rows
    #expect(Array(ofRows.bytes.prefix(4)) == [1, 4, 1, 1] && LoadOffset(ofRows.bytes) == ofRows)
    for at in bytes.indices {
      for bit in 0..<8 {
        var changed = bytes
        changed[at] ^= 1 << UInt8(bit)
        #expect(LoadOffset(changed) == nil)
      }
      #expect(LoadOffset(Array(bytes.prefix(at))) == nil)
    }
    for choice in [KnownAtChoice.live, .now, .eventTime, .column] {
      var other = offset
      other.choice = choice
      #expect(LoadOffset(other.bytes) == other)
    }
  }
}
