// The tail that a crash leaves: cut by rule, never called damage; and damage never cut.

import ApusBytes
import ApusLog
import ApusSystem
import ApusTestSupport
import Testing

@Suite("Torn tails")
struct TornTailTests {
  /// A log with a durable, marked beginning and an unsynced group of frames behind it, and the process killed.
  private func killed(group lengths: [Int]) throws -> (
    fixture: Fixture, path: String, positions: [LogPosition]
  ) {
    var fixture = Fixture()
    let writer = try fixture.openWriter()
    for _ in 0..<3 { try fixture.append(writer, bytes: 200) }
    try writer.sync()
    try writer.mark()
    let positions = try lengths.map { try fixture.append(writer, records: 2, bytes: $0).position }
    try writer.flush()
    let path = Fixture.folder + "/" + writer.reader.view.segments[0].record.name
    return (fixture, path, positions)
  }

  private func expectCut(_ fixture: Fixture, keeping count: Int, _ what: String) throws {
    var fixture = fixture
    let log = try fixture.open()
    #expect(log.writer != nil, "read-only: \(what)")
    #expect(log.report.damages.isEmpty, "called damage: \(what)")
    #expect(try scanned(log.reader).entries == Array(fixture.entries[..<count]), "\(what)")
    try log.close()
    #expect(try LogCheck.run(Fixture.folder, on: fixture.disk).isSound, "\(what)")
  }

  @Test("a last frame cut off at any byte is cut, and the frames before it are kept")
  func everyByte() throws {
    let (fixture, path, positions) = try killed(group: [300])
    let base = fixture.disk.killProcess()
    let whole = try base.contents(of: path)
    let start = Int(positions[0].offset)
    let end = start + Format.frameHeaderByteCount + 304
    for cut in start..<end {
      // What did not land is zero, or lies behind the end of the file.
      let zeroed = whole.replacing(cut..<whole.count, with: Array(repeating: 0, count: whole.count - cut))
      for image in [zeroed, Array(whole[..<cut])] {
        // A frame that ends in zeroes is whole without them.
        if image.count > end, image[..<end] == whole[..<end] { continue }
        var torn = fixture
        torn.disk = base.copy()
        try torn.disk.plant(image, at: path)
        try expectCut(torn, keeping: 3, "cut at \(cut), \(image.count) bytes")
      }
    }
  }

  @Test("a last frame with any byte wrong is cut")
  func everyWrongByte() throws {
    let (fixture, path, positions) = try killed(group: [300])
    let base = fixture.disk.killProcess()
    let start = Int(positions[0].offset)
    for at in start..<start + Format.frameHeaderByteCount + 304 {
      var torn = fixture
      torn.disk = base.copy()
      try torn.disk.flipBit(path, byte: at, bit: at % 8)
      try expectCut(torn, keeping: 3, "byte \(at)")
    }
  }

