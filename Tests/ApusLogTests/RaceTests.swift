// What another thread or another process does between two steps of one call.

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
}
