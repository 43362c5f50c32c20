// How many lines of one kind may come in a while, so that a peer who repeats a mistake cannot fill a disk. What is left out
// is counted, and said. Pure: the time is given.

struct LogRate: Sendable {
  static let linesMax = 20
  static let windowNanoseconds: UInt64 = 1_000_000_000
  /// Kinds remembered at once: messages are words of ours, so there are few. Beyond them nothing is limited.
  static let kindsMax = 512

  private struct Window {
    var start: UInt64
    var lines: Int
    var left: Int
  }
  private var windows: [String: Window] = [:]

  /// Whether anything was left out and not said yet.
  private(set) var owes = 0

  enum Verdict: Equatable {
    /// Write it; so many of its kind were left out before it.
    case write(leftOut: Int)
    case leaveOut
  }

  mutating func judge(_ message: String, at now: UInt64) -> Verdict {
    guard var window = windows[message] else {
      if windows.count < Self.kindsMax { windows[message] = Window(start: now, lines: 1, left: 0) }
      return .write(leftOut: 0)
    }
    defer { windows[message] = window }
    if now &- window.start >= Self.windowNanoseconds {
      let left = window.left
      owes -= left
      window = Window(start: now, lines: 1, left: 0)
      return .write(leftOut: left)
    }
    guard window.lines < Self.linesMax else {
      window.left += 1
      owes += 1
      return .leaveOut
    }
    window.lines += 1
    return .write(leftOut: 0)
  }

  /// What was left out in windows that are over, or in all of them; said once.
  mutating func settle(at now: UInt64, all: Bool) -> [(message: String, leftOut: Int)] {
    guard owes > 0 else { return [] }
    var told: [(message: String, leftOut: Int)] = []
    for (message, window) in windows.sorted(by: { $0.key < $1.key }) where window.left > 0 {
      guard all || now &- window.start >= Self.windowNanoseconds else { continue }
      told.append((message, window.left))
      owes -= window.left
      windows[message]?.left = 0
    }
    return told
  }
}
