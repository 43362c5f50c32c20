// A value outside of a row: what enters and leaves at the borders. It may allocate; rows are read without it.
// Equality is exact: the bits of a float, the bytes of a text. NaN equals itself, 0.0 is not -0.0, and a letter
// composed of two code points is not the one that looks the same. Nothing converts a value behind anybody's back.

/// One value of a feature, or one part of a key.
package enum Value: Sendable {
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
  package enum Elements: Sendable {
    case bool([Bool])
    case int32([Int32])
    case int64([Int64])
    case float32([Float])
    case float64([Double])
    case string([String])
    case bytes([[UInt8]])
    case timestamp(nanoseconds: [Int64])
  }

  /// What this is when it stands alone; nil for a list or a vector.
  package var scalarType: ElementType? {
    switch self {
    case .bool: .bool
    case .int32: .int32
    case .int64: .int64
    case .float32: .float32
    case .float64: .float64
    case .string: .string
    case .bytes: .bytes
    case .timestamp: .timestamp
    case .list, .vector: nil
    }
  }

  /// The type of feature that holds this value; nil for a vector that no feature can hold.
  package var type: FeatureType? {
    switch self {
    case .list(let elements): .list(of: elements.type)
    case .vector(let elements): .vector(of: elements.type, count: elements.count)
    default: scalarType.map { .scalar($0) }
    }
  }
}

extension Value.Elements {
  package var type: ElementType {
    switch self {
    case .bool: .bool
    case .int32: .int32
    case .int64: .int64
    case .float32: .float32
    case .float64: .float64
    case .string: .string
    case .bytes: .bytes
    case .timestamp: .timestamp
    }
  }

  package var count: Int {
    switch self {
    case .bool(let all): all.count
    case .int32(let all): all.count
    case .int64(let all): all.count
    case .float32(let all): all.count
    case .float64(let all): all.count
    case .string(let all): all.count
    case .bytes(let all): all.count
    case .timestamp(let all): all.count
    }
  }
}

extension Value: Hashable {
  package static func == (a: Value, b: Value) -> Bool {
    switch (a, b) {
    case (.bool(let a), .bool(let b)): a == b
    case (.int32(let a), .int32(let b)): a == b
    case (.int64(let a), .int64(let b)): a == b
    case (.float32(let a), .float32(let b)): a.bitPattern == b.bitPattern
    case (.float64(let a), .float64(let b)): a.bitPattern == b.bitPattern
    case (.string(let a), .string(let b)): a.utf8.elementsEqual(b.utf8)
    case (.bytes(let a), .bytes(let b)): a == b
    case (.timestamp(let a), .timestamp(let b)): a == b
    case (.list(let a), .list(let b)), (.vector(let a), .vector(let b)): a == b
    default: false
    }
  }

  package func hash(into hasher: inout Hasher) {
    hasher.combine(scalarType)
    switch self {
    case .bool(let value): hasher.combine(value)
    case .int32(let value): hasher.combine(value)
    case .int64(let value), .timestamp(let value): hasher.combine(value)
    case .float32(let value): hasher.combine(value.bitPattern)
    case .float64(let value): hasher.combine(value.bitPattern)
    case .string(let text): hasher.combine(utf8Of: text)
    case .bytes(let bytes): hasher.combine(bytes)
    case .list(let elements), .vector(let elements): hasher.combine(elements)
    }
  }
}

extension Value.Elements: Hashable {
  package static func == (a: Self, b: Self) -> Bool {
    switch (a, b) {
    case (.bool(let a), .bool(let b)): a == b
    case (.int32(let a), .int32(let b)): a == b
    case (.int64(let a), .int64(let b)): a == b
    case (.float32(let a), .float32(let b)): a.elementsEqual(b) { $0.bitPattern == $1.bitPattern }
    case (.float64(let a), .float64(let b)): a.elementsEqual(b) { $0.bitPattern == $1.bitPattern }
    case (.string(let a), .string(let b)): a.elementsEqual(b) { $0.utf8.elementsEqual($1.utf8) }
    case (.bytes(let a), .bytes(let b)): a == b
    case (.timestamp(let a), .timestamp(let b)): a == b
    default: false
    }
  }

  package func hash(into hasher: inout Hasher) {
    hasher.combine(type)
    switch self {
    case .bool(let all): hasher.combine(all)
    case .int32(let all): hasher.combine(all)
    case .int64(let all), .timestamp(let all): hasher.combine(all)
    case .float32(let all): for value in all { hasher.combine(value.bitPattern) }
    case .float64(let all): for value in all { hasher.combine(value.bitPattern) }
    case .string(let all): for text in all { hasher.combine(utf8Of: text) }
    case .bytes(let all): hasher.combine(all)
    }
  }
}

extension Hasher {
  /// By bytes, as texts are compared here; Swift's own hash would agree with Swift's own equality.
  fileprivate mutating func combine(utf8Of text: String) {
    combine(text.utf8.count)
    for byte in text.utf8 { combine(byte) }
  }
}

/// What an event says of one feature. *Absent* leaves it as it was, *null* writes a null.
package enum FeatureInput: Equatable, Sendable {
  case absent
  case null
  case value(Value)
}
