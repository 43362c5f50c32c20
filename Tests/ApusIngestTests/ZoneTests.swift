import ApusContracts
import ApusIngest
import ApusSystem
import ApusTestSupport
import Testing

@Suite("A time zone")
struct ZoneTests {
  /// A file as `zic` writes it: an empty first block, then the moments and their offsets.
  static func file(_ moments: [(at: Int64, offset: Int32)], first: Int32, rule: String) -> [UInt8] {
    func big(_ value: some FixedWidthInteger) -> [UInt8] {
      let bits = UInt64(truncatingIfNeeded: value)
      let count = value.bitWidth / 8
      return (0..<count).map { UInt8(truncatingIfNeeded: bits >> UInt64(8 * (count - 1 - $0))) }
    }
    func head(_ counts: [UInt32]) -> [UInt8] {
      Array("TZif2".utf8) + [UInt8](repeating: 0, count: 15) + counts.flatMap { big($0) }
    }
    var bytes = head([0, 0, 0, 0, 1, 1]) + [UInt8](repeating: 0, count: 7)
    let kinds = [first] + moments.map(\.offset)
    bytes += head([0, 0, 0, UInt32(moments.count), UInt32(kinds.count), 1])
    bytes += moments.flatMap { big($0.at) }
    bytes += moments.indices.map { UInt8($0 + 1) }
    bytes += kinds.flatMap { big($0) + [0, 0] } + [0]
    return bytes + Array("\n\(rule)\n".utf8)
  }

  private func zone(_ bytes: [UInt8]) throws -> Zone {
    let folder = try TemporaryFolder("apus-zone")
    let file = try RealDisk().open(folder.path("Test"), .create)
    try file.writeAll(unsafe bytes.span.bytes, at: 0)
    file.close()
    return try ZoneFileReader.zone(named: "Test", in: folder.path)
  }

  private func moment(_ text: String, in zone: Zone) throws -> String {
    let load = try Loading.csv("card,event_timestamp\nc,\(text)\n") { $0.zone = zone }
    let row = try #require(load.rows.first)
    if let time = row.times.eventTime { return TimestampSpelling.text(time.nanoseconds) }
    return row.extras.first?.words ?? "nothing"
  }

  @Test("finds the one moment of a local time, by the table and by the rule behind it")
  func local() throws {
    // Winter +1, summer +2: in 2025 by the table, later by the rule.
    let berlin = try zone(
      Self.file(
        [(1_743_296_400, 7_200), (1_761_440_400, 3_600)], first: 3_600, rule: "CET-1CEST,M3.5.0,M10.5.0/3"))
    #expect(try moment("2025-01-15T12:00:00", in: berlin) == "2025-01-15T11:00:00Z")
    #expect(try moment("2025-07-15T12:00:00", in: berlin) == "2025-07-15T10:00:00Z")
    #expect(try moment("2025-12-15T12:00:00", in: berlin) == "2025-12-15T11:00:00Z")
    #expect(try moment("2031-07-15T12:00:00", in: berlin) == "2031-07-15T10:00:00Z")
    #expect(try moment("2031-12-31T23:59:59.5", in: berlin) == "2031-12-31T22:59:59.500000000Z")
    for year in ["2025-03-30", "2026-03-29", "2031-03-30"] {
      #expect(try moment("\(year)T01:59:59", in: berlin) == "\(year)T00:59:59Z")
      #expect(try moment("\(year)T02:00:00", in: berlin).contains("put forward"))
      #expect(try moment("\(year)T02:59:59", in: berlin).contains("put forward"))
      #expect(try moment("\(year)T03:00:00", in: berlin) == "\(year)T01:00:00Z")
    }
    for year in ["2025-10-26", "2026-10-25", "2031-10-26"] {
      #expect(try moment("\(year)T01:59:59", in: berlin).hasSuffix("T23:59:59Z"))
      #expect(try moment("\(year)T02:00:00", in: berlin).contains("put back"))
      #expect(try moment("\(year)T02:59:59", in: berlin).contains("put back"))
      #expect(try moment("\(year)T03:00:00", in: berlin) == "\(year)T02:00:00Z")
      // Who says the offset leaves no doubt.
      #expect(try moment("\(year)T02:30:00+01:00", in: berlin) == "\(year)T01:30:00Z")
    }
  }

  @Test("knows the rules of the south, days that are counted, and offsets that are no hours")
  func rules() throws {
    let sydney = try zone(Self.file([], first: 36_000, rule: "AEST-10AEDT,M10.1.0,M4.1.0/3"))
    #expect(try moment("2026-01-15T12:00:00", in: sydney) == "2026-01-15T01:00:00Z")
    #expect(try moment("2026-07-15T12:00:00", in: sydney) == "2026-07-15T02:00:00Z")
    #expect(try moment("2026-10-04T02:30:00", in: sydney).contains("put forward"))
    #expect(try moment("2026-04-05T02:30:00", in: sydney).contains("put back"))
    let nepal = try zone(Self.file([], first: 20_700, rule: "<+0545>-5:45"))
    #expect(try moment("2026-07-15T12:00:00", in: nepal) == "2026-07-15T06:15:00Z")
    let julian = try zone(Self.file([], first: 0, rule: "AAA0BBB,J60/0,300/0"))
    #expect(try moment("2024-03-01T00:30:00", in: julian).contains("put forward"))
    #expect(try moment("2025-03-01T00:30:00", in: julian).contains("put forward"))
    #expect(try moment("2024-10-26T23:30:00", in: julian).contains("put back"))
  }

  @Test("a zone of the system agrees with what is known of it")
  func system() throws {
    let zone: Zone
    do {
      zone = try ZoneFileReader.zone(named: "Europe/Berlin")
    } catch ZoneError.unknown {
      print("skipped: this machine has no time zones in \(ZoneFileReader.folder)")
      return
    }
    #expect(try moment("2026-07-15T12:00:00", in: zone) == "2026-07-15T10:00:00Z")
    #expect(try moment("1970-01-01T01:00:00", in: zone) == "1970-01-01T00:00:00Z")
    #expect(try moment("1947-06-01T12:00:00", in: zone) == "1947-06-01T09:00:00Z")
    #expect(try moment("2026-03-29T02:30:00", in: zone).contains("put forward"))
    #expect(try moment("2040-10-28T02:30:00", in: zone).contains("put back"))
  }

  @Test(
    "no name leads out of the folder, and none that is unknown is guessed",
    arguments: [
      "Nowhere/Land", "../etc/passwd", "/etc/passwd", "Europe", "", "Europe//Berlin", ".", "a/../b", "Test\0",
    ])
  func names(name: String) {
    #expect(throws: ZoneError.unknown(name)) { try ZoneFileReader.zone(named: name) }
  }

  @Test("bytes that are no zone are told, cut or changed at any place, and never trap")
  func damage() throws {
    let bytes = Self.file([(1_743_296_400, 7_200)], first: 3_600, rule: "CET-1CEST,M3.5.0,M10.5.0/3")
    for length in bytes.indices.dropLast() {
      #expect(throws: ZoneError.self) { try zone(Array(bytes.prefix(length))) }
    }
    for at in bytes.indices {
      for value: UInt8 in [0, 0x7F, 0x80, 0xFF] {
        var changed = bytes
        changed[at] = value
        // Either no zone, or one that answers.
        guard let zone = try? zone(changed) else { continue }
        _ = try moment("2026-03-29T02:30:00", in: zone)
      }
    }
  }
}
