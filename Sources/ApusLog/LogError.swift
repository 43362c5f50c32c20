package import ApusBytes
package import ApusSystem

/// Why the log cannot do what it was asked. `LogError+Words.swift` says of each case what, where, and what to do next.
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

  // Accepting a loss.
  case noLoss(folder: String)
  case noLossWithin(LSNRange, losses: [Damage])
  case lossReachesOut(of: LSNRange, whole: [Damage])

  // Writing.
  case readOnly([Damage])
  case diskFull(SystemError)
  case payloadTooLong(byteCount: Int, max: Int)
  case clockJump(ClockJump)
  /// A sync or a write failed, and nothing is acknowledged any more in this process.
  case stopped(because: SystemError)
  case overloaded(waitingFrames: Int, waitingBytes: Int)
  case closed
  /// An edit of the manifest would leave it contradicting itself.
  case editRefused(why: String)
  /// What is to go is held by somebody who reads it.
  case pinned(lowest: LSN)

  // Reading.
  case damaged(Damage)
  case lost(LSNRange)
  case belowFloor(LSN, floor: LSN)
  case notYetWritten(LSN, end: LSN)
  case noFrame(LogPosition, FrameFault)

  case system(SystemError)
}

/// Runs `body`, whose refusals by the kernel become this room's error.
func wrapping<T: ~Copyable>(_ body: () throws(SystemError) -> T) throws(LogError) -> T {
  do throws(SystemError) { return try body() } catch {
    throw wrapped(error)
  }
}

func wrapped(_ error: SystemError) -> LogError {
  error.errno.meansDiskFull ? .diskFull(error) : .system(error)
}
