import ApusBytes
import ApusColumnar
import ApusSystem
import Testing

@Suite struct ParquetGoldenTests {
  @Test("a small file has these bytes and no others")
  func golden() throws {
    let schema = ColumnSchema(
      [
        ColumnField("a", ColumnType(.int32), isNullable: false), ColumnField("b", ColumnType(.string)),
        ColumnField("c", ColumnType(.bool, .list)),
      ], metadata: [ColumnMetadata(key: "k", value: "v")])
    var a = ColumnBuilder(ColumnType(.int32), named: "a")
    for value in [1, -1, 7] as [Int32] { a.append(value) }
    var b = ColumnBuilder(ColumnType(.string), named: "b")
    try b.append("xy")
    b.appendNull()
    try b.append("")
    var c = ColumnBuilder(ColumnType(.bool, .list), named: "c")
    c.append(true)
    c.append(false)
    c.endRow()
    c.appendNull()
    c.endRow()
    let batch = try ColumnBatch(schema, [a.finish(), b.finish(), c.finish()], rowCount: 3)
    var options = ParquetWriterOptions()
    options.compression = .none
    options.createdBy = "t version 1"
    options.sorting = [ParquetSortingColumn(column: 0)]
    let (bytes, summary) = try Written.file(schema, [batch], options)

    let pages =
      // a: header (data, 12, 12, crc, 3 values PLAIN, levels RLE), and 1, -1, 7.
      "1500" + "1518" + "1518" + Self.crc(in: bytes, summary, 0) + "1c1506150015061506" + "0000"
      + "01000000" + "ffffffff" + "07000000"
      // b: levels 1, 0, 1 as a packed group; "xy" and "".
      + "1500" + "1520" + "1520" + Self.crc(in: bytes, summary, 1) + "1c1506150015061506" + "0000"
      + "02000000" + "0305" + "02000000" + "7879" + "00000000"
      // c: repetition 0, 1, 0, 0; definition 2, 2, 0, 1; bits true, false.
      + "1500" + "151c" + "151c" + Self.crc(in: bytes, summary, 2) + "1c1508150015061506" + "0000"
      + "02000000" + "0302" + "03000000" + "034a00" + "01"
    #expect(hex(Array(bytes[4..<Int(summary.tailOffset)])) == pages)
    #expect(hex(Array(bytes[..<4])) == hex(Array("PAR1".utf8)))
    #expect(hex(Array(bytes[Int(summary.tailOffset)...])) == Self.tail.joined())
  }

  /// Read by pyarrow, Polars and DuckDB before it was written down here.
  private static let tail: [String] = [
    "191102191804ffffffff1918040700000015021916000019110219180019180278791502191602001911021918010019",
    "180101150219160400191c1608154616000000191c164e154e16000000191c169c01154a160000001502196c48067363",
    "68656d611506001502250018016100150c250218016225004c1c0000003502180163150215064c3c000000350418046c",
    "697374150200150025001807656c656d656e74001606191c193c26001c15021925060019180161150016061646164626",
    "083c36002804070000001804ffffffff111100191c150015001502000016d802151416e601152e0026001c150c192506",
    "001918016215001606164e164e264e3c3602280278791800111100191c150015001502000016ec021514169402152200",
    "26001c15001925060019380163046c69737407656c656d656e7415001608164a164a269c013c36042801011801001111",
    "00191c1500150015020000168003151616b60215220016de011606191c1500121200160816de01140000191c18016b18",
    "017600180b742076657273696f6e2031193c1c00001c00001c0000004401000050415231",
  ]

  /// The header's checksum field: it is checked by other readers, and against our own reckoning here.
  private static func crc(in bytes: [UInt8], _ summary: ParquetSummary, _ column: Int) -> String {
    let page = summary.rowGroups[0].columns[column].pages[0]
    let range = Int(page.offset)..<(Int(page.offset) + page.byteCount)
    let held = Array(bytes[range])
    #expect(CRC32C.checksum(unsafe held.span.bytes) == page.crc)
    var reader = ThriftReader(unsafe held.span.bytes)
    guard let header = try? ParquetPageHeader(from: &reader), let crc = header.crc else { return "none" }
    let body = Array(held[reader.offset...])
    #expect(CRC32.checksum(unsafe body.span.bytes) == crc)
    var writer = ByteWriter()
    writer.writeSignedVarint(Int64(Int32(bitPattern: crc)))
    return "15" + hex(writer.bytes.copied())
  }

  @Test("the page checksum is gzip's")
  func checksum() {
    let digits = Array("123456789".utf8)
    #expect(CRC32.checksum(unsafe digits.span.bytes) == 0xcbf4_3926)
    let none: [UInt8] = []
    #expect(CRC32.checksum(unsafe none.span.bytes) == 0)
    let long = [UInt8](repeating: 0, count: 32)
    #expect(CRC32.checksum(unsafe long.span.bytes) == 0x190a_55ad)
  }

