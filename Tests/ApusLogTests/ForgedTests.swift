// What passes every checksum and is absurd all the same: refused with a typed error, never a trap, and nothing outside of
// the store is touched.

import ApusBytes
import ApusLog
import ApusSystem
import ApusTestSupport
import Testing

@Suite("Forged files")
struct ForgedTests {
  /// A store with a record, closed or killed.
  private func store(killed: Bool = false) throws -> Fixture {
    var fixture = Fixture()
    let writer = try fixture.openWriter()
    for _ in 0..<3 { try fixture.append(writer, bytes: 10) }
    try writer.sync()
    if killed { fixture.disk = fixture.disk.killProcess() } else { try writer.close() }
    return fixture
  }

  private func forgeManifest(_ fixture: Fixture, _ forge: (inout Forger) -> Void) throws {
    let manifest = try LogOverview.manifest(Fixture.folder, on: fixture.disk.copy())
    let path = Fixture.folder + "/" + manifest.name
    var forger = Forger(
      manifest.storeID, FileID(manifest.number), try fixture.disk.contents(of: path),
      behind: manifest.survey.place)
    forge(&forger)
    try fixture.disk.plant(forger.bytes, at: path)
  }

  /// Opens, writes and closes until something refuses; a trap would end the test.
  private func live(_ fixture: Fixture) throws -> LogError? {
    var fixture = fixture
    do throws(LogError) {
      for _ in 0..<2 {
        let log = try fixture.open()
        guard let writer = log.writer else {
          try log.close()
          return nil
        }
        try fixture.append(writer, bytes: 5)
        try writer.close()
      }
      return nil
    } catch {
      return error
    }
  }

  static let absurd: [(what: String, tag: UInt16, fields: [UInt64])] = [
    ("the last epoch", 1, [UInt64(UInt32.max)]),
    ("the last file id", 4, [.max]),
    ("a file id before the last", 4, [.max - 1]),
    ("a file that nothing can follow", 5, [7, .max, 1, 1, 0, 0, 0]),
  ]

  @Test("numbers at the end of their type are refused", arguments: absurd.indices)
  func numbers(at: Int) throws {
    let (what, tag, fields) = ForgedTests.absurd[at]
    let fixture = try store()
    try forgeManifest(fixture) { $0.edit(tag, fields) }
    guard case .manifestWrong = try live(fixture) else {
      Issue.record("\(what) is believed")
      return
    }
  }

