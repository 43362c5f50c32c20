// The kernel's table of file locks, /proc/locks, read as text. Pure, so that any table can be tried.
//
//     1: FLOCK  ADVISORY  WRITE 1234 fe:00:131090 0 EOF
//     1: -> FLOCK  ADVISORY  WRITE 1300 fe:00:131090 0 EOF      (waits for the one above)
//
// The device is two hexadecimal numbers, the inode a decimal one. A holder outside of this process's
// namespace has no number here: it is shown as 0, or not at all.

package enum LockTable {
  /// A file by what the kernel knows it by.
  package struct File {
    let major: UInt32
    let minor: UInt32
    let inode: UInt64

    package init(major: UInt32, minor: UInt32, inode: UInt64) {
      self.major = major
      self.minor = minor
      self.inode = inode
    }
  }

  /// The process that has `file` locked by `flock`; nil when the table names none.
  package static func holder(of file: File, in table: String) -> Int32? {
    for line in table.split(separator: "\n") {
      let fields = line.split(separator: " ")
      guard fields.count >= 6, fields[1] == "FLOCK", matches(file, fields[5]) else { continue }
      if let process = Int32(fields[4]), process > 0 { return process }
    }
    return nil
  }

  /// The process id that a holder wrote into the lock file.
  package static func process(inNote note: String) -> Int32? {
    guard let line = note.split(separator: "\n", omittingEmptySubsequences: false).first,
      let process = Int32(line), process > 0
    else { return nil }
    return process
  }

  private static func matches(_ file: File, _ field: Substring) -> Bool {
    let parts = field.split(separator: ":")
    return parts.count == 3 && UInt32(parts[0], radix: 16) == file.major
      && UInt32(parts[1], radix: 16) == file.minor && UInt64(parts[2]) == file.inode
  }
}
