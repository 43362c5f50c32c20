// What the oracle found: a power cut after a segment was begun and before its first frame was synced.

import ApusBytes
import ApusContracts
import ApusIndex
import ApusLog
import ApusStore
import ApusSystem
import ApusTestSupport
import Testing

@Suite("A store whose log ends in a gap")
struct StoreGapTests {
  @Test(
    "a power that fails at any call of the first append after an opening loses nothing, twice closed",
    arguments: 1...14)
  func gap(call: Int) throws {
    let folder = try TemporaryFolder("apus-gap", inMemory: true)
    var disk = SimulatedDisk(seed: 1, folders: ["store"])
    var options = StoreOptions()
    options.scrubPeriodNanoseconds = nil
    options.diskReserveByteCount = 0
    options.log.segmentByteCount = 1 << 16
    options.index.mapByteCount = 1 << 26
    let clock = SimulatedClock()
    var random = SplitMix64(seed: 7)
    func open() throws -> Store {
      try Store.open("store", on: disk, indexes: folder.path, clock: clock, random: &random, options: options)
    }
    let first = try open()
    _ = try first.apply(StoreFixture.definition(StoreFixture.text))
    first.abandon()
    disk = disk.killProcess()

    let second = try open()
    disk.failPower(beforeCall: disk.calls.total + call)
    _ = try? second.openProducer("pay")
    second.abandon()
    disk = disk.killProcess()

    for _ in 0..<3 {
      let store = try open()
      #expect(store.report.losses == [])
      #expect(store.catalog.registry.projects.count == 1)
      try store.close()
    }
  }
}
