package import ApusSystem

/// Why the log cannot do what it was asked: what, and where. `next` says what a person can do.
package enum LogError: Error, Equatable, Sendable {
  // Opening.
  case inUse(folder: String, pid: Int32?)
  case noStore(folder: String)
  case notAStore(folder: String, found: String)
  case currentUnreadable(path: String, why: String)
  case fileMissing(path: String)
  case header(path: String, HeaderFault)
  case foreignFile(path: String, why: String)
  case unsupported(path: String, what: String)
  case manifestDamaged(path: String, [Damage])
  case manifestWrong(path: String, why: String)
  /// A file proves that the manifest once knew more than it says.
  case manifestLost(path: String, why: String)

  // Writing.
  case readOnly([Damage])
  case diskFull(SystemError)
  case payloadTooLong(byteCount: Int, max: Int)
  case clockJump(ClockJump)
  /// A sync or a write failed, and nothing is acknowledged any more in this process.
  case stopped(because: SystemError)
  case overloaded(waitingFrames: Int, waitingBytes: Int)
  case closed

  // Reading.
  case damaged(Damage)
  case lost(LSNRange)
  case belowFloor(LSN, floor: LSN)
  case notYetWritten(LSN, end: LSN)
  case noFrame(LogPosition, FrameFault)

  case system(SystemError)
}

extension LogError: CustomStringConvertible {
  package var description: String {
    switch self {
    case .inUse(let folder, let pid):
      "the store \(folder) is in use by \(pid.map { "process \($0)" } ?? "another process")"
    case .noStore(let folder): "\(folder) holds no store"
    case .notAStore(let folder, let found): "\(folder) is no store and not empty: it holds \(found)"
    case .currentUnreadable(let path, let why): "\(path) cannot be trusted: \(why)"
    case .fileMissing(let path): "\(path) is listed in the manifest and is not there"
    case .header(let path, let fault): "\(path): \(fault)"
    case .foreignFile(let path, let why): "\(path) belongs elsewhere: \(why)"
    case .unsupported(let path, let what): "\(path): \(what)"
    case .manifestDamaged(let path, let damages):
      "the manifest \(path) is damaged: " + damages.map(LogError.bytes).joined(separator: ", ")
    case .manifestWrong(let path, let why): "the manifest \(path) does not hold together: \(why)"
    case .manifestLost(let path, let why): "the manifest lost an edit: \(path) \(why)"
    case .readOnly(let damages):
      "the store is read-only: " + damages.map(\.description).joined(separator: "; ")
    case .diskFull(let error): "the disk is full: \(error)"
    case .payloadTooLong(let byteCount, let max):
      "a frame of \(byteCount) bytes is longer than the \(max) that fit here"
    case .clockJump(let jump): "CLOCK_JUMP: \(jump)"
    case .stopped(let error): "the log stopped for good when a call failed: \(error)"
    case .overloaded(let frames, let bytes): "OVERLOADED: \(frames) frames of \(bytes) bytes wait to be written"
    case .closed: "the log is closed"
    case .damaged(let damage): "the log is damaged: \(damage)"
    case .lost(let lsns): "LSN_LOST: \(lsns) hold no record, because a crash or a skipped number took them"
    case .belowFloor(let lsn, let floor): "LSN \(lsn) is no longer in the log, which begins at \(floor)"
    case .notYetWritten(let lsn, let end): "LSN \(lsn) is not written yet; the log ends at \(end)"
    case .noFrame(let position, let fault): "no frame at \(position): \(fault)"
    case .system(let error): error.description
    }
  }

  private static func bytes(of damage: Damage) -> String { "bytes \(damage.firstByte)..<\(damage.endByte)" }

  /// What a person can do about it.
  package var next: String {
    switch self {
    case .inUse: "stop that process, or ask it through its socket"
    case .noStore: "check the path; a store is made by opening it for writing"
    case .notAStore: "name an empty folder or a store's folder"
    case .currentUnreadable, .manifestDamaged, .manifestWrong, .manifestLost:
      "restore the folder from a backup; nothing was changed"
    case .fileMissing: "put the file back, or restore the folder from a backup; nothing was changed"
    case .header, .foreignFile: "restore the file from a backup; nothing was changed"
    case .unsupported: "use a program at least as new as the one that wrote it; nothing was changed"
    case .readOnly, .damaged: "run `apus check` on the folder; restore the named bytes from a backup"
    case .diskFull: "free space on that file system; writing goes on by itself"
    case .payloadTooLong: "split the request"
    case .clockJump: "set the clock right, or confirm that it is"
    case .stopped: "look at the disk, then start again: the start trusts only what the disk returns"
    case .overloaded: "wait, and send again"
    case .closed: "open the store again"
    case .lost, .belowFloor, .notYetWritten, .noFrame: "name an LSN that `apus inspect log` lists"
    case .system: "see the call's manual page for this error"
    }
  }
}

/// Runs `body`, whose refusals by the kernel become this room's error.
func wrapping<T: ~Copyable>(_ body: () throws(SystemError) -> T) throws(LogError) -> T {
  do throws(SystemError) { return try body() } catch { throw error.errno.meansDiskFull ? .diskFull(error) : .system(error) }
}
