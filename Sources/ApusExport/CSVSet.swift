// A set as CSV, RFC 4180: a header, a null as an empty field, the empty text as `""`, moments as RFC 3339 in UTC to the nanosecond, bytes as
// base64, lists and vectors as JSON. `apus push` reads it back as it was.

import ApusBytes
import ApusColumnar
import ApusContracts
import ApusSystem

/// Used by one thread.
final class CSVSet {
  private let sink: FileSink
  private let schema: ColumnSchema

  init(_ schema: ColumnSchema, to sink: FileSink) throws(ColumnarError) {
    self.sink = sink
    self.schema = schema
    var line: [UInt8] = []
    for (place, field) in schema.fields.enumerated() {
      if place > 0 { line.append(UInt8(ascii: ",")) }
      Self.append(field.name, to: &line)
    }
    line.append(UInt8(ascii: "\n"))
    try put(line)
  }

  func write(_ batch: ColumnBatch) throws(ColumnarError) {
    var lines: [UInt8] = []
    for row in 0..<batch.rowCount {
      for (place, column) in batch.columns.enumerated() {
        if place > 0 { lines.append(UInt8(ascii: ",")) }
        if !column.isNull(row) { Self.append(column, row, to: &lines) }
      }
      lines.append(UInt8(ascii: "\n"))
      if lines.count > 1 << 18 {
        try put(lines)
        lines.removeAll(keepingCapacity: true)
      }
    }
    try put(lines)
  }

  func finish() throws(ColumnarError) {}

  private func put(_ bytes: [UInt8]) throws(ColumnarError) {
    do throws(SystemError) { try sink.write(unsafe bytes.span.bytes) } catch { throw .system(error) }
  }

  private static func append(_ column: Column, _ row: Int, to line: inout [UInt8]) {
    if column.type.shape == .scalar {
      let text = spelling(column, row)
      if column.type.element == .string { append(text, to: &line) } else { line += text.utf8 }
      return
    }
    var list = "["
    for (place, each) in column.elements(of: row).enumerated() {
      if place > 0 { list += "," }
      list += element(of: column, each)
    }
    append(list + "]", to: &line)
  }

  static func element(of column: Column, _ element: Int) -> String {
    switch column.type.element {
    case .string, .bytes, .timestamp: quoted(spelling(column, element))
    default: spelling(column, element)
    }
  }

  static func spelling(_ column: Column, _ element: Int) -> String {
    switch column.type.element {
    case .null: ""
    case .bool: column.bool(element) ? "true" : "false"
    case .float32: "\(column.float32(element))"
    case .float64: "\(column.float64(element))"
    case .string: column.string(element)
    case .bytes: Base64Text.text(column.bytes(element))
    case .uint64: "\(column.load(element, as: UInt64.self))"
    case .timestamp(let unit, _):
      column.int64(element).multipliedReportingOverflow(by: unit.nanoseconds).overflow
        ? "\(column.int64(element))" : TimestampSpelling.text(column.int64(element) * unit.nanoseconds)
    case .date: String(TimestampSpelling.text(column.int64(element) * 86_400_000_000_000).prefix(10))
    default: "\(column.int64(element))"
    }
  }

  /// Quoted where it must be, and where it is empty, since an empty field is a null.
  private static func append(_ text: String, to line: inout [UInt8]) {
    let isPlain =
      !text.isEmpty && text.utf8.allSatisfy { $0 != 0x22 && $0 != 0x2C && $0 != 0x0A && $0 != 0x0D }
    guard !isPlain else {
      line += text.utf8
      return
    }
    line.append(0x22)
    for byte in text.utf8 {
      if byte == 0x22 { line.append(0x22) }
      line.append(byte)
    }
    line.append(0x22)
  }

  private static func quoted(_ text: String) -> String {
    var quoted = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": quoted += "\\\""
      case "\\": quoted += "\\\\"
      case "\n": quoted += "\\n"
      case let other where other.value < 0x20:
        let digits = String(other.value, radix: 16)
        quoted += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      default: quoted.unicodeScalars.append(scalar)
      }
    }
    return quoted + "\""
  }
}
