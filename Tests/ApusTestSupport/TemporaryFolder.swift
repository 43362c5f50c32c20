// A folder on the real disk for one test, gone with it.

package import ApusSystem
import Glibc

package final class TemporaryFolder: Sendable {
  package let path: String

  /// Under $TMPDIR, or /tmp; or in memory, where the machine has a place for that, for what is made and thrown away by the thousand.
  package init(_ purpose: String = "apus", inMemory: Bool = false) throws(SystemError) {
    let hasMemory = unsafe access("/dev/shm", W_OK) == 0
    let chosen = unsafe getenv("TMPDIR").map { unsafe String(cString: $0) }
    let parent = inMemory && hasMemory ? "/dev/shm" : chosen ?? "/tmp"
    let name = try SystemRandom.bytes(8).map { byte in
      (byte < 16 ? "0" : "") + String(byte, radix: 16)
    }
    path = "\(parent)/\(purpose)-\(name.joined())"
    try RealDisk().makeFolder(path)
  }

  deinit { Self.removeAll(path) }

  package func path(_ name: String) -> String { "\(path)/\(name)" }

  /// Removes what it can; what it cannot is left to whoever looks after the machine's temporary folder.
  private static func removeAll(_ path: String) {
    let disk = RealDisk()
    for name in (try? disk.names(in: path)) ?? [] {
      let below = "\(path)/\(name)"
      if unsafe unlink(below) != 0 { removeAll(below) }
    }
    _ = unsafe rmdir(path)
  }
}
