// Columns for tests: every type, and columns of random rows made through a builder.

import ApusBytes
import ApusColumnar
import ApusTestSupport

enum Columns {
  static let elements: [ColumnElement] = [
    .bool, .int8, .int16, .int32, .int64, .uint8, .uint16, .uint32, .uint64, .float32, .float64, .string,
    .bytes,
    .timestamp(.seconds, isUTC: true), .timestamp(.milliseconds, isUTC: false),
    .timestamp(.microseconds, isUTC: true), .timestamp(.nanoseconds, isUTC: true),
    .timestamp(.nanoseconds, isUTC: false), .date,
  ]

  /// Every element in every shape, and null, which is no vector.
  static let types: [ColumnType] =
    elements.flatMap { [ColumnType($0), ColumnType($0, .list), ColumnType($0, .vector(3))] }
    + [ColumnType(.null), ColumnType(.null, .list), ColumnType(.float32, .vector(1))]

  /// `nulls` is the share of null rows, 0 to 1.
  static func random(
    _ type: ColumnType, rows: Int, nulls: Double, using dice: inout SplitMix64
  ) throws(ColumnarError) -> Column {
    var builder = ColumnBuilder(type, named: "random", capacity: rows)
    for _ in 0..<rows {
      if type == ColumnType(.null) || dice.chance(nulls) {
        builder.appendNull()
        continue
      }
      let elements =
        switch type.shape {
        case .scalar: 1
        case .list: type.element == .null ? 0 : dice.below(5)
        case .vector(let size): size
        }
      for _ in 0..<elements { try append(type.element, to: &builder, using: &dice) }
      if type.shape != .scalar { builder.endRow() }
    }
    return try builder.finish()
  }

  private static func append(
    _ element: ColumnElement, to builder: inout ColumnBuilder, using dice: inout SplitMix64
  ) throws(ColumnarError) {
    let bits = dice.next()
    switch element {
    case .null: break
    case .bool: builder.append(bits & 1 == 1)
    case .int8, .uint8: builder.append(UInt8(truncatingIfNeeded: bits))
    case .int16, .uint16: builder.append(UInt16(truncatingIfNeeded: bits))
    case .int32, .uint32: builder.append(UInt32(truncatingIfNeeded: bits))
    // Days that every reader's calendar knows.
    case .date: builder.append(Int32(truncatingIfNeeded: bits % 100_000) - 50_000)
    case .float32: builder.append(dice.coin() ? Float(bits >> 40) / 8 : -0.0)
    case .float64: builder.append(dice.coin() ? Double(bits >> 20) / 1024 : -.infinity)
    case .timestamp(.nanoseconds, _): builder.append(Int64(bitPattern: bits) / 4)
    case .timestamp: builder.append(Int64(bits % 4_000_000_000) - 1_000_000_000)
    case .int64, .uint64: builder.append(bits)
    case .string: try builder.append(text(using: &dice))
    case .bytes:
      let bytes = dice.bytes(dice.below(12))
      try builder.append(unsafe bytes.span.bytes)
    }
  }

  static func text(using dice: inout SplitMix64) -> String {
    var text = ""
    for _ in 0..<dice.below(8) {
      text += dice.pick(["a", "Z", "0", " ", "é", "ß", "漢", "🐦", "\u{0}", "\"", "\n"])
    }
    return text
  }
}
