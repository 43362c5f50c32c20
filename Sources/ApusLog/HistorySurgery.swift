import ApusBytes
package import ApusSystem

/// A store that nobody has open, held so that one file of its history can be given up.
///
/// One edit takes the file out of the manifest, adds what could be saved of it, and notes what is lost. The file itself is no longer listed then,
/// and goes to `aside/` like anything that no manifest lists: now, or at the next start when a crash comes between.
package final class HistorySurgery {
  package let folder: StoreFolder
  package let storeID: StoreID
  package let state: ManifestState
  private let reading: ManifestReading
  private let strays: [String]
  private let clock: any Clock
  private let lock: any FileLock
  private var isDone = false

  package init(_ path: String, on disk: any Disk, clock: any Clock) throws(LogError) {
    folder = StoreFolder(path, on: disk)
    guard try folder.holdsStore() else { throw .noStore(folder: folder.path) }
    lock = try folder.lock(.exclusive)
    self.clock = clock
    do throws(LogError) {
      reading = try ManifestReading(in: folder, syncing: true)
      var strays: [String] = []
      for name in try folder.strays(beside: reading) where try !folder.isUnfinishedHistory(name) {
        strays.append(name)
      }
      self.strays = strays
    } catch {
      lock.release()
      throw error
    }
    storeID = reading.storeID
    state = reading.state
    // Somebody may have taken the whole folder away; what takes a file's place has to lie somewhere.
    do throws(LogError) {
      try wrapping { () throws(SystemError) in
        if try folder.disk.entry(at: folder.history) == nil { try folder.makeFolder(folder.history) }
      }
    } catch {
      reading.file.close()
      lock.release()
      throw error
    }
  }

  /// The id that a file which takes its place must have.
  package var nextFile: FileID { state.nextFile }

  /// Gives the file up. `replacement` is there under its name, and durable. Returns where the file lies now; nil when it was not there.
  package func giveUp(
    _ record: FileRecord, for replacement: FileRecord?, _ note: GivenUp
  ) throws(LogError) -> String? {
    precondition(!isDone, "a file is given up once")
    isDone = true
    if let replacement { _ = try folder.checked(replacement) }
    let changes: [ManifestChange] =
      [.remove(record.id), .forget(record.id)] + (replacement.map { [.add($0)] } ?? []) + [.givenUp(note)]
    do throws(ManifestFault) { _ = try state.applying(changes) } catch {
      throw .editRefused(why: error.description)
    }
    // A manifest that must be rolled takes the next name, which may be a stray's.
    _ = try wrapping { () throws(SystemError) in try folder.moveAside(strays) }
    let manifest = Manifest(reading, in: folder, clock: clock)
    try manifest.commit(changes)
    manifest.close()
    return try wrapping { () throws(SystemError) in
      guard try folder.disk.entry(at: folder.at(record.name)) != nil else { return nil }
      return try folder.moveAside([record.name]).first
    }
  }

  package func close() {
    if !isDone { reading.file.close() }
    lock.release()
  }
}
