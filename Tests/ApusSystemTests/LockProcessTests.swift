// Locks between processes, which only real ones can show.

import ApusSystem
import ApusTestSupport
import Glibc
import Testing

@Suite("A lock between processes")
struct LockProcessTests {
  private let folder: TemporaryFolder
  private let disk = RealDisk()
  private var path: String { folder.path("LOCK") }

  init() throws { folder = try TemporaryFolder() }

  @Test("is refused with the other's process id, and is free when the other is killed")
  func otherHolds() throws {
    try disk.open(path, .create).close()
    let other = try holder(of: path)
    defer { other.kill() }
    #expect(try disk.lock(path, .exclusive).holder == other.id)
    other.kill()
    #expect(try disk.lock(path, .exclusive).lock != nil)
  }

  @Test("that is shared elsewhere is still named")
  func otherShares() throws {
    try disk.open(path, .create).close()
    let other = try holder(of: path, "-s")
    defer { other.kill() }
    #expect(try disk.lock(path, .exclusive).holder == other.id)
    #expect(try disk.lock(path, .shared).lock != nil)
  }

  @Test("keeps another process out")
  func weHold() throws {
    let lock = try #require(try disk.lock(path, .exclusive).lock)
    #expect(try Child("/usr/bin/flock", "-n", "-s", path, "true").exitCode() == 1)
    lock.release()
    #expect(try Child("/usr/bin/flock", "-n", "-s", path, "true").exitCode() == 0)
  }

  @Test("names its holder in its file, and forgets it on release")
  func note() throws {
    let lock = try #require(try disk.lock(path, .exclusive).lock)
    #expect(try disk.open(path, .read).readAll() == Array("\(SystemProcess.id)\n".utf8))
    lock.release()
    #expect(try disk.open(path, .read).readAll() == [])
  }

  @Test("does not leak into child processes, nor does any file")
  func children() throws {
    let lock = try #require(try disk.lock(path, .exclusive).lock)
    let files = [try disk.open(folder.path("a"), .create), try disk.open(folder.path("a"), .read)]
    let child = try Child("/bin/sleep", "60")
    defer { child.kill() }
    let open = "/proc/\(child.id)/fd"
    let targets = try disk.names(in: open).map { target("\(open)/\($0)") }
    #expect(!targets.isEmpty)
    #expect(!targets.contains { $0.hasPrefix(folder.path) })
    lock.release()
    for file in files { file.close() }
  }

  /// Another process that has the lock by the time this returns.
  private func holder(of path: String, _ mode: String = "-x") throws -> Child {
    let pair = try Pair()
    defer { close(pair.writing) }
    let command = "echo locked; exec sleep 60"
    let child = try Child(
      "/usr/bin/flock", "-F", mode, path, "/bin/sh", "-c", command, output: pair.writing)
    #expect(pair.hears)
    return child
  }

  private func target(_ link: String) -> String {
    var characters = [CChar](repeating: 0, count: 4_096)
    let count = unsafe readlink(link, &characters, characters.count)
    return String(decoding: characters.prefix(max(0, count)).map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }
}
