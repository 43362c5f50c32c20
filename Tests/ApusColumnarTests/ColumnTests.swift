// The model: what a builder was given is what a column says, and parts that break the layout make no column.

import ApusBytes
import ApusColumnar
import ApusSystem
import ApusTestSupport
import Testing

@Suite struct ColumnTests {
  @Test("a column says what its builder was told, nulls included")
  func built() throws {
    var builder = ColumnBuilder(ColumnType(.int32), named: "n")
    var told: [Int32?] = []
    var dice = SplitMix64(seed: 1)
    for index in 0..<1000 {
      let value: Int32? = index > 20 && dice.chance(0.3) ? nil : Int32(truncatingIfNeeded: dice.next())
      told.append(value)
      if let value { builder.append(value) } else { builder.appendNull() }
    }
    let column = try builder.finish()
    #expect(column.count == 1000)
    #expect(column.nullCount == told.count { $0 == nil })
    for (row, value) in told.enumerated() {
      #expect(column.isNull(row) == (value == nil))
      if let value { #expect(column.load(row, as: Int32.self) == value) }
    }
    #expect(try builder.finish().count == 0)
  }

  @Test("lists and vectors keep their rows apart")
  func shaped() throws {
    var lists = ColumnBuilder(ColumnType(.string, .list), named: "l")
    try lists.append("a")
    try lists.append("")
    lists.endRow()
    lists.appendNull()
    lists.endRow()
    try lists.append("漢")
    lists.endRow()
    let list = try lists.finish()
    #expect((0..<4).map { list.isNull($0) } == [false, true, false, false])
    #expect(list.elements(of: 0).map { list.string($0) } == ["a", ""])
    #expect(list.elements(of: 2).isEmpty)
    #expect(list.elements(of: 3).map { list.string($0) } == ["漢"])

    var vectors = ColumnBuilder(ColumnType(.float32, .vector(2)), named: "v")
    vectors.appendNull()
    vectors.append(1.5 as Float)
    vectors.append(-2 as Float)
    vectors.endRow()
    let vector = try vectors.finish()
    #expect(vector.isNull(0) && vector.elementCount == 4)
    #expect(vector.elements(of: 1).map { vector.float32($0) } == [1.5, -2])
  }

  @Test(
    "what a builder makes, the checked initialiser accepts, and a slice says what its rows said",
    arguments: Columns.types)
  func layout(_ type: ColumnType) throws {
    for (seed, rows) in [0, 1, 7, 8, 9, 100].enumerated() {
      for nulls in [0, 0.4, 1] {
        var dice = SplitMix64(seed: UInt64(seed))
        let column = try Columns.random(type, rows: rows, nulls: nulls, using: &dice)
        let again = try Column(
          type, named: "again", count: column.count, validity: column.validity,
          listOffsets: column.listOffsets,
          valueOffsets: column.valueOffsets, values: column.values)
        #expect(again == column, "seed \(seed)")
        #expect(again.nullCount == column.nullCount)
        let first = dice.within(0...rows)
        let range = first..<dice.within(first...rows)
        let slice = column.slice(range)
        let checked = try Column(
          type, named: "slice", count: slice.count, validity: slice.validity, listOffsets: slice.listOffsets,
          valueOffsets: slice.valueOffsets, values: slice.values)
        #expect(checked == slice)
        // Row by row, the same as rows of the whole.
        for row in 0..<range.count {
          #expect(
            column.slice((first + row)..<(first + row + 1)) == slice.slice(row..<(row + 1)), "\(type) \(seed)"
          )
        }
      }
    }
  }

