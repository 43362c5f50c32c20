// Arrow streams without anybody else: what is written is read, and what is wrong is refused.

import ApusBytes
import ApusColumnar
import ApusTestSupport
import Testing

@Suite struct ArrowStreamTests {
  @Test(
    "what is written is read, every type, with and without nulls and compression",
    arguments: [0, 1, 7, 8, 9, 1000])
  func roundTrip(_ rows: Int) throws {
    for (seed, nulls) in [0, 0.3, 1].enumerated() {
      var dice = SplitMix64(seed: UInt64(100 + seed))
      let schema = ArrowStreams.schema(
        Columns.types, metadata: [ColumnMetadata(key: "a", value: "é"), ColumnMetadata(key: "", value: "")])
      let batches = [
        try ArrowStreams.batch(schema, rows: rows, nulls: nulls, using: &dice),
        try ArrowStreams.batch(schema, rows: dice.below(20), nulls: nulls, using: &dice),
      ]
      for compression in [nil, ZstdLevel.standard] {
        let bytes = try ArrowStreams.write(schema, batches, compression: compression)
        let read = try ArrowStreams.read(bytes, pieceMax: 1 + dice.below(5000))
        #expect(read.schema == schema)
        #expect(read.batches == batches, "seed \(100 + seed)")
      }
    }
  }

  @Test("a stream without batches has a schema, and one without columns has rows")
  func empty() throws {
    let schema = ArrowStreams.schema([ColumnType(.int8)])
    let read = try ArrowStreams.read(try ArrowStreams.write(schema, []))
    #expect(read.schema == schema && read.batches.isEmpty)
    let bare = ColumnSchema([])
    let batch = try ColumnBatch(bare, [], rowCount: 5)
    #expect(try ArrowStreams.read(try ArrowStreams.write(bare, [batch])).batches == [batch])
  }

  @Test("columns are chosen by name, and a name that is not there is said")
  func chosen() throws {
    var dice = SplitMix64(seed: 3)
    let schema = ArrowStreams.schema(Columns.types)
    let batch = try ArrowStreams.batch(schema, rows: 50, nulls: 0.2, using: &dice)
    let bytes = try ArrowStreams.write(schema, [batch])
    for (index, field) in schema.fields.enumerated() {
      let read = try ArrowStreams.read(bytes, columns: [field.name])
      #expect(read.batches.map(\.columns) == [[batch.columns[index]]])
    }
    #expect(throws: ColumnarError.self) { try ArrowStreams.read(bytes, columns: ["c"]) }
  }

  @Test("every body and every buffer begins at a multiple of 64")
  func aligned() throws {
    // A buffer of one byte each, between others: its bytes are found where padding ends.
    let schema = ArrowStreams.schema([ColumnType(.int8), ColumnType(.int8)])
    var builder = ColumnBuilder(ColumnType(.int8), named: "n")
    builder.append(0x5a as Int8)
    let column = try builder.finish()
    let batch = try ColumnBatch(schema, [column, column], rowCount: 1)
    let bytes = try ArrowStreams.write(schema, [batch, batch])
    let places = bytes.indices.filter { place in
      place % 64 == 0 && bytes[place] == 0x5a && bytes[(place + 1)..<(place + 64)].allSatisfy { $0 == 0 }
    }
    #expect(places.count == 4)
  }

  @Test("a stream cut anywhere is refused, or ends between two batches")
  func cut() throws {
    var dice = SplitMix64(seed: 4)
    let schema = ArrowStreams.schema([ColumnType(.string), ColumnType(.int32, .list), ColumnType(.bool)])
    let batches = try (0..<2).map { _ in try ArrowStreams.batch(schema, rows: 9, nulls: 0.3, using: &dice) }
    let bytes = try ArrowStreams.write(schema, batches)
    var whole: Set<Int> = []
    for end in 0..<bytes.count {
      do {
        let read = try ArrowStreams.read(Array(bytes[..<end]))
        #expect(read.batches == Array(batches.prefix(read.batches.count)))
        whole.insert(read.batches.count)
        #expect(end % 64 == 0, "a stream of \(end) bytes")
      } catch is ColumnarError {}
    }
    #expect(whole == [0, 1, 2])
  }

  @Test("the end that a stream states is the end: nothing behind it is read")
  func stated() throws {
    let schema = ArrowStreams.schema([ColumnType(.int8)])
    let bytes = try ArrowStreams.write(schema, [])
    let source = BytesSource(bytes + [1, 2, 3], pieceMax: 1)
    var reader = try ArrowStreamReader(source)
    #expect(try reader.next() == nil)
    #expect(try reader.next() == nil)
    #expect(source.done == bytes.count)
  }

  @Test("a stream of before 2019, without the first four bytes of a message, is read")
  func old() throws {
    var dice = SplitMix64(seed: 5)
    let schema = ArrowStreams.schema([ColumnType(.string)])
    let batch = try ArrowStreams.batch(schema, rows: 30, nulls: 0, using: &dice)
    // Only the lengths move: bodies are found by counting.
    var bytes = try ArrowStreams.write(schema, [batch])
    bytes.removeFirst(4)
    #expect(try ArrowStreams.read(bytes).batches == [batch])
  }

  @Test("a claim of many bytes makes room for few")
  func claims() throws {
    for claim in [0x0fff_ffff, 0x1000_0000, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff] as [UInt32] {
      var writer = ByteWriter()
      writer.write(0xffff_ffff as UInt32)
      writer.write(claim)
      writer.writeZeroes(100)
      let source = BytesSource(writer.bytes.copied())
      do {
        _ = try ArrowStreamReader(source).schema
        Issue.record("a claim of \(claim) was believed")
      } catch {
        #expect(source.askedMax <= 65_536)
      }
    }
    #expect(throws: ColumnarError.self) { try ArrowStreams.read(Array("col_a,col_b\n1,2\n".utf8)) }
    #expect(throws: ColumnarError.self) { try ArrowStreams.read([]) }
  }

  @Test("no frame of zstd brings forth more than the reader was allowed")
  func bomb() throws {
    let schema = ArrowStreams.schema([ColumnType(.int64)])
    var builder = ColumnBuilder(ColumnType(.int64), named: "n")
    for _ in 0..<100_000 { builder.append(0 as Int64) }
    let batch = try ColumnBatch(schema, [try builder.finish()], rowCount: 100_000)
    let bytes = try ArrowStreams.write(schema, [batch], compression: .standard)
    #expect(bytes.count < 2000)
    var generous = try ArrowStreamReader(BytesSource(bytes), expandedBytesMax: 800_000)
    #expect(try generous.next() == batch)
    var strict = try ArrowStreamReader(BytesSource(bytes), expandedBytesMax: 799_999)
    do {
      _ = try strict.next()
      Issue.record("more was decompressed than was allowed")
    } catch {
      guard case .tooLarge = error else { throw error }
    }
  }
}
