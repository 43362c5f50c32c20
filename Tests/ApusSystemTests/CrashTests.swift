// What a power cut may do to bytes and sizes, and what it may not.

import ApusSystem
import ApusTestSupport
import Testing

/// What is left on a disk in `/data` after 300 crashes, each after the same story with another seed.
func afterCrashes<Left: Hashable>(
  _ story: (SimulatedDisk) throws -> Void,
  left: (SimulatedDisk) throws -> Left
) throws -> Set<Left> {
  var found: Set<Left> = []
  for seed in 0..<300 as Range<UInt64> {
    let disk = SimulatedDisk(seed: seed, folders: ["/data"])
    try story(disk)
    found.insert(try left(disk.crash()))
  }
  return found
}

private func filled(_ byte: UInt8, _ count: Int = 512) -> [UInt8] { [UInt8](repeating: byte, count: count) }

@Suite("A power cut")
struct CrashTests {
  @Test("takes nothing that was synced")
  func synced() throws {
    let left = try afterCrashes { disk in
      let file = try disk.open("/data/a", .create)
      try file.writeAll(filled(1, 3_000), at: 0)
      try file.syncData()
      try disk.syncFolder("/data")
    } left: {
      try $0.contents(of: "/data/a")
    }
    #expect(left == [filled(1, 3_000)])
  }

  @Test("takes or leaves each unsynced sector by itself")
  func sectors() throws {
    let left = try afterCrashes { disk in
      try disk.plant(filled(0, 1_536), at: "/data/a")
      try disk.open("/data/a", .readWrite).writeAll(filled(1, 1_536), at: 0)
    } left: { disk in
      let bytes = try disk.contents(of: "/data/a")
      // Torn sectors aside.
      return [0, 512, 1_024].map { start in
        Set(bytes[start..<start + 512]).count == 1 ? Int(bytes[start]) : -1
      }
    }
    let whole = left.filter { !$0.contains(-1) }
    #expect(whole.count == 8)
    #expect(whole.count < left.count)
  }

  @Test("tears a sector into a beginning and an end of old and new bytes, and nothing else")
  func torn() throws {
    let left = try afterCrashes { disk in
      try disk.plant(filled(1), at: "/data/a")
      try disk.open("/data/a", .readWrite).writeAll(filled(2), at: 0)
    } left: {
      try $0.contents(of: "/data/a")
    }
    #expect(left.contains(filled(1)) && left.contains(filled(2)))
    #expect(left.count > 10)
    for bytes in left {
      #expect(zip(bytes, bytes.dropFirst()).filter { $0 != $1 }.count <= 1)
      #expect(Set(bytes).isSubset(of: [1, 2]))
    }
  }

