// The machine's own clocks.
//
// Monotonic time is CLOCK_BOOTTIME, not CLOCK_MONOTONIC: the latter stops while the machine is suspended
// and the wall clock does not, so that waking a virtual machine would look like a jump of the wall clock.

import CLinux

package final class SystemClock: Clock {
  package init() {}

  package func wall() -> WallTime {
    let (seconds, rest) = Self.read(boot: false)
    let (scaled, over) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
    guard !over else { return WallTime(nanoseconds: seconds < 0 ? .min : .max) }
    let (sum, beyond) = scaled.addingReportingOverflow(rest)
    return WallTime(nanoseconds: beyond ? .max : sum)
  }

  package func monotonic() -> MonotonicTime {
    let (seconds, rest) = Self.read(boot: true)
    return MonotonicTime(nanoseconds: UInt64(seconds) * 1_000_000_000 + UInt64(rest))
  }

  private static func read(boot: Bool) -> (seconds: Int64, nanoseconds: Int64) {
    var seconds: Int64 = 0
    var nanoseconds: Int64 = 0
    Kernel.must("clock_gettime", unsafe linux_clock(boot ? 1 : 0, &seconds, &nanoseconds))
    return (seconds, nanoseconds)
  }
}
