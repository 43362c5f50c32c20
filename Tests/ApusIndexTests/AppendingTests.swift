// Rows that come behind all others: what a load in ascending order writes.

import ApusBytes
import ApusIndex
import ApusSystem
import ApusTestSupport
import Testing

@Suite("Rows behind all others")
struct AppendingTests {
  private static func updates(_ ids: Range<Int>, lsn: UInt64, views: UInt32 = 1) -> [TestUpdate] {
    ids.flatMap { id in
      (1...views).map { view in
        let byte = UInt8(truncatingIfNeeded: id &+ Int(view))
        return TestUpdate(
          key: Keys.whole(id, view: view), lsn: lsn, row: [UInt8](repeating: byte, count: 120))
      }
    }
  }

  @Test("fill their leaves as a load of a new index does, in one checkpoint or in several")
  func full() throws {
    let all = Self.updates(0..<30_000, lsn: 1)
    let loaded = try Fixture().build(all.map { ($0.key, TestRow(lsn: 1, bytes: $0.row ?? [])) })
    let once = try Fixture().build([])
    try once.checkpoint(all, through: 1)
    let often = try Fixture().build([])
    for (number, start) in stride(from: 0, to: 30_000, by: 6_000).enumerated() {
      let lsn = UInt64(number + 1)
      try often.checkpoint(Self.updates(start..<start + 6_000, lsn: lsn), through: lsn)
    }
    for index in [once, often] {
      // What is more is the first rows, before a run is known to be one, and pages that a transaction took from the end.
      #expect(index.usedByteCount < loaded.usedByteCount * 5 / 4)
      let scrub = try index.scrubbed()
      #expect(scrub.isSound && scrub.rows == 30_000)
    }
  }

  @Test(
    "come behind rows that were there, in many transactions, and no record is lost", arguments: [1, 3, 256])
  func records(run: Int) throws {
    let fixture = try Fixture()
    var options = IndexOptions()
    options.dirtyPagesMax = 60
    options.appendRunMin = run
    // A note with pages of its own, and more tallies than a leaf has room for.
    let note = [UInt8](repeating: 7, count: 100_000)
    let before = Self.updates(0..<10, lsn: 1, views: 300)
    var index = try fixture.build(
      before.map { ($0.key, TestRow(lsn: 1, bytes: $0.row ?? [])) }, complete: 1, note: note, options: options
    )
    // One that changes a row first, one that goes on behind the last row, and one with a single row of another entity at the end.
    var changes = Self.updates(5..<6, lsn: 2, views: 2) + Self.updates(10..<1_500, lsn: 2, views: 2)
    let report = try index.checkpoint(changes, through: 2, note: note)
    #expect(report.transactions > 3 && report.written == changes.count)
    let more = Self.updates(1_500..<4_000, lsn: 3)
    try index.checkpoint(more, through: 3, note: note)
    let last = TestUpdate(key: Keys.whole(1, entity: 9), lsn: 4, row: [4])
    try index.checkpoint([last], through: 4, note: note + [4])
    changes += more + [last]

    let other = try Fixture()
    index = try other.build([])
    index = try fixture.opened(options: options)
    let scrub = try index.scrubbed()
    #expect(scrub.damages == [])
    #expect(scrub.rows == UInt64(before.count + changes.count - 2))
    #expect(try index.progress() == [4, 4])
    var reader = try index.reader()
    try reader.renew()
    #expect(try reader.note { $0.copied() } == note + [4])
    reader.reset()
    for update in changes {
      #expect(try index.row(update.key) == TestRow(lsn: update.lsn, bytes: update.row ?? []))
    }
  }

  @Test("are folded in again after a crash in the middle, and readers of every commit find all records")
  func cutShort() throws {
    let fixture = try Fixture()
    var options = IndexOptions()
    options.dirtyPagesMax = 40
    options.appendRunMin = 5
    let index = try fixture.build(
      Self.updates(0..<50, lsn: 1).map { ($0.key, TestRow(lsn: 1, bytes: $0.row ?? [])) }, complete: 1,
      note: [1], options: options)
    let updates = Self.updates(50..<4_000, lsn: 2)
    var images: [[UInt8]] = []
    var all = TestUpdates(updates)
    var writer = try index.writer()
    var count = 0
    let data = fixture.folder.data
    let report = try writer.checkpoint(&all, through: LSN(2), note: unsafe [2].span.bytes) {
      row, update, result in
      if count % 100 == 0, let copy = try? bytes(of: data), images.last != copy { images.append(copy) }
      count += 1
      return latest(row, update, &result)
    }
    #expect(report.transactions > 3 && images.count >= report.transactions)
    for image in images {
      let crash = try Fixture()
      try RealDisk().makeFolder(crash.folder.path)
      try write(image, to: crash.folder.data)
      let index = try crash.opened()
      let progress = try index.progress()
      #expect(progress == [1, 1] || progress == [2, 1])
      #expect(try index.scrubbed().isSound)
      try index.checkpoint(updates, through: 2, note: [2])
      #expect(try index.scrubbed().rows == 4_000)
    }
  }

  @Test("are refused when there is no room, and the records stay")
  func noRoom() throws {
    var options = IndexOptions()
    options.quotaByteCount = 1 << 20
    options.appendRunMin = 2
    let index = try Fixture().build([], complete: 1, note: [5], options: options)
    let updates = Self.updates(0..<20_000, lsn: 2)
    #expect(failure { try index.checkpoint(updates, through: 2) } == .full(.quota(byteCount: 1 << 20)))
    #expect(try index.progress() == [1, 1])
    try index.checkpoint(Array(updates.prefix(500)), through: 2, note: [6])
    #expect(try index.progress() == [2, 2])
    #expect(try index.scrubbed().rows == 500)
  }
}
