// What we write, read by others: pyarrow with page checksums verified, Polars, and DuckDB's program.

import ApusBytes
import ApusColumnar
import ApusSystem
import ApusTestSupport
import Foundation
import Testing

@Suite(.serialized, .enabled(if: PythonPeer.isThere, Comment(rawValue: PythonPeer.whyNot)))
struct ParquetPeersTests {
  /// One interpreter for all tests; it ends with this process.
  private static let peer = Result { try PythonPeer() }

  @Test("pyarrow, Polars and DuckDB read every type as it was written", arguments: [0, 1, 5000])
  func everyType(rows: Int) throws {
    let seed = UInt64(rows) + 31
    let batch = try Written.everyType(rows: rows, nulls: 0.25, seed: seed)
    let peer = try Self.peer.get()
    let file = try PeerFile(batch)
    defer { file.remove() }
    for limits in [(8192, 131_072), (1000, 2048)] {
      var options = ParquetWriterOptions()
      (options.pageRowsMax, options.rowGroupRowsMax) = limits
      try file.write(options)
      let groups = (rows + limits.1 - 1) / limits.1
      #expect(
        try peer.ask("parquet_written", "with_pyarrow", file.path) == "\(rows) \(groups)", "seed \(seed)")
      #expect(try peer.ask("parquet_written", "with_polars", file.path) == "\(rows)", "seed \(seed)")
      #expect(try peer.ask("parquet_written", "with_duckdb", file.path) == "\(rows)", "seed \(seed)")
    }
  }

  @Test("files of nulls alone, and of none, are read", arguments: [0.0, 1.0])
  func nulls(share: Double) throws {
    let batch = try Written.everyType(rows: 300, nulls: share, seed: 9)
    let peer = try Self.peer.get()
    let file = try PeerFile(batch)
    defer { file.remove() }
    try file.write(ParquetWriterOptions())
    #expect(try peer.ask("parquet_written", "with_pyarrow", file.path) == "300 1")
    #expect(try peer.ask("parquet_written", "with_polars", file.path) == "300")
    #expect(try peer.ask("parquet_written", "with_duckdb", file.path) == "300")
  }

  @Test(
    "files that end near the border of a page or a row group are read",
    arguments: [8191, 8192, 8193, 131_071, 131_072, 131_073, 1_000_000])
  func borders(rows: Int) throws {
    let batch = try PeerFile.wide(rows: rows, seed: UInt64(rows))
    let peer = try Self.peer.get()
    let file = try PeerFile(batch)
    defer { file.remove() }
    try file.write(ParquetWriterOptions())
    #expect(
      try peer.ask("parquet_written", "with_pyarrow", file.path) == "\(rows) \((rows + 131_071) / 131_072)")
    #expect(try peer.ask("parquet_written", "with_polars", file.path) == "\(rows)")
    #expect(try peer.ask("parquet_written", "with_duckdb", file.path) == "\(rows)")
    // The row's own number, and a number that many rows have.
    #expect(try peer.ask("parquet_written", "pruned", file.path, "row", "\(rows - 1)") == "1 1")
  }
}

/// A batch on disk twice: as a Parquet file of ours, and as raw buffers that need no reader.
struct PeerFile {
  let path: String
  private let folder: URL
  private let batch: ColumnBatch

