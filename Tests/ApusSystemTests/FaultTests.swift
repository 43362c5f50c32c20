// What a test can make go wrong on the simulated disk.

import ApusSystem
import ApusTestSupport
import Testing

private func filled(_ byte: UInt8, _ count: Int = 512) -> [UInt8] { [UInt8](repeating: byte, count: count) }

@Suite("A fault")
struct FaultTests {
  private let disk = SimulatedDisk(seed: 7, folders: ["/data"])

  @Test("comes at the call it was planned for, counted by kind or over all, and only there")
  func planned() throws {
    disk.failCall(2, of: .write, with: .noSpace)
    let file = try disk.open("/data/a", .create)
    try file.writeAll([1], at: 0)
    #expect(throws: SystemError("pwrite", .noSpace, on: "/data/a")) { try file.writeAll([2], at: 0) }
    try file.writeAll([3], at: 0)
    #expect(disk.calls[.write] == 3)
    #expect(disk.calls.total == 4)
    disk.failCall(6, with: .inputOutput)
    try file.syncAll()
    #expect(throws: SystemError("fstat", .inputOutput, on: "/data/a")) { try file.size() }
    disk.failNext(.open, with: .tooManyOpenFiles)
    #expect(throws: SystemError("open", .tooManyOpenFiles, on: "/data/a")) { try disk.open("/data/a", .read) }
    #expect(try disk.open("/data/a", .read).readAll() == [3])
  }

  @Test("can come at any kind of call")
  func everyKind() throws {
    let file = try disk.open("/data/a", .create)
    func make(_ call: DiskCall) throws(SystemError) {
      switch call {
      case .open: _ = try disk.open("/data/a", .read)
      case .create: _ = try disk.open("/data/b", .create)
      case .read: _ = try file.read(1, at: 0)
      case .write: try file.writeAll([1], at: 0)
      case .syncData: try file.syncData()
      case .syncAll: try file.syncAll()
      case .size: _ = try file.size()
      case .allocate: try file.allocate(1)
      case .truncate: try file.truncate(1)
      case .dropCache: try file.dropCache()
      case .rename: try disk.rename("/data/a", to: "/data/c")
      case .remove: try disk.remove("/data/a")
      case .makeFolder: try disk.makeFolder("/data/f")
      case .syncFolder: try disk.syncFolder("/data")
      case .names: _ = try disk.names(in: "/data")
      case .entry: _ = try disk.entry(at: "/data/a")
      case .lock: _ = try disk.lock("/data/LOCK", .exclusive)
      case .freeBytes: _ = try disk.freeBytes(at: "/data")
      }
    }
    for call in DiskCall.allCases {
      disk.failNext(call, with: .accessDenied)
      #expect(errno { () throws(SystemError) in try make(call) } == .accessDenied, "\(call)")
    }
    #expect(try disk.names(in: "/data") == ["a"])
  }

  @Test("of the power stops everything from one call on")
  func power() throws {
    let file = try disk.open("/data/a", .create)
    disk.failPower(beforeCall: 3)
    try file.writeAll([1], at: 0)
    #expect(errno { () throws(SystemError) in try file.writeAll([2], at: 0) } == .inputOutput)
    #expect(errno { () throws(SystemError) in try disk.syncFolder("/data") } == .inputOutput)
    #expect(disk.isOff)
    let next = disk.killProcess()
    #expect(try next.open("/data/a", .read).readAll() == [1])
  }

  @Test("of length goes unnoticed by those who go on")
  func short() throws {
    disk.faults.shortReads = 0.7
    disk.faults.shortWrites = 0.7
    let bytes = (0..<5_000).map { UInt8(truncatingIfNeeded: $0) }
    let file = try disk.open("/data/a", .create)
    try file.writeAll(bytes, at: 0)
    #expect(try file.readAll() == bytes)
    #expect(disk.calls[.read] > 1 && disk.calls[.write] > 1)
  }

