// The bytes we write, and the layouts that only others write, without them.

import ApusBytes
import ApusColumnar
import ApusTestSupport
import Testing

@Suite struct ArrowVectorTests {
  /// One column of every type, ten rows, some null.
  private static func batch() throws -> ColumnBatch {
    var dice = SplitMix64(seed: 2026)
    let schema = ArrowStreams.schema(Columns.types, metadata: [ColumnMetadata(key: "made by", value: "apus")])
    return try ArrowStreams.batch(schema, rows: 10, nulls: 0.3, using: &dice)
  }

  @Test("the same batch has the same bytes as ever")
  func ours() throws {
    let batch = try Self.batch()
    let bytes = try ArrowStreams.write(batch.schema, [batch])
    let golden = try ArrowVectors.bytes("ours")
    let difference = zip(bytes, golden).enumerated().first { $1.0 != $1.1 }?.offset
    #expect(bytes.count == golden.count && difference == nil)
    #expect(try ArrowStreams.read(golden).batches == [batch])
  }

  @Test(
    "streams of pyarrow and Polars are read: views, dictionaries and their deltas, large offsets, half floats, zstd"
  )
  func others() throws {
    var said: [String] = []
    for name in ArrowVectors.others {
      let read = try ArrowStreams.read(try ArrowVectors.bytes(name), pieceMax: 100)
      said.append(
        "\(name): \(read.schema.fields.map { "\($0.type)" }.joined(separator: " ")), \(read.batches.map(\.rowCount))"
      )
    }
    #expect(
      said == [
        "polars: string bytes list<int64> list<string> string null float32[2], [4]",
        "oddities: float32 timestamp[ms] bytes int8[2] list<string>, [3]", "deltas: string string, [3, 3, 3]",
        "large: string list<bytes>, [3]", "zstd: int64 string, [100]",
      ])
    let large = try ArrowStreams.read(try ArrowVectors.bytes("large")).batches[0]
    let (text, lists) = (large.columns[0], large.columns[1])
    #expect(text.string(0) == "a" && text.isNull(1) && text.string(2) == "é")
    #expect(lists.elements(of: 0).map { lists.byteRange($0) } == [0..<1, 1..<3])
    #expect(lists.isNull(1) && lists.elements(of: 2).isEmpty)
    let squeezed = try ArrowStreams.read(try ArrowVectors.bytes("zstd")).batches[0]
    #expect((0..<100).allSatisfy { squeezed.columns[0].int64($0) == Int64($0) })
    #expect((0..<100).allSatisfy { squeezed.columns[1].string($0) == "same" })
  }
}
