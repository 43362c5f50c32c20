// A descriptor that any thread can make readable, so that a thread which waits for descriptors looks up from them.
// Many rings before it looks are one.

import CLinux

package final class WakeUp: Sendable {
  /// Immutable; open as long as this object lives.
  private let descriptor: OwnedDescriptor

  package init() throws(SystemError) {
    descriptor = OwnedDescriptor(Int32(try Kernel.call("eventfd", on: "a loop") { linux_wake_descriptor() }))
  }

  /// For a poller to watch.
  package var raw: Int32 { descriptor.raw }

  package func ring() {
    // A counter that is full is a bell that rings already, so would-block is as good.
    let answer = linux_wake(descriptor.raw)
    if answer != -Int64(Errno.wouldBlock.rawValue) { Kernel.must("write eventfd", answer) }
  }

  /// Silences it. True when it rang.
  @discardableResult
  package func heard() -> Bool {
    let answer = linux_wake_heard(descriptor.raw)
    if answer == -Int64(Errno.wouldBlock.rawValue) { return false }
    Kernel.must("read eventfd", answer)
    return true
  }
}