  @Test("of length can be planned to the byte")
  func shortPlanned() throws {
    disk.shortenCall(1, of: .write, to: 3)
    disk.failCall(2, of: .write, with: .noSpace)
    let file = try disk.open("/data/a", .create)
    #expect(errno { () throws(SystemError) in try file.writeAll([1, 2, 3, 4], at: 0) } == .noSpace)
    #expect(try file.readAll() == [1, 2, 3])
  }

  @Test("by chance comes about as often as it should")
  func chance() throws {
    let file = try disk.open("/data/a", .create)
    disk.faults.writeErrors = 0.25
    disk.faults.readErrors = 0.25
    var failed = 0
    for _ in 0..<1_000 {
      if errno(of: { () throws(SystemError) in try file.writeAll([1], at: 0) }) == .inputOutput {
        failed += 1
      }
      if errno(of: { () throws(SystemError) in _ = try file.read(1, at: 0) }) == .inputOutput { failed += 1 }
    }
    #expect((400...600).contains(failed))
  }

  @Test("shows in the log of calls")
  func log() throws {
    disk.keepsLog = true
    let file = try disk.open("/data/a", .create)
    try file.writeAll([1, 2], at: 5)
    #expect(disk.callLog.map(\.description) == ["create /data/a", "write /data/a 5+2"])
  }
}

@Suite("A failed sync")
struct FailedSyncTests {
  private let disk = SimulatedDisk(seed: 7, folders: ["/data"])
  private let file: any DiskFile

  init() throws {
    try disk.plant(filled(1, 1_024), at: "/data/a")
    file = try disk.open("/data/a", .readWrite)
    try file.writeAll(filled(2), at: 0)
    disk.failNext(.syncData, with: .inputOutput)
    #expect(throws: SystemError("fdatasync", .inputOutput, on: "/data/a")) { try file.syncData() }
  }

  @Test("leaves the cache showing what is not on the disk")
  func cache() throws {
    #expect(try file.read(512, at: 0) == filled(2))
    #expect(try disk.durableContents(of: "/data/a") == filled(1, 1_024))
  }

  @Test("is followed by one that succeeds and writes nothing")
  func second() throws {
    try file.syncData()
    #expect(try disk.durableContents(of: "/data/a") == filled(1, 1_024))
    #expect(try disk.crash().contents(of: "/data/a") == filled(1, 1_024))
  }

  @Test("shows its loss when the cache is dropped")
  func dropped() throws {
    try file.syncData()
    try file.dropCache()
    #expect(try file.readAll() == filled(1, 1_024))
  }

  @Test("is healed only where the bytes are written again")
  func rewritten() throws {
    try file.writeAll(filled(3, 10), at: 0)
    try file.syncData()
    #expect(try disk.crash().contents(of: "/data/a") == filled(3, 10) + filled(2, 502) + filled(1))
  }

  @Test("may have written some sectors all the same, where a test wants that")
  func arrivals() throws {
    var left: Set<[UInt8]> = []
    for seed in 0..<100 as Range<UInt64> {
      let disk = SimulatedDisk(seed: seed, folders: ["/data"])
      disk.faults.failedSyncArrivals = 0.5
      try disk.plant(filled(1, 1_024), at: "/data/a")
      let file = try disk.open("/data/a", .readWrite)
      try file.writeAll(filled(2, 1_024), at: 0)
      disk.failNext(.syncAll, with: .inputOutput)
      #expect(errno { () throws(SystemError) in try file.syncAll() } == .inputOutput)
      left.insert(try disk.durableContents(of: "/data/a"))
    }
    #expect(left.count == 4)
  }

  @Test("of a folder leaves names that no later sync keeps")
  func folder() throws {
    var left: Set<[String]> = []
    for seed in 0..<50 as Range<UInt64> {
      let disk = SimulatedDisk(seed: seed, folders: ["/data"])
      _ = try disk.open("/data/a", .create)
      disk.failNext(.syncFolder, with: .inputOutput)
      #expect(errno { () throws(SystemError) in try disk.syncFolder("/data") } == .inputOutput)
      try disk.syncFolder("/data")
      #expect(try disk.names(in: "/data") == ["a"])
      left.insert(try disk.crash().names(in: "/data"))
    }
    #expect(left == [[], ["a"]])
  }

