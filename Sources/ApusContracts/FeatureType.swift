// What a feature's values are. An id is written to disk and never given to another type; `RowFormat.md` has the
// table, and `FeatureType+Spelling.swift` says how people write a type.

/// The type of one value, alone or as the element of a list or a vector. The raw value is what disks hold.
@usableFromInline
package enum ElementType: UInt8, CaseIterable, Sendable {
  case bool = 1
  case int32 = 2
  case int64 = 3
  case float32 = 4
  case float64 = 5
  /// Valid UTF-8.
  case string = 6
  case bytes = 7
  /// Nanoseconds since 1970, UTC.
  case timestamp = 8

  /// How many bytes a value takes in a row; nil when that differs from value to value.
  package var byteCount: Int? {
    switch self {
    case .bool: 1
    case .int32, .float32: 4
    case .int64, .float64, .timestamp: 8
    case .string, .bytes: nil
    }
  }

  package var isFloat: Bool { self == .float32 || self == .float64 }

  /// Whether one value comes before another, so that `min` and `max` mean something.
  package var isOrdered: Bool { mayFillVectors || self == .timestamp }

  /// Vectors are arithmetic's: whole numbers and floats.
  package var mayFillVectors: Bool {
    switch self {
    case .int32, .int64, .float32, .float64: true
    case .bool, .string, .bytes, .timestamp: false
    }
  }
}

/// The type of a feature: one value, a list of any length, or a vector of one fixed length.
///
/// A vector's count is 1 to `RowFormat.vectorCountMax` and its element a number: no other can be made.
package struct FeatureType: Hashable, Sendable {
  package enum Shape: UInt8, Sendable {
    case scalar = 0
    case list = 1
    case vector = 2
  }

  package let element: ElementType
  package let shape: Shape
  /// A vector's; else 0.
  package let count: Int

  private init(_ element: ElementType, _ shape: Shape, count: Int = 0) {
    self.element = element
    self.shape = shape
    self.count = count
  }

  package static func scalar(_ element: ElementType) -> FeatureType { FeatureType(element, .scalar) }
  package static func list(of element: ElementType) -> FeatureType { FeatureType(element, .list) }

  /// Nil when no vector is made of such elements, or of so many.
  package static func vector(of element: ElementType, count: Int) -> FeatureType? {
    guard element.mayFillVectors, count >= 1, count <= RowFormat.vectorCountMax else { return nil }
    return FeatureType(element, .vector, count: count)
  }

  package static let bool = scalar(.bool)
  package static let int32 = scalar(.int32)
  package static let int64 = scalar(.int64)
  package static let float32 = scalar(.float32)
  package static let float64 = scalar(.float64)
  package static let string = scalar(.string)
  package static let bytes = scalar(.bytes)
  package static let timestamp = scalar(.timestamp)

  /// The number that stands for this type on disk: element, shape, and a vector's count, in that order of bytes.
  package var id: UInt32 {
    UInt32(element.rawValue) | UInt32(shape.rawValue) << 8 | UInt32(truncatingIfNeeded: count) << 16
  }

  /// Nil when the number stands for no type.
  package init?(id: UInt32) {
    guard let element = ElementType(rawValue: UInt8(truncatingIfNeeded: id)),
      let shape = Shape(rawValue: UInt8(truncatingIfNeeded: id >> 8))
    else { return nil }
    let count = Int(id >> 16)
    if shape == .vector {
      guard let vector = Self.vector(of: element, count: count) else { return nil }
      self = vector
    } else {
      guard count == 0 else { return nil }
      self.init(element, shape)
    }
  }

  /// How many bytes the slot in a row's fixed section takes; nil when the value lives in the variable section.
  package var slotByteCount: Int? { shape == .scalar ? element.byteCount : nil }

  /// How many bytes a vector takes; nil for any other type.
  package var vectorByteCount: Int? {
    guard shape == .vector, let size = element.byteCount else { return nil }
    return size * count
  }
}
