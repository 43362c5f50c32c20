// Columns as the words that Tests/Python/parquet_peer.py writes, so that two readers can be compared.

import ApusBytes
import ApusColumnar

enum ParquetText {
  static func word(_ column: Column, _ row: Int) -> String {
    if column.isNull(row) { return "-" }
    let elements = column.elements(of: row)
    if column.type.shape == .scalar { return element(column, elements.lowerBound) }
    return "[" + elements.map { element(column, $0) }.joined(separator: " ") + "]"
  }

  private static func element(_ column: Column, _ at: Int) -> String {
    switch column.type.element {
    case .null: "-"
    case .bool: column.bool(at) ? "1" : "0"
    case .float32: hex(UInt64(column.float32(at).bitPattern), digits: 8)
    case .float64: hex(column.float64(at).bitPattern, digits: 16)
    case .string, .bytes: "x" + hex(column.bytes(at).copied())
    case .uint64: String(UInt64(bitPattern: column.int64(at)))
    default: String(column.int64(at))
    }
  }

  static func words(_ column: Column) -> [String] { (0..<column.count).map { word(column, $0) } }

  private static func hex(_ value: UInt64, digits: Int) -> String {
    let text = String(value, radix: 16)
    return String(repeating: "0", count: max(0, digits - text.count)) + text
  }

  private static let digits = Array("0123456789abcdef".utf8)

  static func hex(_ bytes: [UInt8]) -> String {
    var text: [UInt8] = []
    for byte in bytes {
      text.append(digits[Int(byte >> 4)])
      text.append(digits[Int(byte & 15)])
    }
    return String(decoding: text, as: UTF8.self)
  }

  /// The dump's columns by name, the first of each; a row is a word.
  static func parse(_ dump: String) -> [String: [String]] {
    var columns: [String: [String]] = [:]
    var name: String?
    var words: [String] = []
    func close() {
      if let name, columns[name] == nil { columns[name] = words }
      words = []
    }
    for line in dump.split(separator: "\n") {
      if line.hasPrefix("# ") {
        close()
        name = String(line.dropFirst(2))
      } else {
        words.append(String(line))
      }
    }
    close()
    return columns
  }
}
