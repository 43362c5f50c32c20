// How a store is opened, and when it is not.

import ApusBytes
import ApusLog
import ApusSystem
import ApusTestSupport
import Glibc
import Testing

@Suite("Opening")
struct OpeningTests {
  @Test("a new folder becomes a store; opened again, it is the same store")
  func creates() throws {
    var fixture = Fixture()
    let first = try fixture.open()
    #expect(first.report.created && first.report.nextLSN == .first)
    let id = first.report.storeID
    try first.close()
    let second = try fixture.open()
    #expect(!second.report.created && second.report.storeID == id && second.report.tail == .none)
    #expect(second.report.epoch == first.report.epoch + 1)
  }

  @Test("a store is not made where the caller did not ask for one")
  func doesNotCreate() throws {
    var fixture = Fixture()
    fixture.options.creates = false
    #expect(throws: LogError.noStore(folder: Fixture.folder)) { _ = try fixture.open() }
    #expect(throws: LogError.noStore(folder: Fixture.folder)) {
      _ = try LogCheck.run(Fixture.folder, on: fixture.disk)
    }
    #expect(try fixture.disk.entry(at: Fixture.folder) == nil)
  }

  @Test("a folder with anything else in it is refused and stays as it is")
  func foreignFolder() throws {
    var fixture = Fixture()
    fixture.disk.plantFolder(Fixture.folder)
    try fixture.disk.plant([1], at: Fixture.folder + "/thesis.tex")
    #expect(throws: LogError.notAStore(folder: Fixture.folder, found: "thesis.tex")) {
      _ = try fixture.open()
    }
    #expect(try fixture.disk.names(in: Fixture.folder) == ["thesis.tex"])
  }

  @Test("a second opener is refused until the first lets go")
  func oneOwner() throws {
    var fixture = Fixture()
    let first = try fixture.open()
    #expect {
      _ = try fixture.open()
    } throws: { error in
      if case LogError.inUse = error { true } else { false }
    }
    #expect(throws: LogError.self) { _ = try LogCheck.run(Fixture.folder, on: fixture.disk) }
    try first.close()
    #expect(try fixture.open().writer != nil)
  }

  @Test("a clean close skips no LSN; a kill skips to the ceiling, and what is skipped is told")
  func ceiling() throws {
    var fixture = Fixture()
    fixture.options.ceilingStep = 100
    let writer = try fixture.openWriter()
    try fixture.append(writer, bytes: 10)
    try writer.close()
    let second = try fixture.openWriter()
    #expect(second.nextLSN == LSN(2))
    try fixture.append(second, bytes: 10)
    try second.sync()
    fixture.disk = fixture.disk.killProcess()

    let third = try fixture.open()
    #expect(third.report.gap == LSNRange(LSN(3), through: LSN(102)))
    #expect(third.report.nextLSN == LSN(103))
    #expect(third.reader.locate(LSN(50)) == .lost(LSNRange(LSN(3), through: LSN(102))))
    #expect(third.reader.locate(LSN(103)) == .notYetWritten(end: LSN(102)))
    // A start without an append reserves nothing, so a second kill skips nothing more.
    fixture.disk = fixture.disk.killProcess()
    let fourth = try fixture.open()
    #expect(fourth.report.nextLSN == LSN(103) && fourth.report.gap == nil)
    #expect(try scanned(fourth.reader).entries == fixture.entries)
  }

  @Test("a power cut at any call of a life leaves a store that opens with what was promised")
  func everyCall() throws {
    // A whole life, to count its calls: open, append, sync, mark, rotate, retire, close.
    func live(_ fixture: inout Fixture, _ model: inout LogModel) throws {
      for _ in 0..<2 {
        let writer = try fixture.openWriter()
        for at in 0..<6 {
          let appended = try fixture.append(writer, bytes: 900)
          try model.appended(
            LogModel.Entry(lsns: appended.lsns, payload: fixture.entries[fixture.entries.count - 1].payload))
          if at % 2 == 1 {
            try writer.sync()
            model.synced()
            try writer.mark()
          }
        }
        model.retires(through: LSN(2))
        if try !writer.retire(through: LSN(2)).isEmpty { model.retired(below: writer.reader.view.floor) }
        try writer.close()
        model.synced()
        model = model.continued(fixture.entries)
      }
    }
    var whole = Fixture(segmentByteCount: 8192)
    var counted = LogModel()
    try live(&whole, &counted)
    let calls = whole.disk.calls.total
    #expect(calls > 150)
    for number in 1...calls {
      for survival in 0..<3 {
        var fixture = Fixture(segmentByteCount: 8192)
        var model = LogModel()
        fixture.disk.failPower(beforeCall: number)
        #expect(throws: LogError.self) { try live(&fixture, &model) }
        fixture.disk = fixture.disk.crash(seed: UInt64(number * 3 + survival))
        let log = try fixture.open()
        guard let writer = log.writer else {
          Issue.record("read-only after a cut before call \(number): \(log.report)")
          continue
        }
        try model.recovered(
          try scanned(log.reader).entries, after: .powerCut, floor: log.reader.view.floor,
          next: writer.nextLSN)
        try log.close()
        #expect(try LogCheck.run(Fixture.folder, on: fixture.disk).isSound)
      }
    }
    print("power cut before each of \(calls) calls, three ways each: nothing promised lost")
  }

  @Test("any call of an opening may fail, and the next opening finds everything")
  func failingOpening() throws {
    var fixture = Fixture(segmentByteCount: 8192)
    let writer = try fixture.openWriter()
    for _ in 0..<12 { try fixture.append(writer, bytes: 900) }
    try writer.sync()
    let killed = fixture.disk.killProcess()
    var counted = fixture
    counted.disk = killed.copy()
    _ = try counted.open()
    for number in 1...counted.disk.calls.total {
      for errno in [Errno.inputOutput, .noSpace, .accessDenied, .tooManyOpenFiles] {
        var failing = fixture
        failing.disk = killed.copy()
        failing.disk.failCall(number, with: errno)
        (try? failing.open())?.writer?.abandon()
        failing.disk = failing.disk.killProcess()
        let log = try failing.open()
        #expect(log.writer != nil && log.report.damages.isEmpty)
        let found = try scanned(log.reader).entries
        // A failed sync of the tail drops pages that were durable before: they are on the disk, and found.
        #expect(found == fixture.entries, "call \(number), \(errno)")
      }
    }
  }

  @Test("what no manifest lists is moved aside, never deleted; trailing zeroes are trimmed")
  func strays() throws {
    var fixture = Fixture()
    try fixture.openWriter().close()
    try fixture.disk.plant([1, 2, 3, 0, 0, 0], at: Fixture.folder + "/log/notes.txt")
    try fixture.disk.plant(Array(repeating: 0, count: 5000), at: Fixture.folder + "/log/x.tmp")
    try fixture.disk.plant([7], at: Fixture.folder + "/manifest-0000000009")
    #expect(try LogCheck.run(Fixture.folder, on: fixture.disk).notes.count == 3)
    let log = try fixture.open()
    #expect(Set(log.report.movedAside) == ["aside/notes.txt", "aside/x.tmp", "aside/manifest-0000000009"])
    #expect(try fixture.disk.contents(of: Fixture.folder + "/aside/notes.txt") == [1, 2, 3])
    #expect(try fixture.disk.contents(of: Fixture.folder + "/aside/x.tmp").isEmpty)
    try log.close()
    // The same name once more takes another one there.
    try fixture.disk.plant([4], at: Fixture.folder + "/log/notes.txt")
    #expect(try fixture.open().report.movedAside == ["aside/notes.txt.2"])
    #expect(try fixture.disk.contents(of: Fixture.folder + "/aside/notes.txt") == [1, 2, 3])
  }

  @Test("a manifest that lost an edit is found out by the frames that prove it")
  func lostEdit() throws {
    var fixture = Fixture(segmentByteCount: 8192)
    let writer = try fixture.openWriter()
    try fixture.append(writer, bytes: 100)
    try writer.sync()
    let older = fixture.disk.killProcess()
    // From here on an older manifest is put back.
    var newer = fixture
    newer.disk = older.copy()
    let path = try newer.manifestPath()
    let before = try newer.disk.contents(of: path)
    let current = try newer.disk.contents(of: Fixture.folder + "/CURRENT")
    let again = try newer.openWriter()
    for _ in 0..<20 { try newer.append(again, bytes: 900) }
    try again.close()
    let newName = try newer.manifestPath()
    if newName != path { try newer.disk.remove(newName) }
    try newer.disk.plant(before, at: path)
    try newer.disk.plant(current, at: Fixture.folder + "/CURRENT")
    #expect {
      _ = try newer.open()
    } throws: { error in
      if case LogError.manifestLost = error { true } else { false }
    }
    #expect(try !LogCheck.run(Fixture.folder, on: newer.disk).isSound)
  }

  @Test("a store whose CURRENT is gone is never taken for a new one")
  func currentGone() throws {
    var fixture = Fixture()
    let writer = try fixture.openWriter()
    try fixture.append(writer, bytes: 10)
    try writer.close()
    try fixture.disk.remove(Fixture.folder + "/CURRENT")
    #expect {
      _ = try fixture.open()
    } throws: { error in
      if case LogError.currentUnreadable = error { true } else { false }
    }
  }

  @Test("a file of a newer format is refused, and nothing is touched", arguments: [0, 1])
  func newerFormat(which: Int) throws {
    var fixture = Fixture()
    let writer = try fixture.openWriter()
    try fixture.append(writer, bytes: 10)
    try writer.sync()
    let name = writer.reader.view.segments[0].record.name
    fixture.disk = fixture.disk.killProcess()
    let path = try which == 0 ? fixture.manifestPath() : Fixture.folder + "/" + name
    // An unknown required feature bit, under a right checksum.
    var bytes = try fixture.disk.contents(of: path)
    bytes[16] = 1
    bytes.replaceSubrange(12..<16, with: headerChecksum(bytes))
    try fixture.disk.plant(bytes, at: path)
    let before = fixture.disk.calls
    #expect {
      _ = try fixture.open()
    } throws: { error in
      if case LogError.unsupported = error { true } else { false }
    }
    let after = fixture.disk.calls
    for call in [DiskCall.create, .write, .truncate, .rename, .remove, .allocate] {
      #expect(after[call] == before[call], "\(call)")
    }
  }

  @Test(
    "a store may lie right below the root, and its folder's name may end in slashes",
    arguments: ["", "/", "//"])
  func names(end: String) throws {
    let disk = SimulatedDisk()
    var random = SplitMix64(seed: 1)
    let log = try Log.open("/data" + end, on: disk, clock: SimulatedClock(), random: &random)
    #expect(try disk.durableNames(in: "/") == ["data"])
    try log.close()
    let below = try Log.open("/data/store" + end, on: disk, clock: SimulatedClock(), random: &random)
    #expect(try disk.durableNames(in: "/data").contains("store"))
    try below.close()
  }

  @Test(
    "an index that holds more than the log ever promised proves that the log is older than it: refused",
    arguments: [false, true])
  func olderThanTheIndex(isKilled: Bool) throws {
    var fixture = Fixture()
    fixture.options.ceilingStep = 10
    let writer = try fixture.openWriter()
    try fixture.append(writer, bytes: 10)
    try writer.sync()
    if isKilled { fixture.disk = fixture.disk.killProcess() } else { try writer.close() }
    fixture.options.checkpoint = LSN(500)
    #expect {
      _ = try fixture.open()
    } throws: { error in
      if case LogError.manifestLost = error { true } else { false }
    }
    fixture.options.checkpoint = LSN(1)
    #expect(try scanned(fixture.open().reader).entries == fixture.entries)
  }

  @Test("a pipe, a link, and a folder with a segment's name are moved aside like any stray")
  func oddStrays() throws {
    let folder = try TemporaryFolder("strays")
    var random = SplitMix64(seed: 1)
    let clock = SimulatedClock()
    let path = folder.path("store")
    try Log.open(path, on: RealDisk(), clock: clock, random: &random).close()
    #expect(unsafe mkfifo(path + "/log/pipe", 0o600) == 0)
    #expect(unsafe symlink("/nowhere", path + "/log/broken") == 0)
    #expect(unsafe symlink(path + "/CURRENT", path + "/log/link") == 0)
    try RealDisk().makeFolder(path + "/log/00000000000000000001-00000063.log")
    let log = try Log.open(path, on: RealDisk(), clock: clock, random: &random)
    #expect(log.writer != nil && log.report.movedAside.count == 4)
    #expect(try RealDisk().names(in: path + "/log").isEmpty)
    try log.close()
  }
}
