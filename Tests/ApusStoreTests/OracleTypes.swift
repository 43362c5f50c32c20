// The oracle's own words for types, values and rules. It knows no layout, no row and no encoding: what a value is, `Value`
// says, and all else is said here once more, as plainly as it can be.

import ApusContracts

enum ToldElement: String, CaseIterable {
  case bool, int32, int64, float32, float64, string, bytes, timestamp

  var isFloat: Bool { self == .float32 || self == .float64 }
  var isNumber: Bool { self == .int32 || self == .int64 || isFloat }

  static let keys: [ToldElement] = [.bool, .int32, .int64, .string, .bytes, .timestamp]
}

enum ToldType: Hashable {
  case one(ToldElement)
  case list(ToldElement)
  case vector(ToldElement, Int)

  var element: ToldElement {
    switch self {
    case .one(let element), .list(let element), .vector(let element, _): element
    }
  }
}

/// What an event says of a feature.
enum Said: Equatable {
  case absent
  case null
  case value(Value)
}

struct ToldRules: Equatable {
  var isNullable = true
  var isRequired = false
  var isFinite = true
  var least: Value?
  var most: Value?
  var oneOf: [Value]?
  var maxLength: Int?
  /// Only letters a to c, any number of them.
  var isPatterned = false

  static let pattern = "[a-c]*"
}

extension ToldRules {
  /// The name of the first rule that is broken.
  func broken(by said: Said, _ type: ToldType) -> String? {
    switch said {
    case .absent: return isRequired ? "required" : nil
    case .null: return isNullable ? nil : "nullable"
    case .value(let value):
      if value.told != type { return "type" }
      let parts = value.parts
      if isFinite, parts.contains(where: { $0.number.map { !$0.isFinite } ?? false }) { return "finite" }
      if let maxLength, value.length > maxLength { return "max_length" }
      if let least, parts.contains(where: { $0.isLess(than: least) }) { return "min" }
      if let most, parts.contains(where: { most.isLess(than: $0) }) { return "max" }
      if let oneOf, !parts.allSatisfy({ oneOf.contains($0) }) { return "one_of" }
      if isPatterned, !parts.allSatisfy(\.isOfTheFirstLetters) { return "pattern" }
      return nil
    }
  }
}

extension Value {
  var told: ToldType {
    switch self {
    case .bool: .one(.bool)
    case .int32: .one(.int32)
    case .int64: .one(.int64)
    case .float32: .one(.float32)
    case .float64: .one(.float64)
    case .string: .one(.string)
    case .bytes: .one(.bytes)
    case .timestamp: .one(.timestamp)
    case .list(let elements): .list(elements.told.0)
    case .vector(let elements): .vector(elements.told.0, elements.told.1.count)
    }
  }

  /// The value alone, or the elements of a list or a vector.
  var parts: [Value] {
    switch self {
    case .list(let elements), .vector(let elements): elements.told.1
    default: [self]
    }
  }

  fileprivate var length: Int {
    switch self {
    case .string(let text): text.unicodeScalars.count
    case .bytes(let bytes): bytes.count
    case .list, .vector: parts.count
    default: 0
    }
  }

  /// Of a float only.
  fileprivate var number: Double? {
    switch self {
    case .float32(let number): Double(number)
    case .float64(let number): number
    default: nil
    }
  }

  fileprivate func isLess(than other: Value) -> Bool {
    switch (self, other) {
    case (.int32(let a), .int32(let b)): a < b
    case (.int64(let a), .int64(let b)): a < b
    case (.timestamp(let a), .timestamp(let b)): a < b
    case (.float32(let a), .float32(let b)): a < b
    case (.float64(let a), .float64(let b)): a < b
    default: false
    }
  }

  fileprivate var isOfTheFirstLetters: Bool {
    guard case .string(let text) = self else { return false }
    return text.unicodeScalars.allSatisfy { ["a", "b", "c"].contains($0) }
  }
}

extension Value.Elements {
  var told: (ToldElement, [Value]) {
    switch self {
    case .bool(let all): (.bool, all.map { .bool($0) })
    case .int32(let all): (.int32, all.map { .int32($0) })
    case .int64(let all): (.int64, all.map { .int64($0) })
    case .float32(let all): (.float32, all.map { .float32($0) })
    case .float64(let all): (.float64, all.map { .float64($0) })
    case .string(let all): (.string, all.map { .string($0) })
    case .bytes(let all): (.bytes, all.map { .bytes($0) })
    case .timestamp(let all): (.timestamp, all.map { .timestamp(nanoseconds: $0) })
    }
  }
}

// What the store is told of all this.

extension ToldElement {
  var element: ElementType {
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

  var key: KeyType {
    switch self {
    case .bool: .bool
    case .int32: .int32
    case .string: .string
    case .bytes: .bytes
    case .timestamp: .timestamp
    case .int64, .float32, .float64: .int64
    }
  }
}

extension ToldType {
  var type: FeatureType {
    switch self {
    case .one(let element): .scalar(element.element)
    case .list(let element): .list(of: element.element)
    case .vector(let element, let count):
      FeatureType.vector(of: element.element, count: count) ?? .scalar(element.element)
    }
  }
}

extension Said {
  var input: FeatureInput {
    switch self {
    case .absent: .absent
    case .null: .null
    case .value(let value): .value(value)
    }
  }
}

extension ToldRules {
  var rules: FeatureRules {
    var rules = FeatureRules()
    rules.isNullable = isNullable
    rules.isRequired = isRequired
    rules.isFinite = isFinite
    rules.min = least
    rules.max = most
    rules.oneOf = oneOf.map { Choices($0) }
    rules.maxLength = maxLength
    rules.pattern = isPatterned ? try? Pattern(Self.pattern) : nil
    return rules
  }
}
