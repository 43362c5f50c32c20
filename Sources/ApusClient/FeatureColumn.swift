// The values of one column, read where they lie in the server's reply: a column is a window, and making one copies nothing.

import ApusContracts
import ApusWire

/// A type whose values all have one size, as Swift and the protocol both have it.
public protocol FixedFeature: Sendable {
  /// As definitions spell it.
  static var spelling: String { get }
  /// From little-endian bytes, which are there.
  static func load(_ bytes: RawSpan, at offset: Int) -> Self
}

public struct FeatureColumn<Element: FixedFeature>: RandomAccessCollection, Sendable {
  private let rows: FeatureRows
  private let column: Int
  private let start: Int

  init(_ rows: FeatureRows, _ name: String, isTimestamp: Bool = false) throws(ClientError) {
    column = try rows.column(name)
    self.rows = rows
    let type = rows.map.shape.columns[column].type
    let wanted = isTimestamp ? "timestamp" : Element.spelling
    guard "\(type)" == wanted else {
      throw ClientError(.badInput, "column \(name) is \(type), not \(wanted)")
    }
    // The map was checked over this body: the values lie in it.
    start = rows.map.head.layout == .columns ? rows.map.shape.placeInColumns(column, rows: rows.count) : 0
  }

  public var startIndex: Int { 0 }
  public var endIndex: Int { rows.count }

  /// Nil where there is no value: a null, or a blank without a default.
  public subscript(row: Int) -> Element? {
    precondition(row >= 0 && row < rows.count, "a column has so many rows")
    let bytes = unsafe rows.body.span.bytes
    let view = GetReplyView(bytes, rows.map)
    guard view.hasValue(row, column) else { return nil }
    // In the layout of one row, places have no stride.
    if view.layout == .row { return Element.load(view.rowValue(column), at: 0) }
    return Element.load(bytes, at: start + row * MemoryLayout<Element>.size)
  }

  /// All rows, with this where there is no value.
  public func values(missing: Element) -> [Element] { map { $0 ?? missing } }
}

extension FeatureRows {
  public func bools(_ name: String) throws(ClientError) -> FeatureColumn<Bool> {
    try FeatureColumn(self, name)
  }
  public func int32s(_ name: String) throws(ClientError) -> FeatureColumn<Int32> {
    try FeatureColumn(self, name)
  }
  public func int64s(_ name: String) throws(ClientError) -> FeatureColumn<Int64> {
    try FeatureColumn(self, name)
  }
  public func float32s(_ name: String) throws(ClientError) -> FeatureColumn<Float> {
    try FeatureColumn(self, name)
  }
  public func float64s(_ name: String) throws(ClientError) -> FeatureColumn<Double> {
    try FeatureColumn(self, name)
  }
  /// Nanoseconds since 1970, UTC.
  public func timestamps(_ name: String) throws(ClientError) -> FeatureColumn<Int64> {
    try FeatureColumn(self, name, isTimestamp: true)
  }

  /// Nil where there is no value.
  public func strings(_ name: String) throws(ClientError) -> [String?] {
    let number = try column(name)
    guard map.shape.columns[number].type == .string else {
      throw ClientError(.badInput, "column \(name) is \(columns[number].type), not string")
    }
    let view = GetReplyView(unsafe body.span.bytes, map)
    var texts: [String?] = []
    texts.reserveCapacity(count)
    for row in 0..<count {
      do throws(WireError) {
        guard case .string(let text) = try view.value(row, number) else {
          texts.append(nil)
          continue
        }
        texts.append(text)
      } catch {
        throw ClientError(error)
      }
    }
    return texts
  }
}

extension Bool: FixedFeature {
  public static var spelling: String { "bool" }
  public static func load(_ bytes: RawSpan, at offset: Int) -> Bool { bytes[byte: offset] != 0 }
}

// The loads check their bounds.
extension Int32: FixedFeature {
  public static var spelling: String { "int32" }
  public static func load(_ bytes: RawSpan, at offset: Int) -> Int32 {
    Int32(littleEndian: unsafe bytes.unsafeLoadUnaligned(fromByteOffset: offset, as: Int32.self))
  }
}

extension Int64: FixedFeature {
  public static var spelling: String { "int64" }
  public static func load(_ bytes: RawSpan, at offset: Int) -> Int64 {
    Int64(littleEndian: unsafe bytes.unsafeLoadUnaligned(fromByteOffset: offset, as: Int64.self))
  }
}

extension Float: FixedFeature {
  public static var spelling: String { "float32" }
  public static func load(_ bytes: RawSpan, at offset: Int) -> Float {
    Float(
      bitPattern: UInt32(
        littleEndian: unsafe bytes.unsafeLoadUnaligned(fromByteOffset: offset, as: UInt32.self)))
  }
}

extension Double: FixedFeature {
  public static var spelling: String { "float64" }
  public static func load(_ bytes: RawSpan, at offset: Int) -> Double {
    Double(
      bitPattern: UInt64(
        littleEndian: unsafe bytes.unsafeLoadUnaligned(fromByteOffset: offset, as: UInt64.self)))
  }
}
