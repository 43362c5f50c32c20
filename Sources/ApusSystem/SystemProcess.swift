// Who this process is to the kernel, and the kernel's dice.

import CLinux

package enum SystemProcess {
  package static var id: Int32 { linux_process_id() }

  /// Processors that this process may run on; at least one.
  package static var coreCount: Int { max(1, Int(linux_core_count())) }

  /// What the parent left, read once and by one thread: nobody here changes it.
  package static var environment: [String: String] {
    var all: [String: String] = [:]
    var at: Int32 = 0
    while let entry = unsafe linux_environment(at) {
      let text = unsafe String(cString: entry)
      at += 1
      guard let sign = text.firstIndex(of: "=") else { continue }
      // Of two with one name the first counts, as it does for the C library.
      let name = String(text[..<sign])
      if all[name] == nil { all[name] = String(text[text.index(after: sign)...]) }
    }
    return all
  }

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
