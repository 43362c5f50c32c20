// What our own writer writes is read whole, in parts and page by page, and only where it may matter.

import ApusBytes
import ApusColumnar
import ApusTestSupport
import Testing

@Suite("Reading Parquet") struct ParquetReaderTests {
  private static let schema = ColumnSchema(
    [
      ColumnField("at", ColumnType(.timestamp(.nanoseconds, isUTC: true)), isNullable: false),
      ColumnField("name", ColumnType(.string)), ColumnField("score", ColumnType(.float64)),
      ColumnField("small", ColumnType(.int8)), ColumnField("flag", ColumnType(.bool)),
      ColumnField("tags", ColumnType(.string, .list)),
      ColumnField("vector", ColumnType(.float32, .vector(3))),
      ColumnField("bits", ColumnType(.bool, .vector(2))),
    ], metadata: [ColumnMetadata(key: "who", value: "us")])

  /// `at` ascends by ten from 0; other columns have nulls here and there.
  private static func batch(rows: Int) throws -> ColumnBatch {
    func validity(_ isThere: (Int) -> Bool) -> [UInt8] {
      var bits = BitmapBuilder()
      for row in 0..<rows { bits.append(isThere(row)) }
      return bits.finish()
    }
    func little<T: FixedWidthInteger>(_ values: [T]) -> [UInt8] {
      values.flatMap { value in
        (0..<(T.bitWidth / 8)).map { UInt8(truncatingIfNeeded: value >> T(8 * $0)) }
      }
    }
    func texts(_ values: [String]) -> ([Int32], [UInt8]) {
      var offsets: [Int32] = [0]
      var bytes: [UInt8] = []
      for value in values {
        bytes += Array(value.utf8)
        offsets.append(Int32(bytes.count))
      }
      return (offsets, bytes)
    }
    let all = 0..<rows
    let names = texts(all.map { $0 % 7 == 3 ? "" : "user-\(($0 * 37) % 100)" })
    let lengths = all.map { $0 % 5 == 4 ? 0 : $0 % 4 }
    let tags = texts(lengths.enumerated().flatMap { row, count in (0..<count).map { "t\(row)-\($0)" } })
    let columns = [
      try Column(schema.fields[0].type, named: "at", count: rows, values: little(all.map { Int64($0 * 10) })),
      try Column(
        schema.fields[1].type, named: "name", count: rows, validity: validity { $0 % 7 != 3 },
        valueOffsets: names.0,
        values: names.1),
      try Column(
        schema.fields[2].type, named: "score", count: rows, validity: validity { $0 % 3 != 0 },
        values: little(all.map { $0 % 3 == 0 ? 0 : (Double($0) / 3).bitPattern })),
      try Column(
        schema.fields[3].type, named: "small", count: rows,
        values: little(all.map { Int8(truncatingIfNeeded: $0) })),
      try Column(
        schema.fields[4].type, named: "flag", count: rows, validity: validity { $0 % 11 != 0 },
        values: validity { $0 % 2 == 0 && $0 % 11 != 0 }),
      try Column(
        schema.fields[5].type, named: "tags", count: rows, validity: validity { $0 % 5 != 4 },
        listOffsets: lengths.reduce(into: [0]) { $0.append(($0.last ?? 0) + Int32($1)) },
        valueOffsets: tags.0,
        values: tags.1),
      try Column(
        schema.fields[6].type, named: "vector", count: rows, validity: validity { $0 % 13 != 5 },
        values: little(all.flatMap { row in (0..<3).map { row % 13 == 5 ? 0 : Float(row + $0).bitPattern } })),
      try Column(
        schema.fields[7].type, named: "bits", count: rows, validity: validity { $0 % 4 != 1 },
        values: {
          var bits = BitmapBuilder()
          for row in all { for bit in 0..<2 { bits.append(row % 4 != 1 && (row + bit) % 3 == 0) } }
          return bits.finish()
        }()),
    ]
    return try ColumnBatch(schema, columns, rowCount: rows)
  }

  private static func write(_ batch: ColumnBatch, _ change: (inout ParquetWriterOptions) -> Void = { _ in })
    throws -> (
      bytes: [UInt8], summary: ParquetSummary
    )
  {
    var options = ParquetWriterOptions()
    options.pageRowsMax = 100
    options.rowGroupRowsMax = 1000
    change(&options)
    let sink = MemorySink()
    let writer = try ParquetWriter(batch.schema, to: sink, options: options)
    try writer.append(batch)
    let summary = try writer.finish()
    return (sink.copied(), summary)
  }

  @Test("what our writer wrote is read as it was", arguments: [0, 1, 7, 8, 9, 99, 100, 101, 1000, 2345])
  func roundTrip(rows: Int) throws {
    let batch = try Self.batch(rows: rows)
    let reader = try ParquetReader(.memory(try Self.write(batch).bytes))
    #expect(reader.schema == Self.schema)
    #expect(reader.rowCount == rows)
    var start = 0
    for group in 0..<reader.rowGroupCount {
      let count = reader.rowCount(ofRowGroup: group)
      #expect(try reader.read(rowGroup: group) == batch.slice(start..<(start + count)))
      start += count
    }
    #expect(start == rows)
  }

