// A sample of what `make torture ONLY=store-kills` does at every system call of a store's life.

import ApusSystem
import ApusTestSupport
import Testing

@Suite("A real store", .enabled(if: LifeProcess.life != nil, "ApusLife is not built"))
struct StoreKillTests {
  private static let strace = ConditionTrait.enabled(if: LifeProcess.strace != nil, "strace is not installed")
  private static let shape = ["--seed", "3", "--frames", "16", "--rounds", "2", "--group", "3", "--stutter"]
  private static let moments = [0.0, 0.3, 0.6, 0.9]

  @Test(
    "killed at a system call has what it acknowledged, doubles no retry, and hashes as a replay does", strace,
    arguments: ["fdatasync", "pwrite64", "rename", "fallocate", "mkdir", "mmap", "unlink", "ftruncate"])
  func killed(call: String) throws {
    let count = try LifeProcess.count(of: call, Self.shape, of: .store)
    try #require(count > 0)
    for moment in Self.moments {
      let process = try LifeProcess(of: .store)
      // Threads share the calls; the count is of all of them.
      let number = 1 + Int(Double(count - 1) * moment / 2)
      let outcome = try process.live(call, number, "signal=SIGKILL", Self.shape)
      #expect([nil, 0, 137].contains(outcome.exitCode), "\(call) \(number): \(outcome.words)")
      let verdict = try process.verify()
      #expect(verdict.exitCode == 0, "killed at \(call) \(number): \(verdict.words)")
      let again = try process.live(Self.shape)
      #expect(again.exitCode == 0, "the life after \(call) \(number): \(again.words)")
      let second = try process.verify()
      #expect(second.exitCode == 0, "gone on after \(call) \(number): \(second.words)")
    }
  }

  @Test("whose index cannot be committed gives that index up, goes on, and builds another", strace)
  func failedCommit() throws {
    let shape = ["--seed", "4", "--frames", "40", "--rounds", "1"]
    var rebuilt = 0
    for number in [1, 2] {
      let process = try LifeProcess(of: .store)
      let index = process.data + "/index/index-0000000001"
      let outcome = try process.live("fdatasync", number, of: index + "/data.mdb", "error=EIO", shape)
      #expect(outcome.exitCode == 0, "fdatasync \(number) of the index: \(outcome.words)")
      let verdict = try process.verify()
      #expect(verdict.exitCode == 0, "fdatasync \(number) of the index: \(verdict.words)")
      // Given up, and removed when another was whole, by the life itself or by whoever opened the store next.
      if try RealDisk().entry(at: index) == nil { rebuilt += 1 }
    }
    #expect(rebuilt == 2)
  }
}
