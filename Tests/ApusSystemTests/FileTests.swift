// What a file promises, on either disk.

import ApusSystem
import ApusTestSupport
import Testing

@Suite("A file")
struct FileTests {
  @Test("gives back what was written, at the offset it was written to", arguments: DiskKind.allCases)
  func roundTrip(_ kind: DiskKind) throws {
    let subject = try Subject(kind)
    let file = try subject.file("a", [1, 2, 3, 4])
    try file.writeAll([9, 9], at: 1)
    #expect(try file.readAll() == [1, 9, 9, 4])
    #expect(try file.read(10, at: 3) == [4])
  }

  @Test("reads nothing at its end and beyond", arguments: DiskKind.allCases)
  func end(_ kind: DiskKind) throws {
    let file = try Subject(kind).file("a", [1, 2])
    #expect(try file.read(8, at: 2) == [])
    #expect(try file.read(8, at: 4096) == [])
    #expect(try file.read(8, at: .max) == [])
  }

  @Test("written past its end is zero in between", arguments: DiskKind.allCases)
  func hole(_ kind: DiskKind) throws {
    let file = try Subject(kind).file("a", [1])
    try file.writeAll([7], at: 5)
    #expect(try file.readAll() == [1, 0, 0, 0, 0, 7])
  }

  @Test("refuses an offset no file can have, by name", arguments: DiskKind.allCases)
  func absurdOffset(_ kind: DiskKind) throws {
    let file = try Subject(kind).file("a")
    #expect(errno { () throws(SystemError) in try file.writeAll([1], at: .max) } == .fileTooLarge)
    #expect(errno { () throws(SystemError) in try file.allocate(.max) } == .fileTooLarge)
    #expect(errno { () throws(SystemError) in try file.truncate(.max) } == .fileTooLarge)
  }

  @Test("is created only where no name is", arguments: DiskKind.allCases)
  func createTaken(_ kind: DiskKind) throws {
    let subject = try Subject(kind)
    try subject.file("a", [1])
    #expect(throws: SystemError("open", .exists, on: subject.path("a"))) {
      try subject.disk.open(subject.path("a"), .create)
    }
    #expect(try subject.bytes(of: "a") == [1])
  }

  @Test("that is not there cannot be opened", arguments: DiskKind.allCases)
  func missing(_ kind: DiskKind) throws {
    let subject = try Subject(kind)
    for access in [FileAccess.read, .readWrite] {
      #expect(throws: SystemError("open", .noEntry, on: subject.path("a"))) {
        try subject.disk.open(subject.path("a"), access)
      }
    }
    #expect(throws: SystemError("open", .noEntry, on: subject.path("b/a"))) {
      try subject.disk.open(subject.path("b/a"), .create)
    }
  }

  @Test("cannot have a folder's or a file's name as its own folder", arguments: DiskKind.allCases)
  func wrongKind(_ kind: DiskKind) throws {
    let subject = try Subject(kind)
    try subject.disk.makeFolder(subject.path("f"))
    try subject.file("a")
    for access in [FileAccess.read, .readWrite] {
      #expect(throws: SystemError("open", .isAFolder, on: subject.path("f"))) {
        try subject.disk.open(subject.path("f"), access)
      }
    }
    #expect(throws: SystemError("open", .notAFolder, on: subject.path("a/b"))) {
      try subject.disk.open(subject.path("a/b"), .read)
    }
  }

  @Test(
    "that is allocated grows with zeroes, keeps its bytes, and never shrinks", arguments: DiskKind.allCases)
  func allocate(_ kind: DiskKind) throws {
    let file = try Subject(kind).file("a", [1, 2, 3])
    try file.allocate(10_000)
    #expect(try file.size() == 10_000)
    #expect(try file.readAll() == [1, 2, 3] + [UInt8](repeating: 0, count: 9_997))
    try file.allocate(5)
    try file.allocate(0)
    #expect(try file.size() == 10_000)
  }

  @Test("that was cut and grows again has zeroes where it was cut", arguments: DiskKind.allCases)
  func truncate(_ kind: DiskKind) throws {
    let file = try Subject(kind).file("a", [UInt8](repeating: 5, count: 2_000))
    try file.syncAll()
    try file.truncate(700)
    #expect(try file.size() == 700)
    try file.allocate(2_000)
    let expected = [UInt8](repeating: 5, count: 700) + [UInt8](repeating: 0, count: 1_300)
    #expect(try file.readAll() == expected)
    try file.syncData()
    try file.dropCache()
    #expect(try file.readAll() == expected)
  }

  @Test("gives the same bytes after a sync and without the cache", arguments: DiskKind.allCases)
  func dropCache(_ kind: DiskKind) throws {
    let file = try Subject(kind).file("a", [1, 2, 3])
    try file.syncData()
    try file.dropCache()
    #expect(try file.readAll() == [1, 2, 3])
    try file.writeAll([4], at: 0)
    try file.dropCache()
    #expect(try file.readAll() == [4, 2, 3])
  }

  @Test("lives on for those who have it open when its name goes", arguments: DiskKind.allCases)
  func removedWhileOpen(_ kind: DiskKind) throws {
    let subject = try Subject(kind)
    let file = try subject.file("a", [1])
    try subject.disk.remove(subject.path("a"))
    #expect(try subject.disk.entry(at: subject.path("a")) == nil)
    try file.writeAll([2], at: 1)
    #expect(try file.readAll() == [1, 2])
  }

  @Test("can be opened twice, and both see the same bytes", arguments: DiskKind.allCases)
  func openTwice(_ kind: DiskKind) throws {
    let subject = try Subject(kind)
    let writer = try subject.file("a", [1])
    let reader = try subject.disk.open(subject.path("a"), .read)
    try writer.writeAll([7, 8], at: 0)
    #expect(try reader.readAll() == [7, 8])
    writer.close()
    #expect(try reader.readAll() == [7, 8])
  }

  @Test("may be closed twice", arguments: DiskKind.allCases)
  func closeTwice(_ kind: DiskKind) throws {
    let file = try Subject(kind).file("a")
    file.close()
    file.close()
  }

  @Test("takes writes of nothing", arguments: DiskKind.allCases)
  func emptyWrite(_ kind: DiskKind) throws {
    let file = try Subject(kind).file("a", [1])
    try file.writeAll([], at: 0)
    try file.writeAll([], at: 100)
    #expect(try file.readAll() == [1])
  }
}
