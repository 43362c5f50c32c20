// The walk over all rows.

import ApusBytes
import ApusIndex
import ApusSystem
import ApusTestSupport
import Testing

@Suite("A walk over an index")
struct WalkTests {
  private struct Enough: Error, Equatable {
    var index: IndexError?
  }

  private func walked(_ index: Index, of prefix: [UInt8] = []) throws -> [TestUpdate] {
    var reader = try index.reader()
    try reader.renew()
    var found: [TestUpdate] = []
    try reader.forEachRow(of: unsafe prefix.span.bytes) { key, row in
      found.append(TestUpdate(key: key.copied(), lsn: row.lsn.rawValue, row: row.bytes.copied()))
    }
    return found
  }

  @Test("lends every row once, in the order of keys, and no record", arguments: [0, 1, 30, 3_000])
  func all(count: Int) throws {
    let rows = count == 0 ? [] : RowTests.rows(count, views: 3)
    let index = try Fixture().build(rows, complete: 1_000, note: [1, 2, 3])
    let expected = rows.map { TestUpdate(key: $0.key, lsn: $0.row.lsn, row: $0.row.bytes) }
    #expect(try walked(index) == expected)
    try index.checkpoint([TestUpdate(key: Keys.whole(0), lsn: 1_001, row: nil)], through: 1_001)
    #expect(try walked(index) == Array(expected.dropFirst()))
  }

  @Test("of a prefix lends what begins with it, and nothing else")
  func prefix() throws {
    let keys = (1...3).flatMap { entity in (0..<40).map { Keys.whole($0, entity: UInt32(entity)) } }
    let index = try Fixture().build(keys.map { ($0, TestRow(lsn: 1, bytes: $0)) }, complete: 1)
    for count in [0, 4, 8, 12, 16, 17] {
      let prefix = Array(keys[50].prefix(count))
      #expect(try walked(index, of: prefix).map(\.key) == keys.filter { $0.starts(with: prefix) })
    }
    #expect(try walked(index, of: [0, 0, 0, 1, 0, 0, 0, 4]) == [])
    #expect(try walked(index, of: [0xFF, 0xFF]) == [])
  }

  @Test("ends at the first error of its body, which comes out as it is")
  func ended() throws {
    let index = try Fixture().build(RowTests.rows(100), complete: 1_000)
    var reader = try index.reader()
    try reader.renew()
    var count = 0
    #expect(throws: Enough(index: nil)) {
      try reader.forEachRow(wrapping: { Enough(index: $0) }) { _, _ throws(Enough) in
        count += 1
        if count == 7 { throw Enough(index: nil) }
      }
    }
    #expect(count == 7)
    // And may begin again in the same snapshot.
    count = 0
    try reader.forEachRow { _, _ in count += 1 }
    #expect(count == 100)
  }

  @Test("stops at a row that is not what was written, with the index's error in the caller's")
  func damaged() throws {
    let fixture = try Fixture()
    let rows = RowTests.rows(100)
    do { try fixture.build(rows, complete: 1_000) }
    var image = try bytes(of: fixture.folder.data)
    let at = try #require(image.indices.first { image[$0...].starts(with: rows[60].row.bytes) })
    image[at] ^= 1
    try write(image, to: fixture.folder.data)
    let index = try fixture.opened()
    var reader = try index.reader()
    try reader.renew()
    var count = 0
    let error = IndexError.damaged(.value(key: rows[60].key, .checksum))
    #expect(throws: Enough(index: error)) {
      try reader.forEachRow(wrapping: { Enough(index: $0) }) { _, _ throws(Enough) in count += 1 }
    }
    #expect(count == 60)
    #expect(failure { try walked(index) } == error)
  }

  /// A root whose child is another page of the file: keys come twice, or are missing though every row that is lent is good.
  @Test("finds a leaf that LMDB skips, or gives twice", arguments: [0, 1])
  func leaves(which: Int) throws {
    let fixture = try Fixture()
    let rows = RowTests.rows(2_000)
    do { try fixture.build(rows, complete: 1_000) }
    var image = try bytes(of: fixture.folder.data)
    func number(_ at: Int, _ count: Int) -> Int {
      (0..<count).reduce(0) { $0 | Int(image[at + $1]) << (8 * $1) }
    }
    let meta = number(144, 8) > number(4_096 + 144, 8) ? 0 : 4_096
    let root = number(meta + 128, 8) * 4_096
    let places = stride(from: root + 16, to: root + number(root + 12, 2), by: 2).map { number($0, 2) }
    try #require(places.count > 10)
    if which == 0 {
      // The sixth child in place of the fifth.
      for byte in 0..<4 { image[root + places[5] + byte] = image[root + places[6] + byte] }
    } else {
      // The root ends before its last children but one: the records are still there.
      let last = places[places.count - 1]
      for byte in 0..<4 { image[root + places[1] + byte] = image[root + last + byte] }
    }
    try write(image, to: fixture.folder.data)
    guard case .damaged(let damage) = failure({ try walked(try fixture.opened()) }) else {
      Issue.record("nothing was found")
      return
    }
    switch damage {
    case .order, .entries: return
    default: Issue.record("\(damage)")
    }
  }
}
