// What the manifest promises of runs and ledgers: it lists them when it gives up what they replace, in one edit, and at no moment says
// less than all.

import ApusBytes
import ApusLog
import ApusSystem
import ApusTestSupport
import Testing

/// The record of a file that speaks for these LSNs, made by whoever owns the kind.
func historyRecord(_ kind: FileKind, _ id: FileID, _ lsns: LSNRange, view: UInt32 = 0) -> FileRecord {
  var attributes = ByteWriter()
  attributes.write(0 as UInt32)
  attributes.write(view)
  attributes.write(lsns.last.rawValue)
  attributes.write(utf8: "the rest is the owner's")
  return FileRecord(
    kind: kind, id: id, name: "history/\(kind == .run ? "run" : "ledger")-\(id)", first: lsns.first, epoch: 0,
    headerCRC: 0, attributes: attributes.bytes.copied())
}

extension Fixture {
  /// A log of finished segments, two frames in each but perhaps the last.
  mutating func openWithSegments(_ frames: Int = 10) throws -> LogWriter {
    let writer = try openWriter()
    for _ in 0..<frames { try append(writer, bytes: 1500) }
    try writer.rotate()
    return writer
  }

  /// Puts a whole file where a run or a ledger is to be.
  func plantHistory(_ record: FileRecord) throws {
    let file = try disk.open(Fixture.folder + "/" + record.name, .create)
    let bytes = Array(record.name.utf8)
    _ = unsafe try file.writeAll(bytes.span.bytes, at: 0)
    try file.syncAll()
    file.close()
    try disk.syncFolder(Fixture.folder + "/history")
  }

  /// Gives up the oldest finished segments for a ledger and a run of each view.
  @discardableResult
  mutating func pack(
    _ writer: LogWriter, segments: Int, views: [UInt32] = [1]
  ) throws -> (added: [FileRecord], removed: [FileRecord]) {
    let taken = writer.reader.view.finished.prefix(segments).map(\.record)
    let view = writer.reader.view
    let last = try #require(view.finished.prefix(segments).last?.seal?.last)
    let lsns = LSNRange(view.floor, through: last)
    let ids = try writer.reserveFiles(views.count + 1)
    var added = [historyRecord(.ledger, ids[0], lsns)]
    for (id, view) in zip(ids[1...], views) { added.append(historyRecord(.run, id, lsns, view: view)) }
    for record in added { try plantHistory(record) }
    try writer.rearrange(adding: added, removing: taken.map(\.id), floor: last.next)
    return (added, taken)
  }
}

