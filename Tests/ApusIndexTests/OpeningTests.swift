import ApusBytes
import ApusIndex
import ApusSystem
import ApusTestSupport
import Glibc
import Testing

@Suite("Opening an index")
struct OpeningTests {
  /// What an opening came to, in a word that tests compare.
  static func word(_ opening: IndexOpening) -> String {
    switch opening {
    case .usable(let index): "usable \(index.touchedAtOpening) \(index.completeAtOpening)"
    case .suspect(let why): "suspect \(why)"
    case .foreign(let storeID): "foreign \(storeID)"
    case .unsupported(let what): "unsupported \(what)"
    case .missing: "missing"
    }
  }

  private func opening(_ fixture: Fixture, checkpoint: UInt64 = 0) throws -> String {
    OpeningTests.word(try fixture.open(checkpoint: checkpoint))
  }

  @Test("tells what is there: nothing, a usable index, one that was marked")
  func verdicts() throws {
    let fixture = try Fixture()
    #expect(try opening(fixture) == "missing")
    do { try fixture.build(RowTests.rows(10), complete: 1_000) }
    #expect(try opening(fixture) == "usable 1000 1000")
    #expect(try opening(fixture, checkpoint: 1_000) == "usable 1000 1000")
    #expect(
      try opening(fixture, checkpoint: 1_001)
        == "suspect \(IndexSuspicion.behind(complete: LSN(1_000), expected: LSN(1_001)))")
    do {
      let index = try fixture.opened()
      #expect(!index.isSuspect)
      try index.markSuspect("died while\nreading")
      try index.markSuspect("twice is no harm")
      #expect(index.isSuspect)
      guard case .abandoned = failure({ try index.checkpoint([], through: 2_000) }) else {
        Issue.record("a suspect index was written")
        return
      }
    }
    #expect(try opening(fixture) == "suspect marked(\"died while reading\")")
    try RealDisk().remove(fixture.folder.data)
    try RealDisk().remove(fixture.folder.path + "/SUSPECT")
    #expect(try opening(fixture) == "suspect noData")
  }

  @Test("twice is refused, in one process as between two")
  func twice() throws {
    let fixture = try Fixture()
    do {
      let index = try fixture.build()
      let reader = try index.reader()
      #expect(
        failure { try fixture.open() } == .inUse(folder: fixture.folder.path, process: SystemProcess.id))
      #expect(
        failure { try fixture.folder.remove() }
          == .inUse(folder: fixture.folder.path, process: SystemProcess.id))
      _ = reader.touched
    }
    #expect(try opening(fixture) == "usable 0 0")
  }

  @Test("leaves another store's index as it is")
  func foreign() throws {
    let fixture = try Fixture()
    do { try fixture.build(RowTests.rows(10), complete: 1_000) }
    let before = try bytes(of: fixture.folder.data)
    let other = [UInt8](repeating: 9, count: 16)
    let opening = try Index.open(fixture.folder, of: other)
    #expect(OpeningTests.word(opening) == "foreign \(Fixture.storeID)")
    #expect(try bytes(of: fixture.folder.data) == before)
  }

  /// The identity is found by its magic, changed, and given the checksum that a newer program would give it.
  @Test(
    "leaves an index of the future as it is",
    arguments: [(8, 2, "format version 2"), (16, 4, "required features 4")])
  func newer(at offset: Int, value: UInt8, says: String) throws {
    let fixture = try Fixture()
    do { try fixture.build(RowTests.rows(10), complete: 1_000) }
    var image = try bytes(of: fixture.folder.data)
    let magic = Array("APUSINDX".utf8)
    let at = try #require(image.indices.first { image[$0...].starts(with: magic) })
    image[at + offset] = value
    let key: [UInt8] = [255, 255, 255, 255, 1]
    let covered = key + image[(at - 9)..<(at + 48)]
    let crc = CRC32C.checksum(unsafe covered.span.bytes)
    for byte in 0..<4 { image[at - 13 + byte] = UInt8(truncatingIfNeeded: crc >> (8 * byte)) }
    try write(image, to: fixture.folder.data)
    #expect(try opening(fixture) == "unsupported \(says)")
    #expect(try bytes(of: fixture.folder.data) == image)
  }

  @Test("a file that ends too early, anywhere, is suspect and never read")
  func truncated() throws {
    let fixture = try Fixture()
    do { try fixture.build(RowTests.rows(2_000), complete: 1_000) }
    let image = try bytes(of: fixture.folder.data)
    var random = SplitMix64(seed: 5)
    let lengths =
      [0, 1, 16, 151, 152, 4_095, 4_096, 4_247, 4_248, 8_191, 8_192, image.count - 4_096, image.count - 1]
      + (0..<40).map { _ in random.below(image.count) }
    for length in lengths {
      try write(Array(image[..<length]), to: fixture.folder.data)
      #expect(try opening(fixture).hasPrefix("suspect tooShort"), "\(length) bytes")
      #expect(try bytes(of: fixture.folder.data).count == length)
    }
    try write(image, to: fixture.folder.data)
    #expect(try opening(fixture) == "usable 1000 1000")
  }

  @Test("a file of another epoch, put in place of this one, is suspect")
  func misplaced() throws {
    let first = try Fixture()
    let second = try Fixture(first.temporary, epoch: 2)
    do {
      try first.build(RowTests.rows(10), complete: 1_000)
      try second.build(RowTests.rows(10), complete: 1_000)
    }
    try write(bytes(of: first.folder.data), to: second.folder.data)
    #expect(try opening(second).hasPrefix("suspect damaged"))
    #expect(try opening(second).contains("checksum"))
  }

  @Test("frees the slots of readers that died", .timeLimit(.minutes(1)))
  func deadReaders() async throws {
    let fixture = try Fixture()
    do { try fixture.build(RowTests.rows(100), complete: 1_000) }
    let parent = fixture.temporary.path
    await #expect(processExitsWith: .signal(SIGKILL)) { [parent = parent as String] in
      let folder = IndexFolder(in: parent, epoch: 1)
      guard case .usable(let index) = try Index.open(folder, of: Fixture.storeID) else { return }
      var reader = try index.reader()
      try reader.renew()
      _ = Glibc.kill(getpid(), SIGKILL)
      _ = reader.touched
    }
    let index = try fixture.opened()
    #expect(try index.clearDeadReaders() == 0)
    // A slot that still held its snapshot would keep every page from being used again.
    let rows = RowTests.rows(100)
    for lsn in UInt64(1_001)...1_200 {
      try index.checkpoint(rows.map { TestUpdate(key: $0.key, lsn: lsn, row: $0.row.bytes) }, through: lsn)
    }
    #expect(index.usedByteCount < 400_000)
  }

  @Test("more readers than there are slots are refused by name")
  func readers() throws {
    var options = IndexOptions()
    options.readersMax = 2
    let index = try Fixture().build([], options: options)
    let first = try index.reader()
    let second = try index.reader()
    #expect(failure { _ = try index.reader().touched } == .tooManyReaders)
    _ = (first.touched, second.touched)
  }

  @Test("the folder is known by its epoch, private, and gone when it is removed")
  func folders() throws {
    let fixture = try Fixture(epoch: 7)
    try fixture.build(RowTests.rows(10), complete: 1_000)
    #expect(fixture.folder.path.hasSuffix("/index-0000000007"))
    var info = stat()
    #expect(unsafe stat(fixture.folder.data, &info) == 0)
    #expect(info.st_mode & 0o777 == 0o600)
    #expect(unsafe stat(fixture.folder.path, &info) == 0)
    #expect(info.st_mode & 0o777 == 0o700)
    // What crashes leave: an index half built, and one half removed.
    let next = try Fixture(fixture.temporary, epoch: 8)
    do { _ = try IndexBuilder(next.folder, of: Fixture.storeID) }
    try RealDisk().makeFolder(fixture.temporary.path + "/index-0000000003.old")
    try write([1], to: fixture.temporary.path + "/index-0000000003.old/data.mdb")
    var listing = try IndexFolder.list(in: fixture.temporary.path)
    #expect(listing.ready == [7] && listing.building == [8] && listing.retired == [3])
    for epoch in UInt64(1)...8 { try IndexFolder(in: fixture.temporary.path, epoch: epoch).remove() }
    listing = try IndexFolder.list(in: fixture.temporary.path)
    #expect(listing.ready == [] && listing.building == [] && listing.retired == [])
    #expect(try RealDisk().names(in: fixture.temporary.path) == [])
  }
}
