// Rows and events of every version of their formats, kept for good as hexadecimal text: they must be read for ever, and
// today's writers must make the same bytes until the version changes. Version 1 is frozen: APUS_GOLDEN_UPDATE=1 is for a version that no release has.

import ApusBytes
import ApusContracts
import Glibc
import Testing

@Suite("Golden rows and events")
struct ContractsGoldenTests {
  private static let folder =
    #filePath.split(separator: "/").dropLast(2).reduce("") { $0 + "/" + $1 } + "/Vectors/contracts-1"

  private let types: [FeatureType] = [
    .bool, .float64, .string, .int32, .bytes, .timestamp, .list(of: .string),
    .vector(of: .float32, count: 3) ?? .bool, .float32, .list(of: .int64), .int64,
  ]

  private let said: [FeatureInput] = [
    .value(.bool(true)), .value(.float64(-0.0)), .value(.string("Zoë")), .value(.int32(-2)),
    .value(.bytes([0, 255])), .value(.timestamp(nanoseconds: 1_700_000_000_123_456_789)),
    .value(.list(.string(["", "a", "漢"]))), .value(.vector(.float32([1, .infinity, -2.5]))),
    .value(.float32(0.1)), .value(.list(.int64([]))), .value(.int64(.min)),
  ]

  private func vectors() throws -> [(name: String, bytes: Bytes)] {
    let layout = try layout(types)
    let whole = try row(said, layout, at: stamp(1000, 1001, 7))
    let partial = try row(
      [.null, .absent, .value(.string("")), .absent, .null], layout, at: stamp(2000, 1500, 9))
    let merged = try fold(whole, partial, layout)
    let delete = deletedRow(at: stamp(1500, 1501, 8))
    var events = ByteWriter()
    var builder = RowBuilder(layout)
    for input in said { try builder.append(input) }
    let key: Bytes = [0x80, 0, 0, 0, 0, 0, 0, 42]
    let live = EventTimes(eventTime: EventTime(nanoseconds: 1000))
    let told = EventTimes(
      eventTime: EventTime(nanoseconds: -1), createdAt: CreatedAt(nanoseconds: 5),
      knownAt: KnownAt(nanoseconds: 6), isKnownAtAssumed: true)
    events.write(EventRecord(.upsert, ViewVersionID(3), live), key: unsafe key.span.bytes, cells: builder)
    events.write(EventRecord(.delete, ViewVersionID(4), told), key: unsafe key.span.bytes, cells: RawSpan())
    return try [
      ("row-empty", emptyRow), ("row-whole", whole), ("row-partial", partial), ("row-merged", merged),
      ("row-deleted", delete), ("row-begun-anew", fold(merged, delete, layout)),
      ("events", events.bytes.copied()),
    ]
  }

  private func lines(of bytes: Bytes) -> String {
    stride(from: 0, to: bytes.count, by: 16).map { hex(Array(bytes[$0..<min($0 + 16, bytes.count)])) + "\n" }
      .joined()
  }

  private func content(of path: String) -> String? {
    guard let file = unsafe fopen(path, "r") else { return nil }
    defer { unsafe fclose(file) }
    var bytes = Bytes(repeating: 0, count: 65_536)
    let count = unsafe fread(&bytes, 1, bytes.count, file)
    return String(decoding: bytes[..<count], as: UTF8.self)
  }

  @Test("today's writers make the bytes that they always made")
  func sameBytes() throws {
    for (name, bytes) in try vectors() {
      let path = Self.folder + "/" + name + ".hex"
      if unsafe getenv("APUS_GOLDEN_UPDATE") != nil, let file = unsafe fopen(path, "w") {
        unsafe fputs(lines(of: bytes), file)
        unsafe fclose(file)
      }
      #expect(
        content(of: path) == lines(of: bytes),
        "\(name) differs: a change of the format needs a new version, and new golden files beside these")
    }
  }

  @Test("rows of version 1 say what was said")
  func reads() throws {
    let layout = try layout(types)
    let text = try #require(content(of: Self.folder + "/row-merged.hex"))
    let digits = text.compactMap(\.hexDigitValue).map { UInt8($0) }
    let bytes = stride(from: 0, to: digits.count, by: 2).map { digits[$0] << 4 | digits[$0 + 1] }
    var expected = said
    expected[0] = .null
    expected[2] = .value(.string(""))
    expected[4] = .null
    #expect(try inputs(bytes, layout) == expected)
    try withRow(bytes, layout) { row in
      #expect(row.stamp(1) == stamp(1000, 1001, 7))
      #expect(row.stamp(2) == stamp(2000, 1500, 9))
      #expect(row.greatestLSN == LSN(9))
    }
  }
}
