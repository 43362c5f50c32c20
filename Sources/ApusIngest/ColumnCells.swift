// From an element of a column to a value of a type, exactly or not at all. What is none stays what it was, as a value of another
// type, so that the contract refuses the row by its rule *type* and keeps it whole.

import ApusBytes
import ApusColumnar
import ApusContracts

struct ColumnCells {
  var times: TimeReader
  /// Whether a cell since this was last cleared was no value of its type.
  private(set) var hasMisfit = false

  init(_ times: TimeReader) { self.times = times }

  mutating func clear() { hasMisfit = false }

  /// Of a row that is not null.
  mutating func value(_ column: borrowing Column, _ row: Int, _ way: CellWay) -> Value {
    if way.type.shape == .scalar {
      if let found = scalar(column, row, way.type.element, way.element) { return found }
    } else if let found = many(column, column.elements(of: row), way), found.type == way.type {
      return found
    }
    hasMisfit = true
    let plain = Self.plain(column, row)
    guard plain.type == way.type else { return plain }
    // A number of the type that came another way: told as a text, it is none.
    return way.type == .string ? .bytes(Array("\(plain)".utf8)) : .string("\(plain)")
  }

  @inline(__always)
  private mutating func scalar(
    _ column: borrowing Column, _ at: Int, _ type: ElementType, _ way: CellWay.Element
  ) -> Value? {
    switch way {
    case .none: return nil
    case .bool: return .bool(column.bool(at))
    case .whole: return Self.whole(column.int64(at), type)
    case .unsigned:
      let number = column.load(at, as: UInt64.self)
      if let signed = Int64(exactly: number) { return Self.whole(signed, type) }
      // Beyond 2^63 a float may still be the very number.
      if type == .float64 { return Double(exactly: number).map { .float64($0) } }
      return type == .float32 ? Float(exactly: number).map { .float32($0) } : nil
    case .float: return Self.float(column, at, type)
    case .text: return .string(column.string(at))
    case .bytes: return .bytes(column.bytes(at).copied())
    case .time:
      guard case .moment(let nanoseconds) = moment(column, at) else { return nil }
      return .timestamp(nanoseconds: nanoseconds)
    }
  }

  @inline(__always)
  private static func whole(_ number: Int64, _ type: ElementType) -> Value? {
    switch type {
    case .int64: .int64(number)
    case .int32: Int32(exactly: number).map { .int32($0) }
    case .float64: Double(exactly: number).map { .float64($0) }
    case .float32: Float(exactly: number).map { .float32($0) }
    default: nil
    }
  }

  @inline(__always)
  private static func float(_ column: borrowing Column, _ at: Int, _ type: ElementType) -> Value? {
    if type == .float64 { return .float64(column.float64(at)) }
    if column.type.element == .float32 { return .float32(column.float32(at)) }
    let wide = column.float64(at)
    // NaN is NaN in either size; which of its bits are set means nothing.
    if wide.isNaN { return .float32(Float(wide)) }
    return Float(exactly: wide).map { .float32($0) }
  }

  // MARK: Times

  mutating func moment(_ column: borrowing Column, _ at: Int) -> TimeFound {
    switch column.type.element {
    case .timestamp(let unit, let isUTC):
      return times.read(column.load(at, as: Int64.self), of: TimeUnit(unit), isUTC: isUTC)
    case .date: return times.read(Int64(column.load(at, as: Int32.self)) * 86_400, of: .seconds, isUTC: false)
    case .string:
      let text = Array(column.string(at).utf8)
      // A number in a text is a text, which no unit makes a time of.
      return NumberText.int64(text.span) == nil ? times.read(text.span) : .wrong(.notATime)
    case .uint64:
      guard let number = Int64(exactly: column.load(at, as: UInt64.self)) else { return .wrong(.outOfRange) }
      return times.read(number)
    case let element where element.isInteger: return times.read(column.int64(at))
    default: return .wrong(.notATime)
    }
  }

  // MARK: Lists and vectors

  /// Nil when an element is no value of the type. A vector of another length is a value, and refused as one.
  private mutating func many(_ column: borrowing Column, _ range: Range<Int>, _ way: CellWay) -> Value? {
    guard let elements = elements(column, range, way.type.element, way.element) else { return nil }
    return way.type.shape == .list ? .list(elements) : .vector(elements)
  }

  private mutating func elements(
    _ column: borrowing Column, _ range: Range<Int>, _ type: ElementType, _ way: CellWay.Element
  ) -> Value.Elements? {
    switch type {
    case .bool:
      all(column, range, type, way) { if case .bool(let value) = $0 { value } else { nil } }.map { .bool($0) }
    case .int32:
      all(column, range, type, way) { if case .int32(let value) = $0 { value } else { nil } }.map {
        .int32($0)
      }
    case .int64:
      all(column, range, type, way) { if case .int64(let value) = $0 { value } else { nil } }.map {
        .int64($0)
      }
    case .float32:
      all(column, range, type, way) { if case .float32(let value) = $0 { value } else { nil } }.map {
        .float32($0)
      }
    case .float64:
      all(column, range, type, way) { if case .float64(let value) = $0 { value } else { nil } }.map {
        .float64($0)
      }
    case .string:
      all(column, range, type, way) { if case .string(let value) = $0 { value } else { nil } }.map {
        .string($0)
      }
    case .bytes:
      all(column, range, type, way) { if case .bytes(let value) = $0 { value } else { nil } }.map {
        .bytes($0)
      }
    case .timestamp:
      all(column, range, type, way) { if case .timestamp(let value) = $0 { value } else { nil } }
        .map { .timestamp(nanoseconds: $0) }
    }
  }

  private mutating func all<T>(
    _ column: borrowing Column, _ range: Range<Int>, _ type: ElementType, _ way: CellWay.Element,
    _ body: (Value) -> T?
  ) -> [T]? {
    var found: [T] = []
    found.reserveCapacity(range.count)
    for at in range {
      guard let value = scalar(column, at, type, way), let element = body(value) else { return nil }
      found.append(element)
    }
    return found
  }

  // MARK: What is no value

  /// A row that is not null as what it is, whatever it should have been.
  static func plain(_ column: borrowing Column, _ row: Int) -> Value {
    if column.type.shape == .scalar { return plain(element: row, of: column) }
    let words = column.elements(of: row).map { "\(plain(element: $0, of: column))" }
    return .string("[\(words.joined(separator: ", "))]")
  }

  private static func plain(element at: Int, of column: borrowing Column) -> Value {
    switch column.type.element {
    case .null: return .string("null")
    case .bool: return .bool(column.bool(at))
    case .uint64:
      let number = column.load(at, as: UInt64.self)
      return Int64(exactly: number).map { .int64($0) } ?? .string("\(number)")
    case .float32: return .float32(column.float32(at))
    case .float64: return .float64(column.float64(at))
    case .string: return .string(column.string(at))
    case .bytes: return .bytes(column.bytes(at).copied())
    case .timestamp(let unit, _): return .string("\(column.load(at, as: Int64.self)) \(unit)")
    case .date: return .string("\(column.load(at, as: Int32.self)) days")
    default: return .int64(column.int64(at))
    }
  }
}

extension TimeUnit {
  fileprivate init(_ unit: ColumnTimeUnit) {
    switch unit {
    case .seconds: self = .seconds
    case .milliseconds: self = .milliseconds
    case .microseconds: self = .microseconds
    case .nanoseconds: self = .nanoseconds
    }
  }
}
