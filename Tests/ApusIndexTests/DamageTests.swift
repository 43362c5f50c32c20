// Bits of data.mdb are flipped while it is closed. LMDB follows what it finds, so the index is judged in a child process: whatever signal
// ends it, the parent learns at which flip, and goes on behind it.

import ApusBytes
import ApusIndex
import ApusSystem
import ApusTestSupport
import Glibc
import Testing

/// One story of flips: which bits, and what must be in the index.
struct Flips {
  static let rows = 700
  static let views: UInt32 = 2
  static let last: UInt64 = 2_000

  /// An index with a past: pages that are free, older copies of leaves, rows on pages of their own.
  static func image() throws -> (image: [UInt8], rows: [(key: [UInt8], row: TestRow)]) {
    let fixture = try Fixture()
    var rows = RowTests.rows(Flips.rows, views: views)
    do {
      var random = SplitMix64(seed: 12)
      let index = try fixture.build(rows, complete: 1_000)
      for lsn in [UInt64(1_500), last] {
        var updates: [TestUpdate] = []
        for at in rows.indices where random.chance(0.3) {
          rows[at].row = TestRow(lsn: lsn, bytes: random.bytes(random.chance(0.02) ? 5_000 : 64))
          updates.append(TestUpdate(key: rows[at].key, lsn: lsn, row: rows[at].row.bytes))
        }
        try index.checkpoint(updates, through: lsn)
      }
    }
    return (try bytes(of: fixture.folder.data), rows)
  }

  /// The bit of flip number `number`: anywhere, in a page's head and its nodes' places, or in a meta page.
  static func bit(_ number: Int, of byteCount: Int) -> Int {
    var random = SplitMix64(seed: UInt64(number) &* 77 &+ 1)
    let page = random.below(byteCount / 4_096) * 4_096
    switch number % 5 {
    case 0, 1: return random.below(byteCount * 8)
    case 2: return page * 8 + random.below(160 * 8)
    case 3: return (page + random.below(4_096 / 128) * 128) * 8 + random.below(128 * 8)
    default: return random.below(2) * 4_096 * 8 + random.below(152 * 8)
    }
  }

  /// The bits of the low two bytes of every child's page number in the root: each names another page of the file, maybe an older copy of the child.
  static func childBits(in image: [UInt8]) -> [Int] {
    func number(_ at: Int, _ count: Int) -> Int {
      (0..<count).reduce(0) { $0 | Int(image[at + $1]) << (8 * $1) }
    }
    let meta = number(144, 8) > number(4_096 + 144, 8) ? 0 : 4_096
    let root = number(meta + 128, 8) * 4_096
    let places = stride(from: root + 16, to: root + number(root + 12, 2), by: 2).map { number($0, 2) }
    return places.flatMap { place in (0..<16).map { (root + place) * 8 + $0 } }
  }

  /// Judges flips from `first` on in this process; each leaves a line in `journal` when it is over.
  static func judge(
    from first: Int, to end: Int, in folder: String, journal: String, ofChildren: Bool = false
  ) throws {
    // A signal of LMDB's ends the child in peace: the line that is missing says where. A trap of ours, SIGILL, does not.
    for one in [SIGSEGV, SIGBUS, SIGABRT] {
      _ = signal(one) { number in
        unsafe _ = write(2, number == SIGABRT ? "ABRT\n" : number == SIGSEGV ? "SEGV\n" : "SBUS\n", 5)
        _exit(0)
      }
    }
    let (image, rows) = try image()
    let file = unsafe fopen(journal, "a")
    defer { unsafe _ = fclose(file) }
    let children = ofChildren ? childBits(in: image) : []
    for number in first..<end {
      let bit = ofChildren ? children[number] : bit(number, of: image.count)
      var damaged = image
      damaged[bit / 8] ^= 1 << UInt8(bit % 8)
      let fixture = FlipFolder(folder)
      try fixture.fill(damaged)
      let line = "\(number) \(try fixture.word(rows)) bit \(bit % 8) of byte \(bit / 8)\n"
      unsafe fputs(line, file)
      unsafe fflush(file)
    }
  }
}

