// What a program says to whoever started it: standard output and standard error.
//
// Descriptors 0, 1 and 2 are open from `prepare` on, whatever the parent left: otherwise the next file that is opened
// would take one of these numbers, and with it every word that is meant for a terminal.

import CLinux

package struct StandardStream: Sendable {
  private let descriptor: Int32
  private let name: String

  package static let output = StandardStream(descriptor: 1, name: "standard output")
  package static let error = StandardStream(descriptor: 2, name: "standard error")

  /// To be called once, before a file is opened. From then on a reader who went away is an error of the write
  /// (EPIPE), and not the end of the process.
  package static func prepare() throws(SystemError) {
    try Kernel.call("open", on: "/dev/null") { linux_fill_standard_streams() }
    Kernel.must("signal", linux_ignore_broken_pipes())
  }

  /// Whether a person looks at it.
  package var isTerminal: Bool { linux_is_terminal(descriptor) == 1 }

  /// Writes all of `bytes`, waiting when the other side is slow, also where the parent made the stream non-blocking.
  package func write(_ bytes: RawSpan) throws(SystemError) {
    let descriptor = self.descriptor
    var done = 0
    while done < bytes.byteCount {
      let rest = bytes.extracting(done...)
      let result = try unsafe rest.withUnsafeBytes { rest throws(SystemError) in
        try Kernel.ask("write", on: name) { unsafe linux_write(descriptor, rest.baseAddress, rest.count) }
      }
      switch result {
      case .done(let count): done += count
      case .wouldBlock: try Kernel.call("poll", on: name) { linux_wait_until_writable(descriptor) }
      }
    }
  }
}
