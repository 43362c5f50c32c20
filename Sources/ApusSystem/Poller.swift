// Waits for many descriptors at once. Level-triggered: what was not read is reported again, so nothing is lost by reading little.
//
// A descriptor that is closed is no longer watched. Its token must not be given to another descriptor before the next wait: reports of
// the last one may still name it.

import CLinux

/// Only owner of what it saw is the thread that waits; any thread may change what is watched, for which the kernel is the guard.
@safe
package final class Poller: @unchecked Sendable {
  package struct Readiness: OptionSet, Sendable {
    package let rawValue: UInt32
    package init(rawValue: UInt32) { self.rawValue = rawValue }
    /// Bytes or a connection can be taken, or the peer has ended sending.
    package static let readable = Readiness(rawValue: LINUX_READABLE)
    package static let writable = Readiness(rawValue: LINUX_WRITABLE)
    /// Reported whether asked for or not: an error waits, and the connection is at its end.
    package static let failed = Readiness(rawValue: LINUX_FAILED)
    /// Reported whether asked for or not: neither side sends any more.
    package static let hungUp = Readiness(rawValue: LINUX_HUNG_UP)
  }

  private let descriptor: OwnedDescriptor
  // Owned by the thread that waits; allocated and freed with this object.
  private let events: UnsafeMutablePointer<linux_ready_events>

  package init() throws(SystemError) {
    descriptor = OwnedDescriptor(Int32(try Kernel.call("epoll_create1", on: "a loop") { linux_poller() }))
    unsafe events = .allocate(capacity: 1)
    unsafe events.initialize(to: linux_ready_events())
  }

  deinit { unsafe events.deallocate() }

  package func watch(_ raw: Int32, for readiness: Readiness, token: UInt64) throws(SystemError) {
    let poller = descriptor.raw
    try Kernel.call("epoll_ctl", on: "descriptor \(raw)") {
      linux_watch(poller, LINUX_WATCH, raw, readiness.rawValue, token)
    }
  }

  /// Changes what a watched descriptor is watched for; nothing leaves only failures.
  package func rewatch(_ raw: Int32, for readiness: Readiness, token: UInt64) throws(SystemError) {
    let poller = descriptor.raw
    try Kernel.call("epoll_ctl", on: "descriptor \(raw)") {
      linux_watch(poller, LINUX_REWATCH, raw, readiness.rawValue, token)
    }
  }

  package func unwatch(_ raw: Int32) throws(SystemError) {
    let poller = descriptor.raw
    try Kernel.call("epoll_ctl", on: "descriptor \(raw)") { linux_unwatch(poller, raw) }
  }

  /// Waits until something is ready, for `milliseconds` at most (negative: without end). Says how much is: 0 when the time is up or
  /// a signal came.
  package func wait(milliseconds: Int32) throws(SystemError) -> Int {
    let answer = unsafe linux_poll(descriptor.raw, events, milliseconds)
    // Not made again here: the time that is left would be another.
    if answer == -Int64(Errno.interrupted.rawValue) { return 0 }
    return try Kernel.call("epoll_wait", on: "a loop") { answer }
  }

  /// What the last wait found, from 0.
  package func ready(at index: Int) -> (token: UInt64, readiness: Readiness) {
    precondition(index >= 0 && index < LINUX_READY_EVENTS_MAX, "only what was found can be asked for")
    let index = Int32(truncatingIfNeeded: index)
    return unsafe (
      linux_ready_token(events, index), Readiness(rawValue: linux_ready_what(events, index))
    )
  }
}