/// The folder in which one flip after another is judged.
struct FlipFolder {
  let folder: IndexFolder

  init(_ parent: String) { folder = IndexFolder(in: parent, epoch: 1) }

  func reopened() throws -> IndexOpening { try Index.open(folder, of: Fixture.storeID) }

  func fill(_ image: [UInt8]) throws {
    let disk = RealDisk()
    if try disk.entry(at: folder.path) == nil { try disk.makeFolder(folder.path) }
    for name in try disk.names(in: folder.path) { try disk.remove(folder.path + "/" + name) }
    try write(image, to: folder.data)
  }

  /// `refused` at the opening, `untouched` when nothing is different, `found` by reads or the scrub; `WRONG` and `MISSED` must never be.
  func word(_ rows: [(key: [UInt8], row: TestRow)]) throws -> String {
    let opening: IndexOpening
    do { opening = try Index.open(folder, of: Fixture.storeID, checkpoint: LSN(Flips.last)) } catch {
      return "refused"
    }
    guard case .usable(let index) = opening else { return "refused" }
    var reader = try index.reader()
    do { try reader.renew() } catch { return "refused" }
    var wrong = 0
    var lost = 0
    for (key, row) in rows {
      do {
        let found = try reader.row(key)
        if found == nil { lost += 1 } else if found != row { wrong += 1 }
      } catch { lost += 1 }
    }
    for start in stride(from: 0, to: rows.count, by: SoughtKeys.countMax) {
      let some = rows[start..<min(rows.count, start + SoughtKeys.countMax)]
      // The second time by bookmarks.
      for _ in 0..<2 {
        do {
          for (found, (_, row)) in zip(try reader.rows(some.map(\.key)), some) {
            if found == nil { lost += 1 } else if found != row { wrong += 1 }
          }
        } catch { lost += 1 }
      }
    }
    for id in 0..<Flips.rows {
      var count = 0
      let prefix = Keys.prefix(id)
      do {
        try reader.forEachView(of: unsafe prefix.span.bytes) { view, row in
          let expected = rows[id * Int(Flips.views) + Int(view) - 1].row
          if row.lsn.rawValue != expected.lsn || row.bytes.copied() != expected.bytes { wrong += 1 }
          count += 1
        }
      } catch { lost += 1 }
      if count != Int(Flips.views) { lost += 1 }
    }
    reader.reset()
    let scrub = try index.scrubbed()
    if wrong > 0 { return "WRONG(scrub: \(scrub.damageCount))" }
    if lost > 0 { return scrub.isSound ? "MISSED(\(lost))" : "found" }
    if !scrub.isSound { return "found" }
    // What the scrub calls sound can be written to.
    do {
      try index.checkpoint(
        rows.map { TestUpdate(key: $0.key, lsn: Flips.last + 1, row: $0.row.bytes) }, through: Flips.last + 1)
      return try index.scrubbed().isSound ? "untouched" : "MISSED(by the writer)"
    } catch { return "MISSED(\(error))" }
  }
}

@Suite("Damage to an index")
struct DamageTests {
  /// As many as $APUS_FLIPS says.
  static let count = unsafe getenv("APUS_FLIPS").flatMap { unsafe Int(String(cString: $0)) } ?? 600

  @Test(
    "of any single bit: no wrong row is ever returned, and the scrub finds all that is lost",
    .timeLimit(.minutes(5)))
  func flips() async throws {
    let words = try await outcomes(of: DamageTests.count, ofChildren: false)
    #expect(words["WRONG"] == nil)
  }

  /// What a read cannot see: a whole page of a time before, with good checksums. The scrub does.
  @Test(
    "of the root's children may show the past until the scrub, which finds every one", .timeLimit(.minutes(5))
  )
  func children() async throws {
    let count = Flips.childBits(in: try Flips.image().image).count
    #expect(count > 300)
    _ = try await outcomes(of: count, ofChildren: true)
  }

