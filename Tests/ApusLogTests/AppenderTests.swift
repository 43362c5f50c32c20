// The appender's thread: many senders, one sync; and what each of them is told.

import ApusBytes
import ApusLog
import ApusSystem
import ApusTestSupport
import Testing

@Suite("The appender")
struct AppenderTests {
  /// What a stop told, from the appender's thread.
  private final class Stops: Sendable {
    let seen = Monitor<[LogError]>([])
    var note: @Sendable (LogError) -> Void { { error in self.seen.withLock { $0.append(error) } } }
    var all: [LogError] { seen.withLock { $0 } }
  }

  private func start(
    _ disk: any Disk, _ folder: String, _ durability: Durability = .durable,
    limits: Appender.Limits = Appender.Limits(), stops: Stops = Stops()
  ) throws -> Appender {
    var random = SystemRandomNumberGenerator()
    let log = try Log.open(folder, on: disk, clock: SystemClock(), random: &random)
    let writer = try #require(log.writer)
    // The log goes with its writer, which nobody else uses from here on.
    return try Appender(Sole(writer: writer).writer, durability, limits: limits, onStop: stops.note)
  }

  /// Hands over the only reference there is.
  private struct Sole: @unchecked Sendable {
    // Immutable, and owned by whoever takes it out; the test keeps no other.
    let writer: LogWriter
  }

  @Test("every acknowledgement covers its frame, and senders who wait together share a sync")
  func groups() throws {
    let folder = try TemporaryFolder("appender")
    let appender = try start(RealDisk(), folder.path("store"))
    let senders = 64
    let each = 20
    let acks = Monitor<[Ack]>([])
    let threads = try (0..<senders).map { sender in
      try SystemThread.start(name: "sender-\(sender)") {
        for number in 0..<each {
          do throws(LogError) {
            let ack = try appender.append(recordCount: 2, payload: [UInt8(sender), UInt8(number)])
            acks.withLock { $0.append(ack) }
          } catch {
            Issue.record("\(error)")
          }
        }
      }
    }
    for thread in threads { thread.join() }
    let got = acks.withLock { $0 }
    #expect(got.count == senders * each)
    #expect(got.allSatisfy { $0.durable >= $0.lsns.last })
    #expect(Set(got.map(\.lsns.first)).count == got.count)
    let statistics = appender.statistics
    #expect(statistics.frames == got.count)
    #expect(statistics.syncs < got.count / 2, "\(statistics)")
    for ack in got {
      let (frame, _) = try appender.reader.read(at: ack.position)
      #expect(frame.lsns == ack.lsns)
    }
    try appender.close()
    #expect(throws: LogError.closed) { _ = try appender.append(recordCount: 1, payload: []) }
    #expect(try LogCheck.run(folder.path("store"), on: RealDisk()).records == UInt64(2 * got.count))
  }

  @Test("a sync that no frame follows is marked, so that later damage is known for damage")
  func idleMark() throws {
    let disk = SimulatedDisk()
    let appender = try start(disk, "/store")
    let ack = try appender.append(recordCount: 1, payload: [1])
    // The mark is written when nothing has followed for 10 ms: the test waits for the write, however long it takes.
    let path = "/store/" + appender.reader.view.segments[0].record.name
    let markAt = Int(ack.position.offset) + Format.frameHeaderByteCount + 8
    while try disk.contents(of: path)[markAt] == 0 { _ = Monitor(0).wait(for: 1_000_000) { _ in false } }
    _ = try appender.append(recordCount: 1, payload: [2])
    try appender.close()
    var types: [FrameType] = []
    try LogDump.run("/store", on: disk) { item, _ in
      if case .frame(_, let frame) = item { types.append(frame.type) }
      return true
    }
    // The second frame may have been marked too; no mark follows a mark.
    #expect(types.starts(with: [.records, .mark, .records]) && types.dropFirst(3).count { $0 == .mark } <= 1)
  }

  @Test("a buffered log acknowledges what a kill leaves, and syncs by itself")
  func buffered() throws {
    let disk = SimulatedDisk()
    let appender = try start(disk, "/store", .buffered)
    let ack = try appender.append(recordCount: 1, payload: [1, 2, 3])
    #expect(appender.reader.view.written >= ack.lsns.last)
    while appender.reader.view.durable < ack.lsns.last { _ = Monitor(0).wait(for: 1_000_000) { _ in false } }
    let killed = disk.killProcess()
    var fixture = Fixture()
    fixture.disk = killed
    #expect(try scanned(fixture.open().reader).entries.map(\.payload) == [[1, 2, 3]])
  }

