// What a record batch says of its body. All its buffers together are in the body, so all columns together cost no more than it.

struct ArrowBatchHeader {
  let rowCount: Int
  let isCompressed: Bool
  private(set) var nodes: [(length: Int64, nulls: Int64)] = []
  private(set) var buffers: [(offset: Int64, length: Int64)] = []
  private(set) var variadicCounts: [Int64] = []

  private typealias Batch = ArrowFormat.Batch

  init(
    _ reader: borrowing FlatReader, _ batch: FlatReader.Table, bodyByteCount: Int, at place: ColumnarPlace
  ) throws(ColumnarError) {
    rowCount = try Self.rows(try reader.number(batch, Batch.length, default: 0), place)
    isCompressed = try Self.isCompressed(reader, batch, place)
    if let vector = try reader.vector(batch, Batch.nodes, elementBytes: 16) {
      for index in 0..<vector.count {
        nodes.append((try reader.number(vector, 2 &* index), try reader.number(vector, 2 &* index &+ 1)))
      }
    }
    if let vector = try reader.vector(batch, Batch.buffers, elementBytes: 16) {
      for index in 0..<vector.count {
        buffers.append((try reader.number(vector, 2 &* index), try reader.number(vector, 2 &* index &+ 1)))
      }
    }
    if let vector = try reader.vector(batch, Batch.variadicCounts, elementBytes: 8) {
      for index in 0..<vector.count { variadicCounts.append(try reader.number(vector, index)) }
    }
    var left = Int64(bodyByteCount)
    for buffer in buffers {
      guard buffer.length >= 0, buffer.length <= left else {
        throw .damaged("the buffers are longer than their body", at: place)
      }
      left -= buffer.length
    }
  }

  static func rows(_ length: Int64, _ place: ColumnarPlace) throws(ColumnarError) -> Int {
    guard length >= 0 else { throw .damaged("a number of rows below zero", at: place) }
    guard let rows = Int(exactly: length), rows <= Column.countMax else {
      throw .tooLarge(
        "rows of one batch", claimed: UInt64(length), limit: UInt64(clamping: Column.countMax), at: place)
    }
    return rows
  }

  private static func isCompressed(
    _ reader: borrowing FlatReader, _ batch: FlatReader.Table, _ place: ColumnarPlace
  ) throws(ColumnarError) -> Bool {
    guard let compression = try reader.table(batch, Batch.compression) else { return false }
    guard try reader.number(compression, 0, default: 0 as Int8) == ArrowFormat.Codec.zstd,
      try reader.number(compression, 1, default: 0 as Int8) == 0
    else {
      throw .unsupported(
        "bodies compressed with LZ4 are not read",
        advice: "write with pyarrow.ipc.IpcWriteOptions(compression='zstd'), or with none", at: place)
    }
    return true
  }
}