  init(_ batch: ColumnBatch) throws {
    self.batch = batch
    folder = FileManager.default.temporaryDirectory.appending(path: "apus-parquet-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    path = folder.appending(path: "file.parquet").path
    try writeRaw()
  }

  func remove() { try? FileManager.default.removeItem(at: folder) }

  func write(_ options: ParquetWriterOptions) throws {
    let (bytes, _) = try Written.file(batch.schema, [batch], options)
    try Data(bytes).write(to: URL(filePath: path))
  }

  private func writeRaw() throws {
    var data = Data()
    var fields: [[String: Any]] = []
    for (field, column) in zip(batch.schema.fields, batch.columns) {
      let shape =
        switch column.type.shape {
        case .scalar: "scalar"
        case .list: "list"
        case .vector(let size): "\(size)"
        }
      var buffers: [[Int]] = []
      for buffer in [
        column.validity, Self.bytes(of: column.listOffsets), Self.bytes(of: column.valueOffsets),
        column.values,
      ] {
        buffers.append([data.count, data.count + buffer.count])
        data.append(contentsOf: buffer)
      }
      fields.append([
        "name": field.name, "element": "\(field.type.element)", "shape": shape, "nullable": field.isNullable,
        "rows": column.count, "elements": column.elementCount, "nulls": column.nullCount, "buffers": buffers,
      ])
    }
    try data.write(to: URL(filePath: path + ".raw"))
    try JSONSerialization.data(withJSONObject: ["fields": fields]).write(to: URL(filePath: path + ".json"))
  }

  private static func bytes(of offsets: [Int32]) -> [UInt8] {
    var writer = ByteWriter()
    for offset in offsets { writer.write(offset) }
    return writer.bytes.copied()
  }

  /// Columns of which each takes another way through the writer: deltas, dictionaries that stay, are given up late or never begin.
  static func wide(rows: Int, seed: UInt64) throws(ColumnarError) -> ColumnBatch {
    var dice = SplitMix64(seed: seed)
    let schema = ColumnSchema([
      ColumnField("row", ColumnType(.int64), isNullable: false),
      ColumnField("time", ColumnType(.timestamp(.nanoseconds, isUTC: true))),
      ColumnField("few", ColumnType(.string)), ColumnField("more", ColumnType(.int64), isNullable: false),
      ColumnField("any", ColumnType(.float64)), ColumnField("list", ColumnType(.int32, .list)),
      ColumnField("wrap64", ColumnType(.int64), isNullable: false),
      ColumnField("wrap32", ColumnType(.uint32)),
      ColumnField("runs", ColumnType(.string), isNullable: false),
    ])
    var numbers = ColumnBuilder(schema.fields[0].type, named: "row")
    var times = ColumnBuilder(schema.fields[1].type, named: "time")
    var few = ColumnBuilder(schema.fields[2].type, named: "few")
    var more = ColumnBuilder(schema.fields[3].type, named: "more")
    var any = ColumnBuilder(schema.fields[4].type, named: "any")
    var lists = ColumnBuilder(schema.fields[5].type, named: "list")
    var wrap64 = ColumnBuilder(schema.fields[6].type, named: "wrap64")
    var wrap32 = ColumnBuilder(schema.fields[7].type, named: "wrap32")
    var runs = ColumnBuilder(schema.fields[8].type, named: "runs")
    var time: Int64 = 1_700_000_000_000_000_000
    for row in 0..<rows {
      let bits = dice.next()
      numbers.append(Int64(row))
      time += Int64(bits >> 34)
      if bits & 7 == 0 { times.appendNull() } else { times.append(time) }
      if bits & 31 == 0 { few.appendNull() } else { try few.append("text \(bits >> 56)") }
      // Few different values at first, and all different later.
      more.append(row < 40_000 ? Int64(bits >> 60) &* 0x1234_5678_9abc : Int64(bitPattern: bits))
      if bits & 15 == 0 { any.appendNull() } else { any.append(Double(bits >> 12)) }
      // Differences that overflow, and are small because of that.
      wrap64.append(row % 2 == 0 ? Int64.max - Int64(row) : Int64.min + Int64(row))
      wrap32.append(row % 2 == 0 ? UInt32.max / 2 - UInt32(row) : UInt32.max / 2 + UInt32(row))
      try runs.append("run \(row / 1000)")
      if bits & 63 == 0 {
        lists.appendNull()
      } else {
        for index in 0..<Int(bits >> 8 & 3) {
          lists.append(Int32(truncatingIfNeeded: bits >> (16 + index)))
        }
        lists.endRow()
      }
    }
    let columns = [
      try numbers.finish(), try times.finish(), try few.finish(), try more.finish(), try any.finish(),
      try lists.finish(), try wrap64.finish(), try wrap32.finish(), try runs.finish(),
    ]
    return try ColumnBatch(schema, columns, rowCount: rows)
  }
}