  @Test(
    "when a sync fails, all who wait are told, nobody is acknowledged any more, and the owner hears of it once"
  )
  func failedSync() throws {
    let disk = SimulatedDisk()
    let stops = Stops()
    let appender = try start(disk, "/store", stops: stops)
    _ = try appender.append(recordCount: 1, payload: [1])
    disk.faults.syncErrors = 1
    for _ in 0..<5 {
      #expect {
        _ = try appender.append(recordCount: 1, payload: [2])
      } throws: { error in
        if case LogError.stopped = error { true } else { false }
      }
    }
    disk.faults.syncErrors = 0
    #expect(throws: LogError.self) { _ = try appender.append(recordCount: 1, payload: [3]) }
    #expect(stops.all.count == 1)
    try appender.close()
  }

  @Test("a full mailbox refuses at once, with a typed error, and takes nothing")
  func overloaded() throws {
    var limits = Appender.Limits()
    limits.waitingFramesMax = 3
    let appender = try start(SimulatedDisk(), "/store", limits: limits)
    let gate = Monitor(false)
    let answers = Monitor(0)
    // The appender's thread is held inside a job, so that the mailbox fills up.
    let holder = try SystemThread.start(name: "holder") {
      try? appender.perform { (_) throws(LogError) in _ = gate.wait(for: nil) { $0 } }
    }
    var accepted = 0
    var refused: LogError?
    while refused == nil {
      do throws(LogError) {
        try appender.submit(recordCount: 1, payload: [9]) { _ in answers.withLock { $0 += 1 } }
        accepted += 1
      } catch {
        refused = error
      }
    }
    guard case .overloaded(let frames, _) = refused else {
      Issue.record("\(String(describing: refused))")
      return
    }
    #expect(frames == 3)
    gate.withLock { $0 = true }
    gate.notifyAll()
    holder.join()
    // The mailbox may be full still; closing writes what it took.
    try appender.close()
    #expect(answers.withLock { $0 } == accepted)
  }

  @Test("closing writes what waits and answers everybody")
  func closing() throws {
    let disk = SimulatedDisk()
    let appender = try start(disk, "/store")
    let answers = Monitor<[Bool]>([])
    for number in 0..<100 {
      try appender.submit(recordCount: 1, payload: [UInt8(number)]) { result in
        let isAck = if case .success = result { true } else { false }
        answers.withLock { $0.append(isAck) }
      }
    }
    try appender.close()
    #expect(answers.withLock { $0 } == Array(repeating: true, count: 100))
    var fixture = Fixture()
    fixture.disk = disk
    let log = try fixture.open()
    #expect(log.report.gap == nil && log.report.tail == .none)
    #expect(try scanned(log.reader).entries.map(\.payload) == (0..<100).map { [$0] })
  }

  @Test("a full disk in the middle of a group fails just the frames it took, and later ones go on")
  func fullDisk() throws {
    let disk = SimulatedDisk()
    // No mark may come in between and meet the full disk instead.
    var limits = Appender.Limits()
    limits.markDelayNanoseconds = .max
    let appender = try start(disk, "/store", limits: limits)
    _ = try appender.append(recordCount: 1, payload: [1])
    let writes = disk.calls[.write]
    disk.failCall(writes + 1, of: .write, with: .noSpace)
    #expect {
      _ = try appender.append(recordCount: 1, payload: [2])
    } throws: { error in
      if case LogError.diskFull = error { true } else { false }
    }
    #expect(try appender.append(recordCount: 1, payload: [3]).lsns.first == LSN(2))
    try appender.close()
    var fixture = Fixture()
    fixture.disk = disk
    #expect(try scanned(fixture.open().reader).entries.map(\.payload) == [[1], [3]])
  }

  // MARK: Groups of which a full disk takes a part

  /// Holds the appender's thread in a job until `fill` has left other jobs behind it, so that those make one group.
  private func group(_ appender: Appender, _ fill: () throws -> Void) throws {
    let gate = Monitor(0)
    let holder = try SystemThread.start(name: "holder") {
      try? appender.perform { (_) throws(LogError) in
        gate.withLock { $0 = 1 }
        gate.notifyAll()
        _ = gate.wait(for: nil) { $0 == 2 }
      }
    }
    _ = gate.wait(for: nil) { $0 == 1 }
    defer {
      gate.withLock { $0 = 2 }
      gate.notifyAll()
      holder.join()
    }
    try fill()
  }

  /// What senders were told, by payload.
  private typealias Answers = Monitor<[(payload: [UInt8], isAcknowledged: Bool)]>

  private func submit(_ payload: [UInt8], to appender: Appender, _ answers: Answers) throws {
    try appender.submit(recordCount: 1, payload: payload) { result in
      let isAcknowledged = if case .success = result { true } else { false }
      answers.withLock { $0.append((payload, isAcknowledged)) }
      answers.notifyAll()
    }
  }

  @Test("a frame that a full disk takes while somebody's job runs is told as failed, never acknowledged")
  func fullDiskWithinAJob() throws {
    let disk = SimulatedDisk()
    var limits = Appender.Limits()
    limits.markDelayNanoseconds = .max
    limits.waitingBytesMax = 1
    let appender = try start(disk, "/store", limits: limits)
    _ = try appender.append(recordCount: 1, payload: [1])
    let answers = Answers([])
    let jobFailed = Monitor(false)
    var worker: SystemThread?
    try group(appender) {
      try submit([2], to: appender, answers)
      worker = try SystemThread.start(name: "worker") {
        do throws(LogError) {
          try appender.perform { (writer) throws(LogError) in
            disk.failNext(.write, with: .noSpace)
            try writer.rotate()
          }
        } catch {
          jobFailed.withLock { $0 = true }
        }
      }
      // A frame that is too much for the mailbox is refused, and told how many wait: the frame and the job.
      var waiting = 0
      while waiting < 2 {
        do throws(LogError) {
          try appender.submit(recordCount: 1, payload: [0, 0]) { _ in }
        } catch {
          if case .overloaded(let frames, _) = error { waiting = frames }
        }
      }
    }
    worker?.join()
    #expect(jobFailed.withLock { $0 })
    _ = try appender.append(recordCount: 1, payload: [3])
    try appender.close()
    var fixture = Fixture()
    fixture.disk = disk
    #expect(try scanned(fixture.open().reader).entries.map(\.payload) == [[1], [3]])
    #expect(answers.withLock { $0.map(\.isAcknowledged) } == [false])
  }

  @Test(
    "of a group that a full disk cut in two, what is durable is acknowledged, and what was taken is told as failed"
  )
  func fullDiskWithinAGroup() throws {
    let disk = SimulatedDisk()
    var random = SystemRandomNumberGenerator()
    var options = LogOptions()
    options.segmentByteCount = 8192
    let log = try Log.open("/store", on: disk, clock: SystemClock(), random: &random, options: options)
    var limits = Appender.Limits()
    limits.markDelayNanoseconds = .max
    let appender = try Appender(
      Sole(writer: try #require(log.writer)).writer, .durable, limits: limits, onStop: { _ in })
    _ = try appender.append(recordCount: 1, payload: [1])
    let answers = Answers([])
    let long = [UInt8](repeating: 9, count: 3800)
    try group(appender) {
      try submit([2], to: appender, answers)
      // Needs the next segment, which makes the frame before it durable; its own write meets the full disk.
      try submit(long, to: appender, answers)
      // The frame before, the next segment's header, the seal, an edit, its mark; then this one.
      disk.failCall(disk.calls[.write] + 6, of: .write, with: .noSpace)
    }
    // The next frame is not to share their fate.
    _ = answers.wait(for: nil) { $0.count == 2 }
    _ = try appender.append(recordCount: 1, payload: [3])
    try appender.close()
    var fixture = Fixture()
    fixture.disk = disk
    #expect(try scanned(fixture.open().reader).entries.map(\.payload) == [[1], [2], [3]])
    let told = answers.withLock { $0 }
    #expect(told.first { $0.payload == [2] }?.isAcknowledged == true)
    #expect(told.first { $0.payload == long }?.isAcknowledged == false)
  }
}