  @Test("whatever sectors of an unsynced group land, the log is cut before the first frame that is not whole")
  func everySectorSubset() throws {
    let (fixture, path, _) = try killed(group: [700, 40, 900, 300, 1200])
    let sectors = try fixture.disk.unsyncedSectors(of: path)
    #expect(
      sectors.count >= 6, "the group is spread over sectors, so that later ones can be good and earlier bad")
    var kept: [Int: Int] = [:]
    for image in try fixture.disk.crashImages(ofSectorsIn: path) {
      var crashed = fixture
      crashed.disk = image
      let log = try crashed.open()
      #expect(log.report.damages.isEmpty && log.writer != nil)
      let found = try scanned(log.reader).entries
      #expect(found.count >= 3 && found == Array(fixture.entries[..<found.count]))
      kept[found.count, default: 0] += 1
    }
    // Every kind of outcome occurs: all cut, some kept, all kept.
    #expect(Set(kept.keys).isSuperset(of: [3, 5, 7, 8]))
  }

  @Test("what was cut once never comes back, though it was whole")
  func cutForGood() throws {
    let (fixture, path, positions) = try killed(group: [300, 300, 300])
    var torn = fixture
    torn.disk = fixture.disk.killProcess()
    try torn.disk.flipBit(path, byte: Int(positions[0].offset) + 60, bit: 0)
    let log = try torn.open()
    guard case .torn(let cut) = log.report.tail else {
      Issue.record("\(log.report)")
      return
    }
    #expect(cut.at == positions[0].offset)
    #expect(cut.wholeFrames == 2)
    #expect(try scanned(log.reader).entries == Array(fixture.entries[..<3]))
    // A crash right after the opening, and the bit healed: the cut stands.
    torn.disk = torn.disk.crash(seed: 3)
    let again = try torn.open()
    #expect(try scanned(again.reader).entries == Array(fixture.entries[..<3]))
    #expect(try torn.disk.contents(of: path).count < Int(positions[1].offset))
  }

  @Test(
    "damage below a durable point is called damage, the log is read-only, and nothing on the disk changes")
  func durableDamage() throws {
    let (fixture, path, _) = try killed(group: [300, 300])
    let base = fixture.disk.killProcess()
    let first = Int(Format.headerByteCount)
    let markAt = first + 3 * (Format.frameHeaderByteCount + 200)
    for at in stride(from: first, to: markAt, by: 7) {
      var damaged = fixture
      damaged.disk = base.copy()
      try damaged.disk.flipBit(path, byte: at, bit: 3)
      let before = try damaged.disk.contents(of: path)
      let log = try damaged.open()
      #expect(log.writer == nil, "byte \(at)")
      let lost = (at - first) / (Format.frameHeaderByteCount + 200)
      #expect(
        log.report.damages.map(\.lsns) == [LSNRange(LSN(UInt64(lost + 1)), through: LSN(UInt64(lost + 1)))])
      var rest = fixture.entries
      rest.remove(at: lost)
      let found = try scanned(log.reader)
      #expect(found.entries == rest)
      #expect(found.thrown == log.report.damages)
      #expect(log.reader.locate(LSN(UInt64(lost + 1))) == .lost(log.report.damages[0].lsns))
      try log.close()
      #expect(try damaged.disk.contents(of: path) == before)
      #expect(try !LogCheck.run(Fixture.folder, on: damaged.disk).isSound)
    }
  }

  @Test("damage to a mark alone loses no record, and the log goes on")
  func markDamage() throws {
    var fixture = Fixture()
    let writer = try fixture.openWriter()
    try fixture.append(writer, bytes: 100)
    try writer.sync()
    try writer.mark()
    try fixture.append(writer, bytes: 100)
    try writer.sync()
    try writer.mark()
    try fixture.append(writer, bytes: 100)
    try writer.sync()
    try writer.mark()
    let path = Fixture.folder + "/" + writer.reader.view.segments[0].record.name
    fixture.disk = fixture.disk.killProcess()
    let firstMark = Format.headerByteCount + Format.frameHeaderByteCount + 104
    try fixture.disk.flipBit(path, byte: firstMark + 20, bit: 0)
    let log = try fixture.open()
    #expect(log.writer != nil)
    #expect(log.report.damages.count == 1 && log.report.damages[0].lsns.isEmpty)
    let found = try scanned(log.reader)
    #expect(found.entries == fixture.entries && found.thrown.isEmpty && found.noted.count == 1)
    try log.close()
    #expect(try !LogCheck.run(Fixture.folder, on: fixture.disk).isSound, "known damage is still told")
  }

  @Test("damage that the index holds is noted, and the log goes on behind it")
  func damageBelowCheckpoint() throws {
    let (fixture, path, _) = try killed(group: [300])
    var damaged = fixture
    damaged.disk = fixture.disk.killProcess()
    damaged.options.checkpoint = LSN(3)
    try damaged.disk.flipBit(path, byte: Format.headerByteCount + 70, bit: 1)
    let log = try damaged.open()
    #expect(log.report.damages.map(\.lsns) == [LSNRange(LSN(1), through: LSN(1))])
    guard let writer = log.writer else {
      Issue.record("read-only, though the index holds what is lost")
      return
    }
    try damaged.append(writer, bytes: 10)
    try log.close()
    var rest = damaged.entries
    rest.removeFirst()
    let again = try damaged.open()
    #expect(again.writer != nil && again.report.damages.isEmpty && again.report.knownDamages.count == 1)
    let found = try scanned(again.reader)
    #expect(found.entries == rest)
    #expect(found.thrown.map(\.lsns) == [LSNRange(LSN(1), through: LSN(1))])
  }

  @Test("what a cut takes is counted without what was kept behind earlier damage")
  func cutBehindDamage() throws {
    var (fixture, path, positions) = try killed(group: [300, 300, 300])
    fixture.disk = fixture.disk.killProcess()
    fixture.options.checkpoint = LSN(3)
    // The second of three marked records, and the first of three that await a sync.
    try fixture.disk.flipBit(path, byte: Format.headerByteCount + 256 + 70, bit: 0)
    try fixture.disk.flipBit(path, byte: Int(positions[0].offset) + 60, bit: 0)
    let log = try fixture.open()
    #expect(log.report.damages.map(\.lsns) == [LSNRange(LSN(2), through: LSN(2))])
    guard case .torn(let cut) = log.report.tail else {
      Issue.record("\(log.report)")
      return
    }
    #expect(cut.at == positions[0].offset && cut.wholeFrames == 2 && cut.lastLSN == LSN(9))
  }

  @Test("a checkpoint beyond the log's end proves that acknowledged records are lost")
  func witness() throws {
    let (fixture, _, _) = try killed(group: [300])
    var short = fixture
    short.disk = fixture.disk.killProcess()
    short.options.checkpoint = LSN(9)
    let log = try short.open()
    #expect(log.report.damages.map(\.lsns) == [LSNRange(LSN(6), through: LSN(9))])
  }

  @Test("a segment of which nothing is left but damage stays listed, and so does what it cost")
  func onlyDamage() throws {
    var fixture = Fixture()
    let writer = try fixture.openWriter()
    try fixture.append(writer, bytes: 200)
    try writer.sync()
    try writer.mark()
    let path = Fixture.folder + "/" + writer.reader.view.segments[0].record.name
    fixture.disk = fixture.disk.killProcess()
    try fixture.disk.flipBit(path, byte: Format.headerByteCount + 70, bit: 1)
    fixture.options.checkpoint = LSN(1)
    for _ in 0..<2 {
      let log = try fixture.open()
      #expect(
        log.writer != nil && (log.report.damages + log.report.knownDamages).map(\.lsns.last) == [LSN(1)])
      #expect(log.reader.locate(LSN(1)) == .lost(LSNRange(LSN(1), through: LSN(1))))
      try log.close()
    }
    #expect(try fixture.disk.entry(at: path) != nil)
  }
}
