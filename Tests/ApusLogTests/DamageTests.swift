// Bits that rot, blocks that move: all found, and never a wrong byte returned.

import ApusBytes
import ApusLog
import ApusSystem
import ApusTestSupport
import Glibc
import Testing

@Suite("Damage")
struct DamageTests {
  /// A closed store with one full segment of 64 KiB and a second, shorter one.
  private func closedStore() throws -> Fixture {
    var fixture = Fixture()
    let writer = try fixture.openWriter()
    while writer.reader.view.segments.count < 2 { try fixture.append(writer, records: 3, bytes: 1000) }
    for length in [0, 1, 8, 500] { try fixture.append(writer, bytes: length) }
    try writer.close()
    return fixture
  }

  /// Checks one damaged disk: the check finds it, an opening and a scan return nothing wrong.
  private func expectFound(_ fixture: Fixture, _ what: @autoclosure () -> String) throws {
    let check = try LogCheck.run(Fixture.folder, on: fixture.disk)
    if check.isSound { Issue.record("not found by the check: \(what())") }
    var opened = fixture
    let log = try opened.open()
    if log.writer != nil, !log.report.damages.allSatisfy({ $0.lsns.isEmpty }) {
      Issue.record("open for writing: \(what())")
    }
    let found = try scanned(log.reader)
    expectNothingWrong(found, fixture.entries, what())
    try log.close()
  }

  /// Everything that was returned was written, in order, and everything that was not returned was called lost.
  private func expectNothingWrong(
    _ found: Scanned, _ entries: [LogModel.Entry], _ what: @autoclosure () -> String
  ) {
    var lost = found.thrown[...]
    var returned = found.entries[...]
    for entry in entries {
      if returned.first == entry {
        returned.removeFirst()
      } else if !lost.contains(where: {
        $0.lsns.contains(entry.lsns.first) && $0.lsns.contains(entry.lsns.last)
      }) {
        Issue.record("\(entry.lsns) neither returned nor called lost: \(what())")
      }
    }
    if !returned.isEmpty { Issue.record("returned what was not written: \(what())") }
    lost = []
  }

  @Test("every bit of a 64 KiB segment flipped: found, and no wrong byte returned")
  func segmentBits() throws {
    let fixture = try closedStore()
    let path = try fixture.segmentPath(0)
    let byteCount = try fixture.disk.contents(of: path).count
    #expect(byteCount > 63_000 && byteCount <= 65_536)
    // Every bit in torture. Here every bit of the header's fields, of a frame with the next one's header, and of the seal; of
    // the rest, every fourth byte with one of its bits.
    let all = unsafe getenv("APUS_ALL_BITS") != nil
    let frame = Format.headerByteCount..<Format.headerByteCount + 1000 + 2 * Format.frameHeaderByteCount
    var flips = 0
    for byte in 0..<byteCount {
      let isKey = byte < 100 || frame.contains(byte) || byte >= byteCount - 200
      if !all, !isKey, byte % 4 != 0 { continue }
      for bit in all || isKey ? Array(0..<8) : [byte / 4 % 8] {
        var damaged = fixture
        damaged.disk = fixture.disk.copy()
        try damaged.disk.flipBit(path, byte: byte, bit: bit)
        let check = try LogCheck.run(Fixture.folder, on: damaged.disk)
        if check.isSound { Issue.record("byte \(byte) bit \(bit) not found by the check") }
        flips += 1
        // An opening and a scan for some: they run the same walk.
        if byte % 16 == 3 { try expectFound(damaged, "byte \(byte) bit \(bit)") }
      }
    }
    print("damage: \(flips) bits of a segment flipped, all found")
  }

  @Test("every bit of a manifest's content flipped: found, and never taken for another manifest")
  func manifestBits() throws {
    let fixture = try closedStore()
    let path = try fixture.manifestPath()
    let whole = try fixture.disk.contents(of: path)
    let content = (whole.lastIndex { $0 != 0 } ?? 0) + 64
    let state = try LogOverview.manifest(Fixture.folder, on: fixture.disk.copy()).state
    var torn = 0
    for byte in 0..<content {
      for bit in 0..<8 {
        let disk = fixture.disk.copy()
        try disk.flipBit(path, byte: byte, bit: bit)
        do throws(LogError) {
          let check = try LogCheck.run(Fixture.folder, on: disk)
          // The last mark, or the zeroes behind it: found, and nothing that took effect is touched.
          guard case .torn = check.manifestTail else {
            Issue.record("byte \(byte) bit \(bit) not found")
            continue
          }
          #expect(check.state == state && check.isSound)
          torn += 1
        } catch {
          switch error {
          case .manifestDamaged, .header, .unsupported, .foreignFile: break
          default: Issue.record("byte \(byte) bit \(bit): \(error)")
          }
        }
      }
    }
    #expect(torn <= (Format.frameHeaderByteCount + 64) * 8)
  }

