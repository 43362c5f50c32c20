package import ApusBytes
package import ApusSystem

/// The log of a store that no process writes meanwhile, as it is. Nothing is changed and nothing synced: what an opening would cut, seal
/// or move aside stays, and what it would refuse to write on is told in the report's losses.
///
/// Several may look at a time; nobody opens the store while somebody does.
package final class LogLook: Sendable {
  package let reader: LogReader
  package let report: RecoveryReport
  /// Nil for a copy without its LOCK, which nobody holds.
  private let lock: (any FileLock)?

  /// `checkpoint` is asked as at an opening.
  package init(
    _ path: String, on disk: any Disk, checkpoint: (StoreID) throws(LogError) -> LSN
  ) throws(LogError) {
    let folder = StoreFolder(path, on: disk)
    guard try folder.holdsStore() else { throw .noStore(folder: folder.path) }
    let isHeld = try wrapping { () throws(SystemError) in try disk.entry(at: folder.lock) } != nil
    lock = isHeld ? try folder.lock(.shared) : nil
    let opening = try Opening(
      folder, created: false, options: LogOptions(), syncing: false, checkpoint: checkpoint)
    reader = opening.reader()
    report = opening.report
  }

  deinit { lock?.release() }
}
