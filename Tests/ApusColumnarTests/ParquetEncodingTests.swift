import ApusBytes
import ApusColumnar
import ApusTestSupport
import Testing

@Suite struct ParquetEncodingTests {
  @Test("a column is written in the encoding that the specification chooses for it")
  func choice() throws {
    #expect(try encodings(.int64) { Int64($0) } == [.rle, .deltaBinaryPacked])
    #expect(try encodings(.int64) { Int64($0 % 7) &* 0x1234_5678_9abc } == [.rle, .plain, .rleDictionary])
    var dice = SplitMix64(seed: 3)
    #expect(try encodings(.int64) { _ in Int64(bitPattern: dice.next()) } == [.rle, .plain])
    // What rises at first and is random later has pages of both kinds.
    #expect(
      try encodings(.int64) { $0 < 10_000 ? Int64($0) : Int64(bitPattern: dice.next()) }
        == [.rle, .plain, .deltaBinaryPacked])
    // A dictionary that later pages make too large is closed, and what it has stays in use.
    #expect(
      try encodings(.float64) { $0 < 10_000 ? Int64($0 % 5) : Int64(bitPattern: dice.next() >> 2) }
        == [.rle, .plain, .rleDictionary])
    #expect(try encodings(.float64) { _ in Int64(bitPattern: dice.next() >> 2) } == [.rle, .plain])
  }

  @Test("values that differ only in their high bits do not fall into one chain of the dictionary")
  func highBits() throws {
    #expect(try encodings(.float64) { Int64($0 % 4096) << 50 } == [.rle, .plain, .rleDictionary])
  }

  @Test("a timestamp in seconds becomes one in milliseconds, or is refused by its column's name")
  func seconds() throws {
    let schema = ColumnSchema([ColumnField("s", ColumnType(.timestamp(.seconds, isUTC: true)))])
    func batch(_ value: Int64) throws -> ColumnBatch {
      var builder = ColumnBuilder(schema.fields[0].type, named: "s")
      builder.append(value)
      return try ColumnBatch(schema, [builder.finish()], rowCount: 1)
    }
    let (bytes, _) = try Written.file(schema, [batch(-5)])
    let statistics = try Written.footer(of: bytes).rowGroups[0].columns[0].metadata?.statistics
    // -5000.
    #expect(statistics?.min == [0x78, 0xec, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff])
    #expect {
      _ = try Written.file(schema, [batch(Int64.max / 999)])
    } throws: { error in
      guard case .unsupported(_, _, let place) = error as? ColumnarError else { return false }
      return place.column == "s"
    }
  }

  @Test("pages end where the widest column is full, and a row larger than a page has its own")
  func wideRows() throws {
    let schema = ColumnSchema([
      ColumnField("n", ColumnType(.int8), isNullable: false), ColumnField("t", ColumnType(.bytes)),
    ])
    var numbers = ColumnBuilder(ColumnType(.int8), named: "n")
    var texts = ColumnBuilder(ColumnType(.bytes), named: "t")
    // With the four bytes of an offset: 100, 100, 300, 40, 40, …
    for size in [96, 96, 296] + [Int](repeating: 36, count: 10) {
      numbers.append(1 as Int8)
      let bytes = [UInt8](repeating: 7, count: size)
      try texts.append(unsafe bytes.span.bytes)
    }
    var options = ParquetWriterOptions()
    options.pageBytesMax = 200
    options.rowGroupBytesMax = 700
    let (_, summary) = try Written.file(
      schema, [ColumnBatch(schema, [numbers.finish(), texts.finish()], rowCount: 13)], options)
    #expect(summary.rowGroups.map(\.rowCount) == [8, 5])
    #expect(summary.rowGroups[0].columns[0].pages.map(\.firstRow) == [0, 2, 3])
    #expect(summary.rowGroups[0].columns[1].pages.map(\.firstRow) == [0, 2, 3])
  }

  /// Of the first row group of 80 000 rows.
  private func encodings(_ element: ColumnElement, _ value: (Int) -> Int64) throws -> [ParquetEncoding]? {
    let schema = ColumnSchema([ColumnField("c", ColumnType(element), isNullable: false)])
    var builder = ColumnBuilder(ColumnType(element), named: "c")
    for row in 0..<80_000 { builder.append(value(row)) }
    let (bytes, _) = try Written.file(schema, [ColumnBatch(schema, [builder.finish()], rowCount: 80_000)])
    return try Written.footer(of: bytes).rowGroups[0].columns[0].metadata?.encodings
  }
}
