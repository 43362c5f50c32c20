/// Where time comes in. Production has one `SystemClock`; a test brings its own, so that one seed is one story.
package protocol Clock: AnyObject, Sendable {
  /// The calendar's time; it may jump.
  func wall() -> WallTime
  /// Time that only goes forward and counts a suspended machine's sleep too.
  func monotonic() -> MonotonicTime
}

/// Nanoseconds since 1970-01-01T00:00:00Z.
package struct WallTime: Comparable, Hashable, Sendable {
  package var nanoseconds: Int64
  package init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }
  package static func < (a: WallTime, b: WallTime) -> Bool { a.nanoseconds < b.nanoseconds }
}

/// Nanoseconds since some moment before this process; comparable only within one boot.
package struct MonotonicTime: Comparable, Hashable, Sendable {
  package var nanoseconds: UInt64
  package init(nanoseconds: UInt64) { self.nanoseconds = nanoseconds }
  package static func < (a: MonotonicTime, b: MonotonicTime) -> Bool { a.nanoseconds < b.nanoseconds }
}
