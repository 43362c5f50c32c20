// The end of a process that found itself wrong. An optimised build says nothing when a precondition fails,
// so the reason is written first: whoever finds the core file at night should not have to guess.

import CLinux

extension Kernel {
  package static func trap(_ reason: String) -> Never {
    var line = "apus: a bug in this program: \(reason)\n"
    line.withUTF8 { _ = unsafe linux_write(2, $0.baseAddress, $0.count) }
    preconditionFailure(reason)
  }
}
