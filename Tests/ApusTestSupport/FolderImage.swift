// A folder with all that is in it, as bytes: to be written elsewhere, or again.

import ApusBytes
package import ApusSystem

package struct FolderImage {
  private(set) var folders: [String] = []
  /// By path below the folder, each beginning with a slash.
  package var files: [String: [UInt8]] = [:]

  package init(of root: String, leavingOut names: Set<String> = []) throws(SystemError) {
    try add(root, "", names)
  }

  private mutating func add(_ root: String, _ below: String, _ leftOut: Set<String>) throws(SystemError) {
    let disk = RealDisk()
    for name in try disk.names(in: root + below) where !leftOut.contains(name) {
      let path = below + "/" + name
      guard let entry = try disk.entry(at: root + path) else { continue }
      if entry.isFolder {
        folders.append(path)
        try add(root, path, [])
      } else {
        let file = try disk.open(root + path, .read)
        defer { file.close() }
        files[path] = try file.readAll()
      }
    }
  }

  /// Replaces whatever is there.
  package func write(to root: String) throws(SystemError) {
    FolderImage.remove(root)
    let disk = RealDisk()
    try disk.makeFolder(root)
    for folder in folders { try disk.makeFolder(root + folder) }
    for (path, bytes) in files {
      let file = try disk.open(root + path, .create)
      defer { file.close() }
      // Any byte is a raw byte.
      try file.writeAll(unsafe bytes.span.bytes, at: 0)
    }
  }

  /// Removes what it can.
  package static func remove(_ root: String) {
    let disk = RealDisk()
    for name in (try? disk.names(in: root)) ?? [] {
      let path = root + "/" + name
      if (try? disk.entry(at: path))??.isFolder == true { remove(path) } else { try? disk.remove(path) }
    }
    try? disk.removeFolder(root)
  }
}
