// A sample of what `make torture` does at every system call: real processes, a real kernel, a journal outside of the
// store that says what was promised. See Tests/ApusLife and Tests/Torture.

import ApusSystem
import ApusTestSupport
import Glibc
import Testing

@Suite("A real process", .enabled(if: LifeProcess.life != nil, "ApusLife is not built"))
struct RealProcessTests {
  /// Evenly spread over a life, its first and its last call of a name among them.
  private static let moments = [0.0, 0.15, 0.3, 0.45, 0.6, 0.75, 0.9, 1.0]

  private static func number(_ moment: Double, of count: Int) -> Int {
    1 + Int((Double(count - 1) * moment).rounded())
  }

  private static let strace = ConditionTrait.enabled(if: LifeProcess.strace != nil, "strace is not installed")

  @Test(
    "killed at a system call has lost nothing that it acknowledged, and another goes on from there", strace,
    arguments: ["fdatasync", "pwrite64", "rename", "fsync", "ftruncate", "unlink"])
  func killed(call: String) throws {
    let options = LifeProcess.shape + ["--stutter"]
    let count = try LifeProcess.count(of: call, options)
    try #require(count > 0)
    for moment in Self.moments {
      let process = try LifeProcess()
      let number = Self.number(moment, of: count)
      let outcome = try process.live(call, number, "signal=SIGKILL", options)
      #expect(outcome.exitCode == nil || outcome.exitCode == 137, "\(call) \(number): \(outcome.words)")
      let verdict = try process.verify()
      #expect(verdict.exitCode == 0, "killed at \(call) \(number): \(verdict.words)")
      let again = try process.live()
      #expect(again.exitCode == 0, "the life after \(call) \(number): \(again.words)")
      let second = try process.verify()
      #expect(second.exitCode == 0, "gone on after \(call) \(number): \(second.words)")
    }
  }

  @Test(
    "acknowledges nothing after a failed sync, and ends with a typed error", strace,
    arguments: ["writer", "appender"])
  func failedSync(via: String) throws {
    let options = LifeProcess.shape + ["--via", via]
    let count = try LifeProcess.count(of: "fdatasync", options)
    try #require(count > 0)
    for moment in Self.moments {
      let process = try LifeProcess()
      let number = Self.number(moment * 0.9, of: count)
      let outcome = try process.live("fdatasync", number, "error=EIO", options)
      // The appender groups as it likes, and may sync less often than was counted.
      guard let acked = try process.ackedAfterTheFault() else { continue }
      #expect(acked == 0, "fdatasync \(number)")
      #expect(outcome.exitCode == LifeProcess.refused, "fdatasync \(number): \(outcome.words)")
      #expect(outcome.words.contains("EIO"), "fdatasync \(number): \(outcome.words)")
      let verdict = try process.verify()
      #expect(verdict.exitCode == 0, "fdatasync \(number): \(verdict.words)")
    }
  }

  @Test(
    "that meets a full disk at a write or an allocation goes on when there is space", strace,
    arguments: ["pwrite64", "fallocate"])
  func passingFullDisk(call: String) throws {
    let count = try LifeProcess.count(of: call)
    try #require(count > 0)
    for moment in Self.moments {
      let process = try LifeProcess()
      let outcome = try process.live(call, Self.number(moment, of: count), "error=ENOSPC")
      // In the manifest, which is preallocated, no full disk is expected, and one stops the log.
      #expect(outcome.exitCode == 0 || outcome.exitCode == LifeProcess.refused, "\(outcome.words)")
      let verdict = try process.verify()
      #expect(verdict.exitCode == 0, "\(verdict.words)")
    }
  }

  @Test(
    "on a disk that is full and stays full ends with a typed error, and keeps what it acknowledged",
    .enabled(if: geteuid() == 0, "only root may mount a file system"))
  func fullDisk() throws {
    let disk = try TemporaryFolder("apus-full")
    let mounted = unsafe mount("tmpfs", disk.path, "tmpfs", 0, "size=2m")
    try #require(mounted == 0, "a tmpfs can be mounted")
    defer { _ = unsafe umount2(disk.path, Int32(2)) }
    let process = try LifeProcess(data: disk.path("store"))
    let outcome = try process.live(["--frames", "1000000", "--segment", "65536"])
    #expect(outcome.exitCode == LifeProcess.refused, "\(outcome.words)")
    #expect(outcome.words.contains("the disk is full"), "\(outcome.words)")
    #expect(try process.journaledAcks() > 100)
    let verdict = try process.verify()
    #expect(verdict.exitCode == 0, "\(verdict.words)")
  }
}
