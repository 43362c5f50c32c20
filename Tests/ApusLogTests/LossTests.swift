// What a log may forget only with a person's word: losses are judged at every opening, and accepted whole or not at all.

import ApusBytes
import ApusLog
import ApusSystem
import ApusTestSupport
import Testing

@Suite("Losses")
struct LossTests {
  /// Ten records of one frame each, durable and marked one by one, and the process killed; records 4, 5 and 8 are damaged in
  /// the unfinished segment.
  private func damagedTail(damaging at: [Int] = [4, 5, 8]) throws -> Fixture {
    var fixture = Fixture()
    let writer = try fixture.openWriter()
    var positions: [LogPosition] = []
    for _ in 0..<10 {
      positions.append(try fixture.append(writer, bytes: 200).position)
      try writer.sync()
    }
    try writer.mark()
    let path = Fixture.folder + "/" + writer.reader.view.segments[0].record.name
    fixture.disk = fixture.disk.killProcess()
    for record in at {
      try fixture.disk.flipBit(path, byte: Int(positions[record - 1].offset) + 70, bit: 1)
    }
    return fixture
  }

  /// Ten records as before, in a finished segment: an opening does not read it.
  private func damagedMiddle() throws -> Fixture {
    var fixture = Fixture()
    let writer = try fixture.openWriter()
    var positions: [LogPosition] = []
    for _ in 0..<10 { positions.append(try fixture.append(writer, bytes: 200).position) }
    try writer.close()
    let path = try fixture.segmentPath(0)
    for record in [4, 5, 8] {
      try fixture.disk.flipBit(path, byte: Int(positions[record - 1].offset) + 70, bit: 1)
    }
    return fixture
  }

  private func lsns(_ first: UInt64, _ last: UInt64) -> LSNRange { LSNRange(LSN(first), through: LSN(last)) }

  private func accept(
    _ fixture: inout Fixture, _ range: LSNRange, checkpoint: LSN = .none
  ) throws(LogError) -> LossAcceptance {
    try Log.acceptLoss(
      of: range, in: Fixture.folder, on: fixture.disk, clock: fixture.clock, random: &fixture.random
    ) { _ in checkpoint }
  }

  /// All that is on the disk but the lock's file.
  private func contents(_ fixture: Fixture) throws -> [String: [UInt8]] {
    var found: [String: [UInt8]] = [:]
    for folder in [Fixture.folder, Fixture.folder + "/log"] {
      for name in try fixture.disk.names(in: folder) where name != "LOCK" {
        let path = folder + "/" + name
        if try fixture.disk.entry(at: path)?.isFolder == false {
          found[path] = try fixture.disk.contents(of: path)
        }
      }
    }
    return found
  }

  // MARK: The checkpoint

  @Test("the checkpoint is asked for once, of the store that is there, also of one that was just made")
  func checkpointOfStore() throws {
    var fixture = Fixture()
    var asked: [StoreID] = []
    for round in 0..<2 {
      let log = try Log.open(
        Fixture.folder, on: fixture.disk, clock: fixture.clock, random: &fixture.random
      ) { id in
        asked.append(id)
        return .none
      }
      #expect(asked.count == round + 1 && asked.last == log.report.storeID)
      try log.close()
    }
  }

