import ApusSystem

// An error speaks in three lines: what happened, where, and what a person can do next. The code is for programs: it
// never changes, while the words may.

extension LogError: CustomStringConvertible {
  package var description: String { place.map { "\($0): \(what)" } ?? what }

  package var what: String {
    switch self {
    case .inUse(_, let pid): "the store is in use by \(pid.map { "process \($0)" } ?? "another process")"
    case .noStore: "there is no store"
    case .notAStore(_, let found): "this is no store's folder: there is \(found)"
    case .currentUnreadable(_, let why): "the file that names the manifest cannot be trusted: \(why)"
    case .fileMissing: "a file that the store cannot do without is not there"
    case .header(_, let fault): "\(fault)"
    case .foreignFile(_, let why): "the file belongs elsewhere: \(why)"
    case .unsupported(_, let what): what
    case .manifestDamaged(_, let damages):
      "the manifest is damaged: "
        + damages.map { "bytes \($0.firstByte)..<\($0.endByte)" }.joined(separator: ", ")
    case .manifestWrong(_, let why): "the manifest does not hold together: \(why)"
    case .manifestLost(_, let why): "the manifest lost an edit: this file \(why)"
    case .noLoss: "no record is lost that nothing else holds"
    case .noLossWithin(let range, let losses):
      "no loss lies in \(range); lost are " + losses.map { "\($0.lsns)" }.joined(separator: ", ")
    case .lossReachesOut(let range, let whole):
      "a loss reaches out of \(range), and is accepted whole or not at all: "
        + whole.map { "\($0.lsns)" }.joined(separator: ", ")
    case .readOnly(let damages):
      "the store is read-only: " + damages.map(\.description).joined(separator: "; ")
    case .diskFull(let error): "the disk is full: \(error.call) says \(error.errno)"
    case .payloadTooLong(let byteCount, let max):
      "a frame of \(byteCount) bytes is longer than the \(max) that fit here"
    case .clockJump(let jump): "CLOCK_JUMP: \(jump)"
    case .stopped(let error): "the log stopped for good when a call failed: \(error.call) says \(error.errno)"
    case .overloaded(let frames, let bytes):
      "OVERLOADED: \(frames) frames of \(bytes) bytes wait to be written"
    case .closed: "the log is closed"
    case .editRefused(let why): "the files cannot be exchanged: \(why)"
    case .pinned(let lowest): "what is to go is being read, from LSN \(lowest) on"
    case .damaged(let damage): "the log is damaged: \(damage)"
    case .lost(let lsns): "LSN_LOST: \(lsns) hold no record, because a crash or a skipped number took them"
    case .belowFloor(let lsn, let floor): "LSN \(lsn) is no longer in the log, which begins at \(floor)"
    case .notYetWritten(let lsn, let end): "LSN \(lsn) is not written yet; the log ends at \(end)"
    case .noFrame(_, let fault): "no frame: \(fault)"
    case .system(let error): "\(error.call) says \(error.errno)"
    }
  }

  /// The path, or the place in the log, that this is about; nil when it is about no one place.
  package var place: String? {
    switch self {
    case .inUse(let folder, _), .noStore(let folder), .notAStore(let folder, _), .noLoss(let folder): folder
    case .currentUnreadable(let path, _), .fileMissing(let path), .header(let path, _),
      .foreignFile(let path, _),
      .unsupported(let path, _), .manifestDamaged(let path, _), .manifestWrong(let path, _),
      .manifestLost(let path, _):
      path
    case .diskFull(let error), .stopped(let error), .system(let error): error.subject
    case .noFrame(let position, _): position.description
    case .noLossWithin, .lossReachesOut, .readOnly, .payloadTooLong, .clockJump, .overloaded, .closed,
      .editRefused, .pinned, .damaged, .lost, .belowFloor,
      .notYetWritten:
      nil
    }
  }

  /// What a person can do about it.
  package var next: String {
    switch self {
    case .inUse: "end that process, or wait until it ends"
    case .noStore: "check the path; a store is made by opening it for writing"
    case .notAStore: "name a store's folder, or an empty one to make a store in"
    case .currentUnreadable, .manifestDamaged, .manifestWrong, .manifestLost:
      "restore the folder from a backup; nothing was changed"
    case .fileMissing:
      "put the file back, or restore the folder from a backup, or see what a repair can do; nothing was changed"
    case .header, .foreignFile: "restore the file from a backup; nothing was changed"
    case .unsupported: "use a program at least as new as the one that wrote it; nothing was changed"
    case .noLoss: "open the store; it needs no acceptance"
    case .noLossWithin, .lossReachesOut: "name whole losses, as the start of the store lists them"
    case .readOnly, .damaged: "run `apus check` on the folder; restore the named bytes from a backup"
    case .diskFull: "free space on that file system; writing goes on by itself"
    case .payloadTooLong: "split the request"
    case .clockJump: "set the clock right if it is wrong, then confirm it"
    case .stopped: "look at the disk, then start again: the start trusts only what the disk returns"
    case .overloaded: "wait, and send again"
    case .closed: "open the store again"
    case .editRefused: "run `apus check` on the folder; nothing was changed"
    case .pinned: "wait until it was read; it is tried again by itself"
    case .lost, .belowFloor, .notYetWritten, .noFrame: "name an LSN that `apus inspect log` lists"
    case .system(let error): LogError.next(after: error.errno)
    }
  }

  private static func next(after errno: Errno) -> String {
    switch errno {
    case .accessDenied, .notPermitted: "run this as the user who owns the folder"
    case .noEntry: "put it back, or restore the folder from a backup"
    case .inputOutput: "look at the kernel's log: the disk itself may be failing"
    case .tooManyOpenFiles: "raise the limit of open files (ulimit -n)"
    case .readOnlyDisk: "mount the file system for writing"
    default: "see this error in the manual page of the call"
    }
  }

  /// The name by which programs know this error.
  package var code: String {
    switch self {
    case .inUse: "in_use"
    case .noStore: "no_store"
    case .notAStore: "not_a_store"
    case .currentUnreadable: "current_unreadable"
    case .fileMissing: "file_missing"
    case .header: "header_damaged"
    case .foreignFile: "foreign_file"
    case .unsupported: "unsupported"
    case .manifestDamaged: "manifest_damaged"
    case .manifestWrong: "manifest_wrong"
    case .manifestLost: "manifest_lost"
    case .noLoss: "no_loss"
    case .noLossWithin: "no_loss_within"
    case .lossReachesOut: "loss_reaches_out"
    case .readOnly: "read_only"
    case .diskFull: "disk_full"
    case .payloadTooLong: "payload_too_long"
    case .clockJump: "clock_jump"
    case .stopped: "stopped"
    case .overloaded: "overloaded"
    case .closed: "closed"
    case .editRefused: "edit_refused"
    case .pinned: "pinned"
    case .damaged: "damaged"
    case .lost: "lost"
    case .belowFloor: "below_floor"
    case .notYetWritten: "not_yet_written"
    case .noFrame: "no_frame"
    case .system: "system"
    }
  }
}