  @Test(
    "damage of LSNs that were never given out cannot be accepted as a loss",
    arguments: [[3, 1 << 62], [0, 3], [1 << 40, 1 << 40]])
  func absurdLoss(_ lsns: [UInt64]) throws {
    var fixture = try store()
    try forgeManifest(fixture) { $0.edit(10, [UInt64(1), 4096, 5000, lsns[0], lsns[1]]) }
    #expect {
      _ = try Log.acceptLoss(
        of: LSNRange(.none, through: LSN(.max)), in: Fixture.folder, on: fixture.disk, clock: fixture.clock,
        random: &fixture.random)
    } throws: { error in
      if case LogError.manifestWrong = error { true } else { false }
    }
  }

  @Test("a first timeline that is not the store's is refused")
  func foreignTimeline() throws {
    let fixture = try store()
    try forgeManifest(fixture) { $0.edit(13, [UInt64(1), 2, 3, 4, 1]) }
    guard case .manifestWrong = try live(fixture) else {
      Issue.record("another store's timeline is believed")
      return
    }
  }

  @Test(
    "a listed name that leads out of the store is refused, and what it names stays",
    arguments: ["../thesis.tex", "log/../../thesis.tex", "/thesis.tex"])
  func names(_ name: String) throws {
    let fixture = try store()
    try fixture.disk.plant([1, 2, 3], at: "/thesis.tex")
    try forgeManifest(fixture) { forger in
      forger.edit(
        5,
        [UInt64(7), UInt64(50), UInt64(4), UInt64(1), UInt64(0), UInt64(name.utf8.count), UInt64(0)]
          + name.utf8.map { $0 as any FixedWidthInteger })
      forger.edit(7, [UInt64(50)])
    }
    let error = try live(fixture)
    #expect(try fixture.disk.contents(of: "/thesis.tex") == [1, 2, 3])
    guard case .manifestWrong = error else {
      Issue.record("\(String(describing: error))")
      return
    }
  }

  /// The words of a seal that fits three records of 72 bytes, each changed in turn.
  @Test("a seal that does not fit its segment is refused, and the segment stays as it is", arguments: 0..<10)
  func seals(change: Int) throws {
    var fixture = try store(killed: true)
    var (_, path, forger) = try tail(fixture)
    let end = UInt64(forger.end)
    var words: [UInt64] = [3, 3, 1, 3, 0, 0, 0, end + 120]
    switch change {
    case 0..<8: words[change] = change == 7 ? 4096 : words[change] + 1
    case 8: words[3] = .max
    default: words.removeLast(7)
    }
    forger.append(.seal, payload: words)
    try fixture.disk.plant(forger.bytes, at: path)
    #expect(throws: LogError.self) { _ = try fixture.open() }
    #expect(try fixture.disk.contents(of: path) == forger.bytes)
  }

  @Test(
    "a frame that is whole and in the wrong place is cut, and only the one in the right place is kept",
    arguments: Forger.Misplacement.allCases)
  func misplaced(_ wrong: Forger.Misplacement) throws {
    var fixture = Fixture()
    let writer = try fixture.openWriter()
    for _ in 0..<3 {
      try fixture.append(writer, bytes: 10)
      try writer.sync()
    }
    fixture.disk = fixture.disk.killProcess()
    var (_, path, forger) = try tail(fixture)
    forger.append(.records, records: 1, flags: 0, payload: [UInt64(7)], wrong: wrong)
    try fixture.disk.plant(forger.bytes, at: path)
    let log = try fixture.open()
    #expect(log.writer != nil && log.report.damages.isEmpty)
    let more: [[UInt8]] = wrong == .none ? [[7, 0, 0, 0, 0, 0, 0, 0]] : []
    #expect(try scanned(log.reader).entries.map(\.payload) == fixture.entries.map(\.payload) + more)
  }

  /// The unfinished segment of a killed store, with its path and the place behind its last frame.
  private func tail(_ fixture: Fixture) throws -> (record: FileRecord, path: String, forger: Forger) {
    let manifest = try LogOverview.manifest(Fixture.folder, on: fixture.disk.copy())
    let record = try #require(manifest.state.segments.last)
    let path = Fixture.folder + "/" + record.name
    var place = FramePlace(after: record)
    try LogDump.run(Fixture.folder, on: fixture.disk.copy()) { item, _ in
      if case .frame(_, let frame) = item, frame.type != .seal { place.pass(frame) }
      return true
    }
    let bytes = try fixture.disk.contents(of: path)
    return (record, path, Forger(manifest.storeID, record.id, bytes, behind: place))
  }

  @Test("a record at or above the ceiling proves that the manifest lost an edit: refused")
  func aboveTheCeiling() throws {
    var fixture = try store(killed: true)
    var (_, path, forger) = try tail(fixture)
    // The third record's frame ends far below the ceiling; this one just above it.
    forger.append(.records, records: Int(Format.ceilingStep), payload: [UInt64(7)])
    try fixture.disk.plant(forger.bytes, at: path)
    #expect {
      _ = try fixture.open()
    } throws: { error in
      if case LogError.manifestLost = error { true } else { false }
    }
  }

  @Test("a finished segment whose seal is whole and not the listed one is refused by a scan")
  func otherSeal() throws {
    var fixture = try store()
    var (_, path, forger) = try tail(fixture)
    let size = UInt64(forger.bytes.count)
    forger.append(.seal, payload: [UInt64(3), 3, 1, 3, 0, 0, 0, size])
    try fixture.disk.plant(forger.bytes, at: path)
    let log = try fixture.open()
    #expect {
      _ = try scanned(log.reader)
    } throws: { error in
      if case LogError.foreignFile = error { true } else { false }
    }
  }

  @Test("a scan goes on behind a wrong seal, and reads what later segments hold")
  func behindOtherSeal() throws {
    var fixture = try store()
    let (_, path, wrong) = try tail(fixture)
    var forger = wrong
    let size = UInt64(forger.bytes.count)
    forger.append(.seal, payload: [UInt64(3), 3, 1, 3, 0, 0, 0, size])
    let writer = try fixture.openWriter()
    for _ in 0..<2 { try fixture.append(writer, bytes: 20) }
    try writer.close()
    try fixture.disk.plant(forger.bytes, at: path)

    let log = try fixture.open()
    var scanner = try log.reader.scan(from: .first)
    var found: [[UInt8]] = []
    var errors = 0
    while errors < 3 {
      do throws(LogError) {
        guard try scanner.next() != nil else { break }
        found.append(scanner.payload.copied())
      } catch {
        errors += 1
        if case .foreignFile = error { continue }
        throw error
      }
    }
    #expect(errors == 1 && found == fixture.entries.map(\.payload))
  }
}
