import ApusContracts
import ApusSystem

// Moments and spans of time in words. For people a moment is told to the second, for programs to the nanosecond.

extension WallTime {
  var inWords: String { description.prefix(19) + "Z" }
}

extension EventTime {
  var wall: WallTime { WallTime(nanoseconds: nanoseconds) }
}

/// How long ago something was, seen from now.
struct Age {
  private let nanoseconds: Int64

  /// A moment ahead of the clock is no time ago.
  init(of moment: WallTime, at now: WallTime) {
    let (difference, overflow) = now.nanoseconds.subtractingReportingOverflow(moment.nanoseconds)
    nanoseconds = overflow ? (now > moment ? .max : 0) : max(0, difference)
  }

  func isWithin(_ period: Period) -> Bool { nanoseconds <= period.nanoseconds }

  var isUnderASecond: Bool { nanoseconds < 1_000_000_000 }

  /// `3 d 4 h`, `12 s`: the two largest units that say something.
  var inWords: String {
    let seconds = nanoseconds / 1_000_000_000
    let parts = [
      (seconds / 86_400, "d"), (seconds / 3_600 % 24, "h"), (seconds / 60 % 60, "min"), (seconds % 60, "s"),
    ]
    guard let first = parts.firstIndex(where: { $0.0 > 0 }) else { return "0 s" }
    return parts[first...].prefix(2).filter { $0.0 > 0 }.map { "\($0.0) \($0.1)" }.joined(separator: " ")
  }
}
