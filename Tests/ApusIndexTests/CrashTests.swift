// A process that dies where LMDB reads leaves the index suspect; one that dies elsewhere does not.

import ApusBytes
import ApusIndex
import ApusSystem
import ApusTestSupport
import Glibc
import Testing

/// Updates that crash when they are asked for the one after the last.
private struct CrashingUpdates: IndexUpdates, ~Copyable {
  private var updates: TestUpdates

  init(_ updates: [TestUpdate]) { self.updates = TestUpdates(updates) }

  mutating func next() -> Bool {
    if !updates.next() { Crashing.now() }
    return true
  }

  var key: RawSpan { @_lifetime(borrow self) get { updates.key } }
  var row: RawSpan { @_lifetime(borrow self) get { updates.row } }
}

private enum Crashing {
  static func now() { unsafe UnsafeMutablePointer<UInt8>(bitPattern: 8)?.pointee = 1 }
}

@Suite("A crash beside an index")
struct CrashTests {
  private static func index(in parent: String) throws -> Index {
    guard case .usable(let index) = try FlipFolder(parent).reopened() else { _exit(9) }
    return index
  }

  private func built() throws -> Fixture {
    let fixture = try Fixture()
    do { try fixture.build(RowTests.rows(500, views: 2), complete: 1_000, note: [1]) }
    return fixture
  }

  /// What the next opening says.
  private func word(_ fixture: Fixture) throws -> String { OpeningTests.word(try fixture.open()) }

  /// The file is cut while it is mapped: whatever reads a page of it next dies by SIGBUS.
  @Test(
    "marks it when it happens where pages are read",
    arguments: ["renew", "get", "walk", "views", "scrub", "checkpoint", "size"])
  func inside(_ what: String) async throws {
    let fixture = try built()
    await #expect(processExitsWith: .signal(SIGBUS)) {
      [parent = fixture.temporary.path as String, data = fixture.folder.data as String, what = what as String]
      in
      let index = try CrashTests.index(in: parent)
      var reader = try index.reader()
      var writer = try index.writer()
      var scrub = try index.scrub()
      if what != "renew" { try reader.renew() }
      guard unsafe truncate(data, 0) == 0 else { _exit(8) }
      switch what {
      case "renew": try reader.renew()
      case "get": _ = try reader.row(Keys.whole(3))
      case "walk": try reader.forEachRow { _, _ in }
      case "scrub": _ = scrub.step(1)
      case "checkpoint":
        var updates = TestUpdates([TestUpdate(key: Keys.whole(3), lsn: 1_001, row: [1])])
        _ = try writer.checkpoint(&updates, through: LSN(1_001), note: ByteWriter().bytes, fold: latest)
      case "size": _ = index.usedByteCount
      default:
        let prefix = Keys.prefix(1)
        try reader.forEachView(of: unsafe prefix.span.bytes) { _, _ in }
      }
    }
    #expect(try word(fixture) == "suspect marked(\"a process died of SIGBUS inside\")")
  }

  @Test(
    "does not mark it when it happens in what the store does meanwhile",
    arguments: ["fold", "updates", "walk", "views", "note", "wrapping"])
  func outside(_ what: String) async throws {
    let fixture = try built()
    await #expect(processExitsWith: .signal(SIGSEGV)) {
      [parent = fixture.temporary.path as String, what = what as String] in
      let index = try CrashTests.index(in: parent)
      var reader = try index.reader()
      var writer = try index.writer()
      try reader.renew()
      let update = TestUpdate(key: Keys.whole(3), lsn: 1_001, row: [1])
      switch what {
      case "fold":
        var updates = TestUpdates([update])
        _ = try writer.checkpoint(&updates, through: LSN(1_001), note: ByteWriter().bytes) { _, _, _ in
          Crashing.now()
          return .unchanged
        }
      case "updates":
        var updates = CrashingUpdates([update])
        _ = try writer.checkpoint(&updates, through: LSN(1_001), note: ByteWriter().bytes, fold: latest)
      case "walk": try reader.forEachRow { _, _ in Crashing.now() }
      case "views":
        let prefix = Keys.prefix(1)
        try reader.forEachView(of: unsafe prefix.span.bytes) { _, _ in Crashing.now() }
      case "note": _ = try reader.note { _ in Crashing.now() }
      default:
        reader.reset()
        Crashing.now()
      }
    }
    #expect(try word(fixture) == "usable 1000 1000")
    #expect(try fixture.opened().scrubbed().isSound)
  }

  @Test("by kill -9 does not mark it, in the middle of a checkpoint neither")
  func killed() async throws {
    let fixture = try built()
    await #expect(processExitsWith: .signal(SIGKILL)) { [parent = fixture.temporary.path as String] in
      let index = try CrashTests.index(in: parent)
      let seen = Monitor(0)
      _ = try SystemThread.start(name: "reader") {
        do {
          var reader = try index.reader()
          while true {
            try reader.renew()
            for id in 0..<500 { _ = try reader.row(Keys.whole(id)) }
            reader.reset()
            seen.withLock { $0 += 1 }
            seen.notifyAll()
          }
        } catch { _exit(1) }
      }
      // The reader is inside nearly all of the time.
      _ = seen.wait(for: nil) { $0 > 3 }
      var writer = try index.writer()
      var updates = TestUpdates((0..<500).map { TestUpdate(key: Keys.whole($0), lsn: 1_001, row: [1]) })
      var count = 0
      _ = try writer.checkpoint(&updates, through: LSN(1_001), note: ByteWriter().bytes) {
        row, update, result in
        count += 1
        if count == 250 { _ = Glibc.kill(getpid(), SIGKILL) }
        return latest(row, update, &result)
      }
    }
    #expect(try word(fixture) == "usable 1000 1000")
  }
}