  @Test("a checkpoint that cannot be told refuses the opening, and nothing on the disk changes")
  func checkpointFails() throws {
    var fixture = try damagedTail(damaging: [])
    let before = try contents(fixture)
    let disk = fixture.disk
    func isRefused(_ disk: SimulatedDisk) throws(LogError) -> Bool {
      do throws(LogError) { _ = try LogCheck.run(Fixture.folder, on: disk) } catch {
        if case .inUse = error { return true }
        throw error
      }
      return false
    }
    for _ in 0..<2 {
      var isLocked = false
      #expect(throws: LogError.closed) {
        _ = try Log.open(
          Fixture.folder, on: fixture.disk, clock: fixture.clock, random: &fixture.random
        ) { _ throws(LogError) in
          isLocked = try isRefused(disk)
          throw .closed
        }
      }
      #expect(isLocked)
      #expect(try contents(fixture) == before)
    }
    #expect(try fixture.open().writer != nil)
  }

  @Test("damage that was known is a loss again when the checkpoint lies below it")
  func judgedAnew() throws {
    var fixture = try damagedTail()
    fixture.options.checkpoint = LSN(10)
    let first = try fixture.open()
    #expect(first.report.damages.map(\.lsns) == [lsns(4, 5), lsns(8, 8)] && first.report.losses.isEmpty)
    try first.close()
    for (checkpoint, lost) in [
      (LSN(0), [lsns(4, 5), lsns(8, 8)]), (LSN(4), [lsns(4, 5), lsns(8, 8)]), (LSN(5), [lsns(8, 8)]),
      (LSN(8), []),
    ] {
      fixture.options.checkpoint = checkpoint
      let log = try fixture.open()
      #expect(log.report.damages.isEmpty && log.report.knownDamages.map(\.lsns) == [lsns(4, 5), lsns(8, 8)])
      #expect(log.report.losses.map(\.lsns) == lost, "checkpoint \(checkpoint)")
      #expect((log.writer == nil) == !lost.isEmpty && log.report.isReadOnly == !lost.isEmpty)
      try log.close()
    }
  }

  @Test(
    "records that the index holds and no file and no gap are told, written down, and a loss to a younger index"
  )
  func missingRecords() throws {
    var fixture = Fixture()
    let writer = try fixture.openWriter()
    for _ in 0..<3 { try fixture.append(writer, bytes: 10) }
    try writer.close()
    let manifest = try LogOverview.manifest(Fixture.folder, on: fixture.disk.copy())
    let path = Fixture.folder + "/" + manifest.name
    var forger = Forger(
      manifest.storeID, FileID(manifest.number), try fixture.disk.contents(of: path),
      behind: manifest.survey.place)
    forger.edit(2, [UInt64(100)])
    try fixture.disk.plant(forger.bytes, at: path)

    fixture.options.checkpoint = LSN(9)
    let first = try fixture.open()
    let missing = Damage(missing: lsns(4, 9))
    #expect(first.report.damages == [missing] && first.report.losses.isEmpty)
    #expect(try #require(first.writer).nextLSN == LSN(100))
    #expect(first.reader.locate(LSN(7)) == .lost(lsns(4, 99)))
    try first.close()
    #expect(try !LogCheck.run(Fixture.folder, on: fixture.disk).isSound)

    fixture.options.checkpoint = LSN(9)
    let again = try fixture.open()
    #expect(again.report.damages.isEmpty && again.report.knownDamages == [missing] && again.writer != nil)
    try again.close()
    fixture.options.checkpoint = LSN(3)
    let younger = try fixture.open()
    #expect(younger.report.losses == [missing] && younger.writer == nil)
    try younger.close()
    #expect(try accept(&fixture, lsns(4, 9), checkpoint: LSN(3)).accepted.map(\.lsns) == [lsns(4, 9)])
    let accepted = try #require(try fixture.open().writer)
    try fixture.append(accepted, bytes: 10)
    try accepted.close()
    #expect(try LogCheck.run(Fixture.folder, on: fixture.disk).isSound)
  }

  @Test("a checkpoint in a gap, and one at the log's end, is no loss")
  func checkpointInGap() throws {
    var fixture = Fixture()
    fixture.options.ceilingStep = 100
    let writer = try fixture.openWriter()
    for _ in 0..<3 { try fixture.append(writer, bytes: 10) }
    try writer.sync()
    fixture.disk = fixture.disk.killProcess()
    try fixture.openWriter().close()
    for checkpoint in [0, 3, 50, 101] {
      fixture.options.checkpoint = LSN(UInt64(checkpoint))
      let log = try fixture.open()
      #expect(log.writer != nil && log.report.damages.isEmpty, "checkpoint \(checkpoint)")
      try log.close()
    }
  }

  // MARK: Acceptance

  @Test(
    "an accepted loss is passed by: the store opens, writes, and every other record is read",
    arguments: [false, true])
  func accepted(isFinished: Bool) throws {
    var fixture = isFinished ? try damagedMiddle() : try damagedTail()
    let first = try fixture.open()
    let parent = first.report.timeline
    #expect(parent == TimelineID(firstOf: first.report.storeID) && first.reader.view.timeline == parent)
    #expect((first.writer == nil) == !isFinished, "an opening reads no finished segment")
    try first.close()

    let acceptance = try accept(&fixture, lsns(4, 8))
    #expect(acceptance.accepted.map(\.lsns) == [lsns(4, 5), lsns(8, 8)] && acceptance.remaining.isEmpty)
    #expect(acceptance.accepted.allSatisfy { $0.time == fixture.clock.wall() })
    #expect(acceptance.fork.parent == parent && acceptance.fork.lastShared == LSN(3))

    let log = try fixture.open()
    let writer = try #require(log.writer)
    #expect(log.report.accepted == acceptance.accepted && log.report.timeline == acceptance.fork.timeline)
    #expect(log.report.losses.isEmpty && log.reader.view.timeline == acceptance.fork.timeline)
    for at in [4, 5, 8] {
      guard case .lost = log.reader.locate(LSN(UInt64(at))) else {
        Issue.record("LSN \(at) is not called lost")
        continue
      }
    }
    let appended = try fixture.append(writer, bytes: 10)
    try writer.sync()
    let found = try scanned(log.reader)
    #expect(found.thrown.isEmpty && found.noted.map(\.lsns) == [lsns(4, 5), lsns(8, 8)])
    #expect(
      found.entries
        == fixture.entries.filter { ![4, 5, 8].contains($0.lsns.first.rawValue) })
    #expect(found.entries.last?.lsns == appended.lsns)
    try log.close()

    // A note, and no problem any more; and it stays so.
    let check = try LogCheck.run(Fixture.folder, on: fixture.disk)
    #expect(check.isSound && !check.notes.isEmpty, "\(check.problems)")
    #expect(check.state.accepted == acceptance.accepted && check.state.forks == [acceptance.fork])
    #expect(throws: LogError.noLoss(folder: Fixture.folder)) { try accept(&fixture, lsns(4, 8)) }
    #expect(try fixture.open().writer != nil)
  }

  @Test("an accepted loss is accepted at every checkpoint, and damage that is new is a loss all the same")
  func laterDamage() throws {
    var fixture = try damagedTail(damaging: [4])
    _ = try accept(&fixture, lsns(4, 4))
    // The record beside it rots, too.
    let path = try fixture.segmentPath(0)
    try fixture.disk.flipBit(path, byte: Format.headerByteCount + 4 * 256 + 70, bit: 2)
    let log = try fixture.open()
    #expect(log.writer == nil && log.report.losses.map(\.lsns) == [lsns(4, 5)])
    try log.close()
    let second = try accept(&fixture, lsns(1, 10))
    #expect(second.accepted.map(\.lsns) == [lsns(4, 5)])
    let writer = try fixture.open()
    #expect(writer.writer != nil && writer.report.timelines.forks.count == 2)
    #expect(writer.report.timelines.forks.map(\.lastShared) == [LSN(3), LSN(3)])
    #expect(writer.report.timelines.forks[1].parent == writer.report.timelines.forks[0].timeline)
  }

  @Test("one loss of two is accepted: the other keeps the store read-only, until it is accepted, too")
  func oneOfTwo() throws {
    var fixture = try damagedTail()
    let first = try accept(&fixture, lsns(6, 10))
    #expect(first.accepted.map(\.lsns) == [lsns(8, 8)] && first.remaining.map(\.lsns) == [lsns(4, 5)])
    let log = try fixture.open()
    #expect(log.writer == nil && log.report.losses.map(\.lsns) == [lsns(4, 5)])
    try log.close()
    let second = try accept(&fixture, lsns(1, 5))
    #expect(second.remaining.isEmpty && second.fork.parent == first.fork.timeline)
    let timelines = try fixture.open().report.timelines
    #expect(timelines.current == second.fork.timeline)
    #expect(timelines.shares(LSN(3), of: timelines.first) && !timelines.shares(LSN(4), of: timelines.first))
    #expect(!timelines.shares(LSN(7), of: first.fork.timeline))
    #expect(timelines.shares(LSN(999), of: second.fork.timeline))
    #expect(!timelines.shares(LSN(1), of: TimelineID(using: &fixture.random)))
  }

  @Test("damage below the checkpoint, which is no loss, is accepted like any other")
  func belowCheckpoint() throws {
    var fixture = try damagedTail()
    let acceptance = try accept(&fixture, lsns(4, 8), checkpoint: LSN(8))
    #expect(acceptance.accepted.map(\.lsns) == [lsns(4, 5), lsns(8, 8)] && acceptance.remaining.isEmpty)
    let log = try fixture.open()
    #expect(log.report.losses.isEmpty && log.writer != nil)
    #expect(log.reader.view.accepted.ranges == [lsns(4, 5), lsns(8, 8)] && log.reader.view.held.isEmpty)
    try log.close()
  }

  @Test("what cannot be accepted is refused by name, and nothing on the disk changes")
  func refused() throws {
    var fixture = try damagedTail()
    let before = try contents(fixture)
    let (four, eight) = (lsns(4, 5), lsns(8, 8))
    func expectRefused(_ range: LSNRange, _ isRight: (LogError) -> Bool) throws {
      #expect("\(range)") { _ = try accept(&fixture, range) } throws: {
        ($0 as? LogError).map(isRight) ?? false
      }
      #expect(try contents(fixture) == before)
    }
    for range in [lsns(1, 3), lsns(6, 7), lsns(9, 1000), lsns(8, 7), lsns(8, 4)] {
      try expectRefused(range) { error in
        guard case .noLossWithin(range, let losses) = error else { return false }
        return losses.map(\.lsns) == [four, eight]
      }
    }
    for range in [lsns(4, 4), lsns(5, 5), lsns(5, 8), lsns(1, 4)] {
      try expectRefused(range) { error in
        guard case .lossReachesOut(range, let whole) = error else { return false }
        return whole.map(\.lsns).first == four
      }
    }
    let open = try fixture.open()
    try expectRefused(lsns(4, 8)) { if case .inUse = $0 { true } else { false } }
    try open.close()
    // With an index that holds them nothing is lost, and only damage can be accepted.
    #expect(throws: LogError.noLoss(folder: Fixture.folder)) {
      try accept(&fixture, lsns(1, 3), checkpoint: LSN(8))
    }
    #expect(try contents(fixture) == before)
    #expect(throws: LogError.noStore(folder: "/nothing")) {
      try Log.acceptLoss(
        of: lsns(4, 8), in: "/nothing", on: fixture.disk, clock: fixture.clock, random: &fixture.random)
    }
  }

  @Test(
    "an unfinished segment without a header and without a frame is no torn tail: what it may have held is lost, until it is accepted",
    arguments: [0, 1, 100, 4_095, -1])
  func withoutHeader(left: Int) throws {
    var fixture = try damagedTail(damaging: [])
    let path = try fixture.segmentPath(0)
    let whole = try fixture.disk.contents(of: path)
    let bytes = left < 0 ? [UInt8](repeating: 0, count: whole.count) : Array(whole[..<left])
    try fixture.disk.plant(bytes, at: path)
    let check = try LogCheck.run(Fixture.folder, on: fixture.disk)
    let log = try fixture.open()
    let lost = try #require(log.report.losses.first).lsns
    #expect(check.damages.map(\.lsns).contains(lost), "the check tells what the opening finds")
    #expect(log.writer == nil && log.report.losses.count == 1 && lost.first == LSN(1) && lost.last >= LSN(10))
    #expect(try !fixture.disk.names(in: Fixture.folder + "/log").isEmpty)
    try log.close()
    _ = try accept(&fixture, lost)
    let accepted = try LogCheck.run(Fixture.folder, on: fixture.disk)
    #expect(accepted.isSound && !accepted.notes.isEmpty, "\(accepted.problems)")
    let again = try fixture.open()
    #expect(again.writer != nil && again.report.nextLSN > lost.last)
    try again.close()
    let sealed = try LogCheck.run(Fixture.folder, on: fixture.disk)
    #expect(sealed.isSound && !sealed.notes.isEmpty, "\(sealed.problems)")
  }

  @Test("the end of a finished segment that is gone is accepted, and the check no longer calls it a problem")
  func truncated() throws {
    var fixture = Fixture()
    let writer = try fixture.openWriter()
    var positions: [LogPosition] = []
    for _ in 0..<10 { positions.append(try fixture.append(writer, bytes: 200).position) }
    try writer.close()
    let path = try fixture.segmentPath(0)
    try fixture.disk.plant(Array(try fixture.disk.contents(of: path)[..<Int(positions[7].offset)]), at: path)
    let log = try fixture.open()
    #expect(log.report.losses.map(\.lsns) == [lsns(8, 10)])
    try log.close()
    _ = try accept(&fixture, lsns(8, 10))
    let again = try fixture.open()
    #expect(again.writer != nil)
    let found = try scanned(again.reader)
    #expect(found.entries == Array(fixture.entries[..<7]) && found.thrown.isEmpty)
    try again.close()
    let check = try LogCheck.run(Fixture.folder, on: fixture.disk)
    #expect(check.isSound, "\(check.problems)")
  }

  @Test("a crash at any call of an acceptance leaves the loss accepted or not, never half")
  func everyCall() throws {
    for isTorn in [false, true] {
      let base = try damagedTail()
      if isTorn {
        // The manifest's own tail was torn, so that the acceptance begins a new file.
        let path = try base.manifestPath()
        let end = try LogOverview.manifest(Fixture.folder, on: base.disk.copy()).survey.place.offset
        try base.disk.flipBit(path, byte: Int(end) + 3, bit: 0)
      }
      var counted = base
      counted.disk = base.disk.copy()
      let before = counted.disk.calls.total
      _ = try accept(&counted, lsns(4, 8))
      let calls = counted.disk.calls.total - before
      #expect(calls > 15)
      var outcomes: [Bool: Int] = [:]
      for number in 1...calls {
        for survival in 0..<4 {
          var fixture = base
          fixture.disk = base.disk.copy()
          fixture.disk.failPower(beforeCall: before + number)
          let isTold = (try? accept(&fixture, lsns(4, 8))) != nil
          fixture.disk = fixture.disk.crash(seed: UInt64(number * 4 + survival))
          try expectWhole(&fixture, isTold, &outcomes, "power cut before call \(number), seed \(survival)")
        }
        for errno in [Errno.inputOutput, .noSpace] {
          var fixture = base
          fixture.disk = base.disk.copy()
          fixture.disk.failCall(before + number, with: errno)
          let isTold = (try? accept(&fixture, lsns(4, 8))) != nil
          fixture.disk = fixture.disk.killProcess()
          try expectWhole(&fixture, isTold, &outcomes, "\(errno) at call \(number)")
        }
      }
      #expect(outcomes.count == 2, "both outcomes occur")
      print("losses: crash at each of \(calls) calls, six ways each: accepted \(outcomes[true] ?? 0) times")
    }
  }

  /// Whoever was told that the loss is accepted finds it so; whoever was told of an error finds either.
  private func expectWhole(
    _ fixture: inout Fixture, _ isTold: Bool, _ outcomes: inout [Bool: Int], _ what: String
  ) throws {
    let state = try LogOverview.manifest(Fixture.folder, on: fixture.disk.copy()).state
    let isAccepted = !state.accepted.isEmpty
    #expect(isAccepted || !isTold, "\(what)")
    #expect(state.forks.count == (isAccepted ? 1 : 0), "\(what)")
    #expect(state.accepted.map(\.lsns) == (isAccepted ? [lsns(4, 5), lsns(8, 8)] : []), "\(what)")
    #expect(state.damages.map(\.lsns) == (isAccepted ? [lsns(4, 5), lsns(8, 8)] : []), "\(what)")
    outcomes[isAccepted, default: 0] += 1
    let log = try fixture.open()
    #expect((log.writer != nil) == isAccepted, "\(what)")
    try log.close()
    guard !isAccepted else { return }
    _ = try accept(&fixture, lsns(4, 8))
    let again = try fixture.open()
    #expect(again.writer != nil, "\(what)")
    try again.close()
  }

  @Test("an acceptance outlives the manifest that it was written into")
  func rolled() throws {
    var fixture = try damagedTail()
    let acceptance = try accept(&fixture, lsns(4, 8))
    let path = try fixture.manifestPath()
    let end = try LogOverview.manifest(Fixture.folder, on: fixture.disk.copy()).survey.place.offset
    try fixture.disk.flipBit(path, byte: Int(end) + 3, bit: 0)
    let log = try fixture.open()
    #expect(log.writer != nil && log.report.accepted == acceptance.accepted)
    try log.close()
    #expect(try fixture.manifestPath() != path, "its tail was torn")
    let state = try LogOverview.manifest(Fixture.folder, on: fixture.disk).state
    #expect(state.accepted == acceptance.accepted && state.forks == [acceptance.fork])
    #expect(try ManifestState().applying(state.snapshot) == state)
  }

  @Test(
    "whatever bits rot: once all losses are accepted, all that is left is read, and the rest is called lost")
  func anyBits() throws {
    var base = Fixture(segmentByteCount: 8192)
    let writer = try base.openWriter()
    for at in 0..<30 {
      try base.append(writer, records: 2, bytes: 500)
      if at % 3 == 0 {
        try writer.sync()
        try writer.mark()
      }
    }
    let paths = writer.reader.view.segments.map { Fixture.folder + "/" + $0.record.name }
    #expect(paths.count == 5)
    base.disk = base.disk.killProcess()
    var accepted = 0
    for seed in UInt64(0)..<80 {
      var random = SplitMix64(seed: seed)
      var fixture = base
      fixture.disk = base.disk.copy()
      for _ in 0...random.below(6) {
        let path = random.pick(paths)
        let byte = random.below(min(8192, try fixture.disk.contents(of: path).count))
        try fixture.disk.flipBit(path, byte: byte, bit: random.below(8))
      }
      do throws(LogError) {
        let acceptance = try accept(&fixture, LSNRange(.first, through: LSN(60)))
        #expect(acceptance.remaining.isEmpty, "seed \(seed)")
        accepted += 1
      } catch {
        guard case .noLoss = error else { throw error }
      }
      let log = try fixture.open()
      #expect(log.writer != nil, "seed \(seed): \(log.report)")
      let found = try scanned(log.reader)
      #expect(found.thrown.isEmpty, "seed \(seed)")
      var returned = found.entries[...]
      for entry in fixture.entries {
        if returned.first == entry {
          returned.removeFirst()
        } else {
          let isTold = [entry.lsns.first, entry.lsns.last].allSatisfy { lsn in
            if case .lost = log.reader.locate(lsn) { true } else { false }
          }
          #expect(isTold, "seed \(seed): \(entry.lsns) neither read nor called lost")
        }
      }
      #expect(returned.isEmpty, "seed \(seed)")
      try log.close()
    }
    #expect(accepted > 40)
    print("losses: bits rotten in 80 stores, \(accepted) of them with a loss; all accepted")
  }

  // MARK: Bytes

  @Test("an acceptance and a fork have the bytes that Format.md gives them")
  func bytes() throws {
    let timeline = try #require(TimelineID((0..<16).map { 0xa0 + $0 }))
    let parent = try #require(TimelineID((0..<16).map { 0xb0 + $0 }))
    let golden: [UInt8] =
      [12, 0, 0, 0, 24, 0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0]
      + [0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 13, 0, 0, 0, 40, 0, 0, 0]
      + timeline.bytes + parent.bytes + [3, 0, 0, 0, 0, 0, 0, 0]
      + [10, 0, 0, 0, 40, 0, 0, 0] + [UInt8](repeating: 0, count: 24)
      + [4, 0, 0, 0, 0, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0]
    let changes: [ManifestChange] = [
      .accepted(AcceptedLoss(lsns: lsns(4, 5), time: WallTime(nanoseconds: -2))),
      .fork(Fork(timeline: timeline, parent: parent, lastShared: LSN(3))),
      .damage(Damage(missing: lsns(4, 9))),
    ]
    var writer = ByteWriter()
    writer.write(golden)
    // What is decoded was encoded again and compared by the decoder.
    #expect(try ManifestChange.decode(writer.bytes) == changes)
    let state = try ManifestState().applying([.ceiling(LSN(10))] + changes)
    #expect(state.forks.count == 1 && state.acceptedLSNs.covers(lsns(4, 5)) && state.damages.count == 1)
    #expect(try ManifestState().applying(state.snapshot) == state)
    #expect(try state.applying([.floor(LSN(10))]).damages.isEmpty, "nobody needs them any more")
    for wrong in [lsns(4, 10), lsns(0, 3), lsns(5, 4)] {
      #expect(throws: ManifestFault.self) {
        try state.applying([.accepted(AcceptedLoss(lsns: wrong, time: WallTime(nanoseconds: 0)))])
      }
    }
    for wrong in [(timeline, timeline), (parent, timeline), (timeline, parent)] {
      #expect(throws: ManifestFault.self) {
        try state.applying([.fork(Fork(timeline: wrong.0, parent: wrong.1, lastShared: LSN(1)))])
      }
    }
  }

  @Test("a set of ranges covers what was put in, and nothing else, seed 3")
  func ranges() {
    var random = SplitMix64(seed: 3)
    for _ in 0..<300 {
      var set = LSNRanges()
      var oracle = Set<UInt64>()
      for _ in 0..<random.below(12) {
        let first = UInt64(random.within(1...60))
        let last = first + UInt64(random.below(8)) - 1
        set.insert(lsns(first, last))
        if first <= last { oracle.formUnion(first...last) }
      }
      #expect(set.ranges.reduce(0) { $0 + $1.count } == UInt64(oracle.count))
      for (a, b) in zip(set.ranges, set.ranges.dropFirst()) { #expect(a.last.next < b.first) }
      for first in UInt64(1)...70 {
        #expect((set.range(of: LSN(first)) != nil) == oracle.contains(first))
        for last in first - 1...first + 5 {
          let isCovered = first > last || (first...last).allSatisfy(oracle.contains)
          #expect(set.covers(lsns(first, last)) == isCovered)
        }
      }
    }
  }
}
