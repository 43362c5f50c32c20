// One seed is one story, on every machine and in every process.

import ApusSystem
import ApusTestSupport
import Testing

/// FNV-1a, so that a story can be told in one number.
private struct Digest {
  private(set) var value: UInt64 = 0xcbf2_9ce4_8422_2325

  mutating func add(_ bytes: some Sequence<UInt8>) {
    for byte in bytes { value = (value ^ UInt64(byte)) &* 0x100_0000_01b3 }
  }
}

/// Lives and crashes with everything going wrong; what is left in the end, as a number.
private func story(_ seed: UInt64) throws -> UInt64 {
  var digest = Digest()
  var disk = SimulatedDisk(seed: seed, capacity: 100_000, folders: ["/data"])
  var random = SplitMix64(seed: seed)
  for life in 0..<5 {
    disk.faults.shortWrites = 0.2
    disk.faults.syncErrors = 0.1
    disk.faults.writeErrors = 0.05
    disk.faults.failedSyncArrivals = 0.3
    for step in 0..<40 {
      let name = "/data/\(random.below(6))"
      do {
        let file = try disk.entry(at: name) == nil ? disk.open(name, .create) : disk.open(name, .readWrite)
        switch random.below(8) {
        case 0: try disk.remove(name)
        case 1: try disk.rename(name, to: "/data/\(random.below(6))")
        case 2: try disk.syncFolder("/data")
        case 3: try file.syncData()
        case 4: try file.truncate(UInt64(random.below(5_000)))
        default: try file.writeAll(random.bytes(random.below(3_000)), at: UInt64(random.below(5_000)))
        }
      } catch {
        digest.add("\(life) \(step) \(error)".utf8)
      }
    }
    disk = life % 3 == 2 ? disk.killProcess() : disk.crash()
    for name in try disk.names(in: "/data") {
      digest.add(name.utf8)
      digest.add(try disk.contents(of: "/data/\(name)"))
    }
  }
  return digest.value
}

@Suite("A story")
struct StoryTests {
  @Test("is the same every time for one seed, and another for another")
  func repeatable() throws {
    #expect(try story(1) == story(1))
    #expect(Set(try (0..<100).map { try story($0) }).count == 100)
  }

  // When the simulation is changed on purpose, seeds of old failures lose their meaning. So this number is
  // changed by hand, and never in passing.
  @Test("is the same in every process")
  func golden() throws {
    let told = try story(42)
    #expect(told == 7_361_461_381_046_518_129)
  }

  @Test("may be told by several threads at once, each with its own file")
  func threads() throws {
    let disk = SimulatedDisk(folders: ["/data"])
    let threads = try (0..<4).map { number in
      try SystemThread.start(name: "writer \(number)") {
        guard let file = try? disk.open("/data/\(number)", .create) else { return }
        for step in 0..<500 {
          try? file.writeAll([UInt8(number)], at: UInt64(step))
          if step % 50 == 0 { try? file.syncData() }
        }
      }
    }
    for thread in threads { thread.join() }
    for number in 0..<4 {
      #expect(try disk.contents(of: "/data/\(number)") == [UInt8](repeating: UInt8(number), count: 500))
    }
    #expect(disk.calls[.write] == 2_000)
  }

  @Test("goes its own way on a copy")
  func copies() throws {
    let disk = SimulatedDisk(folders: ["/data"])
    try disk.plant([1, 2, 3], at: "/data/a")
    let copy = disk.copy()
    try copy.open("/data/a", .readWrite).writeAll([9], at: 0)
    #expect(try disk.contents(of: "/data/a") == [1, 2, 3])
    #expect(try copy.contents(of: "/data/a") == [9, 2, 3])
  }
}

@Suite("The seeded generator")
struct SplitMix64Tests {
  @Test("gives the numbers of the published algorithm")
  func vectors() {
    var random = SplitMix64(seed: 1_234_567)
    let expected: [UInt64] = [
      6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423,
      4_593_380_528_125_082_431, 16_408_922_859_458_223_821,
    ]
    #expect(expected.map { _ in random.next() } == expected)
  }

  @Test("keeps to its bounds and reaches them")
  func bounds() {
    var random = SplitMix64(seed: 0)
    #expect(Set((0..<1_000).map { _ in random.below(5) }) == [0, 1, 2, 3, 4])
    #expect(Set((0..<1_000).map { _ in random.within(-1...1) }) == [-1, 0, 1])
    #expect((0..<100).allSatisfy { _ in !random.chance(0) && random.chance(1) })
    #expect(random.bytes(13).count == 13)
  }
}
