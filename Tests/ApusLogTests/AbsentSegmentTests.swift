// A segment that is not there: the store does not open, until a person says that its records are gone.

import ApusBytes
import ApusLog
import ApusSystem
import ApusTestSupport
import Testing

@Suite("A segment that is not there")
struct AbsentSegmentTests {
  /// A closed log of finished segments, and its records as the manifest lists them.
  private func closed(finishing: Bool = true) throws -> (Fixture, [FileRecord]) {
    var fixture = Fixture(segmentByteCount: 8_192)
    let writer = try fixture.openWithSegments()
    if finishing {
      try writer.close()
    } else {
      try fixture.append(writer, bytes: 1_500)
      try writer.sync()
      fixture.disk = fixture.disk.copy().killProcess()
    }
    let manifest = try LogOverview.manifest(Fixture.folder, on: fixture.disk.copy())
    return (fixture, manifest.state.segments)
  }

  private func lsns(_ record: FileRecord) throws -> LSNRange {
    LSNRange(record.first, through: try #require(record.seal?.last))
  }

  @Test("keeps the store from opening, is told by the check, and can be accepted whole and not in part")
  func finished() throws {
    var (fixture, segments) = try closed()
    let gone = segments[1]
    let lost = try lsns(gone)
    try fixture.disk.remove(Fixture.folder + "/" + gone.name)
    #expect(throws: LogError.fileMissing(path: Fixture.folder + "/" + gone.name)) { try fixture.open() }
    let check = try LogCheck.run(Fixture.folder, on: fixture.disk)
    #expect(check.absent.map(\.lsns) == [lost] && check.damages.map(\.lsns) == [lost] && !check.isSound)

    let part = LSNRange(lost.first, through: lost.last.previous)
    #expect(throws: LogError.self) {
      try StoreFolder.replaceAbsentSegments(of: part, in: Fixture.folder, on: fixture.disk)
    }
    let other = try lsns(segments[0])
    #expect(
      try StoreFolder.replaceAbsentSegments(of: other, in: Fixture.folder, on: fixture.disk) == [])
    #expect(throws: LogError.self) { try fixture.open() }
    for expected in [[gone.name], []] {
      #expect(
        try StoreFolder.replaceAbsentSegments(of: lost, in: Fixture.folder, on: fixture.disk) == expected)
    }
    let log = try fixture.open()
    #expect(log.writer == nil && log.report.losses.map(\.lsns) == [lost])
    #expect(log.reader.view.standing.ranges == [lost])
    try log.close()
    _ = try Log.acceptLoss(
      of: lost, in: Fixture.folder, on: fixture.disk, clock: fixture.clock, random: &fixture.random)
    let accepted = try LogCheck.run(Fixture.folder, on: fixture.disk)
    #expect(accepted.isSound && !accepted.notes.isEmpty, "\(accepted.problems)")
    let again = try fixture.open()
    #expect(again.writer != nil && again.reader.view.standing.isEmpty)
    try again.close()
    #expect(try LogCheck.run(Fixture.folder, on: fixture.disk).isSound)
  }

  @Test("is one too when it was not finished, or all of the log's folder is gone")
  func unfinished() throws {
    var (fixture, segments) = try closed(finishing: false)
    for name in try fixture.disk.names(in: Fixture.folder + "/log") {
      try fixture.disk.remove(Fixture.folder + "/log/" + name)
    }
    let ceiling = try LogOverview.manifest(Fixture.folder, on: fixture.disk.copy()).state.ceiling
    let all = LSNRange(segments[0].first, through: ceiling.previous)
    let check = try LogCheck.run(Fixture.folder, on: fixture.disk)
    #expect(LSNRanges(check.damages.map(\.lsns)).ranges == [all])
    #expect(
      try StoreFolder.replaceAbsentSegments(of: all, in: Fixture.folder, on: fixture.disk)
        == segments.map(\.name))
    let log = try fixture.open()
    #expect(LSNRanges(log.report.losses.map(\.lsns)).ranges == [all])
    try log.close()
    _ = try Log.acceptLoss(
      of: all, in: Fixture.folder, on: fixture.disk, clock: fixture.clock, random: &fixture.random)
    let again = try fixture.open()
    #expect(again.writer != nil && again.report.nextLSN > all.last)
    try again.close()
    #expect(try LogCheck.run(Fixture.folder, on: fixture.disk).isSound)
  }

  @Test("is one, too, when a folder, a pipe or a socket has its name, which moves aside")
  func noFile() throws {
    let folder = try TemporaryFolder("apus-absent")
    let path = folder.path("store")
    let (disk, clock) = (RealDisk(), SimulatedClock())
    var random = SplitMix64(seed: 3)
    let writer = try #require(try Log.open(path, on: disk, clock: clock, random: &random).writer)
    let payload = [UInt8](repeating: 1, count: 100)
    let lost = try unsafe writer.append(recordCount: 1, payload: payload.span.bytes).lsns
    try writer.close()
    let name = try #require(try disk.names(in: path + "/log").first)
    try disk.remove("\(path)/log/\(name)")
    try disk.makeFolder("\(path)/log/\(name)")
    let check = try LogCheck.run(path, on: disk)
    #expect(check.absent.map(\.lsns) == [lost])
    #expect(
      throws: LogError.foreignFile(path: "\(path)/log/\(name)", why: StoreFolder.noFileWords)
    ) { try Log.open(path, on: disk, clock: clock, random: &random) }
    _ = try StoreFolder.replaceAbsentSegments(of: lost, in: path, on: disk)
    #expect(try disk.entry(at: "\(path)/log/\(name)") == DiskEntry(isFolder: false, size: 0))
    #expect(try disk.names(in: path + "/aside") == [name])
  }
}
