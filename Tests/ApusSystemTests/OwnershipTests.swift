// Descriptors have one owner, and a closed file is not used.

import ApusSystem
import ApusTestSupport
import Glibc
import Testing

@Suite("A descriptor")
struct OwnershipTests {
  @Test("is closed with its owner")
  func byEnd() throws {
    let pair = try Pair()
    do {
      let owner = OwnedDescriptor(pair.writing)
      #expect(pair.isSilent && owner.raw == pair.writing)
    }
    #expect(pair.closes)
  }

  @Test("is closed by its owner, once")
  func byOwner() throws {
    let pair = try Pair()
    try OwnedDescriptor(pair.writing).close()
    #expect(pair.closes)
  }

  @Test("that was given up is somebody else's to close")
  func givenUp() throws {
    let pair = try Pair()
    let raw = OwnedDescriptor(pair.writing).giveUp()
    #expect(pair.isSilent)
    close(raw)
    #expect(pair.closes)
  }

  @Test("that was closed is not used: the real disk traps")
  func realUseAfterClose() async {
    let end = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      let file = try RealDisk().open("/proc/self/exe", .read)
      file.close()
      _ = try file.size()
    }
    #expect(end.said("/proc/self/exe is used after it was closed"))
  }

  @Test("that was closed is not used: the simulated disk traps")
  func simulatedUseAfterClose() async {
    let end = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      let file = try SimulatedDisk().open("/a", .create)
      file.close()
      try file.syncData()
    }
    #expect(end.said("/a is used after it was closed"))
  }

  @Test("opened for reading is not written to: the real disk traps")
  func realWriteToReader() async {
    let end = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      let file = try RealDisk().open("/proc/self/exe", .read)
      try file.writeAll([1], at: 0)
    }
    #expect(end.said("pwrite: EBADF"))
  }

  @Test("opened for reading is not written to: the simulated disk traps")
  func simulatedWriteToReader() async {
    let end = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      let disk = SimulatedDisk()
      _ = try disk.open("/a", .create)
      try disk.open("/a", .read).writeAll([1], at: 0)
    }
    #expect(end.said("/a was opened for reading: EBADF"))
  }
}
