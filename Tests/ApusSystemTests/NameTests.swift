// What names and folders promise, on either disk.

import ApusSystem
import ApusTestSupport
import Testing

@Suite("A name")
struct NameTests {
  @Test("appears in its folder in order, without dot and dot-dot", arguments: DiskKind.allCases)
  func listing(_ kind: DiskKind) throws {
    let subject = try Subject(kind)
    for name in ["b", "a", "ü", "10", "9"] { try subject.file(name) }
    try subject.disk.makeFolder(subject.path("c"))
    #expect(try subject.disk.names(in: subject.folder) == ["10", "9", "a", "b", "c", "ü"])
    #expect(try subject.disk.names(in: subject.path("c")) == [])
  }

  @Test("is told apart: a file with its size, a folder, nothing", arguments: DiskKind.allCases)
  func entry(_ kind: DiskKind) throws {
    let subject = try Subject(kind)
    try subject.file("a", [1, 2, 3])
    try subject.disk.makeFolder(subject.path("f"))
    #expect(try subject.disk.entry(at: subject.path("a")) == DiskEntry(isFolder: false, size: 3))
    #expect(try subject.disk.entry(at: subject.path("f")) == DiskEntry(isFolder: true, size: 0))
    #expect(try subject.disk.entry(at: subject.path("nothing")) == nil)
    #expect(try subject.disk.entry(at: subject.path("a/below")) == nil)
    #expect(try subject.disk.entry(at: subject.path("nothing/below")) == nil)
    #expect(try subject.disk.entry(at: "/") == DiskEntry(isFolder: true, size: 0))
  }

  @Test("moves with its file, over another", arguments: DiskKind.allCases)
  func rename(_ kind: DiskKind) throws {
    let subject = try Subject(kind)
    try subject.file("a", [1])
    try subject.file("b", [2])
    try subject.disk.rename(subject.path("a"), to: subject.path("b"))
    #expect(try subject.disk.names(in: subject.folder) == ["b"])
    #expect(try subject.bytes(of: "b") == [1])
    try subject.disk.rename(subject.path("b"), to: subject.path("b"))
    #expect(try subject.bytes(of: "b") == [1])
  }

  @Test("moves from folder to folder, and folders move with what is in them", arguments: DiskKind.allCases)
  func moveFolder(_ kind: DiskKind) throws {
    let subject = try Subject(kind)
    try subject.disk.makeFolder(subject.path("f"))
    try subject.file("a", [1])
    try subject.disk.rename(subject.path("a"), to: subject.path("f/b"))
    try subject.disk.rename(subject.path("f"), to: subject.path("g"))
    #expect(try subject.disk.names(in: subject.folder) == ["g"])
    #expect(try subject.bytes(of: "g/b") == [1])
    try subject.disk.syncFolder(subject.path("g"))
    try subject.disk.syncFolder(subject.folder)
    #expect(try subject.bytes(of: "g/b") == [1])
  }

  @Test("is not moved where it cannot be, and the error names both", arguments: DiskKind.allCases)
  func wrongRename(_ kind: DiskKind) throws {
    let subject = try Subject(kind)
    let (a, f, g) = (subject.path("a"), subject.path("f"), subject.path("g"))
    try subject.file("a")
    try subject.disk.makeFolder(f)
    try subject.disk.makeFolder(g)
    try subject.file("g/x")
    func refused(_ from: String, _ to: String, _ errno: Errno, line: SourceLocation = #_sourceLocation) {
      #expect(throws: SystemError("rename", errno, on: "\(from) to \(to)"), sourceLocation: line) {
        try subject.disk.rename(from, to: to)
      }
    }
    refused(subject.path("no"), a, .noEntry)
    refused(a, f, .isAFolder)
    refused(f, a, .notAFolder)
    refused(f, g, .notEmpty)
    refused(g, subject.path("g/below"), .invalid)
  }

  @Test("that is not there, or a folder's, is not removed", arguments: DiskKind.allCases)
  func wrongRemove(_ kind: DiskKind) throws {
    let subject = try Subject(kind)
    try subject.disk.makeFolder(subject.path("f"))
    #expect(throws: SystemError("unlink", .noEntry, on: subject.path("a"))) {
      try subject.disk.remove(subject.path("a"))
    }
    #expect(throws: SystemError("unlink", .isAFolder, on: subject.path("f"))) {
      try subject.disk.remove(subject.path("f"))
    }
  }

  @Test("of a folder is taken once, by whatever", arguments: DiskKind.allCases)
  func folderTaken(_ kind: DiskKind) throws {
    let subject = try Subject(kind)
    try subject.file("a")
    try subject.disk.makeFolder(subject.path("f"))
    for name in ["a", "f"] {
      #expect(throws: SystemError("mkdir", .exists, on: subject.path(name))) {
        try subject.disk.makeFolder(subject.path(name))
      }
    }
    #expect(throws: SystemError("mkdir", .noEntry, on: subject.path("no/f"))) {
      try subject.disk.makeFolder(subject.path("no/f"))
    }
  }

  @Test("is listed and synced only where a folder is", arguments: DiskKind.allCases)
  func noFolder(_ kind: DiskKind) throws {
    let subject = try Subject(kind)
    try subject.file("a")
    for (name, expected) in [("a", Errno.notAFolder), ("no", .noEntry)] {
      let path = subject.path(name)
      #expect(errno { () throws(SystemError) in _ = try subject.disk.names(in: path) } == expected)
      #expect(errno { () throws(SystemError) in try subject.disk.syncFolder(path) } == expected)
    }
  }

  @Test("takes space, of which the disk tells how much is left", arguments: DiskKind.allCases)
  func freeBytes(_ kind: DiskKind) throws {
    let subject = try Subject(kind)
    #expect(try subject.disk.freeBytes(at: subject.folder) > 0)
    #expect(
      errno { () throws(SystemError) in _ = try subject.disk.freeBytes(at: subject.path("no")) } == .noEntry)
  }
}
