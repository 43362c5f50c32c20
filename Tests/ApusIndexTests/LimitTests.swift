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

  /// Whether a scrub finds nothing when the last page of a file says another number: it is a free one.
  private func endsInAFreePage(_ image: [UInt8]) throws -> Bool {
    let copy = try Fixture()
    try RealDisk().makeFolder(copy.folder.path)
    var image = image
    image[image.count - 4_096] ^= 1
    try write(image, to: copy.folder.data)
    guard case .usable(let index) = try copy.open() else { return false }
    return try index.scrubbed().isSound
  }

  /// A free page at the end is cut off while the index is open, and the limit of a file's size is set there: nothing fails but making the file as
  /// long as its pages again, after a commit that went well.
  @Test("a commit whose file cannot be made long enough is the last one, and the index is rebuilt")
  func lengthening() async throws {
    let fixture = try Fixture()
    let rows = RowTests.rows(400)
    do { try fixture.build(rows, complete: 1_000) }
    var lsn: UInt64 = 1_000
    while try !endsInAFreePage(try bytes(of: fixture.folder.data)) {
      lsn += 1
      try #require(lsn < 1_050, "the last page of the file is always in use")
      try fixture.opened().checkpoint(LimitTests.updates(rows, lsn), through: lsn)
    }
    let byteCount = try bytes(of: fixture.folder.data).count
    await #expect(processExitsWith: .success) {
      [
        parent = fixture.temporary.path as String, data = fixture.folder.data as String,
        byteCount = byteCount as Int, lsn = lsn as UInt64
      ] in
      _ = signal(SIGXFSZ, SIG_IGN)
      guard case .usable(let index) = try FlipFolder(parent).reopened() else { _exit(1) }
      var writer = try index.writer()
      guard unsafe truncate(data, byteCount - 4_096) == 0 else { _exit(2) }
      var limit = rlimit(rlim_cur: rlim_t(byteCount - 4_096), rlim_max: rlim_t(byteCount))
      unsafe setrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &limit)
      func error(_ lsn: UInt64) -> IndexError? {
        var updates = TestUpdates([TestUpdate(key: Keys.whole(1), lsn: lsn, row: [1])])
        return failure {
          _ = try writer.checkpoint(&updates, through: LSN(lsn), note: ByteWriter().bytes, fold: latest)
        }
      }
      guard case .abandoned(let fault) = error(lsn + 1), fault.call == "ftruncate", fault.code == EFBIG
      else { _exit(3) }
      guard index.isSuspect else { _exit(4) }
      limit.rlim_cur = limit.rlim_max
      unsafe setrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &limit)
      guard case .abandoned = error(lsn + 2) else { _exit(5) }
    }
    #expect(OpeningTests.word(try fixture.open()).hasPrefix("suspect marked(\"ftruncate"))
  }

  private func number(_ image: [UInt8], _ at: Int, _ count: Int) -> Int {
    (0..<count).reduce(0) { $0 | Int(image[at + $1]) << (8 * $1) }
  }

  @Test("a page with another page's number is found when a key comes to its end")
  func pageOfAnInsertedKey() throws {
    let fixture = try Fixture()
    let rows = (0..<400).map {
      (key: Keys.whole($0 * 2), row: TestRow(lsn: 1, bytes: [UInt8](repeating: 1, count: 64)))
    }
    do { try fixture.build(rows, complete: 1) }
    let clean = try bytes(of: fixture.folder.data)
    var pages = 0
    for page in 2..<(clean.count / 4_096) where number(clean, page * 4_096 + 10, 2) == 2 {
      let start = page * 4_096
      let places = stride(from: start + 16, to: start + number(clean, start + 12, 2), by: 2).map {
        number(clean, $0, 2)
      }
      let nodes = places.map { start + $0 }
      // The last key of the leaf, and behind it one that goes to the end of the leaf.
      guard let last = nodes.last, number(clean, last + 6, 2) == 20 else { continue }
      var key = Array(clean[(last + 8)..<(last + 28)])
      key[15] += 1
      var image = clean
      image[start] ^= 1
      try write(image, to: fixture.folder.data)
      let opening = try fixture.open()
      guard case .usable(let index) = opening else { continue }
      let error = failure { try index.checkpoint([TestUpdate(key: key, lsn: 2, row: [1])], through: 2) }
      guard case .damaged(.page) = error else {
        Issue.record("leaf \(page): \(String(describing: error))")
        continue
      }
      pages += 1
    }
    #expect(pages > 3)
  }

  @Test("the head before a long note is not believed by a checkpoint")
  func headOfANote() throws {
    let fixture = try Fixture()
    do {
      try fixture.build(RowTests.rows(400), complete: 1_000, note: [UInt8](repeating: 0x77, count: 6_000))
    }
    var image = try bytes(of: fixture.folder.data)
    let run = [UInt8](repeating: 0x77, count: 100)
    let at = try #require(image.indices.first { image[$0...].starts(with: run) })
    let page = at - at % 4_096
    #expect(at - page == 16 + 13)
    // Five pages instead of two: the three behind would be called free.
    image[page + 12] = 5
    try write(image, to: fixture.folder.data)
    let index = try fixture.opened()
    let error = failure { try index.checkpoint([], through: 1_001, note: [1]) }
    #expect(error == .damaged(.page(UInt64(page / 4_096))))
  }
}
