// Time that passes when a test says so.

package import ApusSystem

package final class SimulatedClock: Clock {
  private struct Now: Sendable {
    var wall: WallTime
    var monotonic: MonotonicTime
  }

  private let now: Monitor<Now>

  /// Starts on 2026-01-01T00:00:00Z, one hour after boot.
  package init(
    wall: WallTime = WallTime(nanoseconds: 1_767_225_600 * 1_000_000_000),
    monotonic: MonotonicTime = MonotonicTime(nanoseconds: 3_600 * 1_000_000_000)
  ) {
    now = Monitor(Now(wall: wall, monotonic: monotonic))
  }

  package func wall() -> WallTime { now.withLock { $0.wall } }

  package func monotonic() -> MonotonicTime { now.withLock { $0.monotonic } }

  /// Both clocks go on, as they do.
  package func advance(nanoseconds: UInt64) {
    now.withLock {
      $0.wall.nanoseconds += Int64(nanoseconds)
      $0.monotonic.nanoseconds += nanoseconds
    }
  }

  /// The wall clock is set; the monotonic one does not notice.
  package func setWall(_ wall: WallTime) { now.withLock { $0.wall = wall } }

  /// The wall clock moves alone, forward or back.
  package func jumpWall(nanoseconds: Int64) { now.withLock { $0.wall.nanoseconds += nanoseconds } }

  package func setMonotonic(_ monotonic: MonotonicTime) { now.withLock { $0.monotonic = monotonic } }
}
