// The calls of the seam, for counting them, failing them and looking back at them.

/// A kind of call to a disk.
package enum DiskCall: Int, CaseIterable, Sendable {
  case open, create, read, write, syncData, syncAll, size, allocate, truncate, dropCache
  case rename, remove, makeFolder, syncFolder, names, entry, lock, freeBytes

  /// The name of the call that the real disk makes, as errors give it.
  var name: String {
    switch self {
    case .open, .create: "open"
    case .read: "pread"
    case .write: "pwrite"
    case .syncData: "fdatasync"
    case .syncAll, .syncFolder: "fsync"
    case .size: "fstat"
    case .allocate: "fallocate"
    case .truncate: "ftruncate"
    case .dropCache: "posix_fadvise"
    case .rename: "rename"
    case .remove: "unlink"
    case .makeFolder: "mkdir"
    case .names: "readdir"
    case .entry: "stat"
    case .lock: "flock"
    case .freeBytes: "statvfs"
    }
  }
}

/// One call that was made.
package struct DiskCallRecord: Equatable, Sendable, CustomStringConvertible {
  package let call: DiskCall
  package let path: String
  package let offset: Int
  package let count: Int

  package var description: String {
    count == 0 && offset == 0 ? "\(call) \(path)" : "\(call) \(path) \(offset)+\(count)"
  }
}
