// The scrub beside commits.

import ApusBytes
import ApusIndex
import ApusSystem
import ApusTestSupport
import Testing

@Suite("A scrub beside commits")
struct ScrubTests {
  private struct End: Sendable {
    var isOver = false
    var fault: String?
  }

  /// A commit's meta page can be seen before it is synced, and the commit has not ended: a snapshot that begins then is the one before, and
  /// LMDB says of the later one how many pages it has.
  @Test("finds nothing wrong, whenever in a commit it begins")
  func beside() throws {
    let index = try Fixture().build(RowTests.rows(40), complete: 1_000)
    let end = Monitor(End())
    let writer = try SystemThread.start(name: "commits") {
      var fault: String?
      do {
        // Rows that grow and shrink, so that pages are taken and freed.
        for round in 1...1_000 {
          let row = [UInt8](repeating: UInt8(truncatingIfNeeded: round), count: 50 + 97 * (round % 7))
          let updates = (0..<40).map { TestUpdate(key: Keys.whole($0), lsn: UInt64(1_000 + round), row: row) }
          try index.checkpoint(updates, through: UInt64(1_000 + round))
        }
      } catch {
        fault = "\(error)"
      }
      let said = fault
      end.withLock { end in
        end.isOver = true
        end.fault = end.fault ?? said
      }
    }
    // Others take their turns on the cores, so that the committing thread is stopped anywhere.
    let others = try (0..<3).map { number in
      try SystemThread.start(name: "reader \(number)") {
        do {
          var reader = try index.reader()
          while !end.withLock({ $0.isOver }) {
            try reader.renew()
            reader.reset()
          }
        } catch {
          end.withLock { $0.fault = "\(error)" }
        }
      }
    }
    var scrubs = 0
    while !end.withLock({ $0.isOver }) {
      var scrub = try index.scrub()
      var report: IndexScrubReport?
      while report == nil { report = scrub.step(64) }
      let found = try #require(report)
      guard found.isSound else {
        Issue.record("after \(scrubs) scrubs: \(found)")
        break
      }
      scrubs += 1
    }
    for thread in [writer] + others { thread.join() }
    #expect(end.withLock { $0.fault } == nil)
    #expect(scrubs > 0)
  }
}
