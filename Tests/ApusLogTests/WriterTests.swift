// Appending: what is acknowledged, what a full disk takes, and when everything stops.

import ApusBytes
import ApusLog
import ApusSystem
import ApusTestSupport
import Testing

@Suite("Writing")
struct WriterTests {
  @Test("LSNs are given out without a hole, a frame's records next to each other")
  func lsns() throws {
    var fixture = Fixture()
    let writer = try fixture.openWriter()
    #expect(try fixture.append(writer, records: 1, bytes: 0).lsns == LSNRange(LSN(1), through: LSN(1)))
    #expect(try fixture.append(writer, records: 5, bytes: 9).lsns == LSNRange(LSN(2), through: LSN(6)))
    #expect(try fixture.append(writer, records: 2, bytes: 9).lsns == LSNRange(LSN(7), through: LSN(8)))
    #expect(try writer.sync() == LSN(8))
    #expect(writer.reader.view.durable == LSN(8) && writer.reader.view.written == LSN(8))
  }

  @Test("no LSN is given out before a ceiling above it is durable")
  func ceilingFirst() throws {
    var fixture = Fixture()
    fixture.options.ceilingStep = 3
    let writer = try fixture.openWriter()
    for _ in 0..<20 {
      let lsn = try fixture.append(writer, records: 2, bytes: 5).lsns.last
      let state = try LogOverview.manifest(Fixture.folder, on: fixture.disk.copy().crash(seed: 1)).state
      #expect(state.ceiling > lsn)
    }
  }

