/// A disk as a store sees it: folders, files, and the few verbs that make either durable.
///
/// This is the seam at which tests play the kernel, so it lies exactly at system calls: a write may be
/// short, a name is durable only after `syncFolder`, bytes only after `syncData`. Two implementations
/// exist: `RealDisk` here and `SimulatedDisk` in the tests' support. Paths are plain strings with `/`.
/// Every method may be called from any thread.
package protocol Disk: AnyObject, Sendable {
  /// Opens a file. `.create` fails with `EEXIST` when the name is taken; files are made with mode 0600.
  func open(_ path: String, _ access: FileAccess) throws(SystemError) -> any DiskFile

  /// Gives a file another name, replacing what had it. Durable after `syncFolder` of both folders.
  func rename(_ path: String, to target: String) throws(SystemError)

  /// Removes a name. The bytes live on for those who have the file open.
  func remove(_ path: String) throws(SystemError)

  /// Makes a folder with mode 0700. `EEXIST` when the name is taken, by whatever.
  func makeFolder(_ path: String) throws(SystemError)

  /// Makes the names in a folder durable.
  func syncFolder(_ path: String) throws(SystemError)

  /// The names in a folder, sorted, without `.` and `..`.
  func names(in folder: String) throws(SystemError) -> [String]

  /// What a path names, or nil when it names nothing.
  func entry(at path: String) throws(SystemError) -> DiskEntry?

  /// Locks a file (made if missing when exclusive) against every other process and every other holder
  /// in this one, without waiting. The lock lasts as long as the returned object.
  func lock(_ path: String, _ mode: LockMode) throws(SystemError) -> LockOutcome

  /// Bytes that may still be written to the file system that holds `folder`.
  func freeBytes(at folder: String) throws(SystemError) -> UInt64
}

package enum FileAccess: Sendable {
  case read
  case readWrite
  /// A new file, to be read and written.
  case create
}

package enum LockMode: Sendable { case shared, exclusive }

/// What became of an attempt to lock a file.
package enum LockOutcome: Sendable {
  case held(any FileLock)
  /// Somebody else has it; the process id where the kernel or the lock file tells it.
  case taken(by: Int32?)
}

/// Holds a lock until it is released or let go of.
package protocol FileLock: AnyObject, Sendable {
  func release()
}

package struct DiskEntry: Equatable, Sendable {
  package let isFolder: Bool
  /// Neither a folder nor a pipe, a socket or a device: something that can be read from its beginning to its end.
  package let isFile: Bool
  package let size: UInt64

  package init(isFolder: Bool, size: UInt64) { self.init(isFolder: isFolder, isFile: !isFolder, size: size) }

  package init(isFolder: Bool, isFile: Bool, size: UInt64) {
    (self.isFolder, self.isFile, self.size) = (isFolder, isFile, size)
  }
}
