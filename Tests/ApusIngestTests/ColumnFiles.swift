import ApusBytes
import ApusColumnar
import ApusContracts
import ApusIngest
import ApusSystem
import ApusTestSupport

/// Columns of a few rows, written for a test.
enum Columns {
  static func of<T>(
    _ element: ColumnElement, _ rows: [T?], _ append: (inout ColumnBuilder, T) throws -> Void
  ) throws -> Column {
    var builder = ColumnBuilder(ColumnType(element), named: "test")
    for row in rows { if let row { try append(&builder, row) } else { builder.appendNull() } }
    return try builder.finish()
  }

  static func int64(_ rows: Int64?...) throws -> Column { try of(.int64, rows) { $0.append($1) } }
  static func whole<T: FixedWidthInteger & BitwiseCopyable>(_ element: ColumnElement, _ rows: T?...) throws
    -> Column
  {
    try of(element, rows) { $0.append($1) }
  }
  static func float64(_ rows: Double?...) throws -> Column { try of(.float64, rows) { $0.append($1) } }
  static func float32(_ rows: Float?...) throws -> Column { try of(.float32, rows) { $0.append($1) } }
  static func bool(_ rows: Bool?...) throws -> Column { try of(.bool, rows) { $0.append($1) } }
  static func string(_ rows: String?...) throws -> Column { try of(.string, rows) { try $0.append($1) } }
  static func string(of rows: [String?]) throws -> Column { try of(.string, rows) { try $0.append($1) } }
  static func bytes(_ rows: [UInt8]?...) throws -> Column {
    try of(.bytes, rows) { try $0.append(unsafe $1.span.bytes) }
  }
  static func time(_ unit: ColumnTimeUnit, isUTC: Bool = true, _ rows: Int64?...) throws -> Column {
    try of(.timestamp(unit, isUTC: isUTC), rows) { $0.append($1) }
  }
  static func time(of rows: [Int64?]) throws -> Column {
    try of(.timestamp(.nanoseconds, isUTC: true), rows) { $0.append($1) }
  }
  static func floats(_ shape: ColumnShape, _ rows: [Float]?...) throws -> Column {
    var builder = ColumnBuilder(ColumnType(.float32, shape), named: "test")
    for row in rows {
      guard let row else {
        builder.appendNull()
        continue
      }
      for value in row { builder.append(value) }
      builder.endRow()
    }
    return try builder.finish()
  }
  static func strings(_ rows: [String]?...) throws -> Column {
    var builder = ColumnBuilder(ColumnType(.string, .list), named: "test")
    for row in rows {
      guard let row else {
        builder.appendNull()
        continue
      }
      for value in row { try builder.append(value) }
      builder.endRow()
    }
    return try builder.finish()
  }
}

enum ColumnFile: CaseIterable {
  case parquet
  case arrow

  func bytes(
    _ columns: [(String, Column)], rowGroupRows: Int = 1_000_000
  ) throws -> [UInt8] {
    let schema = ColumnSchema(columns.map { ColumnField($0.0, $0.1.type) })
    let count = columns.first?.1.count ?? 0
    let batch = try ColumnBatch(schema, columns.map(\.1), rowCount: count)
    let sink = MemorySink()
    switch self {
    case .parquet:
      var options = ParquetWriterOptions()
      options.rowGroupRowsMax = rowGroupRows
      let writer = try ParquetWriter(schema, to: sink, options: options)
      try writer.append(batch)
      _ = try writer.finish()
    case .arrow:
      var writer = try ArrowStreamWriter(schema, to: sink)
      var row = 0
      repeat {
        let rows = row..<min(count, row + rowGroupRows)
        try writer.write(batch.slice(rows))
        row = rows.upperBound
      } while row < count
      try writer.finish()
    }
    return sink.copied()
  }
}

extension Loading {
  /// Of a file of columns, told by its first bytes.
  static func columns(
    _ bytes: [UInt8], stored: LoadOffset? = nil, keepsOffset: Bool = false,
    _ change: (inout LoadOptions) -> Void = { _ in }
  ) throws -> Loading {
    try Loading(bytes, stored: stored, keepsOffset: keepsOffset, file: bytes) { options in
      options.formatSource = .nothing
      change(&options)
    }
  }

  /// Of the same rows in either format, which must say the same.
  static func columns(
    _ columns: [(String, Column)], _ change: (inout LoadOptions) -> Void = { _ in }
  ) throws -> Loading {
    let first = try Loading.columns(ColumnFile.parquet.bytes(columns), change)
    let second = try Loading.columns(ColumnFile.arrow.bytes(columns), change)
    guard first.rows == second.rows, first.columns == second.columns,
      first.report.assumedUTC == second.report.assumedUTC
    else { throw Differing() }
    return first
  }

  struct Differing: Error {}
}

/// Bytes as a file.
final class BytesFile: DiskFile {
  let path = "rows"
  private let bytes: [UInt8]

  init(_ bytes: [UInt8]) { self.bytes = bytes }

  func read(into buffer: inout MutableRawSpan, at offset: UInt64) throws(SystemError) -> Int {
    let start = min(Int(clamping: offset), bytes.count)
    let part = bytes[start...].prefix(buffer.byteCount)
    for (at, byte) in part.enumerated() { buffer.storeBytes(of: byte, toByteOffset: at, as: UInt8.self) }
    return part.count
  }

  func size() throws(SystemError) -> UInt64 { UInt64(bytes.count) }
  func write(_ bytes: RawSpan, at offset: UInt64) throws(SystemError) -> Int { throw refusal("pwrite") }
  func syncData() throws(SystemError) { throw refusal("fdatasync") }
  func syncAll() throws(SystemError) { throw refusal("fsync") }
  func allocate(_ size: UInt64) throws(SystemError) { throw refusal("fallocate") }
  func truncate(_ size: UInt64) throws(SystemError) { throw refusal("ftruncate") }
  func dropCache() throws(SystemError) {}
  func close() {}
  private func refusal(_ call: String) -> SystemError { SystemError(call, .invalid, on: path) }
}