  @Test("of a folder can be made good by the next process, which cannot know of it")
  func folderLater() throws {
    for seed in 0..<50 as Range<UInt64> {
      let disk = SimulatedDisk(seed: seed, folders: ["/data"])
      _ = try disk.open("/data/a", .create)
      disk.failNext(.syncFolder, with: .inputOutput)
      #expect(errno { () throws(SystemError) in try disk.syncFolder("/data") } == .inputOutput)
      let next = disk.killProcess()
      try next.syncFolder("/data")
      #expect(try next.crash().names(in: "/data") == ["a"])
    }
  }
}

@Suite("A full simulated disk")
struct FullDiskTests {
  @Test("refuses what does not fit: a file, a reservation, a write")
  func refusals() throws {
    // Two sectors for two files, and four for what is in them.
    let disk = SimulatedDisk(capacity: 6 * 512, folders: ["/data"])
    let file = try disk.open("/data/a", .create)
    _ = try disk.open("/data/b", .create)
    #expect(try disk.freeBytes(at: "/data") == 2_048)
    #expect(throws: SystemError("fallocate", .noSpace, on: "/data/a")) { try file.allocate(2_049) }
    #expect(try file.size() == 0)
    try file.allocate(1_024)
    // What fits is taken, as the kernel does, and then there is no room.
    #expect(errno { () throws(SystemError) in try file.writeAll(filled(1, 3_000), at: 0) } == .noSpace)
    #expect(try file.readAll() == filled(1, 2_048))
    #expect(throws: SystemError("open", .noSpace, on: "/data/c")) { try disk.open("/data/c", .create) }
    // What is there can be written again.
    try file.writeAll(filled(2, 2_048), at: 0)
    #expect(try disk.freeBytes(at: "/data") == 0)
  }

  @Test("has room again after a cut, and after a removal when the last who had the file open closes it")
  func room() throws {
    let disk = SimulatedDisk(capacity: 4 * 512, folders: ["/data"])
    let file = try disk.open("/data/a", .create)
    try file.allocate(1_536)
    try file.truncate(512)
    #expect(try disk.freeBytes(at: "/data") == 1_024)
    try disk.remove("/data/a")
    #expect(try disk.freeBytes(at: "/data") == 1_024)
    file.close()
    #expect(try disk.freeBytes(at: "/data") == 2_048)
  }

  @Test("counts anew what a crash has left")
  func crash() throws {
    let disk = SimulatedDisk(capacity: 4 * 512, folders: ["/data"])
    let file = try disk.open("/data/a", .create)
    try file.allocate(512)
    try file.syncAll()
    try disk.syncFolder("/data")
    try disk.remove("/data/a")
    try disk.syncFolder("/data")
    _ = try disk.open("/data/b", .create)
    try disk.syncFolder("/data")
    let next = disk.crash()
    #expect(try next.freeBytes(at: "/data") == 1_536)
    #expect(next.capacity == 2_048)
  }
}

@Suite("Rot")
struct RotTests {
  @Test("flips one bit, on the disk and for reads")
  func flip() throws {
    let disk = SimulatedDisk(folders: ["/data"])
    try disk.plant(filled(0), at: "/data/a")
    try disk.flipBit("/data/a", byte: 3, bit: 7)
    #expect(try disk.contents(of: "/data/a")[3] == 0x80)
    #expect(try disk.durableContents(of: "/data/a")[3] == 0x80)
  }

  @Test("below the cache is seen when the cache is dropped")
  func belowCache() throws {
    let disk = SimulatedDisk(folders: ["/data"])
    try disk.plant(filled(0), at: "/data/a")
    try disk.flipBit("/data/a", byte: 3, bit: 0, inCache: false)
    let file = try disk.open("/data/a", .read)
    #expect(try file.readAll() == filled(0))
    try file.dropCache()
    #expect(try file.readAll()[3] == 1)
  }
}