  @Test("every type, with no, some and only nulls, is read as it was written", arguments: [0, 0.3, 1])
  func everyType(nulls: Double) throws {
    var dice = SplitMix64(seed: 31)
    for type in Columns.types where type.element != .timestamp(.seconds, isUTC: true) {
      for rows in [0, 1, 8, 250] {
        let column = try Columns.random(type, rows: rows, nulls: nulls, using: &dice)
        let batch = try ColumnBatch(ColumnSchema([ColumnField("c", type)]), [column], rowCount: rows)
        let reader = try ParquetReader(.memory(try Self.write(batch).bytes))
        let found = try (0..<reader.rowGroupCount).map { group throws(ColumnarError) in
          try reader.read(rowGroup: group)
        }
        #expect(found == (rows == 0 ? [] : [batch]), "\(type), \(rows) rows")
      }
    }
  }

  @Test("every page is read alone by the place that its writer noted, and not when a bit of it has changed")
  func pages() throws {
    let batch = try Self.batch(rows: 1500)
    let (bytes, summary) = try Self.write(batch)
    let reader = try ParquetReader(.memory(bytes))
    var count = 0
    // One for all columns.
    var room = ParquetPageRoom()
    for (group, rowGroup) in summary.rowGroups.enumerated() {
      for (index, column) in rowGroup.columns.enumerated() {
        func place(_ page: ParquetSummary.Page, _ rows: Int) -> ParquetPagePlace {
          ParquetPagePlace(offset: page.offset, byteCount: page.byteCount, crc32c: page.crc, rowCount: rows)
        }
        let name = Self.schema.fields[index].name
        let form = try ParquetPageForm(of: name, in: reader.footer.schema, vectors: reader.vectors)
        var pages = try ParquetPages.of(
          .memory(bytes), size: UInt64(bytes.count), form, codec: .zstd,
          dictionary: column.dictionary.map { place($0, 0) })
        for (number, page) in column.pages.enumerated() {
          let end = number + 1 < column.pages.count ? column.pages[number + 1].firstRow : rowGroup.rowCount
          let rows = (rowGroup.firstRow + page.firstRow)..<(rowGroup.firstRow + end)
          let isSame = try pages.read(place(page, rows.count), in: &room) == batch.columns[index].slice(rows)
          #expect(isSame, "\(name), row group \(group), page \(number)")
          var damaged = bytes
          damaged[Int(page.offset) + page.byteCount / 2] ^= 4
          var others = try ParquetPages.of(
            .memory(damaged), size: UInt64(bytes.count), form, codec: .zstd)
          do throws(ColumnarError) {
            _ = try others.read(place(page, rows.count), in: &room)
            Issue.record("a damaged page was read")
          } catch {
            #expect("\(error)".contains("CRC-32C"))
          }
          count += 1
        }
      }
    }
    #expect(count == 15 * Self.schema.fields.count)
  }

  @Test("bounds leave out row groups and pages that cannot hold a value, and no others")
  func pruning() throws {
    let batch = try Self.batch(rows: 3000)
    let reader = try ParquetReader(.memory(try Self.write(batch).bytes))
    func rows(_ range: ClosedRange<Int64>) throws -> [[Range<Int>]] {
      try (0..<reader.rowGroupCount).map {
        try reader.rows(inRowGroup: $0, where: [ParquetPredicate("at", in: .integers(range))])
      }
    }
    #expect(reader.rowGroupCount == 3)
    #expect(try rows(0...29_990) == [[0..<1000], [0..<1000], [0..<1000]])
    #expect(try rows(30_000...40_000) == [[], [], []])
    #expect(try rows(-5 ... -1) == [[], [], []])
    #expect(try rows(985...1001) == [[0..<200], [], []])
    #expect(try rows(9_990...10_000) == [[900..<1000], [0..<100], []])
    let none = ParquetPredicate("name", in: .bytes(from: Array("v".utf8), through: nil))
    let some = ParquetPredicate("name", in: .bytes(from: Array("user-5".utf8), through: Array("user-6".utf8)))
    let first = ParquetPredicate("at", in: .integers(0...0))
    #expect(try reader.rows(inRowGroup: 0, where: [none]) == [])
    #expect(try reader.rows(inRowGroup: 0, where: [some]) == [0..<1000])
    #expect(try reader.rows(inRowGroup: 0, where: [some, first]) == [0..<100])
    // Lists and floats exclude nothing.
    #expect(
      try reader.rows(inRowGroup: 0, where: [ParquetPredicate("tags", in: .bytes(from: [255], through: nil))])
        == [
          0..<1000
        ])
  }

  @Test("a small page that holds much is refused before it is held")
  func bombs() throws {
    // 2^20 rows of one text of a thousand bytes: a dictionary and one run.
    let text = [UInt8](repeating: 97, count: 1000)
    var offsets: [Int32] = [0]
    var values: [UInt8] = []
    for _ in 0..<20_000 {
      values += text
      offsets.append(Int32(values.count))
    }
    let schema = ColumnSchema([ColumnField("t", ColumnType(.string), isNullable: false)])
    let column = try Column(
      ColumnType(.string), named: "t", count: 20_000, valueOffsets: offsets, values: values)
    let (bytes, _) = try Self.write(try ColumnBatch(schema, [column], rowCount: 20_000)) {
      $0.pageRowsMax = 20_000
      $0.rowGroupRowsMax = 20_000
    }
    #expect(bytes.count < 100_000)
    var limits = ParquetLimits()
    limits.columnBytesMax = 10_000_000
    let reader = try ParquetReader(.memory(bytes), limits: limits)
    do throws(ColumnarError) {
      _ = try reader.read(rowGroup: 0)
      Issue.record("20 MB were read where 10 are allowed")
    } catch {
      #expect("\(error)".contains("10000000"))
    }
    #expect(try reader.read(rowGroup: 0, rows: 0..<0).rowCount == 0)
  }
}
