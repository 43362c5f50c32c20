// What is read once, from its beginning to its end: a file, a pipe, standard input. Nobody asks for its size, so that one
// that never ends is read like any other.

import CLinux

package protocol ByteSource: AnyObject {
  /// What people call it.
  var name: String { get }

  /// Reads some bytes, as many as `buffer` holds at most; 0 means the end, once and for all.
  func read(into buffer: inout MutableRawSpan) throws(SystemError) -> Int
}

/// A descriptor of the kernel as a source. Used by one thread.
package final class InputStream: ByteSource {
  package let name: String
  private let descriptor: Int32
  /// Not standard input, which belongs to the process.
  private let owned: Bool

  /// A file, or whatever else can be read, wherever links lead to.
  package init(path: String) throws(SystemError) {
    name = path
    let raw = try Kernel.call("open", on: path) { unsafe linux_open(path, LINUX_STREAM, 0) }
    descriptor = Int32(truncatingIfNeeded: raw)
    owned = true
  }

  private init(descriptor: Int32, name: String) {
    self.descriptor = descriptor
    self.name = name
    owned = false
  }

  deinit { if owned { _ = linux_close(descriptor) } }

  package static func standardInput() -> InputStream {
    InputStream(descriptor: 0, name: "standard input")
  }

  package func read(into buffer: inout MutableRawSpan) throws(SystemError) -> Int {
    let descriptor = self.descriptor
    while true {
      let result = try unsafe buffer.withUnsafeMutableBytes { bytes throws(SystemError) in
        try Kernel.ask("read", on: name) {
          unsafe linux_stream_read(descriptor, bytes.baseAddress, bytes.count)
        }
      }
      switch result {
      case .done(let count): return count
      case .wouldBlock: try Kernel.call("poll", on: name) { linux_stream_wait(descriptor) }
      }
    }
  }
}