  @Test(
    "the same rows give the same bytes, however they come in batches, and however many threads write them")
  func deterministic() throws {
    let seed: UInt64 = 77
    let batch = try Written.everyType(rows: 2500, nulls: 0.2, seed: seed)
    var options = ParquetWriterOptions()
    options.pageRowsMax = 100
    options.pageBytesMax = 900
    options.rowGroupRowsMax = 730
    options.rowGroupBytesMax = 400_000
    let (whole, summary) = try Written.file(batch.schema, [batch], options)
    for step in [1, 99, 100, 101, 2499] {
      let parts = stride(from: 0, to: 2500, by: step).map { batch.slice($0..<min($0 + step, 2500)) }
      let (bytes, other) = try Written.file(batch.schema, parts, options)
      #expect(bytes == whole, "seed \(seed), batches of \(step)")
      #expect(other == summary)
      let (shared, another) = try Written.file(
        batch.schema, parts, options, crew: Crew(3, name: "parquet"))
      #expect(shared == whole, "seed \(seed), batches of \(step), three threads")
      #expect(another == summary)
    }
  }

  @Test("every byte of a file belongs to one page or the tail, and pages of all columns share their rows")
  func summary() throws {
    let batch = try Written.everyType(rows: 1000, nulls: 0.1, seed: 5)
    var options = ParquetWriterOptions()
    options.pageRowsMax = 64
    options.rowGroupRowsMax = 300
    let (bytes, summary) = try Written.file(batch.schema, [batch], options)
    var at: UInt64 = 4
    var row = 0
    for group in summary.rowGroups {
      #expect(group.firstRow == row && group.offset == at)
      row += group.rowCount
      for column in group.columns {
        #expect(column.pages.map(\.firstRow) == group.columns[0].pages.map(\.firstRow))
        for page in (column.dictionary.map { [$0] } ?? []) + column.pages {
          #expect(page.offset == at)
          let held = Array(bytes[Int(at)..<(Int(at) + page.byteCount)])
          #expect(CRC32C.checksum(unsafe held.span.bytes) == page.crc)
          at += UInt64(page.byteCount)
        }
      }
      #expect(group.offset + UInt64(group.byteCount) == at)
    }
    #expect(at == summary.tailOffset && row == 1000 && summary.rowGroups.count == 4)
    let tail = Array(bytes[Int(at)...])
    #expect(SHA256.digest(of: unsafe tail.span.bytes) == summary.tailDigest)
    #expect(summary.byteCount == UInt64(bytes.count))
  }

  @Test("bounds are cut to where they still bound")
  func bounds() throws {
    let cases: [(String, min: String, max: String)] = [
      (
        String(repeating: "a", count: 64), String(repeating: "a", count: 64),
        String(repeating: "a", count: 64)
      ),
      (
        String(repeating: "a", count: 65), String(repeating: "a", count: 64),
        String(repeating: "a", count: 63) + "b"
      ),
      // A cut never falls into a character: 63 bytes, then one of two.
      (
        String(repeating: "a", count: 63) + "éx", String(repeating: "a", count: 63),
        String(repeating: "a", count: 62) + "b"
      ),
      // After the last character below the surrogates comes the first above.
      (
        String(repeating: "\u{d7ff}", count: 30), String(repeating: "\u{d7ff}", count: 21),
        String(repeating: "\u{d7ff}", count: 20) + "\u{e000}"
      ),
      (
        "a" + String(repeating: "\u{10ffff}", count: 16), "a" + String(repeating: "\u{10ffff}", count: 15),
        "b"
      ),
      // Nothing comes after: the value itself is the bound.
      (
        String(repeating: "\u{10ffff}", count: 17), String(repeating: "\u{10ffff}", count: 16),
        String(repeating: "\u{10ffff}", count: 17)
      ),
    ]
    for (text, min, max) in cases {
      let schema = ColumnSchema([ColumnField("s", ColumnType(.string))])
      var builder = ColumnBuilder(ColumnType(.string), named: "s")
      try builder.append(text)
      let (bytes, _) = try Written.file(schema, [ColumnBatch(schema, [builder.finish()], rowCount: 1)])
      let statistics = try Written.footer(of: bytes).rowGroups[0].columns[0].metadata?.statistics
      #expect(statistics?.min == Array(min.utf8))
      #expect(statistics?.max == Array(max.utf8))
      #expect(statistics?.isMinExact == (min == text) && statistics?.isMaxExact == (max == text))
    }
  }

  @Test("NaN is counted and bounds nothing, and zeroes bound both zeroes")
  func floats() throws {
    let schema = ColumnSchema([ColumnField("f", ColumnType(.float64))])
    func statistics(_ values: [Double]) throws -> (ParquetStatistics?, hasIndex: Bool) {
      var builder = ColumnBuilder(ColumnType(.float64), named: "f")
      for value in values { builder.append(value) }
      let (bytes, _) = try Written.file(
        schema, [ColumnBatch(schema, [builder.finish()], rowCount: values.count)])
      let column = try Written.footer(of: bytes).rowGroups[0].columns[0]
      return (column.metadata?.statistics, column.columnIndexOffset != nil)
    }
    let (some, hasIndex) = try statistics([.nan, 0.0, -0.0, .nan])
    #expect(some?.nanCount == 2 && hasIndex)
    #expect(some?.min == [0, 0, 0, 0, 0, 0, 0, 0x80] && some?.max == [UInt8](repeating: 0, count: 8))
    let (none, lacksIndex) = try statistics([.nan, .nan])
    #expect(none?.nanCount == 2 && none?.min == nil && none?.max == nil && !lacksIndex)
  }
}
