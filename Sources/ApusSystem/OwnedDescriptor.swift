// A descriptor has exactly one owner, and is closed exactly once: by `close`, or when its owner ends.

import CLinux

package struct OwnedDescriptor: ~Copyable {
  /// Lent for one call. Valid as long as the owner lives.
  package let raw: Int32

  package init(_ raw: Int32) {
    precondition(raw >= 0, "a descriptor is never negative")
    self.raw = raw
  }

  package consuming func close() throws(SystemError) {
    let raw = giveUp()
    try Kernel.callOnce("close", on: "descriptor \(raw)") { linux_close(raw) }
  }

  /// Ends the ownership without closing; the caller is the owner now.
  package consuming func giveUp() -> Int32 {
    let raw = self.raw
    discard self
    return raw
  }

  // The safety net for paths that throw. What close says can be told to nobody here.
  deinit { _ = linux_close(raw) }
}