  private func outcomes(of count: Int, ofChildren: Bool) async throws -> [String: Int] {
    let temporary = try TemporaryFolder("apus-flips")
    let journal = temporary.path("journal")
    var next = 0
    var signals: [Int] = []
    var marked = 0
    var words: [String: Int] = [:]
    while next < count {
      let (first, folder) = (next, temporary.path)
      await #expect(processExitsWith: .success) {
        [
          first = first as Int, count = count as Int, ofChildren = ofChildren as Bool,
          folder = folder as String, journal = journal as String
        ] in
        try Flips.judge(from: first, to: count, in: folder, journal: journal, ofChildren: ofChildren)
      }
      let lines = String(decoding: (try? bytes(of: journal)) ?? [], as: UTF8.self).split(separator: "\n")
      let judged = signals.count + lines.count
      if judged < count {
        signals.append(judged)
        if case .suspect(.marked) = try FlipFolder(temporary.path).reopened() { marked += 1 }
        next = judged + 1
      } else {
        next = count
      }
      if next == count || signals.count > 100 {
        for line in lines {
          let word = line.split(separator: " ")[1]
          words[String(word.prefix { $0 != "(" }), default: 0] += 1
          let isUnseen = word.hasPrefix("WRONG") && (!ofChildren || word == "WRONG(scrub: 0)")
          if isUnseen || word.hasPrefix("MISSED") { Issue.record("\(line)") }
        }
        break
      }
    }
    let signalled = signals.map { "\($0)" }.joined(separator: ", ")
    print(
      "index: \(count) flipped bits\(ofChildren ? " of children" : ""): \(words.sorted { $0.key < $1.key }), ended by a signal, \(marked) of them with a mark: \(signalled)"
    )
    #expect(words.values.reduce(0, +) + signals.count == count)
    #expect(signals.count * 10 < count, "more than one in ten ends the process")
    #expect(marked == signals.count, "whoever dies inside of LMDB leaves a mark")
    #expect(!ofChildren || marked > 0, "a flip of a child's number kills now and then")
    return words
  }

  @Test("of every bit of one value is found when that value is read")
  func everyBitOfAValue() throws {
    let fixture = try Fixture()
    let rows = RowTests.rows(50)
    do { try fixture.build(rows, complete: 1_000) }
    let image = try bytes(of: fixture.folder.data)
    let row = rows[20]
    let at = try #require(image.indices.first { image[$0...].starts(with: row.row.bytes) })
    for bit in ((at - 13) * 8)..<((at + row.row.bytes.count) * 8) {
      var damaged = image
      damaged[bit / 8] ^= 1 << UInt8(bit % 8)
      try write(damaged, to: fixture.folder.data)
      let index = try fixture.opened()
      #expect(failure { try index.row(row.key) } == .damaged(.value(key: row.key, .checksum)))
      #expect(try index.row(rows[21].key) == rows[21].row)
    }
  }

  @Test("found by a checkpoint stops it, and nothing of it is in")
  func checkpoint() throws {
    let fixture = try Fixture()
    let rows = RowTests.rows(50)
    do { try fixture.build(rows, complete: 1_000) }
    var image = try bytes(of: fixture.folder.data)
    let at = try #require(image.indices.first { image[$0...].starts(with: rows[20].row.bytes) })
    image[at] ^= 1
    try write(image, to: fixture.folder.data)
    let index = try fixture.opened()
    let updates = rows.map { TestUpdate(key: $0.key, lsn: 1_001, row: [1]) }
    #expect(
      failure { try index.checkpoint(updates, through: 1_001) }
        == .damaged(.value(key: rows[20].key, .checksum)))
    #expect(try index.progress() == [1_000, 1_000])
    #expect(try index.row(rows[19].key) == rows[19].row)
    let scrub = try index.scrubbed()
    #expect(scrub.damages.contains(.value(key: rows[20].key, .checksum)))
  }
}
