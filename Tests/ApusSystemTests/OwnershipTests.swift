// Descriptors have one owner, and a closed file is not used.

import ApusSystem
import ApusTestSupport
import Glibc
import Testing

@Suite("A descriptor", .serialized)
struct OwnershipTests {
  @Test("is closed with its owner, or by it, and once only")
  func owned() throws {
    func isOpen(_ raw: Int32) -> Bool { fcntl(raw, F_GETFD) >= 0 }
    // Far above what tests that run beside this one are given.
    func fresh(_ number: Int32) -> OwnedDescriptor { OwnedDescriptor(dup2(2, number)) }
    do {
      let owner = fresh(901)
      #expect(isOpen(owner.raw))
    }
    #expect(!isOpen(901))
    try fresh(902).close()
    #expect(!isOpen(902))
    let raw = fresh(903).giveUp()
    #expect(isOpen(raw))
    close(raw)
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
