import ApusBytes
import ApusIndex
import ApusSystem
import ApusTestSupport
import Testing

/// The bytes of format version 1. Whoever changes one of these changes the format.
@Suite("Golden bytes of an index")
struct GoldenTests {
  private func hex(_ bytes: some Sequence<UInt8>) -> String {
    bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
  }

  /// Everything that stands in the leaf of a small index, by key.
  private func image() throws -> String {
    let fixture = try Fixture(epoch: 7)
    do {
      try fixture.build(
        [(Keys.whole(258, view: 3, entity: 2), TestRow(lsn: 0x0102, bytes: Array("row".utf8)))],
        complete: 0x0304, note: Array("note".utf8))
    }
    return hex(try bytes(of: fixture.folder.data))
  }

  @Test("a key is project, entity, encoded key and view version, big-endian")
  func key() {
    #expect(
      hex(Keys.whole(258, view: 3, entity: 2)) == "00000001" + "00000002" + "8000000000000102" + "00000003")
  }

  /// The value of `byteCount` bytes behind a key, in the order crc, LSN and flags, row.
  private func value(of key: String, _ byteCount: Int, in image: String) throws -> String {
    let found = try #require(image.ranges(of: key).last)
    return String(image[found.upperBound...].prefix(byteCount * 2))
  }

  @Test("a row, and the records identity, progress, note and tally")
  func values() throws {
    let image = try image()
    let none = "000000000000000000"
    let row = try value(of: "00000001" + "00000002" + "8000000000000102" + "00000003", 16, in: image)
    #expect(row == "e2433794" + "020100000000000000" + "726f77")
    let identity = try value(of: "ffffffff01", 61, in: image)
    #expect(
      identity == "a9011f31" + none + "41505553494e4458" + "01000000" + "00000000" + "0000000000000000"
        + "0000000000000000" + "0102030405060708090a0b0c0d0e0f10")
    // Transaction 1, touched, complete, five entries.
    let progress = try value(of: "ffffffff02", 53, in: image)
    #expect(
      progress == "be7a69f8" + none + "0100000000000000" + "0403000000000000" + "0403000000000000"
        + "0500000000000000" + "0000000000000000")
    #expect(try value(of: "ffffffff03", 17, in: image) == "4aa7b0d8" + none + "6e6f7465")
    // One key, and its hash.
    #expect(
      try value(of: "ffffffff0400000003", 29, in: image) == "24745bcd" + none + "0100000000000000"
        + "49aba0f2d197a426")
  }
}
