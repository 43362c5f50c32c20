// How many descriptors this process may have.

import CLinux

package enum OpenFilesLimit {
  /// What holds now, and what it could be raised to without asking anybody.
  package static func current() throws(SystemError) -> (now: UInt64, max: UInt64) {
    var limit = linux_limit()
    try Kernel.call("prlimit", on: "open files") { unsafe linux_open_files_max(&limit) }
    return (limit.now, limit.most)
  }

  /// Sets what holds, as far as that is allowed, and says what holds then.
  @discardableResult
  package static func set(_ wanted: UInt64) throws(SystemError) -> UInt64 {
    let most = try current().max
    var limit = linux_limit(now: min(wanted, most), most: most)
    try Kernel.call("prlimit", on: "open files") { unsafe linux_set_open_files_max(&limit) }
    return limit.now
  }
}
