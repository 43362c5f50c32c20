// Files of every version of the format, kept for good: they must open for ever, and today's writer must make the same bytes
// until the version changes. Version 1 is frozen: APUS_GOLDEN_UPDATE=1 is for a version
// that no release has.

import ApusBytes
import ApusLog
import ApusSystem
import ApusTestSupport
import Glibc
import Testing

@Suite("Golden files")
struct GoldenTests {
  /// A small life that leaves one of everything: finished and unfinished segments, marks, a confirmed clock, a gap, a floor, a
  /// run and a ledger.
  private func story() throws -> Fixture {
    var fixture = Fixture(seed: 20_26, segmentByteCount: 8192)
    fixture.options.ceilingStep = 50
    let first = try fixture.openWriter()
    for length in [0, 1, 7, 8, 9, 1000, 1500] { try fixture.append(first, records: 2, bytes: length) }
    try first.sync()
    try first.mark()
    for _ in 0..<5 { try fixture.append(first, bytes: 1200) }
    try first.retire(through: LSN(14))
    try first.sync()
    fixture.disk = fixture.disk.killProcess()

    let second = try fixture.openWriter()
    try fixture.append(second, bytes: 300)
    fixture.clock.jumpWall(nanoseconds: -600_000_000_000)
    guard try second.confirmClock() != nil else { throw LogError.closed }
    try fixture.append(second, bytes: 300)
    try second.close()

    let third = try fixture.openWriter()
    try fixture.append(third, payload: Array("the last durable frame".utf8))
    try third.sync()
    try third.mark()
    try fixture.pack(third, segments: 1)
    fixture.disk = fixture.disk.killProcess()
    return fixture
  }

  private static let folder =
    #filePath.split(separator: "/").dropLast(2).reduce("") { $0 + "/" + $1 } + "/Vectors/log-1"

  private func names(in folder: String, on disk: any Disk) throws -> [String] {
    try ["CURRENT"] + disk.names(in: folder).filter { $0.hasPrefix("manifest-") }
      + disk.names(in: folder + "/log").map { "log/" + $0 }
      + disk.names(in: folder + "/history").map { "history/" + $0 }
  }

  /// Preallocated zeroes are no content, but a frame may end in some.
  private func trimmed(_ bytes: [UInt8]) -> [UInt8] {
    let content = (bytes.lastIndex { $0 != 0 } ?? -1) + 1
    return Array(bytes[..<min(bytes.count, (content + 7) & ~7)])
  }

  @Test("today's writer makes the bytes that it always made")
  func sameBytes() throws {
    let fixture = try story()
    let real = RealDisk()
    let names = try names(in: Fixture.folder, on: fixture.disk)
    if unsafe getenv("APUS_GOLDEN_UPDATE") != nil {
      for name in names {
        let path = Self.folder + "/" + name
        if try real.entry(at: path) != nil { try real.remove(path) }
        let file = try real.open(path, .create)
        try file.writeAll(trimmed(fixture.disk.contents(of: Fixture.folder + "/" + name)), at: 0)
      }
    }
    #expect(try self.names(in: Self.folder, on: real) == names)
    for name in names {
      let golden = try real.open(Self.folder + "/" + name, .read).readAll()
      let made = try trimmed(fixture.disk.contents(of: Fixture.folder + "/" + name))
      #expect(
        golden == made,
        "\(name) differs: a change of the format needs a new version, and new golden files beside these")
    }
  }

  @Test("a store of version 1 opens, and holds what was written")
  func opens() throws {
    var fixture = Fixture()
    let written = try story()
    let floor = try LogOverview.manifest(Fixture.folder, on: written.disk).state.floor
    #expect(floor > LSN(15))
    let expected = written.entries.filter { $0.lsns.first >= floor }
    let real = RealDisk()
    fixture.disk.plantFolder(Fixture.folder + "/log")
    fixture.disk.plantFolder(Fixture.folder + "/history")
    for name in try names(in: Self.folder, on: real) {
      try fixture.disk.plant(
        try real.open(Self.folder + "/" + name, .read).readAll(), at: Fixture.folder + "/" + name)
    }
    #expect(try LogCheck.run(Fixture.folder, on: fixture.disk).isSound)
    let log = try fixture.open()
    let writer = try #require(log.writer)
    #expect(log.report.storeID.description == "235d8ef24903ae2df4426de018653949")
    let found = try scanned(log.reader).entries.filter { $0.payload.count != Format.clockPayloadByteCount }
    #expect(found == expected)
    #expect(found.last?.payload == Array("the last durable frame".utf8))
    try fixture.append(writer, bytes: 10)
    try log.close()
  }
}
