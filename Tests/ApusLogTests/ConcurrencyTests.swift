// Readers on their own threads beside the appender: what they see is whole, in order, and never ahead of what is durable.

import ApusBytes
import ApusLog
import ApusSystem
import ApusTestSupport
import Glibc
import Testing

@Suite("Readers beside the appender")
struct ConcurrencyTests {
  /// A payload that shows any mixture: its number, repeated.
  private static func payload(_ number: Int) -> [UInt8] {
    Array(repeating: UInt8(truncatingIfNeeded: number), count: 64 + number % 512)
  }

  @Test(
    "scans, reads by position, pins and retiring go on together, through many segments, and nobody sees a wrong byte"
  )
  func together() throws {
    let folder = try TemporaryFolder("readers")
    var random = SystemRandomNumberGenerator()
    var options = LogOptions()
    options.segmentByteCount = 32 << 10
    let log = try Log.open(
      folder.path("store"), on: RealDisk(), clock: SystemClock(), random: &random, options: options)
    let reader = log.reader
    let appender = try Appender(Handed(writer: try #require(log.writer)).writer, .durable) {
      Issue.record("\($0)")
    }
    let frames = 3000
    let done = Monitor(false)
    let acks = Monitor<[Ack]>([])

    let readers = try (0..<3).map { number in
      try SystemThread.start(name: "reader-\(number)") {
        var rounds = 0
        while !done.withLock({ $0 }) || rounds == 0 {
          rounds += 1
          ConcurrencyTests.scan(reader)
          if let ack = acks.withLock({ $0.last }) { ConcurrencyTests.read(ack, from: reader) }
        }
      }
    }
    for number in 0..<frames {
      try appender.submit(recordCount: 1, payload: Self.payload(number)) { result in
        if case .success(let ack) = result { acks.withLock { $0.append(ack) } }
      }
      if number % 100 == 99 {
        let last = try appender.append(recordCount: 1, payload: Self.payload(0)).lsns.last
        // Keeps about the last ten segments, less what readers hold.
        if last.rawValue > 500 {
          _ = try appender.perform { (writer) throws(LogError) in
            try writer.retire(through: LSN(last.rawValue - 500)).count
          }
        }
      }
    }
    try appender.close()
    done.withLock { $0 = true }
    for thread in readers { thread.join() }
    #expect(acks.withLock { $0.count } == frames)
    #expect(try LogCheck.run(folder.path("store"), on: RealDisk()).isSound)
  }

  private struct Handed: @unchecked Sendable {
    // Immutable, and owned by the appender from here on.
    let writer: LogWriter
  }

  private static func scan(_ reader: LogReader) {
    do throws(LogError) {
      // The floor may rise between the two; then there is nothing to pin any more.
      let pin = reader.pin(from: .none)
      var scanner = try reader.scan(from: pin.lsn)
      var last = pin.lsn.previous
      while let frame = try scanner.next() {
        let payload = scanner.payload.copied()
        if frame.base <= last { Issue.record("LSN \(frame.base) behind \(last)") }
        if Set(payload).count != 1 { Issue.record("a mixture at LSN \(frame.base)") }
        last = frame.lsns.last
      }
      if !scanner.damages.isEmpty { Issue.record("\(scanner.damages)") }
    } catch {
      Issue.record("\(error)")
    }
  }

  private static func read(_ ack: Ack, from reader: LogReader) {
    do throws(LogError) {
      let (frame, payload) = try reader.read(at: ack.position)
      if frame.lsns != ack.lsns || Set(payload).count != 1 { Issue.record("\(frame) for \(ack)") }
    } catch {
      // Retired meanwhile.
      if case .noFrame = error { return }
      Issue.record("\(error)")
    }
  }

  @Test("a store's files are its owner's alone: 0600, folders 0700")
  func modes() throws {
    let folder = try TemporaryFolder("modes")
    var random = SystemRandomNumberGenerator()
    let log = try Log.open(folder.path("store"), on: RealDisk(), clock: SystemClock(), random: &random)
    let writer = try #require(log.writer)
    _ = try writer.append(recordCount: 1, payload: RawSpan())
    try writer.sync()
    #expect(try mode(of: folder.path("store")) == 0o700)
    for name in ["LOCK", "CURRENT", log.report.manifest] {
      #expect(try mode(of: folder.path("store/" + name)) == 0o600, "\(name)")
    }
    #expect(try mode(of: folder.path("store/log")) == 0o700)
    for segment in writer.reader.view.segments {
      #expect(try mode(of: folder.path("store/" + segment.record.name)) == 0o600)
    }
    try writer.close()
  }

  private func mode(of path: String) throws -> mode_t {
    var info = stat()
    try #require(unsafe stat(path, &info) == 0)
    return info.st_mode & 0o777
  }
}
