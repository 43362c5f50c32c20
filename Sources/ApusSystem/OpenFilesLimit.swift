// How many descriptors this process may have.

import CLinux

package enum OpenFilesLimit {
  /// What holds now, and what it could be raised to without asking anybody.
  package static func current() throws(SystemError) -> (now: UInt64, max: UInt64) {
    var now: UInt64 = 0
    var most: UInt64 = 0
    try Kernel.call("getrlimit", on: "open files") { unsafe linux_open_files_max(&now, &most) }
    return (now, most)
  }

  /// Sets what holds, as far as that is allowed, and says what holds then.
  @discardableResult
  package static func set(_ wanted: UInt64) throws(SystemError) -> UInt64 {
    try Kernel.call("setrlimit", on: "open files") { linux_set_open_files_max(wanted) }
    return try current().now
  }
}