  @Test("every bit of CURRENT flipped: refused")
  func currentBits() throws {
    let fixture = try closedStore()
    for byte in try fixture.disk.contents(of: Fixture.folder + "/CURRENT").indices {
      for bit in 0..<8 {
        var damaged = fixture
        damaged.disk = fixture.disk.copy()
        try damaged.disk.flipBit(Fixture.folder + "/CURRENT", byte: byte, bit: bit)
        #expect(throws: LogError.self) { _ = try damaged.open() }
      }
    }
  }

  @Test("two whole frames swapped: found")
  func swapped() throws {
    let fixture = try closedStore()
    let path = try fixture.segmentPath(0)
    let whole = try fixture.disk.contents(of: path)
    let length = Format.frameHeaderByteCount + 1000
    let first = Format.headerByteCount..<Format.headerByteCount + length
    for other in 1..<20 {
      let second = first.lowerBound + other * length..<first.upperBound + other * length
      var damaged = fixture
      damaged.disk = fixture.disk.copy()
      let image = whole.replacing(first, with: whole[second]).replacing(second, with: whole[first])
      try damaged.disk.plant(image, at: path)
      try expectFound(damaged, "frames 0 and \(other) swapped")
    }
  }

  @Test("a block from another place, another segment or another store: found, though whole in itself")
  func misdirected() throws {
    let fixture = try closedStore()
    var stranger = Fixture(seed: 99)
    let writer = try stranger.openWriter()
    while writer.reader.view.segments.count < 2 { try stranger.append(writer, records: 3, bytes: 1000) }
    try writer.close()

    let path = try fixture.segmentPath(0)
    let whole = try fixture.disk.contents(of: path)
    let second = try fixture.disk.contents(of: try fixture.segmentPath(1))
    let foreign = try stranger.disk.contents(of: try stranger.segmentPath(0))
    let block = 4096
    for at in stride(from: 0, to: whole.count - block, by: block) {
      let sources: [(String, ArraySlice<UInt8>)] = [
        ("the block before", whole[max(0, at - block)..<max(0, at - block) + block]),
        ("another segment's block", second.count >= at + block ? second[at..<at + block] : second[0..<block]),
        ("another store's block", foreign[at..<at + block]),
      ]
      for (what, source) in sources where source != whole[at..<at + block] {
        var damaged = fixture
        damaged.disk = fixture.disk.copy()
        try damaged.disk.plant(whole.replacing(at..<at + block, with: source), at: path)
        try expectFound(damaged, "\(what) at \(at)")
      }
    }
  }

  @Test("a whole segment of an older epoch or another store in place of the right one: found")
  func replaced() throws {
    let fixture = try closedStore()
    for at in 0..<2 {
      let path = try fixture.segmentPath(at)
      let other = try fixture.disk.contents(of: try fixture.segmentPath(1 - at))
      var damaged = fixture
      damaged.disk = fixture.disk.copy()
      try damaged.disk.plant(other, at: path)
      try expectFound(damaged, "segment \(1 - at) in place of \(at)")
    }
  }

  @Test("a finished segment cut at any sector, or longer than listed: found")
  func truncated() throws {
    let fixture = try closedStore()
    let path = try fixture.segmentPath(0)
    let whole = try fixture.disk.contents(of: path)
    for size in stride(from: 0, to: whole.count, by: 512) {
      var damaged = fixture
      damaged.disk = fixture.disk.copy()
      try damaged.disk.plant(Array(whole[..<size]), at: path)
      try expectFound(damaged, "cut to \(size)")
    }
    var longer = fixture
    longer.disk = fixture.disk.copy()
    try longer.disk.plant(whole + [0], at: path)
    try expectFound(longer, "a byte too many")
  }

  @Test("a segment's file that is missing refuses the opening and is named")
  func missing() throws {
    var fixture = try closedStore()
    let path = try fixture.segmentPath(0)
    try fixture.disk.remove(path)
    #expect(throws: LogError.fileMissing(path: path)) { _ = try fixture.open() }
    #expect(try !LogCheck.run(Fixture.folder, on: fixture.disk).isSound)
  }

  @Test("more damage than a manifest can hold is an error that says so, and the store stays as it is")
  func tooMuch() throws {
    // 2^18 damages and one, each a frame without a payload, with a good one behind it.
    let lost = (1 << 18) + 1
    var fixture = Fixture(segmentByteCount: 64 << 20)
    let writer = try fixture.openWriter()
    for _ in 0..<2 * lost { _ = try writer.append(recordCount: 1, payload: RawSpan()) }
    try writer.sync()
    try writer.mark()
    let path = try fixture.segmentPath(0)
    fixture.disk = fixture.disk.killProcess()
    var bytes = try fixture.disk.contents(of: path)
    for at in 0..<lost { bytes[Format.headerByteCount + 2 * at * Format.frameHeaderByteCount + 20] ^= 1 }
    try fixture.disk.plant(bytes, at: path)
    fixture.options.checkpoint = LSN(UInt64(2 * lost))
    #expect {
      _ = try fixture.open()
    } throws: { error in
      if case LogError.manifestWrong = error { true } else { false }
    }
    #expect(try fixture.disk.contents(of: path) == bytes)
  }
}
