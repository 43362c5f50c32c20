// A state that several threads share: touched only under the lock, and waited for.
//
// The state cannot be reached but through `withLock` and `wait`, and both give the lock back. Going in
// twice from one thread is a trap, not a hang.
//
// It rests on the C library's mutex, which the thread sanitizer knows. `Synchronization.Mutex` it does not
// know on Linux, and reports races there that are none: to be reconsidered when it does.

/// A mailbox's lock: one thread waits until the state has work for it, others change the state and notify.
@usableFromInline
package final class Monitor<State: Sendable>: @unchecked Sendable {
  @usableFromInline let guarding = ConditionLock()
  // Owned by whichever thread holds `guarding`.
  @usableFromInline var state: State

  @inlinable package init(_ state: State) {
    self.state = state
  }

  /// Runs `body` alone with the state. Wakes nobody: see `notifyAll`.
  @inlinable package func withLock<Result, Failure: Error>(
    _ body: (inout State) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    guarding.lock()
    defer { guarding.unlock() }
    return try body(&state)
  }

  /// Lets every waiting thread look at the state again. Best called after `withLock`, not within.
  @inlinable package func notifyAll() { guarding.notifyAll() }

  /// Waits until `predicate` holds; gives up after `nanoseconds`, or never when nil.
  ///
  /// `predicate` runs alone with the state, at once and after every notification, and may take out what it
  /// waited for. Returns what it said last, so false means that the time is up.
  @inlinable package func wait(
    for nanoseconds: UInt64?, until predicate: (inout State) -> Bool
  ) -> Bool {
    guarding.lock()
    defer { guarding.unlock() }
    if predicate(&state) { return true }
    let deadline = nanoseconds.map { ConditionLock.Deadline(after: $0) }
    while true {
      let inTime = guarding.wait(until: deadline)
      if predicate(&state) { return true }
      if !inTime { return false }
    }
  }
}
