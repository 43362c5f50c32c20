// What a column holds. A type says how many bytes a value takes, and nothing of what the values mean to anyone.

/// How fine a timestamp counts.
package enum ColumnTimeUnit: Hashable, Sendable {
  case seconds, milliseconds, microseconds, nanoseconds
}

/// The smallest thing a column holds.
package enum ColumnElement: Hashable, Sendable {
  /// Nothing but nulls: what a writer says of values none of which it has seen. Reads as any other type would.
  case null
  case bool
  case int8, int16, int32, int64
  case uint8, uint16, uint32, uint64
  case float32, float64
  /// UTF-8.
  case string
  case bytes
  /// Since 1970, in an Int64: of the UTC clock, or of a clock on a wall nobody knows where.
  case timestamp(ColumnTimeUnit, isUTC: Bool)
  /// Days since 1970, in an Int32.
  case date
}

/// How many elements a row has.
package enum ColumnShape: Hashable, Sendable {
  case scalar
  /// As many as the row says.
  case list
  /// As many as the type says, at least one.
  case vector(Int)
}

package struct ColumnType: Hashable, Sendable {
  package let element: ColumnElement
  package let shape: ColumnShape

  package init(_ element: ColumnElement, _ shape: ColumnShape = .scalar) {
    self.element = element
    self.shape = shape
  }
}

extension ColumnElement {
  /// Bytes of one element where all have as many; nil for null, bool (a bit), string and bytes.
  package var fixedByteCount: Int? {
    switch self {
    case .null, .bool, .string, .bytes: nil
    case .int8, .uint8: 1
    case .int16, .uint16: 2
    case .int32, .uint32, .float32, .date: 4
    case .int64, .uint64, .float64, .timestamp: 8
    }
  }

  /// Whether each element has a size of its own.
  package var isVariable: Bool { self == .string || self == .bytes }
}

extension ColumnType: CustomStringConvertible {
  package var description: String {
    switch shape {
    case .scalar: "\(element)"
    case .list: "list<\(element)>"
    case .vector(let count): "\(element)[\(count)]"
    }
  }
}

extension ColumnElement: CustomStringConvertible {
  package var description: String {
    switch self {
    case .null: "null"
    case .bool: "bool"
    case .int8: "int8"
    case .int16: "int16"
    case .int32: "int32"
    case .int64: "int64"
    case .uint8: "uint8"
    case .uint16: "uint16"
    case .uint32: "uint32"
    case .uint64: "uint64"
    case .float32: "float32"
    case .float64: "float64"
    case .string: "string"
    case .bytes: "bytes"
    case .timestamp(let unit, let isUTC): "timestamp[\(unit)\(isUTC ? ", UTC" : "")]"
    case .date: "date"
    }
  }
}

extension ColumnTimeUnit: CustomStringConvertible {
  package var description: String {
    switch self {
    case .seconds: "s"
    case .milliseconds: "ms"
    case .microseconds: "us"
    case .nanoseconds: "ns"
    }
  }
}
