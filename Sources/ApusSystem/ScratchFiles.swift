// Files without names: each is unlinked as soon as it is open, so whatever ends the process leaves nothing behind. What is written to them
// is bounded, and counted.

/// Any thread may make one.
package final class ScratchFiles: Sendable {
  package let folder: String
  private let disk: any Disk
  private let prefix: String
  private let reserve: UInt64
  private let next = Monitor(0)

  /// `prefix` begins the names that the files have for a moment; nobody else in the folder uses it. So many bytes of the disk are not theirs:
  /// `reserve`.
  package init(_ disk: any Disk, in folder: String, prefix: String, reserve: UInt64 = 0) {
    self.reserve = reserve
    self.disk = disk
    self.folder = folder
    self.prefix = prefix
  }

  package func make() throws(SystemError) -> any DiskFile {
    let number = next.withLock { next in
      next += 1
      return next
    }
    let path = "\(folder)/\(prefix)\(number)"
    let file = try disk.open(path, .create)
    try disk.remove(path)
    return file
  }

  /// Bytes that may still be written there.
  package func freeBytes() throws(SystemError) -> UInt64 {
    let free = try disk.freeBytes(at: folder)
    return free > reserve ? free - reserve : 0
  }

  /// Removes the names that a crash has left in between.
  package func clear() throws(SystemError) {
    for name in try disk.names(in: folder) where name.hasPrefix(prefix) {
      try disk.remove("\(folder)/\(name)")
    }
  }
}
