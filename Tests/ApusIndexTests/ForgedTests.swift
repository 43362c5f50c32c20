// Values whose checksums are right and which no writer of this version writes, and what a checkpoint that stops half-way leaves.

import ApusBytes
import ApusIndex
import ApusSystem
import ApusTestSupport
import Testing

@Suite("What only a checksum vouches for, in an index")
struct ForgedTests {
  /// Changes one byte of a row's value in the file, and gives the value the checksum that it then needs.
  private func forged(byte offset: Int, _ value: UInt8) throws -> (IndexError?, [UInt8]) {
    let fixture = try Fixture()
    let rows = RowTests.rows(10)
    do { try fixture.build(rows, complete: 1_000) }
    let (key, row) = rows[4]
    var image = try bytes(of: fixture.folder.data)
    let at = try #require(image.indices.first { image[$0...].starts(with: row.bytes) }) - 13
    image[at + offset] = value
    let epoch: [UInt8] = [1, 0, 0, 0, 0, 0, 0, 0]
    let seed = CRC32C.checksum(unsafe (Fixture.storeID + epoch).span.bytes)
    let covered = key + image[(at + 4)..<(at + 13 + row.bytes.count)]
    let crc = CRC32C.extend(seed, unsafe covered.span.bytes)
    for byte in 0..<4 { image[at + byte] = UInt8(truncatingIfNeeded: crc >> (8 * byte)) }
    try write(image, to: fixture.folder.data)
    let index = try fixture.opened()
    return (failure { try index.row(key) }, key)
  }

  @Test("a row later than touched is refused")
  func beyondTouched() throws {
    let (error, key) = try forged(byte: 6, 1)
    guard case .damaged(.value(key, .lsn(_, touched: LSN(1_000)))) = error else {
      Issue.record("\(String(describing: error))")
      return
    }
  }

  @Test("a row with unknown flags is refused")
  func unknownFlags() throws {
    let (error, key) = try forged(byte: 12, 2)
    #expect(error == .damaged(.value(key: key, .flags(2))))
  }

  @Test("a checkpoint that stops half-way leaves the note that belongs to complete")
  func noteOfAPart() throws {
    let fixture = try Fixture()
    var options = IndexOptions()
    options.dirtyPagesMax = 40
    let rows = RowTests.rows(4_000)
    let index = try fixture.build(rows, complete: 1_000, note: [5], options: options)
    var writer = try index.writer()
    var updates = TestUpdates(rows.map { TestUpdate(key: $0.key, lsn: 1_001, row: [1]) })
    var count = 0
    let error = failure {
      _ = try writer.checkpoint(&updates, through: LSN(1_001), note: unsafe [7].span.bytes) {
        row, update, result in
        count += 1
        return count == 3_900 ? .unreadable : latest(row, update, &result)
      }
    }
    #expect(error == .damaged(.row(key: rows[3_899].key)))
    #expect(try index.progress() == [1_001, 1_000])
    var reader = try index.reader()
    try reader.renew()
    #expect(try reader.note { $0.copied() } == [5])
  }
}
