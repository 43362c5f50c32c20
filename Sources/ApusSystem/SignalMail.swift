// Signals that ask something of the program, read like mail by one thread instead of breaking in on any.
//
// To be made before other threads start: a thread inherits what is blocked from the one that starts it, and a signal that one
// thread does not block goes there, and ends the process.

import CLinux

package struct SignalMail: ~Copyable {
  package enum Signal: Equatable, Sendable, CaseIterable {
    /// The terminal is gone, or somebody wants the configuration read again.
    case hangUp
    case interrupt
    case terminate

    /// As the kernel numbers it.
    package var number: Int32 {
      switch self {
      case .hangUp: LINUX_SIGNAL_HANG_UP
      case .interrupt: LINUX_SIGNAL_INTERRUPT
      case .terminate: LINUX_SIGNAL_TERMINATE
      }
    }
  }

  private let descriptor: OwnedDescriptor

  /// From here on the calling thread, and those that it starts, are not broken in on by these signals.
  package init(_ signals: [Signal] = Signal.allCases) throws(SystemError) {
    let numbers = signals.map(\.number)
    descriptor = OwnedDescriptor(
      Int32(
        try Kernel.call("signalfd", on: "\(signals)") {
          unsafe linux_signal_descriptor(numbers, numbers.count)
        }))
  }

  /// For a poller to watch.
  package var raw: Int32 { descriptor.raw }

  /// The next one that came; nil when none is there.
  package func next() throws(SystemError) -> Signal? {
    let raw = descriptor.raw
    switch try Kernel.ask("read", on: "signals", { linux_next_signal(raw) }) {
    case .wouldBlock: return nil
    case .done(let number): return Signal.allCases.first { $0.number == Int32(truncatingIfNeeded: number) }
    }
  }

  /// Waits for the next one; nil when the time is up (negative: there is no such time).
  package func wait(milliseconds: Int32 = -1) throws(SystemError) -> Signal? {
    if let signal = try next() { return signal }
    let raw = descriptor.raw
    _ = try Kernel.call("poll", on: "signals") { linux_wait_until_ready(raw, 0, milliseconds) }
    return try next()
  }
}
