// What may stand where an index's files should.

import ApusBytes
import ApusIndex
import ApusSystem
import ApusTestSupport
import Glibc
import Testing

@Suite("The folder of an index")
struct FolderTests {
  private func built() throws -> Fixture {
    let fixture = try Fixture()
    do { try fixture.build(RowTests.rows(10), complete: 1_000) }
    return fixture
  }

  /// Puts something else in the place of a name.
  private func replace(_ path: String, by what: String) throws {
    let disk = RealDisk()
    if (try? disk.remove(path)) == nil, (try? disk.entry(at: path)) != nil {
      for name in try disk.names(in: path) { try disk.remove(path + "/" + name) }
      try disk.removeFolder(path)
    }
    switch what {
    case "folder":
      try disk.makeFolder(path)
      try disk.makeFolder(path + "/below")
      try write([1], to: path + "/below/file")
    case "pipe": #expect(unsafe mkfifo(path, 0o600) == 0)
    case "loop": #expect(unsafe symlink(path, path) == 0)
    case "nowhere": #expect(unsafe symlink(path + "-nowhere", path) == 0)
    default: try write([1], to: path)
    }
  }

  @Test(
    "with something else in the place of a file is suspect, can be removed, and is no hindrance to the next",
    arguments: [
      ("data.mdb", "folder"), ("data.mdb", "pipe"), ("data.mdb", "loop"), ("data.mdb", "nowhere"),
      ("LOCK", "folder"), ("LOCK", "loop"), ("lock.mdb", "folder"), ("lock.mdb", "loop"),
      ("SUSPECT", "folder"),
      ("SUSPECT", "pipe"), ("SUSPECT", "loop"), ("", "file"), ("", "loop"), ("", "pipe"),
    ])
  func noFile(_ name: String, _ what: String) throws {
    let fixture = try built()
    try replace(fixture.folder.path + (name.isEmpty ? "" : "/" + name), by: what)
    let opening = OpeningTests.word(try fixture.open())
    #expect(opening.hasPrefix("suspect"), "\(opening)")
    #expect(try IndexFolder.list(in: fixture.temporary.path).ready == [1])
    let next = try Fixture(fixture.temporary, epoch: 2)
    do { try next.build(RowTests.rows(10), complete: 1_000) }
    try fixture.folder.remove()
    #expect(try IndexFolder.list(in: fixture.temporary.path).ready == [2])
    #expect(OpeningTests.word(try next.open()) == "usable 1000 1000")
  }

  @Test("is removed with links in it, but not with what they lead to")
  func links() throws {
    let fixture = try built()
    let kept = fixture.temporary.path + "/kept"
    try RealDisk().makeFolder(kept)
    try write([1], to: kept + "/file")
    #expect(unsafe symlink(kept, fixture.folder.path + "/link") == 0)
    try fixture.folder.remove()
    #expect(try RealDisk().names(in: fixture.temporary.path) == ["kept"])
    #expect(try bytes(of: kept + "/file") == [1])
  }

  @Test("and the one above are made when they are missing; nothing is listed before")
  func parent() throws {
    let temporary = try TemporaryFolder("apus-index")
    let parent = temporary.path + "/index"
    let none = try IndexFolder.list(in: parent)
    #expect(none.ready == [] && none.building == [] && none.retired == [])
    let folder = IndexFolder(in: parent, epoch: 1)
    try folder.remove()
    #expect(try RealDisk().names(in: temporary.path) == [])
    let index = try IndexBuilder(folder, of: Fixture.storeID).finish(
      complete: .none, note: ByteWriter().bytes)
    #expect(index.completeAtOpening == .none)
    #expect(try IndexFolder.list(in: parent).ready == [1])
    #expect(
      failure {
        _ = try IndexBuilder(IndexFolder(in: temporary.path + "/a/b", epoch: 1), of: Fixture.storeID)
      } != nil)
  }

  @Test("of an index without rows is a whole index: read, written, scrubbed and opened again")
  func empty() throws {
    let fixture = try Fixture()
    do {
      let index = try IndexBuilder(fixture.folder, of: Fixture.storeID)
        .finish(complete: .none, note: ByteWriter().bytes)
      #expect(try index.progress() == [0, 0])
      #expect(try index.row(Keys.whole(1)) == nil)
      var reader = try index.reader()
      try reader.renew()
      try reader.forEachRow { _, _ in Issue.record("a row") }
      #expect(try reader.note { $0.byteCount } == 0)
      #expect(try index.scrubbed().isSound)
    }
    #expect(OpeningTests.word(try fixture.open()) == "usable 0 0")
    #expect(OpeningTests.word(try fixture.open(checkpoint: 1)).hasPrefix("suspect behind"))
    let rows = RowTests.rows(5_000)
    do {
      let index = try fixture.opened()
      try index.checkpoint(
        rows.map { TestUpdate(key: $0.key, lsn: $0.row.lsn, row: $0.row.bytes) }, through: 1_000)
    }
    let index = try fixture.opened()
    #expect(try index.progress() == [1_000, 1_000])
    for (key, row) in rows { #expect(try index.row(key) == row) }
    #expect(try index.scrubbed().isSound)
  }
}
