// What must not be passed: the quota, whoever holds what; the pages of a transaction; and what the kernel grants.

import ApusBytes
import ApusIndex
import ApusSystem
import ApusTestSupport
import Glibc
import Testing

@Suite("Limits of an index")
struct LimitTests {
  private static func updates(_ rows: [(key: [UInt8], row: TestRow)], _ lsn: UInt64) -> [TestUpdate] {
    rows.map { TestUpdate(key: $0.key, lsn: lsn, row: $0.row.bytes) }
  }

  /// A snapshot that is held keeps every page that was freed since: they are listed as free, and cannot be used again.
  @Test("the quota holds though a reader keeps an old snapshot, and there is room again without it")
  func quotaBesideAReader() throws {
    let fixture = try Fixture()
    var options = IndexOptions()
    options.quotaByteCount = 2 << 20
    let rows = RowTests.rows(2_000)
    let index = try fixture.build(rows, complete: 1_000, options: options)
    var reader = try index.reader()
    try reader.renew()
    var error: IndexError?
    var lsn: UInt64 = 1_000
    while error == nil && lsn < 1_100 {
      lsn += 1
      error = failure { try index.checkpoint(LimitTests.updates(rows, lsn), through: lsn) }
    }
    #expect(error == .full(.quota(byteCount: 2 << 20)))
    #expect(index.usedByteCount <= 2 << 20)
    #expect(try reader.row(rows[7].key) == rows[7].row)
    reader.reset()
    try index.checkpoint(LimitTests.updates(rows, lsn), through: lsn)
    #expect(try index.progress() == [lsn, lsn])
    #expect(try index.scrubbed().isSound)
  }

  @Test("the quota holds while an index is built, in the middle of a transaction too")
  func quotaOfABuilder() throws {
    let fixture = try Fixture()
    var options = IndexOptions()
    options.quotaByteCount = 1 << 20
    #expect(
      failure { try fixture.build(RowTests.rows(20_000), options: options) }
        == .full(.quota(byteCount: 1 << 20)))
  }

  @Test("a row beside a long key may have pages of its own, and they count for the transaction")
  func longKeys() throws {
    let rows = try (0..<1_000).map { number in
      var encoder = KeyEncoder()
      let text = [UInt8](repeating: 97, count: 380) + Array("\(number + 10_000)".utf8)
      try encoder.append(bytes: unsafe text.span.bytes)
      var key = IndexKey()
      key.set(project: 1, entity: 1, key: encoder.bytes, view: 1)
      return (key: key.bytes.copied(), row: TestRow(lsn: 1, bytes: [UInt8](repeating: 1, count: 1_700)))
    }
    var options = IndexOptions()
    options.dirtyPagesMax = 100
    let index = try Fixture().build(rows, complete: 1, options: options)
    // A thousand pages, at a hundred a time.
    let report = try index.checkpoint(LimitTests.updates(rows, 2), through: 2)
    #expect(report.transactions >= 9)
  }

  @Test("a builder that refused a row is not finished without the rows before")
  func builderAfterAnError() throws {
    let fixture = try Fixture()
    var builder = try IndexBuilder(fixture.folder, of: Fixture.storeID)
    let rows = RowTests.rows(5)
    for (key, row) in rows {
      try builder.append(unsafe key.span.bytes, lsn: LSN(row.lsn), row: unsafe row.bytes.span.bytes)
    }
    let key = rows[2].key
    do {
      try builder.append(unsafe key.span.bytes, lsn: LSN(1), row: unsafe key.span.bytes)
      Issue.record("a key that comes twice was taken")
    } catch {}
    let note: [UInt8] = []
    do {
      let index = try builder.finish(complete: LSN(1_000), note: unsafe note.span.bytes)
      for (key, row) in rows { #expect(try index.row(key) == row) }
      #expect(try index.scrubbed().damages == [])
    } catch {}
    #expect(try IndexFolder.list(in: fixture.temporary.path).ready == [])
  }

  @Test("an address space that is too small says nothing about the index")
  func kernelRefuses() async throws {
    let fixture = try Fixture()
    do { try fixture.build(RowTests.rows(10), complete: 1_000) }
    let parent = fixture.temporary.path
    await #expect(processExitsWith: .success) { [parent = parent as String] in
      var limit = rlimit(rlim_cur: 1 << 38, rlim_max: 1 << 38)
      unsafe setrlimit(__rlimit_resource_t(RLIMIT_AS.rawValue), &limit)
      let error = failure {
        let opening = try FlipFolder(parent).reopened()
        print("opening: \(OpeningTests.word(opening))")
      }
      guard case .lmdb(let fault) = error, fault.code == ENOMEM else { _exit(1) }
    }
  }
}
