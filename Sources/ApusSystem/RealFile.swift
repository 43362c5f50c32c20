// An open file of the kernel.
//
// The descriptor is closed exactly once. Whoever uses the file after that is wrong, and is trapped: its
// number may already be another file's. A `close` while another thread is inside a call is the same
// mistake, which cannot be seen from here.

import CLinux
import Synchronization

package final class RealFile: DiskFile {
  package let path: String
  // Minus one once closed.
  private let descriptor: Atomic<Int32>

  package init(_ descriptor: consuming OwnedDescriptor, path: String) {
    self.path = path
    self.descriptor = Atomic(descriptor.giveUp())
  }

  deinit { close() }

  package func close() {
    let raw = descriptor.exchange(-1, ordering: .acquiringAndReleasing)
    // Whoever wanted to know whether the bytes arrived has synced before; what close says comes too late.
    if raw >= 0 { _ = linux_close(raw) }
  }

  private var open: Int32 {
    let raw = descriptor.load(ordering: .acquiring)
    if raw < 0 { Kernel.trap("\(path) is used after it was closed") }
    return raw
  }

  package func read(into buffer: inout MutableRawSpan, at offset: UInt64) throws(SystemError) -> Int {
    let raw = open
    // No file reaches beyond what the kernel can count.
    guard let at = Int64(exactly: offset) else { return 0 }
    return try unsafe buffer.withUnsafeMutableBytes { bytes throws(SystemError) in
      try Kernel.call("pread", on: path) { unsafe linux_pread(raw, bytes.baseAddress, bytes.count, at) }
    }
  }

  package func write(_ bytes: RawSpan, at offset: UInt64) throws(SystemError) -> Int {
    let raw = open
    guard let at = Int64(exactly: offset) else { throw SystemError("pwrite", .fileTooLarge, on: path) }
    return try unsafe bytes.withUnsafeBytes { bytes throws(SystemError) in
      try Kernel.call("pwrite", on: path) { unsafe linux_pwrite(raw, bytes.baseAddress, bytes.count, at) }
    }
  }

  package func syncData() throws(SystemError) {
    let raw = open
    try Kernel.call("fdatasync", on: path) { linux_fdatasync(raw) }
  }

  package func syncAll() throws(SystemError) {
    let raw = open
    try Kernel.call("fsync", on: path) { linux_fsync(raw) }
  }

  package func size() throws(SystemError) -> UInt64 {
    let raw = open
    var info = linux_file_info()
    try Kernel.call("fstat", on: path) { unsafe linux_fstat(raw, &info) }
    return info.size
  }

  package func truncate(_ size: UInt64) throws(SystemError) {
    let raw = open
    guard let end = Int64(exactly: size) else { throw SystemError("ftruncate", .fileTooLarge, on: path) }
    try Kernel.call("ftruncate", on: path) { linux_ftruncate(raw, end) }
  }

  package func allocate(_ size: UInt64) throws(SystemError) {
    let raw = open
    guard let end = Int64(exactly: size) else { throw SystemError("fallocate", .fileTooLarge, on: path) }
    // The kernel takes an empty range for a mistake.
    if end == 0 { return }
    do {
      try Kernel.call("fallocate", on: path) { linux_fallocate(raw, 0, end) }
    } catch {
      guard error.errno == .notSupported || error.errno == .invalid else { throw error }
      try fillWithZeroes(to: size)
    }
  }

  package func dropCache() throws(SystemError) {
    let raw = open
    try Kernel.call("posix_fadvise", on: path) { linux_forget_cached(raw) }
  }
}
