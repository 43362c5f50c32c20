// A set in CSV read back as what it was: each field by the type that the manifest says its column has. `CSVSet` writes what is read here, and whatever
// reads otherwise is not what was written.

import ApusBytes
package import ApusColumnar
import ApusContracts

/// A source of text as a source of typed columns.
package final class TypedText: SpineSource {
  package var name: String { text.name }
  package var isText: Bool { false }
  private let text: any SpineSource
  private let schema: ColumnSchema

  package init(_ text: any SpineSource, as schema: ColumnSchema) {
    self.text = text
    self.schema = schema
  }

  package func open() throws(ExportError) -> any SpineReading {
    let reading = try text.open()
    let names = reading.schema.fields.map(\.name)
    guard names == schema.fields.map(\.name) else {
      throw .spineUnreadable(
        "its columns are \(names.joined(separator: ", ")), and its manifest says "
          + schema.fields.map(\.name).joined(separator: ", "))
    }
    return Reading(reading, schema)
  }

  private final class Reading: SpineReading {
    private let text: any SpineReading
    let schema: ColumnSchema
    private var row = 0

    init(_ text: any SpineReading, _ schema: ColumnSchema) {
      self.text = text
      self.schema = schema
    }

    func next() throws(ExportError) -> ColumnBatch? {
      guard let batch = try text.next() else { return nil }
      defer { row += batch.rowCount }
      var columns: [Column] = []
      for (column, field) in zip(batch.columns, schema.fields) {
        columns.append(try Self.typed(column, field, first: row))
      }
      do throws(ColumnarError) { return try ColumnBatch(schema, columns, rowCount: batch.rowCount) } catch {
        throw .columns(error)
      }
    }

    private static func typed(
      _ column: Column, _ field: ColumnField, first: Int
    ) throws(ExportError) -> Column {
      if field.type == column.type { return column }
      var builder = ColumnBuilder(field.type, named: field.name, capacity: column.count)
      do throws(ColumnarError) {
        for row in 0..<column.count {
          if column.isNull(row) {
            builder.appendNull()
          } else if try !TextCell.append(column.string(row), field.type, &builder) {
            throw .damaged(
              "row \(first + row) has \(column.string(row).prefix(100).debugDescription), which is no \(field.type)",
              at: ColumnarPlace(column: field.name))
          }
        }
        return try builder.finish()
      } catch {
        throw .columns(error)
      }
    }
  }
}

/// One field as a row of its type.
private enum TextCell {
  /// False when it is none.
  static func append(
    _ text: String, _ type: ColumnType, _ builder: inout ColumnBuilder
  ) throws(ColumnarError) -> Bool {
    guard type.shape != .scalar else { return try append(element: text, type.element, &builder) }
    guard let elements = elements(text) else { return false }
    if case .vector(let size) = type.shape, elements.count != size { return false }
    for element in elements {
      guard try append(element: element, type.element, &builder) else { return false }
    }
    builder.endRow()
    return true
  }

  private static func append(
    element text: String, _ element: ColumnElement, _ builder: inout ColumnBuilder
  ) throws(ColumnarError) -> Bool {
    switch element {
    case .null: return false
    case .bool:
      guard text == "true" || text == "false" else { return false }
      builder.append(text == "true")
    case .int8: return append(Int8(text), &builder)
    case .int16: return append(Int16(text), &builder)
    case .int32: return append(Int32(text), &builder)
    case .int64: return append(Int64(text), &builder)
    case .uint8: return append(UInt8(text), &builder)
    case .uint16: return append(UInt16(text), &builder)
    case .uint32: return append(UInt32(text), &builder)
    case .uint64: return append(UInt64(text), &builder)
    case .float32: return append(Float(text)?.bitPattern, &builder)
    case .float64: return append(Double(text)?.bitPattern, &builder)
    case .string: try builder.append(text)
    case .bytes:
      guard let bytes = Base64Text.bytes(text) else { return false }
      try builder.append(unsafe bytes.span.bytes)
    case .timestamp(let unit, _):
      // What no calendar reaches is written as its number.
      let count = TimestampSpelling.nanoseconds(text).map { $0 / unit.nanoseconds } ?? Int64(text)
      return append(count, &builder)
    case .date:
      let days = TimestampSpelling.nanoseconds(text + "T00:00:00Z").map { $0 / 86_400_000_000_000 }
      return append(days.flatMap { Int32(exactly: $0) }, &builder)
    }
    return true
  }

  private static func append<T: FixedWidthInteger & BitwiseCopyable>(
    _ number: T?, _ builder: inout ColumnBuilder
  ) -> Bool {
    guard let number else { return false }
    builder.append(number)
    return true
  }

  /// The elements of `[1,2]` or `["a","b"]`, quotes and escapes undone.
  private static func elements(_ text: String) -> [String]? {
    var rest = Array(text.unicodeScalars)[...]
    guard rest.popFirst() == "[", rest.popLast() == "]" else { return nil }
    var elements: [String] = []
    while !rest.isEmpty {
      if !elements.isEmpty { guard rest.popFirst() == "," else { return nil } }
      guard rest.first == "\"" else {
        let plain = rest.prefix { $0 != "," }
        rest = rest.dropFirst(plain.count)
        guard !plain.isEmpty else { return nil }
        elements.append(String(String.UnicodeScalarView(plain)))
        continue
      }
      rest.removeFirst()
      guard let quoted = quoted(&rest) else { return nil }
      elements.append(quoted)
    }
    return elements
  }

  private static func quoted(_ rest: inout ArraySlice<Unicode.Scalar>) -> String? {
    var text = String.UnicodeScalarView()
    while let scalar = rest.popFirst() {
      switch scalar {
      case "\"": return String(text)
      case "\\":
        switch rest.popFirst() {
        case "\"": text.append("\"")
        case "\\": text.append("\\")
        case "n": text.append("\n")
        case "u":
          let digits = String(String.UnicodeScalarView(rest.prefix(4)))
          guard rest.count >= 4, let code = UInt32(digits, radix: 16), let found = Unicode.Scalar(code) else {
            return nil
          }
          rest = rest.dropFirst(4)
          text.append(found)
        default: return nil
        }
      default: text.append(scalar)
      }
    }
    return nil
  }
}
