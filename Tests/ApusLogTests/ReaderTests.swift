// What readers see, from any thread, beside the writer.

import ApusBytes
import ApusLog
import ApusSystem
import ApusTestSupport
import Testing

@Suite("Reading")
struct ReaderTests {
  /// A writer with several segments of frames of three records.
  private func filled(_ fixture: inout Fixture, frames: Int = 40) throws -> LogWriter {
    let writer = try fixture.openWriter()
    for _ in 0..<frames { try fixture.append(writer, records: 3, bytes: 700) }
    try writer.sync()
    return writer
  }

  @Test("a scan from any LSN begins with the frame that holds it")
  func fromAnywhere() throws {
    var fixture = Fixture(segmentByteCount: 8192)
    let writer = try filled(&fixture)
    #expect(writer.reader.view.segments.count >= 4)
    for lsn in 1...120 {
      let found = try scanned(writer.reader, from: LSN(UInt64(lsn))).entries
      #expect(found == fixture.entries.filter { $0.lsns.last >= LSN(UInt64(lsn)) })
    }
    #expect(try scanned(writer.reader, from: LSN(121)).entries.isEmpty)
    #expect(try scanned(writer.reader, from: LSN(1 << 60)).entries.isEmpty)
  }

  @Test("a scan sees what is durable, or what is in the file, and stays as it was when it began")
  func extents() throws {
    var fixture = Fixture()
    let writer = try filled(&fixture, frames: 2)
    try fixture.append(writer, bytes: 10)
    try writer.flush()
    try fixture.append(writer, bytes: 10)
    #expect(try scanned(writer.reader, .durable).entries == Array(fixture.entries[..<2]))
    #expect(try scanned(writer.reader, .written).entries == Array(fixture.entries[..<3]))
    var scanner = try writer.reader.scan(from: .first, .durable)
    try writer.sync()
    var count = 0
    while try scanner.next() != nil { count += 1 }
    #expect(count == 2)
    #expect(try scanned(writer.reader, .durable).entries == fixture.entries)
  }

  @Test("a frame is read by the position that its acknowledgement gave, finished segment or not")
  func byPosition() throws {
    var fixture = Fixture(segmentByteCount: 8192)
    let writer = try fixture.openWriter()
    let positions = try (0..<30).map { _ in try fixture.append(writer, records: 2, bytes: 600).position }
    try writer.sync()
    for (position, entry) in zip(positions, fixture.entries) {
      let (frame, payload) = try writer.reader.read(at: position)
      #expect(frame.lsns == entry.lsns && payload == entry.payload)
    }
  }

  @Test("a position where no frame begins is an error that names it")
  func noFrame() throws {
    var fixture = Fixture()
    let writer = try filled(&fixture, frames: 3)
    for position in [
      LogPosition(segment: FileID(1), offset: 4104), LogPosition(segment: FileID(1), offset: 0),
      LogPosition(segment: FileID(1), offset: .max), LogPosition(segment: FileID(1), offset: .max - 60),
      LogPosition(segment: FileID(7), offset: 4096),
    ] {
      #expect {
        _ = try writer.reader.read(at: position)
      } throws: { error in
        guard case LogError.noFrame(position, _) = error else { return false }
        return true
      }
    }
  }

  @Test("an LSN is in a segment, lost, below the floor or not yet written")
  func whereabouts() throws {
    var fixture = Fixture(segmentByteCount: 8192)
    let writer = try filled(&fixture)
    let first = writer.reader.view.segments[0]
    #expect(writer.reader.locate(LSN(1)) == .inSegment(first.record.id))
    #expect(writer.reader.locate(LSN(121)) == .notYetWritten(end: LSN(120)))
    try writer.retire(through: LSN(60))
    #expect(writer.reader.locate(LSN(1)) == .belowFloor(writer.reader.view.floor))
    #expect(throws: LogError.belowFloor(LSN(1), floor: writer.reader.view.floor)) {
      _ = try writer.reader.scan(from: LSN(1))
    }
  }

  @Test("retiring gives up whole finished segments, oldest first, and their files")
  func retire() throws {
    var fixture = Fixture(segmentByteCount: 8192)
    let writer = try filled(&fixture)
    let before = writer.reader.view.segments
    let second = try #require(before[1].seal?.last)
    // Not the last record of the second segment: only the first goes.
    #expect(try writer.retire(through: second.previous).map(\.id) == [before[0].record.id])
    #expect(try writer.retire(through: second.previous).isEmpty)
    #expect(try writer.retire(through: second).map(\.id) == [before[1].record.id])
    #expect(try fixture.disk.names(in: Fixture.folder + "/log").count == before.count - 2)
    // However much may go, the unfinished segment stays.
    try writer.retire(through: LSN(1 << 60))
    #expect(writer.reader.view.segments.count == 1)
    let floor = writer.reader.view.floor
    #expect(try scanned(writer.reader).entries == fixture.entries.filter { $0.lsns.first >= floor })
    try writer.close()
    let log = try fixture.open()
    #expect(log.reader.view.floor == floor)
    #expect(try scanned(log.reader).entries == fixture.entries.filter { $0.lsns.first >= floor })
  }

  @Test("a pin, and a scan under way, hold their segments and all later ones until they are let go of")
  func pins() throws {
    var fixture = Fixture(segmentByteCount: 8192)
    let writer = try filled(&fixture)
    let segments = writer.reader.view.segments
    let third = segments[2].record.first
    do {
      let pin = writer.reader.pin(from: third)
      #expect(writer.reader.lowestPin == third)
      #expect(try writer.retire(through: LSN(1 << 60)).map(\.id) == segments[..<2].map(\.record.id))
      #expect(pin.lsn == third)
    }
    #expect(writer.reader.lowestPin == nil)
    var scanner = try writer.reader.scan(from: third)
    #expect(try scanner.next()?.base == third)
    #expect(try writer.retire(through: LSN(1 << 60)).isEmpty)
    var rest = 1
    while try scanner.next() != nil { rest += 1 }
    #expect(rest == fixture.entries.filter { $0.lsns.first >= third }.count)
    _ = consume scanner
    #expect(try !writer.retire(through: LSN(1 << 60)).isEmpty)
  }

  @Test("a process killed between giving up a segment and its unlinking leaves nothing behind")
  func retireCrash() throws {
    var fixture = Fixture(segmentByteCount: 8192)
    let writer = try filled(&fixture)
    fixture.disk.failNext(.remove, with: .inputOutput)
    let retired = try writer.retire(through: LSN(60))
    #expect(retired.count >= 2)
    #expect(try fixture.disk.names(in: Fixture.folder + "/log").count > writer.reader.view.segments.count)
    fixture.disk = fixture.disk.killProcess()
    let log = try fixture.open()
    #expect(!log.report.unlinked.isEmpty && log.report.movedAside.isEmpty)
    try log.close()
    let again = try fixture.open()
    #expect(again.report.unlinked.isEmpty && again.report.movedAside.isEmpty)
  }
}
