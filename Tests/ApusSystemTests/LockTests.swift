// What a lock promises, on either disk.

import ApusSystem
import ApusTestSupport
import Testing

extension LockOutcome {
  /// The lock, when it was had.
  var lock: (any FileLock)? {
    if case .held(let lock) = self { lock } else { nil }
  }

  /// Who has it; nil when it was had or nobody knows.
  var holder: Int32? {
    if case .taken(let process) = self { process } else { nil }
  }
}

@Suite("A lock")
struct LockTests {
  @Test("held once is refused to this same process, which is named", arguments: DiskKind.allCases)
  func exclusive(_ kind: DiskKind) throws {
    let subject = try Subject(kind)
    let path = subject.path("LOCK")
    let first = try #require(try subject.disk.lock(path, .exclusive).lock)
    #expect(try subject.disk.lock(path, .exclusive).holder == SystemProcess.id)
    #expect(try subject.disk.lock(path, .shared).holder == SystemProcess.id)
    first.release()
    #expect(try subject.disk.lock(path, .exclusive).lock != nil)
  }

  @Test("is shared by many and keeps out the one", arguments: DiskKind.allCases)
  func shared(_ kind: DiskKind) throws {
    let subject = try Subject(kind)
    let path = subject.path("LOCK")
    try subject.file("LOCK")
    let first = try #require(try subject.disk.lock(path, .shared).lock)
    let second = try #require(try subject.disk.lock(path, .shared).lock)
    #expect(try subject.disk.lock(path, .exclusive).lock == nil)
    first.release()
    #expect(try subject.disk.lock(path, .exclusive).lock == nil)
    second.release()
    #expect(try subject.disk.lock(path, .exclusive).lock != nil)
  }

  @Test("makes its file only when exclusive", arguments: DiskKind.allCases)
  func missing(_ kind: DiskKind) throws {
    let subject = try Subject(kind)
    let path = subject.path("LOCK")
    #expect(throws: SystemError("open", .noEntry, on: path)) { try subject.disk.lock(path, .shared) }
    #expect(try subject.disk.entry(at: path) == nil)
    let lock = try #require(try subject.disk.lock(path, .exclusive).lock)
    #expect(try subject.disk.entry(at: path) != nil)
    lock.release()
  }

  @Test("goes with whoever held it, and may be released twice", arguments: DiskKind.allCases)
  func lifetime(_ kind: DiskKind) throws {
    let subject = try Subject(kind)
    let path = subject.path("LOCK")
    do {
      let lock = try #require(try subject.disk.lock(path, .exclusive).lock)
      lock.release()
      lock.release()
    }
    var lock: (any FileLock)? = try subject.disk.lock(path, .exclusive).lock
    #expect(lock != nil)
    #expect(try subject.disk.lock(path, .exclusive).lock == nil)
    lock = nil
    #expect(try subject.disk.lock(path, .exclusive).lock != nil)
  }

  @Test("cannot be had on a folder", arguments: DiskKind.allCases)
  func folder(_ kind: DiskKind) throws {
    let subject = try Subject(kind)
    #expect(throws: SystemError("open", .isAFolder, on: subject.folder)) {
      try subject.disk.lock(subject.folder, .exclusive)
    }
  }
}

@Suite("The kernel's table of locks")
struct LockTableTests {
  private let table = """
    1: POSIX  ADVISORY  WRITE 11 fe:00:131090 0 EOF
    2: FLOCK  ADVISORY  WRITE 12 fe:00:131091 0 EOF
    3: FLOCK  ADVISORY  WRITE 1234 fe:00:131090 0 EOF
    3: -> FLOCK  ADVISORY  WRITE 13 fe:0a:77 0 EOF
    4: FLOCK  ADVISORY  READ 0 fe:0a:78 0 EOF
    nonsense

    5: FLOCK  ADVISORY  READ 99 fe:0a:79 0 EOF
    """

  @Test("names the holder of a flock on just that file")
  func holder() {
    #expect(LockTable.holder(of: .init(major: 254, minor: 0, inode: 131_090), in: table) == 1234)
    #expect(LockTable.holder(of: .init(major: 254, minor: 10, inode: 0x79), in: table) == nil)
    #expect(LockTable.holder(of: .init(major: 254, minor: 10, inode: 79), in: table) == 99)
  }

  @Test("does not take who waits, or who is hidden, for the holder")
  func waiters() {
    #expect(LockTable.holder(of: .init(major: 254, minor: 10, inode: 77), in: table) == nil)
    #expect(LockTable.holder(of: .init(major: 254, minor: 10, inode: 78), in: table) == nil)
  }

  @Test("is replaced by the holder's note, if that is a whole process id")
  func note() {
    #expect(LockTable.process(inNote: "1234\n") == 1234)
    for note in ["", "\n", "abc\n", "-5\n", "0\n", "12 34\n", "99999999999\n"] {
      #expect(LockTable.process(inNote: note) == nil, "\(note)")
    }
  }
}
