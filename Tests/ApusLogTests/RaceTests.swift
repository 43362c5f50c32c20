// What another thread or another process does between two steps of one call.

import ApusBytes
import ApusLog
import ApusSystem
import ApusTestSupport
import Testing

@Suite("Between two steps")
struct RaceTests {
  private func open(_ disk: any Disk) throws(LogError) -> Log {
    var random = SplitMix64(seed: 7)
    return try Log.open(Fixture.folder, on: disk, clock: SimulatedClock(), random: &random)
  }

  @Test(
    "a store that another process makes, fills and closes before the lock is had is opened, not made anew")
  func madeMeanwhile() throws {
    let disk = SimulatedDisk()
    let hooked = HookedDisk(disk)
    let other = Monitor<StoreID?>(nil)
    hooked.before { call, _ in
      guard call == .lock, other.withLock({ $0 == nil }) else { return }
      do {
        var fixture = Fixture()
        fixture.disk = disk
        let log = try fixture.open()
        other.withLock { $0 = log.report.storeID }
        let writer = try #require(log.writer)
        try fixture.append(writer, payload: [1, 2, 3])
        try writer.close()
      } catch {
        Issue.record("\(error)")
      }
    }
    let log = try open(hooked)
    #expect(log.report.storeID == other.withLock { $0 })
    #expect(!log.report.created && log.report.movedAside.isEmpty)
    #expect(try scanned(log.reader).entries.map(\.payload) == [[1, 2, 3]])
  }

  @Test("a pin taken while segments are being given up holds what it says, or says that it is gone")
  func pinnedMeanwhile() throws {
    let hooked = HookedDisk(SimulatedDisk())
    var random = SplitMix64(seed: 7)
    var options = LogOptions()
    options.segmentByteCount = 8192
    let log = try Log.open(
      Fixture.folder, on: hooked, clock: SimulatedClock(), random: &random, options: options)
    let writer = try #require(log.writer)
    for _ in 0..<30 { _ = try unsafe writer.append(recordCount: 1, payload: random.bytes(700).span.bytes) }
    try writer.sync()
    let reader = log.reader
    let pins = Monitor<[LogPin]>([])
    hooked.before { call, path in
      guard call == .syncData, path.contains("manifest"), pins.withLock({ $0.isEmpty }) else { return }
      pins.withLock { $0.append(reader.pin(from: .none)) }
    }
    try writer.retire(through: LSN(1 << 60))
    hooked.before(nil)
    let pin = try #require(pins.withLock { $0.first })
    // Whatever the pin got: everything from there on can be read.
    let found = try scanned(reader, from: pin.lsn)
    #expect(found.thrown.isEmpty && found.entries.first?.lsns.first == pin.lsn)
    #expect(found.entries.last?.lsns.last == LSN(30))
  }

  @Test("a retirement that meets a full disk gives nothing up, and readers see what they saw")
  func retireOnAFullDisk() throws {
    var fixture = Fixture(segmentByteCount: 8192)
    fixture.options.ceilingStep = 1
    let writer = try fixture.openWriter()
    // Edits, until one that retires many segments does not fit and needs a new manifest.
    let path = try fixture.manifestPath()
    var content = 0
    while content < Int(Format.manifestByteCount) - 400 {
      try fixture.append(writer, bytes: 1)
      content = try (fixture.disk.contents(of: path).lastIndex { $0 != 0 } ?? 0) + 1
    }
    try writer.sync()
    let before = writer.reader.view
    #expect(before.segments.count > 20)
    fixture.disk.capacity = 0
    #expect {
      try writer.retire(through: LSN(1 << 60))
    } throws: { error in
      if case LogError.diskFull = error { true } else { false }
    }
    #expect(writer.reader.view.floor == before.floor)
    #expect(try scanned(writer.reader).entries == fixture.entries)
    fixture.disk.capacity = nil
    #expect(try writer.retire(through: LSN(1 << 60)).count == before.segments.count - 1)
    let floor = writer.reader.view.floor
    #expect(try scanned(writer.reader).entries == fixture.entries.filter { $0.lsns.first >= floor })
  }
}
