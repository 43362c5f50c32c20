// Who this process is to the kernel, and the kernel's dice.

import CLinux

package enum SystemProcess {
  package static var id: Int32 { linux_process_id() }

  /// Ends the process. Nothing is flushed: whoever has buffers empties them first.
  package static func exit(_ code: UInt8) -> Never { linux_exit(Int32(code)) }
}

package enum SystemRandom {
  /// Bytes nobody can foretell, for identities. Not for tests, which want a seed.
  package static func bytes(_ count: Int) throws(SystemError) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: count)
    var done = 0
    while done < count {
      done += try Kernel.call("getrandom", on: "\(count) bytes") {
        unsafe bytes.withUnsafeMutableBytes {
          unsafe linux_random($0.baseAddress?.advanced(by: done), count - done)
        }
      }
    }
    return bytes
  }
}