@Suite("Runs and ledgers in the manifest")
struct HistoryFilesTests {
  @Test(
    "segments that became runs and a ledger are gone, the floor is behind them, and a restart sees the same")
  func packed() throws {
    var fixture = Fixture(segmentByteCount: 8192)
    let writer = try fixture.openWithSegments()
    let (added, removed) = try fixture.pack(writer, segments: 2, views: [1, 2])
    let floor = try #require(added[0].covered?.lsns.last.next)
    #expect(removed.count == 2 && floor > LSN(2))
    for record in removed { #expect(try fixture.disk.entry(at: Fixture.folder + "/" + record.name) == nil) }
    #expect(writer.reader.view.history == added)
    #expect(writer.reader.view.floor == floor)
    #expect(writer.reader.locate(LSN(1)) == .belowFloor(floor))
    let kept = fixture.entries.filter { $0.lsns.first >= floor }
    #expect(try scanned(writer.reader).entries == kept)
    try writer.sync()
    for killed in [fixture.disk.copy().killProcess(), fixture.disk.crash(seed: 1)] {
      var copy = fixture
      copy.disk = killed
      let log = try copy.open()
      #expect(log.reader.view.history == added)
      #expect(try scanned(log.reader).entries == kept)
      #expect(log.report.movedAside == [] && log.report.damages == [])
      try log.close()
      #expect(try LogCheck.run(Fixture.folder, on: copy.disk).isSound)
      let overview = try LogOverview.read(Fixture.folder, on: copy.disk)
      #expect(overview.history == added)
      #expect(try ManifestState().applying(overview.manifest.state.snapshot) == overview.manifest.state)
    }
  }

  @Test("runs that were merged give way to one, and nothing of the log changes")
  func merged() throws {
    var fixture = Fixture(segmentByteCount: 8192)
    let writer = try fixture.openWithSegments()
    let first = try fixture.pack(writer, segments: 1).added
    let second = try fixture.pack(writer, segments: 1).added
    let floor = writer.reader.view.floor
    let runs = [first[1], second[1]]
    let lsns = LSNRange(.first, through: floor.previous)
    let merged = historyRecord(.run, try writer.reserveFiles(1)[0], lsns, view: 1)
    try fixture.plantHistory(merged)
    try writer.rearrange(adding: [merged], removing: runs.map(\.id))
    #expect(writer.reader.view.history == [first[0], second[0], merged])
    #expect(writer.reader.view.floor == floor)
    for record in runs { #expect(try fixture.disk.entry(at: Fixture.folder + "/" + record.name) == nil) }
    try writer.close()
    #expect(try LogCheck.run(Fixture.folder, on: fixture.disk).isSound)
  }

  @Test(
    "an edit that would leave LSNs without a file, in two files, or with a file that is not there is refused")
  func refused() throws {
    var fixture = Fixture(segmentByteCount: 8192)
    let writer = try fixture.openWithSegments()
    try fixture.pack(writer, segments: 1)
    let before = writer.reader.view
    let segment = try #require(before.finished.first)
    let last = try #require(segment.seal?.last)
    let lsns = LSNRange(before.floor, through: last)
    let run = try #require(before.history.first { $0.kind == .run })
    let ids = try writer.reserveFiles(3)
    let ledger = historyRecord(.ledger, ids[0], lsns)
    let short = historyRecord(.ledger, ids[1], LSNRange(lsns.first.next, through: last))
    let overlapping = historyRecord(.run, ids[2], LSNRange(.first, through: last), view: 1)
    for record in [ledger, short, overlapping] { try fixture.plantHistory(record) }
    var unreserved = ledger
    unreserved.id = FileID(1 << 20)
    var nameless = ledger
    nameless.attributes = []
    var missing = ledger
    missing.name = "history/nobody"
    var above = ledger
    above.name = "history/../../elsewhere"
    let cases: [([FileRecord], [FileID], LSN?)] = [
      ([ledger], [segment.record.id], nil), ([], [segment.record.id], last.next), ([ledger], [], last.next),
      ([ledger], [segment.record.id], last), ([short], [segment.record.id], last.next),
      ([ledger, overlapping], [segment.record.id], last.next), ([unreserved], [segment.record.id], last.next),
      ([nameless], [segment.record.id], last.next), ([missing], [segment.record.id], last.next),
      ([above], [segment.record.id], last.next), ([], [FileID(1 << 20)], nil),
      ([], try [#require(before.history.first { $0.kind == .ledger }).id], nil),
      ([ledger], before.segments.suffix(1).map(\.record.id), last.next),
    ]
    for (added, removed, floor) in cases {
      #expect(throws: LogError.self, "\(added) for \(removed)") {
        try writer.rearrange(adding: added, removing: removed, floor: floor)
      }
      #expect(writer.reader.view.history == before.history && writer.reader.view.floor == before.floor)
    }
    #expect(throws: LogError.self) { try writer.retire(through: last) }
    try writer.rearrange(adding: [ledger], removing: [segment.record.id], floor: last.next)
    // A run may go without another: a horizon may have let go of all of it.
    try writer.rearrange(adding: [], removing: [run.id])
    try writer.close()
    #expect(try LogCheck.run(Fixture.folder, on: fixture.disk).isSound == true)
  }

  @Test("what somebody reads is not given up until it was read")
  func pinned() throws {
    var fixture = Fixture(segmentByteCount: 8192)
    let writer = try fixture.openWithSegments()
    var scanner: LogScanner? = try writer.reader.scan(from: .first)
    #expect(throws: LogError.pinned(lowest: .first)) { try fixture.pack(writer, segments: 1) }
    #expect(writer.reader.view.floor == .first && writer.reader.view.history.isEmpty)
    scanner = nil
    _ = scanner == nil
    let run = try fixture.pack(writer, segments: 1).added[1]
    let pin = writer.reader.pinHistory()
    #expect(throws: LogError.pinned(lowest: pin.lsn)) { try writer.rearrange(adding: [], removing: [run.id]) }
    withExtendedLifetime(pin) {}
  }

  @Test("a reserved id is used once, and never by a later opening")
  func reserved() throws {
    var fixture = Fixture(segmentByteCount: 8192)
    let writer = try fixture.openWithSegments()
    let first = try writer.reserveFiles(2)
    let second = try writer.reserveFiles(1)
    #expect(first[1] < second[0])
    try writer.rotate()
    let state = try LogOverview.manifest(Fixture.folder, on: fixture.disk.copy()).state
    #expect(state.reserved == first + second)
    #expect(try ManifestState().applying(state.snapshot) == state)
    writer.abandon()
    let again = try fixture.openWriter()
    let segment = try #require(again.reader.view.finished.first)
    let last = try #require(segment.seal?.last)
    let stale = historyRecord(.ledger, first[0], LSNRange(.first, through: last))
    try fixture.plantHistory(stale)
    #expect(throws: LogError.self) {
      try again.rearrange(adding: [stale], removing: [segment.record.id], floor: last.next)
    }
    #expect(try again.reserveFiles(1)[0] > second[0])
  }

  @Test(
    "a run that was made and never listed is a copy: it is removed, but where something is missing it is moved aside",
    arguments: [false, true])
  func copies(isRunMissing: Bool) throws {
    var fixture = Fixture(segmentByteCount: 8192)
    let writer = try fixture.openWithSegments()
    let run = try fixture.pack(writer, segments: 1).added[1]
    let id = try writer.reserveFiles(2)[0]
    try writer.sync()
    func name(_ id: UInt64) -> String {
      let hex = String(id, radix: 16)
      return "history/card_activity@1-00000000000000000001-00000000000000000004-"
        + String(repeating: "0", count: 8 - hex.count) + hex + ".parquet"
    }
    fixture.disk = fixture.disk.copy().killProcess()
    let (copy, stranger) = (name(id.rawValue), name(id.rawValue + 2))
    for name in [copy, stranger] {
      try fixture.disk.plant(Array("whole".utf8), at: Fixture.folder + "/" + name)
    }
    if isRunMissing { try fixture.disk.remove(Fixture.folder + "/" + run.name) }
    let log = try fixture.open()
    #expect(log.report.unlinked == (isRunMissing ? [] : [copy]))
    #expect(log.report.movedAside.count == (isRunMissing ? 2 : 1))
    #expect(log.report.movedAside.contains { stranger.hasSuffix($0.dropFirst(6)) })
    let left = try fixture.disk.names(in: Fixture.folder + "/history")
    #expect(left.count == (isRunMissing ? 1 : 2))
    try log.close()
  }

  @Test(
    "a listed run that is not there is told; what was never finished is removed, and strangers are moved aside, folders too"
  )
  func strays() throws {
    var fixture = Fixture(segmentByteCount: 8192)
    let writer = try fixture.openWithSegments()
    let run = try fixture.pack(writer, segments: 2).added[1]
    try writer.close()
    try fixture.disk.plant(Array("half".utf8), at: Fixture.folder + "/history/new.parquet.tmp")
    try fixture.disk.plant(Array("whole".utf8), at: Fixture.folder + "/history/notes.txt")
    try fixture.disk.makeFolder(Fixture.folder + "/history/odd.tmp")
    let check = try LogCheck.run(Fixture.folder, on: fixture.disk)
    #expect(check.isSound && check.notes.count == 3)
    let log = try fixture.open()
    #expect(log.report.unlinked == ["history/new.parquet.tmp"])
    #expect(log.report.movedAside.sorted() == ["aside/notes.txt", "aside/odd.tmp"])
    #expect(try fixture.disk.names(in: Fixture.folder + "/history").count == 2)
    try log.close()
    try fixture.disk.remove(Fixture.folder + "/" + run.name)
    #expect(try !LogCheck.run(Fixture.folder, on: fixture.disk).isSound)
    let without = try fixture.open()
    #expect(without.report.missing == [run.name])
    #expect(without.report.description.contains("\(run.name): is not there"))
    try without.close()
  }

  @Test("a crash at any call of the exchange leaves the files before it or those after it, and the log whole")
  func crashes() throws {
    func live(_ fixture: inout Fixture) throws {
      let writer = try fixture.openWithSegments(6)
      defer { writer.abandon() }
      try fixture.pack(writer, segments: 2)
      try fixture.pack(writer, segments: 1)
    }
    var whole = Fixture(segmentByteCount: 8192)
    try live(&whole)
    let calls = whole.disk.calls.total
    var outcomes: Set<Int> = []
    for (number, way) in (1...calls).flatMap({ number in (0..<4).map { (number, $0) } }) {
      var fixture = Fixture(segmentByteCount: 8192)
      if way % 2 == 0 {
        fixture.disk.failCall(number, with: .inputOutput)
      } else {
        fixture.disk.failPower(beforeCall: number)
      }
      do { try live(&fixture) } catch is LogError {} catch is SystemError {}
      do {
        var copy = fixture
        copy.disk = way < 2 ? fixture.disk.killProcess() : fixture.disk.crash(seed: UInt64(number))
        let log = try copy.open()
        let view = log.reader.view
        outcomes.insert(view.history.count)
        let durable = fixture.entries.filter { $0.lsns.first >= view.floor && $0.lsns.last <= view.durable }
        let found = try scanned(log.reader).entries
        #expect(found == Array(durable.prefix(found.count)), "call \(number)")
        if let ledger = view.history.last(where: { $0.kind == .ledger }) {
          #expect(ledger.covered?.lsns.last.next == view.floor)
        } else {
          #expect(view.floor == .first)
        }
        let listed = Set(view.history.map(\.name))
        if try copy.disk.entry(at: Fixture.folder + "/history") != nil {
          let names = try copy.disk.names(in: Fixture.folder + "/history")
          #expect(Set(names.map { "history/" + $0 }) == listed, "call \(number)")
        }
        try log.close()
      }
    }
    #expect(outcomes == [0, 2, 4])
  }
}