  @Test("may leave any of the versions a sector had since its sync")
  func versions() throws {
    let left = try afterCrashes { disk in
      try disk.plant(filled(0), at: "/data/a")
      let file = try disk.open("/data/a", .readWrite)
      for version in 1...4 { try file.writeAll(filled(UInt8(version)), at: 0) }
    } left: {
      Set(try $0.contents(of: "/data/a"))
    }
    for version in 0...4 { #expect(left.contains([UInt8(version)])) }
  }

  @Test("may let a later write survive and take an earlier one")
  func reordered() throws {
    let left = try afterCrashes { disk in
      try disk.plant(filled(0, 1_024), at: "/data/a")
      let file = try disk.open("/data/a", .readWrite)
      try file.writeAll(filled(1), at: 0)
      try file.writeAll(filled(2), at: 512)
    } left: {
      try $0.contents(of: "/data/a")
    }
    #expect(left.contains(filled(0) + filled(2)))
    #expect(left.contains(filled(1) + filled(0)))
  }

  @Test("leaves a grown file with a size it had, and zeroes where bytes were lost")
  func growth() throws {
    let left = try afterCrashes { disk in
      try disk.plant(filled(1, 100), at: "/data/a")
      let file = try disk.open("/data/a", .readWrite)
      try file.writeAll(filled(2, 100), at: 100)
      try file.allocate(2_000)
    } left: {
      try $0.contents(of: "/data/a")
    }
    #expect(Set(left.map(\.count)) == [100, 200, 2_000])
    #expect(left.contains(filled(1, 100) + filled(0, 100)))
    for bytes in left {
      #expect(bytes.prefix(100) == filled(1, 100)[...])
      #expect(bytes.dropFirst(200).allSatisfy { $0 == 0 })
    }
  }

  @Test("leaves a cut file as it was or as it is, until it is synced")
  func cut() throws {
    let unsynced = try afterCrashes { disk in
      try disk.plant(filled(1, 1_000), at: "/data/a")
      try disk.open("/data/a", .readWrite).truncate(10)
    } left: {
      try $0.contents(of: "/data/a").count
    }
    #expect(unsynced == [10, 1_000])
    let synced = try afterCrashes { disk in
      try disk.plant(filled(1, 1_000), at: "/data/a")
      let file = try disk.open("/data/a", .readWrite)
      try file.truncate(10)
      try file.allocate(1_000)
      try file.syncData()
    } left: {
      try $0.contents(of: "/data/a")
    }
    #expect(synced == [filled(1, 10) + filled(0, 990)])
  }

  @Test("kills every open file and lock, and the old disk with them")
  func deadHandles() throws {
    let disk = SimulatedDisk(folders: ["/data"])
    let file = try disk.open("/data/a", .create)
    let lock = try disk.lock("/data/LOCK", .exclusive)
    try disk.syncFolder("/data")
    for after in [disk.crash(), try started().killProcess()] {
      #expect(try after.lock("/data/LOCK", .exclusive).lock != nil)
    }
    #expect(errno { () throws(SystemError) in try file.writeAll([1], at: 0) } == .inputOutput)
    #expect(errno { () throws(SystemError) in try file.syncData() } == .inputOutput)
    #expect(errno { () throws(SystemError) in _ = try disk.names(in: "/data") } == .inputOutput)
    #expect(disk.isOff)
    file.close()
    lock.lock?.release()
  }

  private func started() throws -> SimulatedDisk {
    let disk = SimulatedDisk(folders: ["/data"])
    _ = try disk.lock("/data/LOCK", .exclusive)
    return disk
  }

  @Test("can be tried in every way there is")
  func images() throws {
    let disk = SimulatedDisk(folders: ["/data"])
    try disk.plant(filled(0, 2_048), at: "/data/a")
    let file = try disk.open("/data/a", .readWrite)
    try file.writeAll(filled(1, 2_048), at: 0)
    try file.allocate(3_000)
    #expect(try disk.unsyncedSectors(of: "/data/a") == [0, 1, 2, 3])
    let left = try Set(disk.crashImages(ofSectorsIn: "/data/a").map { try $0.contents(of: "/data/a") })
    #expect(left.count == 32)
    // The disk itself has noticed nothing.
    #expect(try file.readAll().prefix(2_048) == filled(1, 2_048)[...])
    #expect(try disk.unsyncedSectors(of: "/data/a") == [0, 1, 2, 3])
  }
}

@Suite("A killed process")
struct KillTests {
  @Test("leaves everything it wrote to be read, and what it did not sync to be lost later")
  func keeps() throws {
    var lost = 0
    for seed in 0..<50 as Range<UInt64> {
      let disk = SimulatedDisk(seed: seed, folders: ["/data"])
      let file = try disk.open("/data/a", .create)
      try file.writeAll(filled(1), at: 0)
      let killed = disk.killProcess()
      #expect(try killed.contents(of: "/data/a") == filled(1))
      #expect(try killed.durableNames(in: "/data") == [])
      let cut = killed.crash()
      if try cut.names(in: "/data").isEmpty || cut.contents(of: "/data/a") != filled(1) { lost += 1 }
    }
    #expect(lost > 10)
  }

  @Test("leaves bytes that a sync by the next process makes durable")
  func syncedLater() throws {
    let disk = SimulatedDisk(folders: ["/data"])
    try disk.open("/data/a", .create).writeAll(filled(1), at: 0)
    let next = disk.killProcess()
    try next.open("/data/a", .readWrite).syncData()
    try next.syncFolder("/data")
    #expect(try next.crash().contents(of: "/data/a") == filled(1))
  }
}
