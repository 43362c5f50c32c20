// The kernel's file systems, behind the seam.
//
// Every descriptor is closed in child processes. A file is made readable by its owner alone, and never
// through a symbolic link.

import CLinux

package final class RealDisk: Disk {
  package init() {}

  private static let fileMode: UInt32 = 0o600
  private static let folderMode: UInt32 = 0o700

  package func open(_ path: String, _ access: FileAccess) throws(SystemError) -> any DiskFile {
    let flags =
      switch access {
      case .read: LINUX_READ
      case .readWrite: LINUX_READ_WRITE
      case .create: LINUX_CREATE
      }
    let descriptor = try Self.open(path, flags)
    let info = try Self.info(of: descriptor, path)
    // Neither a folder nor a pipe (which opens at once thanks to O_NONBLOCK, and would hang a reader).
    if info.is_folder != 0 { throw SystemError("open", .isAFolder, on: path) }
    if info.is_regular == 0 { throw SystemError("open", .invalid, on: path) }
    return RealFile(descriptor, path: path)
  }

  package func rename(_ path: String, to target: String) throws(SystemError) {
    try Kernel.call("rename", on: "\(path) to \(target)") { unsafe linux_rename(path, target) }
  }

  package func remove(_ path: String) throws(SystemError) {
    try Kernel.call("unlink", on: path) { unsafe linux_unlink(path) }
  }

  package func makeFolder(_ path: String) throws(SystemError) {
    try Kernel.call("mkdir", on: path) { unsafe linux_mkdir(path, Self.folderMode) }
  }

  /// Removes a folder that is empty. Not part of the seam: only rooms whose library talks to the kernel itself need it.
  package func removeFolder(_ path: String) throws(SystemError) {
    try Kernel.call("rmdir", on: path) { unsafe linux_rmdir(path) }
  }

  package func syncFolder(_ path: String) throws(SystemError) {
    let folder = try Self.open(path, LINUX_FOLDER)
    let raw = folder.raw
    try Kernel.call("fsync", on: path) { linux_fsync(raw) }
    try folder.close()
  }

  package func entry(at path: String) throws(SystemError) -> DiskEntry? {
    var info = linux_file_info()
    do {
      try Kernel.call("stat", on: path) { unsafe linux_stat(path, &info) }
    } catch {
      // A name below a file names nothing either.
      if error.errno == .noEntry || error.errno == .notAFolder { return nil }
      throw error
    }
    let isFolder = info.is_folder != 0
    // How large a folder is depends on the file system, and means nothing.
    return DiskEntry(isFolder: isFolder, isFile: info.is_regular != 0, size: isFolder ? 0 : info.size)
  }

  package func freeBytes(at folder: String) throws(SystemError) -> UInt64 {
    var bytes: UInt64 = 0
    try Kernel.call("statvfs", on: folder) { unsafe linux_free_bytes(folder, &bytes) }
    return bytes
  }

  static func open(_ path: String, _ flags: Int32) throws(SystemError) -> OwnedDescriptor {
    let raw = try Kernel.call("open", on: path) { unsafe linux_open(path, flags, fileMode) }
    return OwnedDescriptor(Int32(raw))
  }

  static func info(
    of descriptor: borrowing OwnedDescriptor, _ path: String
  ) throws(SystemError) -> linux_file_info {
    let raw = descriptor.raw
    var info = linux_file_info()
    try Kernel.call("fstat", on: path) { unsafe linux_fstat(raw, &info) }
    return info
  }
}
