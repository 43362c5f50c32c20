// Scans and the writer share the unfinished segment's file, and neither may take it from the other.

import ApusBytes
import ApusLog
import ApusSystem
import ApusTestSupport
import Testing

@Suite("A scan that began in the unfinished segment")
struct ScanDuringWritingTests {
  /// What the writer may do to the segment before the scan takes its first step.
  enum Event: CaseIterable { case rotate, close, abandon }

  @Test("goes on to its end when the writer rotates, closes or is gone", arguments: Event.allCases)
  func goesOn(_ event: Event) throws {
    let folder = try TemporaryFolder()
    var random = SplitMix64(seed: 1)
    let log = try Log.open(folder.path("store"), on: RealDisk(), clock: SystemClock(), random: &random)
    let writer = try #require(log.writer)
    let payload: [UInt8] = [1, 2, 3]
    for _ in 0..<3 { _ = try unsafe writer.append(recordCount: 1, payload: payload.span.bytes) }
    try writer.sync()

    var scanner = try log.reader.scan(from: .first)
    switch event {
    case .rotate: try writer.rotate()
    case .close: try writer.close()
    case .abandon: writer.abandon()
    }
    var lsns: [LSNRange] = []
    while let frame = try scanner.next() { lsns.append(frame.lsns) }
    #expect(lsns == (1...3).map { LSNRange(LSN($0), through: LSN($0)) })
  }
}