  @Test("a frame that fits exactly is written; one byte more is refused and names the limit")
  func longest() throws {
    var fixture = Fixture(segmentByteCount: 8192)
    let writer = try fixture.openWriter()
    let limit = writer.payloadByteCountMax
    #expect(limit == 8192 - 4096 - 56 - 56 - 120)
    for _ in 0..<3 { try fixture.append(writer, bytes: limit) }
    #expect(throws: LogError.payloadTooLong(byteCount: limit + 1, max: limit)) {
      try fixture.append(writer, payload: Array(repeating: 0, count: limit + 1))
    }
    try writer.sync()
    try writer.mark()
    try writer.close()
    #expect(try scanned(fixture.open().reader).entries == fixture.entries)
  }

  @Test("a mark follows a sync once, and never a mark")
  func marks() throws {
    var fixture = Fixture()
    let writer = try fixture.openWriter()
    try writer.mark()
    try fixture.append(writer, bytes: 10)
    #expect(!writer.markDue)
    try writer.sync()
    #expect(writer.markDue)
    for _ in 0..<3 { try writer.mark() }
    #expect(!writer.markDue)
    // A mark that only the cache has says nothing after a power cut.
    let path = try fixture.segmentPath(0)
    #expect(try fixture.disk.unsyncedSectors(of: path).isEmpty)
    try writer.sync()
    var types: [FrameType] = []
    fixture.disk = fixture.disk.killProcess()
    try LogDump.run(Fixture.folder, on: fixture.disk) { item, _ in
      if case .frame(_, let frame) = item { types.append(frame.type) }
      return true
    }
    #expect(types == [.records, .mark])
  }

  @Test(
    "a failed sync ends all acknowledgements, whatever is tried afterwards, and the start trusts only the disk"
  )
  func failedSync() throws {
    var fixture = Fixture()
    let writer = try fixture.openWriter()
    try fixture.append(writer, bytes: 10)
    try writer.sync()
    try fixture.append(writer, bytes: 20)
    fixture.disk.failNext(.syncData, with: .inputOutput)
    for _ in 0..<3 {
      #expect {
        try writer.sync()
      } throws: { error in
        if case LogError.stopped = error { true } else { false }
      }
    }
    #expect(throws: LogError.self) { try fixture.append(writer, bytes: 1) }
    #expect(throws: LogError.self) { try writer.rotate() }
    #expect(throws: LogError.self) { try writer.retire(through: LSN(1)) }
    #expect(writer.reader.view.durable == LSN(1))
    // The page cache still shows the second frame; the disk does not have it.
    fixture.disk = fixture.disk.killProcess()
    let log = try fixture.open()
    #expect(try scanned(log.reader).entries == Array(fixture.entries[..<1]))
  }

  @Test("any call may fail at any moment of a life: a typed error, and what was promised is there")
  func everyCallFails() throws {
    func live(_ fixture: inout Fixture, _ model: inout LogModel) throws {
      let writer = try fixture.openWriter()
      defer { writer.abandon() }
      for at in 0..<8 {
        let appended = try fixture.append(writer, bytes: 900)
        try model.appended(
          LogModel.Entry(lsns: appended.lsns, payload: fixture.entries[fixture.entries.count - 1].payload))
        if at % 3 == 2 {
          try writer.sync()
          model.synced()
          try writer.mark()
        }
      }
      try writer.close()
      model.synced()
    }
    var whole = Fixture(segmentByteCount: 8192)
    var counted = LogModel()
    try live(&whole, &counted)
    let calls = whole.disk.calls.total
    for number in 1...calls {
      for errno in [
        Errno.inputOutput, .noSpace, .quotaExceeded, .outOfMemory, .readOnlyDisk, .tooManyOpenFiles,
      ] {
        var fixture = Fixture(segmentByteCount: 8192)
        var model = LogModel()
        fixture.disk.failCall(number, with: errno)
        do {
          try live(&fixture, &model)
        } catch {
          if !(error is LogError) { Issue.record("call \(number), \(errno): \(error)") }
        }
        fixture.disk = fixture.disk.crash(seed: UInt64(number))
        let log = try fixture.open()
        guard let writer = log.writer else {
          Issue.record("read-only after call \(number), \(errno): \(log.report)")
          continue
        }
        try model.recovered(
          try scanned(log.reader).entries, after: .powerCut, floor: log.reader.view.floor,
          next: writer.nextLSN)
      }
    }
    print("\(calls) calls × 6 errors: nothing promised lost")
  }

  @Test("a full disk drops the frame with a typed error; when there is space, the log goes on")
  func fullDisk() throws {
    var fixture = Fixture(segmentByteCount: 8192)
    let writer = try fixture.openWriter()
    try fixture.append(writer, bytes: 2000)
    try writer.sync()
    fixture.disk.capacity = 0
    // The segment has room for one more; the next one finds no space.
    try fixture.append(writer, bytes: 1500)
    for _ in 0..<3 {
      #expect {
        try fixture.append(writer, bytes: 1500)
      } throws: { error in
        if case LogError.diskFull = error { true } else { false }
      }
    }
    #expect(try writer.sync() == LSN(2))
    fixture.disk.capacity = nil
    #expect(try fixture.append(writer, bytes: 1500).lsns.first == LSN(3))
    try writer.close()
    #expect(try scanned(fixture.open().reader).entries == fixture.entries)
    #expect(try LogCheck.run(Fixture.folder, on: fixture.disk.killProcess()).isSound)
  }

  @Test("a write that meets a full disk drops its whole group, and no byte of it stays behind")
  func fullDiskWithinAGroup() throws {
    var fixture = Fixture()
    let writer = try fixture.openWriter()
    try fixture.append(writer, bytes: 100)
    try writer.sync()
    let kept = fixture.entries
    for _ in 0..<4 { try fixture.append(writer, bytes: 900) }
    let path = Fixture.folder + "/" + writer.reader.view.segments[0].record.name
    // Half of the group lands before the disk is full.
    let writes = fixture.disk.calls[.write]
    fixture.disk.shortenCall(writes + 1, of: .write, to: 2000)
    fixture.disk.failCall(writes + 2, of: .write, with: .noSpace)
    #expect(throws: LogError.self) { try writer.flush() }
    #expect(writer.nextLSN == LSN(2))
    let later = try fixture.append(writer, bytes: 50)
    #expect(later.lsns.first == LSN(2) && later.position.segment != FileID(1))
    try writer.sync()
    #expect(try fixture.disk.contents(of: path).count < 4096 + 400)
    fixture.disk = fixture.disk.crash(seed: 5)
    #expect(try scanned(fixture.open().reader).entries == kept + [fixture.entries[fixture.entries.count - 1]])
  }

  @Test("a clock that jumps stops the log until a person confirms it, which is logged")
  func clock() throws {
    var fixture = Fixture()
    let writer = try fixture.openWriter()
    let before = try fixture.append(writer, bytes: 10).time
    fixture.clock.jumpWall(nanoseconds: -3_600_000_000_000)
    for _ in 0..<2 {
      #expect {
        try fixture.append(writer, bytes: 10)
      } throws: { error in
        if case LogError.clockJump = error { true } else { false }
      }
    }
    let confirmed = try #require(try writer.confirmClock())
    #expect(confirmed.time < before)
    #expect(try writer.confirmClock() == nil)
    let after = try fixture.append(writer, bytes: 10)
    #expect(after.time < before && after.time >= confirmed.time)
    try writer.sync()
    // The step back is allowed where it was confirmed, and a start knows the later, lower time.
    fixture.disk = fixture.disk.killProcess()
    let again = try fixture.openWriter()
    #expect(try fixture.append(again, bytes: 10).time >= after.time)
    #expect(try LogCheck.run(Fixture.folder, on: fixture.disk.killProcess()).isSound)
  }

  @Test(
    "frames of one moment have its time, whenever they are written; no order of moments makes time go back")
  func moments() throws {
    var fixture = Fixture(segmentByteCount: 8192)
    let writer = try fixture.openWriter()
    let early = try writer.moment()
    fixture.clock.advance(nanoseconds: 1000)
    let late = try writer.moment()
    #expect(early < late)
    let payload = [UInt8](repeating: 7, count: 1500)
    // Any byte is a raw byte.
    func append(_ moment: AppendMoment) throws -> WallTime {
      unsafe try writer.append(recordCount: 1, payload: payload.span.bytes, at: moment).time
    }
    // The third needs the next segment, and keeps its time.
    for _ in 0..<3 { #expect(try append(early) == early.time) }
    #expect(try append(late) == late.time)
    #expect(try append(early) == late.time)
    fixture.clock.jumpWall(nanoseconds: -3_600_000_000_000)
    #expect(throws: LogError.self) { try writer.moment() }
    let confirmed = try #require(try writer.confirmClock()).time
    #expect(try append(late) == confirmed)
    #expect(try append(try writer.moment()) >= confirmed)
    try writer.close()
    #expect(try LogCheck.run(Fixture.folder, on: fixture.disk.killProcess()).isSound)
  }

  @Test("within 60 s the clock may go back, and append times stand still")
  func slowClock() throws {
    var fixture = Fixture()
    let writer = try fixture.openWriter()
    let before = try fixture.append(writer, bytes: 10).time
    fixture.clock.jumpWall(nanoseconds: -59_000_000_000)
    #expect(try fixture.append(writer, bytes: 10).time == before)
  }

  @Test("a closed log says so")
  func closed() throws {
    var fixture = Fixture()
    let writer = try fixture.openWriter()
    try writer.close()
    try writer.close()
    #expect(throws: LogError.closed) { try fixture.append(writer, bytes: 1) }
    #expect(throws: LogError.closed) { try writer.sync() }
    #expect(throws: LogError.closed) { try writer.rotate() }
  }

  @Test("thousands of edits roll the manifest, and the store opens with the last")
  func manifestRolls() throws {
    var fixture = Fixture()
    fixture.options.ceilingStep = 1
    let writer = try fixture.openWriter()
    for _ in 0..<6000 { try fixture.append(writer, bytes: 1) }
    try writer.sync()
    fixture.disk = fixture.disk.killProcess()
    let log = try fixture.open()
    #expect(log.report.manifest != "manifest-0000000001")
    #expect(try scanned(log.reader).entries == fixture.entries)
    #expect(
      try fixture.disk.names(in: Fixture.folder).filter { $0.hasPrefix("manifest-") } == [log.report.manifest]
    )
  }
}
