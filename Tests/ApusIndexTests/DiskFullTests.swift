// A small disk of our own, which only root may have.

import ApusBytes
import ApusIndex
import ApusSystem
import ApusTestSupport
import Glibc
import Testing

@Suite("An index on a full disk", .enabled(if: geteuid() == 0, "only root may mount a tmpfs"))
struct DiskFullTests {
  @Test("says so, keeps what it had, and goes on when there is space")
  func full() throws {
    let temporary = try TemporaryFolder("apus-index-full")
    guard unsafe mount("tmpfs", temporary.path, "tmpfs", 0, "size=2m") == 0 else {
      print("index: no tmpfs can be mounted here: \(errno)")
      return
    }
    defer { unsafe _ = umount2(temporary.path, Int32(MNT_DETACH)) }
    let fixture = try Fixture(temporary)
    let rows = RowTests.rows(1_000)
    let index = try fixture.build(rows, complete: 1_000)
    let updates = RowTests.rows(20_000, seed: 9).map {
      TestUpdate(key: $0.key, lsn: 1_001, row: $0.row.bytes)
    }
    for _ in 0..<3 {
      let error = failure { try index.checkpoint(updates, through: 1_001) }
      guard case .full(.disk) = error else {
        Issue.record("the disk was not called full: \(String(describing: error))")
        return
      }
      #expect(try index.progress() == [1_000, 1_000])
      for (key, row) in rows { #expect(try index.row(key) == row) }
    }
    #expect(!index.isSuspect)
    #expect(try index.scrubbed().isSound)
    #expect(unsafe mount("tmpfs", temporary.path, "tmpfs", UInt(MS_REMOUNT), "size=64m") == 0)
    try index.checkpoint(updates, through: 1_001)
    #expect(try index.progress() == [1_001, 1_001])
    #expect(try index.scrubbed().rows == 20_000)
  }

  @Test("cannot be built there, and what was begun can be removed")
  func building() throws {
    let temporary = try TemporaryFolder("apus-index-full")
    guard unsafe mount("tmpfs", temporary.path, "tmpfs", 0, "size=1m") == 0 else { return }
    defer { unsafe _ = umount2(temporary.path, Int32(MNT_DETACH)) }
    let fixture = try Fixture(temporary)
    let error = failure { try fixture.build(RowTests.rows(20_000)) }
    guard case .full(.disk) = error else {
      Issue.record("the disk was not called full: \(String(describing: error))")
      return
    }
    try fixture.folder.remove()
    #expect(try RealDisk().names(in: temporary.path) == [])
  }
}
