package import ApusBytes
package import ApusSystem

/// An opened log: what every thread may read, and, unless damage forbids it, what one thread may write.
package struct Log {
  package let reader: LogReader
  /// Nil when the log was opened read-only: records that nothing else holds are damaged.
  package let writer: LogWriter?
  package let report: RecoveryReport
  private let lock: any FileLock

  /// Opens the store's log in `folder`, deciding by rule what a crash left. See `Format.md`, "Opening".
  package static func open(
    _ folder: String, on disk: any Disk, clock: any Clock, random: inout some RandomNumberGenerator,
    options: LogOptions = LogOptions()
  ) throws(LogError) -> Log {
    try open(folder, on: disk, clock: clock, random: &random, options: options) { _ in options.checkpoint }
  }

  /// Opens it with a `checkpoint` that only the store's id leads to; `options.checkpoint` does not count.
  ///
  /// It is asked once, when the store is locked and its manifest read, and before anything is decided.
  package static func open(
    _ folder: String, on disk: any Disk, clock: any Clock, random: inout some RandomNumberGenerator,
    options: LogOptions = LogOptions(), checkpoint: (StoreID) throws(LogError) -> LSN
  ) throws(LogError) -> Log {
    precondition(options.segmentByteCount >= Format.segmentByteCountMin, "a segment holds a frame")
    let folder = StoreFolder(folder, on: disk)
    let isMissing = try !folder.holdsStore()
    if isMissing {
      guard options.creates else { throw .noStore(folder: folder.path) }
      try wrapping { () throws(SystemError) in try folder.makeFolder(folder.path) }
    }
    let lock = try folder.lock(.exclusive)
    do throws(LogError) {
      // Looked again now that nobody else can: another process may have made the store, filled it and gone.
      let isNew = isMissing ? try !folder.holdsStore() : false
      if isNew { try folder.create(clock: clock, storeID: StoreID(using: &random)) }
      let opening = try Opening(folder, created: isNew, options: options, checkpoint: checkpoint)
      guard opening.losses.isEmpty else {
        return Log(reader: opening.reader(), writer: nil, report: opening.report, lock: lock)
      }
      let (writer, report) = try opening.resume(lock: lock, clock: clock)
      return Log(reader: writer.reader, writer: writer, report: report, lock: lock)
    } catch {
      lock.release()
      throw error
    }
  }

  /// Lets go of a log that was opened read-only; one that writes is closed through its writer.
  package func close() throws(LogError) {
    if let writer { try writer.close() } else { lock.release() }
  }
}

extension StoreFolder {
  /// Whether a store was made here. A folder that holds anything else is refused, so that a mistyped path harms nothing.
  package func holdsStore() throws(LogError) -> Bool {
    try wrapping { () throws(SystemError) -> Result<Bool, LogError> in
      guard let entry = try disk.entry(at: path) else { return .success(false) }
      guard entry.isFolder else { return .failure(.notAStore(folder: path, found: "a file of that name")) }
      if try disk.entry(at: current) != nil { return .success(true) }
      // A creation that was cut short leaves these, and nothing worth keeping; `lost+found` comes with a file system.
      let first = StoreFolder.manifestName(1)
      let known = [
        "LOCK", StoreFolder.logFolder, first, first + StoreFolder.temporarySuffix,
        "CURRENT" + StoreFolder.temporarySuffix, StoreFolder.asideFolder, "lost+found",
      ]
      let names = try disk.names(in: path)
      // CURRENT came with the first manifest; a later one proves that it was there.
      if let later = names.first(where: { ManifestReading.number(of: $0).map { $0 > 1 } ?? false }) {
        return .failure(.currentUnreadable(path: current, why: "it is missing, and \(later) is there"))
      }
      if let other = names.first(where: { !known.contains($0) }) {
        return .failure(.notAStore(folder: path, found: other))
      }
      if try disk.entry(at: log) != nil, let segment = try disk.names(in: log).first {
        return .failure(
          .currentUnreadable(
            path: current, why: "it is missing, and \(StoreFolder.logFolder)/\(segment) is there"))
      }
      return .success(false)
    }.get()
  }

  /// Takes the store for this process.
  package func lock(_ mode: LockMode) throws(LogError) -> any FileLock {
    switch try wrapping({ () throws(SystemError) in try disk.lock(lock, mode) }) {
    case .held(let lock): return lock
    case .taken(let pid): throw .inUse(folder: path, pid: pid)
    }
  }

  /// Makes an empty store. It exists when CURRENT does.
  func create(clock: any Clock, storeID: StoreID) throws(LogError) {
    try wrapping { () throws(SystemError) in
      try makeFolder(log)
      // What a creation left that was cut short was never a store.
      let first = StoreFolder.manifestName(1)
      if try disk.entry(at: at(first)) != nil { _ = try moveAside([first]) }
    }
    try Manifest.create(in: self, clock: clock, storeID: storeID).close()
  }
}
