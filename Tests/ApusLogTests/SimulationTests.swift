// Thousands of lives on a simulated disk. `make torture` plays many more; a failing seed repeats exactly:
// APUS_SIMULATION_FIRST_SEED=<seed> APUS_SIMULATION_SEEDS=1.

import ApusTestSupport
import Glibc
import Testing

private func setting(_ name: String, or standard: UInt64) -> UInt64 {
  unsafe getenv(name).flatMap { unsafe UInt64(String(cString: $0)) } ?? standard
}

@Suite("Simulated lives of a log")
struct SimulationTests {
  @Test(
    "whatever crashes, kills, faults and full disks do: nothing promised is lost, nothing invented, no LSN given twice"
  )
  func stories() {
    let first = setting("APUS_SIMULATION_FIRST_SEED", or: 1)
    let count = setting("APUS_SIMULATION_SEEDS", or: 400)
    var total = LogStory.Summary()
    for seed in first..<first + count {
      do {
        total += try LogStory.play(seed)
      } catch {
        Issue.record("\(error)")
        return
      }
    }
    print("simulation: \(count) seeds from \(first): \(total)")
    if count >= 100 {
      // A story in which nothing happens proves nothing.
      #expect(total.tornTails > 0 && total.diskFull > 0 && total.stops > 0 && total.failedOpenings > 0)
      #expect(total.kills > 0 && total.powerCuts > 0 && total.retired > 0 && total.clockJumps > 0)
    }
  }

  @Test("one seed is one story")
  func repeats() throws {
    #expect(try LogStory.play(7) == LogStory.play(7))
  }
}

extension LogStory.Summary {
  static func += (a: inout LogStory.Summary, b: LogStory.Summary) {
    a.openings += b.openings
    a.frames += b.frames
    a.kills += b.kills
    a.powerCuts += b.powerCuts
    a.tornTails += b.tornTails
    a.diskFull += b.diskFull
    a.stops += b.stops
    a.failedOpenings += b.failedOpenings
    a.retired += b.retired
    a.clockJumps += b.clockJumps
  }
}
