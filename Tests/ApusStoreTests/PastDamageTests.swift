// Damage that the log got after it was opened, met by who reads the past: what it took may have decided.

import ApusBytes
import ApusContracts
import ApusLog
import ApusStore
import ApusSystem
import ApusTestSupport
import Testing

@Suite("The past, and a log that is damaged")
struct PastDamageTests {
  /// Pushes of other cards until the segment that holds an LSN is finished.
  private func finish(segmentOf lsn: LSN, _ fixture: StoreFixture) throws {
    var cards = 0
    while !fixture.store.log.view.finished.contains(where: { ($0.seal?.last ?? .none) >= lsn }) {
      cards += 1
      try fixture.push("other\(cards)", 7)
    }
  }

  private func history(_ fixture: StoreFixture, _ moment: PastMoment) throws -> HistoryPage {
    var key = KeyEncoder()
    try key.append(string: "a")
    let view = try #require(fixture.store.catalog[fixture.activity])
    return try fixture.store.past(moment).history(of: view, key: key.bytes, HistoryQuestion(limit: 10))
  }

  @Test("a read that meets records which cannot be read is refused, and never says what was before them")
  func refused() throws {
    let fixture = try StoreFixture.compacting()
    let first = try fixture.push("a", 1).frame.lsns.last
    try finish(segmentOf: first, fixture)
    let second = try fixture.push("a", 2).frame.lsns.last
    try finish(segmentOf: second, fixture)
    let moment = ReadTime(nanoseconds: fixture.now.nanoseconds)
    #expect(try history(fixture, .known(by: moment)).entries.count == 2)
    let before = try history(fixture, .lsn(first, at: moment))
    #expect(before.entries.count == 1)
    try fixture.closeAndReopen()

    var scanner = try fixture.store.log.scan(from: second)
    let frame = try #require(try scanner.next())
    let view = fixture.store.log.view
    let segment = try #require(view.finished.first { ($0.seal?.last ?? .none) >= second })
    let file = try RealDisk().open(view.folder.at(segment.record.name), .readWrite)
    var byte: [UInt8] = [0]
    let at = frame.offset + UInt64(Format.frameHeaderByteCount) + 9
    var span = byte.mutableSpan
    var raw = unsafe span.mutableBytes
    #expect(try file.readFully(into: &raw, at: at) == 1)
    byte[0] ^= 4
    try file.writeAll(unsafe byte.span.bytes, at: at)
    file.close()

    for moment in [PastMoment.known(by: moment), .lsn(fixture.store.visible, at: moment), .newest] {
      do {
        let found = try history(fixture, moment)
        Issue.record("\(moment) was answered, with \(found.entries.count) events")
      } catch StoreError.log(.damaged(let damage)) {
        #expect(damage.lsns.contains(second), "\(moment): \(damage)")
      }
    }
    #expect(
      try history(fixture, .lsn(first, at: moment)).entries.count == 1, "the damage lies behind this moment")
    #expect(try fixture.read("a")[0].value == .int64(2), "the index has the newest row")
  }
}