  @Test("parts that break the layout make no column")
  func refused() {
    func refuses(
      _ type: ColumnType, count: Int = 2, validity: [UInt8] = [], lists: [Int32] = [], offsets: [Int32] = [],
      values: [UInt8] = [], _ comment: Comment
    ) {
      #expect(throws: ColumnarError.self, comment) {
        try Column(
          type, named: "c", count: count, validity: validity, listOffsets: lists, valueOffsets: offsets,
          values: values)
      }
    }
    let int16 = ColumnType(.int16)
    refuses(int16, values: [1, 2, 3], "a value short")
    refuses(int16, values: [1, 2, 3, 4, 5], "a byte more")
    refuses(int16, count: -1, "less than nothing")
    refuses(int16, count: Column.countMax + 1, "more than offsets count")
    refuses(int16, validity: [1, 1], values: [1, 2, 3, 4], "a validity too long")
    refuses(int16, lists: [0, 1, 2], values: [1, 2, 3, 4], "offsets of lists")
    refuses(int16, offsets: [0, 2, 4], values: [1, 2, 3, 4], "offsets of values")
    let string = ColumnType(.string)
    refuses(string, offsets: [0, 1], values: [65], "an offset short")
    refuses(string, offsets: [0, 2, 1], values: [65], "offsets that descend")
    refuses(string, offsets: [0, -1, 1], values: [65], "offsets below zero")
    refuses(string, offsets: [1, 1, 1], values: [65], "a beginning that is not 0")
    refuses(string, offsets: [0, 1, 2], values: [65], "an end after the values")
    refuses(string, offsets: [0, 1, 1], values: [65, 66], "an end before theirs")
    refuses(string, offsets: [0, 1, 2], values: [0xc3, 0xa9], "a character cut in two")
    refuses(string, offsets: [0, 1, 1], values: [0xff], "text that is not UTF-8")
    refuses(
      ColumnType(.int16, .list), lists: [0, 1, 3], values: [1, 2, 3, 4], "a list with missing elements")
    refuses(ColumnType(.int16, .list), lists: [], "a list without offsets")
    refuses(ColumnType(.int16, .vector(2)), values: [1, 2, 3, 4], "a vector with missing elements")
    refuses(ColumnType(.int16, .vector(0)), "a vector of nothing")
    refuses(ColumnType(.float64, .vector(.max)), "a vector that overflows")
    refuses(ColumnType(.float64, .vector(Column.countMax)), "too many elements")
    refuses(ColumnType(.null, .list), lists: [0, 1, 1], "a list with an element that is null")
    refuses(ColumnType(.null), values: [0], "a null with bytes")
  }

  @Test("bits after the last row say nothing")
  func rest() throws {
    let column = try Column(ColumnType(.bool), named: "b", count: 3, validity: [0xfd], values: [0xff])
    #expect(column.nullCount == 1 && column.validity == [0b101] && column.values == [0b111])
    let full = try Column(ColumnType(.bool), named: "b", count: 3, validity: [0x07], values: [0])
    #expect(full.nullCount == 0 && full.validity.isEmpty)
  }

  @Test("a builder refuses text that is not UTF-8, by the column's name")
  func text() throws {
    var builder = ColumnBuilder(ColumnType(.string), named: "t")
    // One character, cut in two: each half alone is none.
    for half in [[0xc3], [0xa9]] as [[UInt8]] { try builder.append(unsafe half.span.bytes) }
    #expect(throws: ColumnarError.damaged("a string is not UTF-8", at: ColumnarPlace(column: "t"))) {
      _ = try builder.finish()
    }
  }

  @Test("a batch is columns of its fields, all of one length, without nulls where none may be")
  func batch() throws {
    var builder = ColumnBuilder(ColumnType(.int8), named: "n")
    builder.append(1 as Int8)
    builder.appendNull()
    let column = try builder.finish()
    let nullable = ColumnSchema([ColumnField("n", ColumnType(.int8))])
    let batch = try ColumnBatch(nullable, [column], rowCount: 2)
    #expect(batch.slice(1..<2).column("n")?.isNull(0) == true)
    #expect(throws: ColumnarError.self) { try ColumnBatch(nullable, [column], rowCount: 3) }
    #expect(throws: ColumnarError.self) { try ColumnBatch(nullable, [], rowCount: 2) }
    let other = ColumnSchema([ColumnField("n", ColumnType(.uint8))])
    #expect(throws: ColumnarError.self) { try ColumnBatch(other, [column], rowCount: 2) }
    let sure = ColumnSchema([ColumnField("n", ColumnType(.int8), isNullable: false)])
    #expect(throws: ColumnarError.self) { try ColumnBatch(sure, [column], rowCount: 2) }
  }

  @Test("a file sink writes every byte once, in order, whatever the sizes")
  func sink() throws {
    let disk = SimulatedDisk(seed: 7)
    let file = try disk.open("/f", .create)
    let sink = FileSink(file)
    var dice = SplitMix64(seed: 7)
    var expected: [UInt8] = []
    for _ in 0..<200 {
      let bytes = dice.bytes(dice.chance(0.05) ? dice.below(600_000) : dice.below(2000))
      try sink.write(unsafe bytes.span.bytes)
      expected += bytes
      #expect(sink.byteCount == UInt64(expected.count))
    }
    try sink.flush()
    #expect(try file.readAll() == expected)
  }
}
