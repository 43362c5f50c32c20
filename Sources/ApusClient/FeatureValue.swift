// A value as a program gives and takes it: of a key's part, or of a feature. Nothing converts one behind anybody's back, but for a
// whole number in a key, which is what the key's type is, if it fits.

package import ApusContracts

/// One value of a feature, or one part of a key. Equality is exact: the bits of a float, the bytes of a text.
public enum FeatureValue: Hashable, Sendable {
  case bool(Bool)
  case int32(Int32)
  case int64(Int64)
  case float32(Float)
  case float64(Double)
  case string(String)
  case bytes([UInt8])
  /// Since 1970, UTC.
  case timestamp(nanoseconds: Int64)
  case list(Elements)
  case vector(Elements)

  /// The values of a list or a vector, all of one type.
  public enum Elements: Hashable, Sendable {
    case bools([Bool])
    case int32s([Int32])
    case int64s([Int64])
    case float32s([Float])
    case float64s([Double])
    case strings([String])
    case bytes([[UInt8]])
    case timestamps(nanoseconds: [Int64])
  }

  public static func == (a: FeatureValue, b: FeatureValue) -> Bool { a.value == b.value }
  public func hash(into hasher: inout Hasher) { hasher.combine(value) }
}

extension FeatureValue: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral, ExpressibleByFloatLiteral,
  ExpressibleByBooleanLiteral
{
  public init(stringLiteral text: String) { self = .string(text) }
  public init(integerLiteral number: Int64) { self = .int64(number) }
  public init(floatLiteral number: Double) { self = .float64(number) }
  public init(booleanLiteral truth: Bool) { self = .bool(truth) }
}

extension FeatureValue.Elements {
  public static func == (a: Self, b: Self) -> Bool { a.elements == b.elements }
  public func hash(into hasher: inout Hasher) { hasher.combine(elements) }

  package init(_ elements: Value.Elements) {
    switch elements {
    case .bool(let all): self = .bools(all)
    case .int32(let all): self = .int32s(all)
    case .int64(let all): self = .int64s(all)
    case .float32(let all): self = .float32s(all)
    case .float64(let all): self = .float64s(all)
    case .string(let all): self = .strings(all)
    case .bytes(let all): self = .bytes(all)
    case .timestamp(let all): self = .timestamps(nanoseconds: all)
    }
  }

  package var elements: Value.Elements {
    switch self {
    case .bools(let all): .bool(all)
    case .int32s(let all): .int32(all)
    case .int64s(let all): .int64(all)
    case .float32s(let all): .float32(all)
    case .float64s(let all): .float64(all)
    case .strings(let all): .string(all)
    case .bytes(let all): .bytes(all)
    case .timestamps(let all): .timestamp(nanoseconds: all)
    }
  }
}

extension FeatureValue {
  package init(_ value: Value) {
    switch value {
    case .bool(let value): self = .bool(value)
    case .int32(let value): self = .int32(value)
    case .int64(let value): self = .int64(value)
    case .float32(let value): self = .float32(value)
    case .float64(let value): self = .float64(value)
    case .string(let value): self = .string(value)
    case .bytes(let value): self = .bytes(value)
    case .timestamp(let nanoseconds): self = .timestamp(nanoseconds: nanoseconds)
    case .list(let elements): self = .list(Elements(elements))
    case .vector(let elements): self = .vector(Elements(elements))
    }
  }

  package var value: Value {
    switch self {
    case .bool(let value): .bool(value)
    case .int32(let value): .int32(value)
    case .int64(let value): .int64(value)
    case .float32(let value): .float32(value)
    case .float64(let value): .float64(value)
    case .string(let value): .string(value)
    case .bytes(let value): .bytes(value)
    case .timestamp(let nanoseconds): .timestamp(nanoseconds: nanoseconds)
    case .list(let elements): .list(elements.elements)
    case .vector(let elements): .vector(elements.elements)
    }
  }

  /// As a part of a key: a whole number is of either size, if it fits.
  func part(of type: KeyType) -> Value {
    switch (type, self) {
    case (.int32, .int64(let number)): Int32(exactly: number).map { .int32($0) } ?? value
    case (.int64, .int32(let number)): .int64(Int64(number))
    default: value
    }
  }
}
