// How an element of a column becomes a value of a type. Nothing is lost on any way: a whole number that is too large, or that a float
// would round, is no value of the type; texts are never numbers. Which way a column goes is decided once, by types alone.

import ApusColumnar
import ApusContracts

struct CellWay: Equatable {
  enum Element: Equatable {
    /// Of a column that is not wanted as this, or that has nothing but nulls.
    case none
    case bool
    case whole
    /// The column's are unsigned and of 64 bits.
    case unsigned
    case float
    case text
    case bytes
    case time
  }

  let element: Element
  let type: FeatureType

  static let nothing = CellWay(element: .none, type: .bool)

  private init(element: Element, type: FeatureType) {
    self.element = element
    self.type = type
  }

  /// Nil when no value of the column can be one of the type.
  init?(from column: ColumnType, to type: FeatureType) {
    switch (column.shape, type.shape) {
    case (.scalar, .scalar), (.list, .list), (.list, .vector), (.vector, .list): break
    case (.vector(let count), .vector) where count == type.count: break
    // A column of which nobody knows the type has nothing but nulls.
    case (.scalar, _) where column.element == .null: break
    default: return nil
    }
    guard let element = Self.element(from: column.element, to: type.element) else { return nil }
    self.init(element: element, type: type)
  }

  private static func element(from column: ColumnElement, to type: ElementType) -> Element? {
    switch (column, type) {
    case (.null, _): .some(.none)
    case (.bool, .bool): .bool
    case (.uint64, .int32), (.uint64, .int64), (.uint64, .float32), (.uint64, .float64): .unsigned
    case (_, .int32) where column.isInteger, (_, .int64) where column.isInteger: .whole
    case (_, .float32) where column.isInteger, (_, .float64) where column.isInteger: .whole
    case (.float32, .float32), (.float32, .float64), (.float64, .float32), (.float64, .float64): .float
    case (.string, .string): .text
    case (.bytes, .bytes): .bytes
    case (.timestamp, .timestamp), (.date, .timestamp), (.string, .timestamp): .time
    // With a unit, which the load was asked for before.
    case (_, .timestamp) where column.isInteger: .time
    default: nil
    }
  }
}
