// A value as files and records write it: that it is a whole number, not whether of 32 bits, of 64, or a float. A feature's
// type makes a value of it. One value has one literal, which is what records hold; files may write others, as `2` for 2.0.

package enum Literal: Sendable {
  case bool(Bool)
  case integer(Int64)
  /// Never minus zero: what is written once has equal bytes.
  case float(Double)
  case string(String)
  case bytes([UInt8])
  /// Since 1970, UTC.
  case timestamp(nanoseconds: Int64)
  case many([Literal])

  /// What a scalar of a file may stand for. There is no way to write bytes, and none to write what is not finite.
  package init?(_ scalar: YamlScalar) {
    switch scalar {
    case .bool(let value): self = .bool(value)
    case .integer(let value): self = .integer(value)
    // Adding zero makes zero of minus zero.
    case .float(let value) where value.isFinite: self = .float(value + 0)
    case .string(let text): self = .string(text)
    // For a float; no integer type takes it. Hexadecimal ones are bits that someone counted, not a float's value.
    case .hugeInteger(let text)
    where !text.utf8.contains(UInt8(ascii: "x")) && !text.utf8.contains(UInt8(ascii: "o")):
      guard let value = Double(text), value.isFinite else { return nil }
      self = .float(value)
    case .float, .null, .hugeInteger: return nil
    }
  }

  /// The whole number that a float without a fraction was written as.
  var whole: Literal? {
    guard case .float(let value) = self, let whole = Int64(exactly: value) else { return nil }
    return .integer(whole)
  }
}

extension Literal: Equatable {
  /// As values are compared: by bits and bytes.
  package static func == (a: Literal, b: Literal) -> Bool {
    switch (a, b) {
    case (.bool(let a), .bool(let b)): a == b
    case (.integer(let a), .integer(let b)), (.timestamp(let a), .timestamp(let b)): a == b
    case (.float(let a), .float(let b)): a.bitPattern == b.bitPattern
    case (.string(let a), .string(let b)): a.utf8.elementsEqual(b.utf8)
    case (.bytes(let a), .bytes(let b)): a == b
    case (.many(let a), .many(let b)): a == b
    default: false
    }
  }
}

extension Literal: CustomStringConvertible {
  /// As a definition would spell it.
  package var description: String {
    switch self {
    case .bool(let value): "\(value)"
    case .integer(let value): "\(value)"
    case .float(let value):
      // `2.0` reads back as a float and `2` as an integer that a float takes: the shorter is what people write.
      if let whole = Int64(exactly: value), whole.magnitude < 1 << 53, whole != 0 || value.sign == .plus {
        "\(whole)"
      } else {
        "\(value)"
      }
    case .string(let text): YamlText.quoted(text)
    case .bytes(let bytes): "\(bytes.count) bytes"
    case .timestamp(let nanoseconds): YamlText.quoted(TimestampSpelling.text(nanoseconds))
    case .many(let literals): "[\(literals.map(\.description).joined(separator: ", "))]"
    }
  }
}

// What a literal is as a value of each type; nil when it is none. A float32 is rounded as every producer's is, so that
// `max: 0.1` admits 0.1.
extension Literal {
  private var bool: Bool? { if case .bool(let value) = self { value } else { nil } }
  private var int64: Int64? { if case .integer(let value) = self { value } else { nil } }
  private var int32: Int32? { int64.flatMap { Int32(exactly: $0) } }

  private var float64: Double? {
    switch self {
    case .integer(let value): Double(value)
    case .float(let value): value + 0
    default: nil
    }
  }

  private var float32: Float? {
    switch self {
    case .integer(let value): Float(value)
    case .float(let value) where Float(value).isFinite: Float(value) + 0
    default: nil
    }
  }

  private var string: String? { if case .string(let text) = self { text } else { nil } }
  private var bytes: [UInt8]? { if case .bytes(let bytes) = self { bytes } else { nil } }

  private var timestamp: Int64? {
    switch self {
    case .timestamp(let nanoseconds): nanoseconds
    case .string(let text): TimestampSpelling.nanoseconds(text)
    default: nil
    }
  }

  fileprivate func value(_ type: ElementType) -> Value? {
    switch type {
    case .bool: bool.map { .bool($0) }
    case .int32: int32.map { .int32($0) }
    case .int64: int64.map { .int64($0) }
    case .float32: float32.map { .float32($0) }
    case .float64: float64.map { .float64($0) }
    case .string: string.map { .string($0) }
    case .bytes: bytes.map { .bytes($0) }
    case .timestamp: timestamp.map { .timestamp(nanoseconds: $0) }
    }
  }

  fileprivate func elements(_ type: ElementType) -> Value.Elements? {
    guard case .many(let literals) = self else { return nil }
    func all<T>(_ value: (Literal) -> T?) -> [T]? {
      let values = literals.compactMap(value)
      return values.count == literals.count ? values : nil
    }
    return switch type {
    case .bool: all(\.bool).map { .bool($0) }
    case .int32: all(\.int32).map { .int32($0) }
    case .int64: all(\.int64).map { .int64($0) }
    case .float32: all(\.float32).map { .float32($0) }
    case .float64: all(\.float64).map { .float64($0) }
    case .string: all(\.string).map { .string($0) }
    case .bytes: all(\.bytes).map { .bytes($0) }
    case .timestamp: all(\.timestamp).map { .timestamp(nanoseconds: $0) }
    }
  }
}

extension Value {
  /// The value of the type that the literal can only mean: a whole number as a float, text as a moment.
  package init?(_ literal: Literal, as type: FeatureType) {
    let value: Value? =
      switch type.shape {
      case .scalar: literal.value(type.element)
      case .list: literal.elements(type.element).map { .list($0) }
      case .vector: literal.elements(type.element).map { .vector($0) }
      }
    guard let value, value.type == type else { return nil }
    self = value
  }

  /// The value whose own literal this is; nil for any other way to write it.
  package init?(exactly literal: Literal, as type: FeatureType) {
    guard let value = Value(literal, as: type), value.literal == literal else { return nil }
    self = value
  }

  package var literal: Literal {
    switch self {
    case .bool(let value): .bool(value)
    case .int32(let value): .integer(Int64(value))
    case .int64(let value): .integer(value)
    case .float32(let value): .float(Double(value))
    case .float64(let value): .float(value)
    case .string(let text): .string(text)
    case .bytes(let bytes): .bytes(bytes)
    case .timestamp(let nanoseconds): .timestamp(nanoseconds: nanoseconds)
    case .list(let elements), .vector(let elements): .many(elements.literals)
    }
  }
}

extension Value.Elements {
  fileprivate var literals: [Literal] {
    switch self {
    case .bool(let all): all.map { .bool($0) }
    case .int32(let all): all.map { .integer(Int64($0)) }
    case .int64(let all): all.map { .integer($0) }
    case .float32(let all): all.map { .float(Double($0)) }
    case .float64(let all): all.map { .float($0) }
    case .string(let all): all.map { .string($0) }
    case .bytes(let all): all.map { .bytes($0) }
    case .timestamp(let all): all.map { .timestamp(nanoseconds: $0) }
    }
  }
}

extension Value: CustomStringConvertible {
  /// As a definition would spell it.
  package var description: String { "\(literal)" }
}
