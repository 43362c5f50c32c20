// What must not be passed: the quota, whoever holds what; the pages of a transaction; and what the kernel grants.

import ApusBytes
import ApusIndex
import ApusSystem
import ApusTestSupport
import Glibc
import Testing

@Suite("Limits of an index")
struct LimitTests {
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
}
