// The names in a folder, as text.

import CLinux

extension RealDisk {
  package func names(in folder: String) throws(SystemError) -> [String] {
    let descriptor = try Self.open(folder, LINUX_FOLDER)
    let raw = descriptor.raw
    var stream: UnsafeMutableRawPointer?
    try Kernel.call("fdopendir", on: folder) { unsafe linux_open_folder(raw, &stream) }
    // The stream owns the descriptor now.
    _ = descriptor.giveUp()
    defer { unsafe _ = linux_close_folder(stream) }

    var names: [String] = []
    while true {
      var name: UnsafePointer<CChar>?
      let found = try Kernel.call("readdir", on: folder) { unsafe linux_next_name(stream, &name) }
      guard found == 1, let name = unsafe name else { break }
      // A name that is not text is none of ours, and could not be named in any other call either.
      guard let text = unsafe String(validatingCString: name) else {
        throw SystemError("readdir", .illegalBytes, on: folder)
      }
      if text != "." && text != ".." { names.append(text) }
    }
    return names.sorted()
  }
}
