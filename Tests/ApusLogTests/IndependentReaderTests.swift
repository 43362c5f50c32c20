// The reader that was written from Format.md alone, in another language, finds what this one finds.
// Tests/Torture/independent_reader_test.py does the same to hundreds of stores that were killed and broken.

import ApusBytes
import ApusLog
import ApusSystem
import ApusTestSupport
import Testing

@Suite(
  "An independent reader",
  .enabled(if: LifeProcess.python != nil, "python3 is not installed; `make setup` brings it"))
struct IndependentReaderTests {
  private static let tests = #filePath.split(separator: "/").dropLast(2).reduce("") { $0 + "/" + $1 }

  /// Offset, LSNs, append time and checksum of the payload of every frame with records, in its words.
  private func frames(in folder: String) throws -> [String] {
    var lines: [String] = []
    try LogDump.run(folder, on: RealDisk()) { item, payload in
      if case .frame(_, let frame) = item, frame.type.takesLSN {
        let digits = String(CRC32C.checksum(payload), radix: 16)
        let checksum = String(repeating: "0", count: 8 - digits.count) + digits
        let time = frame.appendTime.nanoseconds
        lines.append("\(frame.offset) \(frame.lsns.first)..\(frame.lsns.last) \(time) \(checksum)")
      }
      return true
    }
    return lines
  }

  private func expectSame(_ folder: String) throws {
    let python = try #require(LifeProcess.python)
    let outcome = try LifeProcess().run([python, Self.tests + "/Torture/independent_reader.py", folder])
    #expect(outcome.exitCode == 0, "\(outcome.words)")
    let lines = outcome.words.split(separator: "\n")
    #expect(lines.last == "sound")
    let found = lines.filter { $0.hasPrefix("  ") && $0.contains("..") }
      .map { $0.split(separator: " ").joined(separator: " ") }
    let expected = try frames(in: folder)
    #expect(!expected.isEmpty && found == expected)
  }

  @Test("finds the same frames in the golden files")
  func golden() throws { try expectSame(Self.tests + "/Vectors/log-1") }

  @Test("finds the same frames in a store of today")
  func fresh() throws {
    var fixture = Fixture(seed: 7, segmentByteCount: 8192)
    for round in 0..<3 {
      let writer = try fixture.openWriter()
      for length in [0, 1, 8, 300, 1500, 2000, 2500] { try fixture.append(writer, records: 3, bytes: length) }
      try writer.sync()
      if round == 1 { try writer.close() } else { fixture.disk = fixture.disk.killProcess() }
    }
    try expectSame(fixture)
  }

  @Test(
    "takes an accepted loss for what it is, before the store is opened again and after", arguments: [0, 1])
  func acceptedLoss(openings: Int) throws {
    var fixture = Fixture(seed: 8, segmentByteCount: 8192)
    let writer = try fixture.openWriter()
    for _ in 0..<8 { try fixture.append(writer, bytes: 200) }
    try writer.sync()
    try writer.mark()
    let path = Fixture.folder + "/" + writer.reader.view.segments[0].record.name
    fixture.disk = fixture.disk.killProcess()
    try fixture.disk.flipBit(path, byte: Format.headerByteCount + 2 * 256 + 70, bit: 0)
    try fixture.disk.flipBit(path, byte: Format.headerByteCount + 5 * 256 + 70, bit: 0)
    let acceptance = try Log.acceptLoss(
      of: LSNRange(LSN(3), through: LSN(6)), in: Fixture.folder, on: fixture.disk, clock: fixture.clock,
      random: &fixture.random)
    #expect(acceptance.accepted.count == 2)
    for _ in 0..<openings {
      let writer = try fixture.openWriter()
      try fixture.append(writer, bytes: 200)
      try writer.close()
    }
    try expectSame(fixture)
  }

  private func expectSame(_ fixture: Fixture) throws {
    let real = RealDisk()
    let folder = try TemporaryFolder("apus-independent")
    try real.makeFolder(folder.path("log"))
    let names =
      try fixture.disk.names(in: Fixture.folder).filter { $0 == "CURRENT" || $0.hasPrefix("manifest-") }
      + fixture.disk.names(in: Fixture.folder + "/log").map { "log/" + $0 }
    for name in names {
      let file = try real.open(folder.path(name), .create)
      try file.writeAll(fixture.disk.contents(of: Fixture.folder + "/" + name), at: 0)
    }
    try expectSame(folder.path)
  }
}
