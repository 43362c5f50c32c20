// Files without names: each is unlinked as soon as it is open, so whatever ends the process leaves nothing behind. What is written to them
// is bounded, and counted.

/// Any thread may make one.
package final class ScratchFiles: Sendable {
  package let folder: String
  private let disk: any Disk
  private let prefix: String
  private let next = Monitor(0)

  /// `prefix` begins the names that the files have for a moment; nobody else in the folder uses it.
  package init(_ disk: any Disk, in folder: String, prefix: String) {
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
  package func freeBytes() throws(SystemError) -> UInt64 { try disk.freeBytes(at: folder) }
}
