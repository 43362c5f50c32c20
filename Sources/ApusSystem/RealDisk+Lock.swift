// One process at a time: a lock of the kernel on a file, gone when its holder is, however it ends.
//
// `flock` belongs to the open file and not to the process, so that a second attempt within this process is
// refused as well, and closing some other descriptor of the file gives nothing up. The file itself is never
// removed: whoever had it open would go on holding a lock that nobody else can see.

import CLinux
import Synchronization

extension RealDisk {
  package func lock(_ path: String, _ mode: LockMode) throws(SystemError) -> LockOutcome {
    let flags = mode == .exclusive ? LINUX_LOCK_EXCLUSIVE_FILE : LINUX_LOCK_SHARED_FILE
    let operation = mode == .exclusive ? LINUX_LOCK_EXCLUSIVE : LINUX_LOCK_SHARED
    let descriptor = try Self.open(path, flags)
    let raw = descriptor.raw
    switch try Kernel.ask("flock", on: path, { linux_flock(raw, operation) }) {
    case .done:
      if mode == .exclusive { Self.leaveNote("\(SystemProcess.id)\n", in: raw) }
      return .held(RealLock(descriptor, exclusive: mode == .exclusive))
    case .wouldBlock:
      return .taken(by: try Self.holder(of: descriptor, path))
    }
  }

  /// Writes who holds the lock, for those who cannot see /proc/locks. Only a hint: a full disk makes it
  /// missing, and the lock holds all the same.
  fileprivate static func leaveNote(_ note: String, in raw: Int32) {
    guard linux_ftruncate(raw, 0) >= 0 else { return }
    var note = note
    note.withUTF8 { bytes in _ = unsafe linux_pwrite(raw, bytes.baseAddress, bytes.count, 0) }
  }

  /// Who holds the lock by the kernel's word, or else by the holder's own.
  private static func holder(
    of descriptor: borrowing OwnedDescriptor, _ path: String
  ) throws(SystemError) -> Int32? {
    let info = try info(of: descriptor, path)
    if let table = try? text(of: open("/proc/locks", LINUX_READ), "/proc/locks") {
      let file = LockTable.File(major: info.device_major, minor: info.device_minor, inode: info.inode)
      if let process = LockTable.holder(of: file, in: table) { return process }
    }
    guard let note = try? text(of: descriptor, path) else { return nil }
    return LockTable.process(inNote: note)
  }

  /// Everything in a small file, as text.
  private static func text(
    of descriptor: borrowing OwnedDescriptor, _ path: String
  ) throws(SystemError) -> String {
    let raw = descriptor.raw
    var text: [UInt8] = []
    var part = [UInt8](repeating: 0, count: 64 * 1024)
    while true {
      let at = Int64(text.count)
      let count = try Kernel.call("pread", on: path) {
        unsafe part.withUnsafeMutableBytes { unsafe linux_pread(raw, $0.baseAddress, $0.count, at) }
      }
      if count == 0 { return String(decoding: text, as: UTF8.self) }
      text += part[..<count]
    }
  }
}

/// A lock held through a descriptor of its own, which children do not inherit.
package final class RealLock: FileLock {
  // Minus one once released.
  private let descriptor: Atomic<Int32>
  private let exclusive: Bool

  init(_ descriptor: consuming OwnedDescriptor, exclusive: Bool) {
    self.descriptor = Atomic(descriptor.giveUp())
    self.exclusive = exclusive
  }

  deinit { release() }

  package func release() {
    let raw = descriptor.exchange(-1, ordering: .acquiringAndReleasing)
    guard raw >= 0 else { return }
    // A note left behind would name us while somebody else has the lock.
    if exclusive { RealDisk.leaveNote("", in: raw) }
    // Said aloud before closing: a child between fork and exec still has the descriptor.
    _ = linux_flock(raw, LINUX_UNLOCK)
    _ = linux_close(raw)
  }
}
