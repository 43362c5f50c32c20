// What only the kernel's disk can show: modes, links, other processes, full disks.

import ApusSystem
import ApusTestSupport
import Glibc
import Testing

@Suite("The real disk")
struct RealDiskTests {
  private let folder: TemporaryFolder
  private let disk = RealDisk()

  init() throws { folder = try TemporaryFolder() }

  @Test("makes files for their owner alone, and folders too")
  func modes() throws {
    _ = try disk.open(folder.path("a"), .create)
    _ = try disk.lock(folder.path("LOCK"), .exclusive)
    try disk.makeFolder(folder.path("f"))
    #expect(mode(folder.path("a")) == 0o600)
    #expect(mode(folder.path("LOCK")) == 0o600)
    #expect(mode(folder.path("f")) == 0o700)
  }

  @Test("removes a folder only when it is empty")
  func removeFolder() throws {
    try disk.makeFolder(folder.path("f"))
    _ = try disk.open(folder.path("f/a"), .create)
    #expect(throws: SystemError("rmdir", .notEmpty, on: folder.path("f"))) {
      try disk.removeFolder(folder.path("f"))
    }
    try disk.remove(folder.path("f/a"))
    try disk.removeFolder(folder.path("f"))
    #expect(try disk.entry(at: folder.path("f")) == nil)
  }

  @Test("does not make or lock a file through a symbolic link")
  func links() throws {
    let link = folder.path("link")
    #expect(unsafe symlink(folder.path("elsewhere"), link) == 0)
    #expect(errno { () throws(SystemError) in _ = try disk.open(link, .create) } == .exists)
    #expect(throws: SystemError("open", Errno(rawValue: ELOOP), on: link)) { try disk.lock(link, .exclusive) }
    #expect(try disk.entry(at: folder.path("elsewhere")) == nil)
  }

  @Test("refuses a pipe where a file should be, and does not wait for its other end")
  func pipes() throws {
    let pipe = folder.path("pipe")
    #expect(unsafe mkfifo(pipe, 0o600) == 0)
    for access in [FileAccess.read, .readWrite] {
      #expect(throws: SystemError("open", .invalid, on: pipe)) { try disk.open(pipe, access) }
    }
  }

  @Test("reports a name that is not text instead of inventing one")
  func foreignName() throws {
    let bytes = folder.path("x").utf8.dropLast() + [0xFF, 0]
    let made = unsafe bytes.map { CChar(bitPattern: $0) }.withUnsafeBufferPointer { path in
      guard let start = path.baseAddress else { return Int32(-1) }
      return unsafe mkdir(start, 0o700)
    }
    #expect(made == 0)
    #expect(throws: SystemError("readdir", .illegalBytes, on: folder.path)) {
      try disk.names(in: folder.path)
    }
    _ = unsafe bytes.map { CChar(bitPattern: $0) }.withUnsafeBufferPointer { path in
      unsafe path.baseAddress.map { unsafe rmdir($0) }
    }
  }

  @Test("fills with zeroes where space cannot be reserved")
  func zeroes() throws {
    let opened = try disk.open(folder.path("a"), .create)
    let file = try #require(opened as? RealFile)
    try file.writeAll([1, 2, 3], at: 0)
    try file.fillWithZeroes(to: 600_000)
    #expect(try file.readAll() == [1, 2, 3] + [UInt8](repeating: 0, count: 599_997))
    try file.fillWithZeroes(to: 5)
    #expect(try file.size() == 600_000)
  }

  @Test("reads a folder of many names whole")
  func manyNames() throws {
    for number in 0..<1_000 { try disk.open(folder.path("\(number)"), .create).close() }
    #expect(try disk.names(in: folder.path).count == 1_000)
  }

  @Test("says typed and at once that the disk is full", .enabled(if: SmallDisk.isPossible, SmallDisk.why))
  func full() throws {
    let small = try SmallDisk(at: folder.path("small"), bytes: 256 * 1024)
    defer { small.unmount() }
    let path = "\(small.path)/a"
    let file = try disk.open(path, .create)
    #expect(throws: SystemError("fallocate", .noSpace, on: path)) { try file.allocate(1 << 20) }
    let whole = [UInt8](repeating: 7, count: 1 << 20)
    do {
      try file.writeAll(whole, at: 0)
      Issue.record("a mebibyte fitted on a quarter")
    } catch {
      #expect(error == SystemError("pwrite", .noSpace, on: path))
      #expect(error.errno.meansDiskFull)
    }
    // What was taken is there, and there is nothing left.
    #expect(try file.size() <= 256 * 1024)
    #expect(try disk.freeBytes(at: small.path) == 0)
    try file.truncate(0)
    #expect(try disk.freeBytes(at: small.path) > 0)
    try file.allocate(64 * 1024)
    file.close()
  }

  @Test("keeps a lock whose note did not fit", .enabled(if: SmallDisk.isPossible, SmallDisk.why))
  func noteless() throws {
    let small = try SmallDisk(at: folder.path("small"), bytes: 64 * 1024)
    defer { small.unmount() }
    let ballast = try disk.open("\(small.path)/ballast", .create)
    try ballast.allocate(try disk.freeBytes(at: small.path))
    let lock = try #require(try disk.lock("\(small.path)/LOCK", .exclusive).lock)
    #expect(try disk.lock("\(small.path)/LOCK", .exclusive).holder == SystemProcess.id)
    lock.release()
    ballast.close()
  }

  private func mode(_ path: String) -> mode_t {
    var info = stat()
    guard unsafe stat(path, &info) == 0 else { return 0 }
    return info.st_mode & 0o777
  }
}

/// A file system in memory with a size, where the machine lets us have one.
struct SmallDisk {
  let path: String

  static let why: Comment = "a small tmpfs cannot be mounted here: that takes root with CAP_SYS_ADMIN"

  static let isPossible: Bool = {
    guard let folder = try? TemporaryFolder(),
      let disk = try? SmallDisk(at: folder.path("try"), bytes: 65_536)
    else { return false }
    disk.unmount()
    return true
  }()

  init(at path: String, bytes: Int) throws {
    self.path = path
    try RealDisk().makeFolder(path)
    try Kernel.call("mount", on: path) {
      unsafe Int64(mount("tmpfs", path, "tmpfs", 0, "size=\(bytes)")) == 0 ? 0 : -Int64(EPERM)
    }
  }

  func unmount() { _ = unsafe umount2(path, Int32(MNT_DETACH)) }
}
