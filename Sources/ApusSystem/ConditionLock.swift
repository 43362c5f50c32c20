// The lock and the condition under `Monitor`. Not for use by anything else.
//
// The C objects live on the heap and never move: their addresses are what they are known by. A thread that
// locks twice, or unlocks what it does not hold, is trapped rather than left waiting for itself.

import CLinux

@safe @usableFromInline
final class ConditionLock: @unchecked Sendable {
  // Never changes; what it points to is guarded by the C library itself.
  private let monitor: UnsafeMutablePointer<linux_monitor>

  @usableFromInline init() {
    unsafe monitor = .allocate(capacity: 1)
    unsafe monitor.initialize(to: linux_monitor())
    Kernel.must("pthread_mutex_init", unsafe linux_monitor_init(monitor))
  }

  deinit {
    unsafe linux_monitor_destroy(monitor)
    unsafe monitor.deallocate()
  }

  @usableFromInline func lock() { Kernel.must("pthread_mutex_lock", unsafe linux_monitor_lock(monitor)) }

  @usableFromInline func unlock() {
    Kernel.must("pthread_mutex_unlock", unsafe linux_monitor_unlock(monitor))
  }

  @usableFromInline func notifyAll() {
    Kernel.must("pthread_cond_broadcast", unsafe linux_monitor_notify_all(monitor))
  }

  /// Waits, with the lock held, for a notification or the deadline; nil waits without end.
  ///
  /// True unless the deadline has passed. May return for no reason at all.
  @usableFromInline func wait(until deadline: Deadline?) -> Bool {
    guard let deadline else {
      Kernel.must("pthread_cond_wait", unsafe linux_monitor_wait(monitor))
      return true
    }
    let answer = unsafe linux_monitor_wait_until(monitor, deadline.seconds, deadline.nanoseconds)
    if answer == -Int64(Errno.timedOut.rawValue) { return false }
    Kernel.must("pthread_cond_timedwait", answer)
    return true
  }

  /// A moment of the clock the condition waits by.
  @usableFromInline struct Deadline {
    let seconds: Int64
    let nanoseconds: Int64

    /// Over 500 years from now at most, so that nothing overflows.
    @usableFromInline init(after nanoseconds: UInt64) {
      var seconds: Int64 = 0
      var rest: Int64 = 0
      Kernel.must("clock_gettime", unsafe linux_monitor_now(&seconds, &rest))
      let (more, left) = nanoseconds.quotientAndRemainder(dividingBy: 1_000_000_000)
      rest += Int64(left)
      self.seconds = seconds + Int64(more) + rest / 1_000_000_000
      self.nanoseconds = rest % 1_000_000_000
    }
  }
}
