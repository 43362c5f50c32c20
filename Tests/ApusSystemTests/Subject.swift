// The two disks, put to the same questions. A promise that only one of them keeps is no promise.

import ApusSystem
import ApusTestSupport

enum DiskKind: CaseIterable, Sendable {
  case real, simulated
}

/// A disk with an empty folder on it.
struct Subject {
  let disk: any Disk
  let folder: String
  // Keeps the real folder until the test is over.
  private let keeper: TemporaryFolder?

  init(_ kind: DiskKind) throws {
    switch kind {
    case .real:
      let keeper = try TemporaryFolder()
      self.keeper = keeper
      disk = RealDisk()
      folder = keeper.path
    case .simulated:
      keeper = nil
      disk = SimulatedDisk(seed: 1, folders: ["/data"])
      folder = "/data"
    }
  }

  func path(_ name: String) -> String { "\(folder)/\(name)" }

  /// A new file with some bytes in it.
  @discardableResult
  func file(_ name: String, _ bytes: [UInt8] = []) throws -> any DiskFile {
    let file = try disk.open(path(name), .create)
    try file.writeAll(bytes, at: 0)
    return file
  }

  func bytes(of name: String) throws -> [UInt8] { try disk.open(path(name), .read).readAll() }
}

/// The errno a call was refused with; nil when it was not.
func errno(of body: () throws(SystemError) -> Void) -> Errno? {
  do {
    try body()
    return nil
  } catch {
    return error.errno
  }
}
