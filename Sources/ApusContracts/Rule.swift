// What may stand in one feature of one event. A rule is a pure function of the value: no clock, no stored row, no other
// feature. Of several broken rules the first in `Rule.allCases`' order is named, so that every path names the same.
//
// Each element of a list or a vector keeps min, max, one_of, pattern and finite; max_length counts the elements of a
// list, the characters (Unicode scalars) of a string, the bytes of bytes.

/// The name by which a refusal speaks of what was broken.
package enum Rule: String, CaseIterable, Sendable {
  case required
  case nullable
  case type
  case finite
  case maxLength = "max_length"
  case min
  case max
  case oneOf = "one_of"
  case pattern
}

/// What a feature's definition says about its values. Two are equal when they admit by the same words.
package struct FeatureRules: Equatable, Sendable {
  package var isNullable = true
  package var isRequired = false
  package var min: Value?
  package var max: Value?
  package var oneOf: Choices?
  package var maxLength: Int?
  package var pattern: Pattern?
  package var isFinite = true

  package init() {}
}

extension FeatureRules {
  /// The first rule the input breaks, or nil when it is admitted.
  package func broken(by input: FeatureInput, of type: FeatureType) -> Rule? {
    switch input {
    case .absent: isRequired ? .required : nil
    case .null: isNullable ? nil : .nullable
    case .value(let value): broken(by: value, of: type)
    }
  }

  private func broken(by value: Value, of type: FeatureType) -> Rule? {
    guard value.type == type else { return .type }
    if isFinite, !value.isFinite { return .finite }
    if let maxLength, value.exceeds(length: maxLength) { return .maxLength }
    // NaN is neither below nor above anything: whether it may be is for `finite` to say.
    if let min, value.has(.below, min) { return .min }
    if let max, value.has(.above, max) { return .max }
    if let oneOf, !oneOf.contains(value) { return .oneOf }
    if let pattern, !value.matches(pattern) { return .pattern }
    return nil
  }
}

/// Where a value stands, seen from a bound. Zero and minus zero are on neither side of each other.
private enum Side {
  case below, above

  func isAny<T: Comparable>(_ values: some Sequence<T>, of bound: T) -> Bool {
    switch self {
    case .below: values.contains { $0 < bound }
    case .above: values.contains { $0 > bound }
    }
  }
}

extension Value {
  /// Whether the value comes before the other; false between types, and for NaN.
  package func isBefore(_ other: Value) -> Bool { has(.below, other) }

  /// Whether it, or one of its elements, is on that side of a bound of its type.
  fileprivate func has(_ side: Side, _ bound: Value) -> Bool {
    switch (self, bound) {
    case (.int32(let value), .int32(let bound)): side.isAny(CollectionOfOne(value), of: bound)
    case (.int64(let value), .int64(let bound)), (.timestamp(let value), .timestamp(let bound)):
      side.isAny(CollectionOfOne(value), of: bound)
    case (.float32(let value), .float32(let bound)): side.isAny(CollectionOfOne(value), of: bound)
    case (.float64(let value), .float64(let bound)): side.isAny(CollectionOfOne(value), of: bound)
    case (.list(let elements), _), (.vector(let elements), _): elements.have(side, bound)
    default: false
    }
  }

  fileprivate var isFinite: Bool {
    switch self {
    case .float32(let value): value.isFinite
    case .float64(let value): value.isFinite
    case .list(.float32(let all)), .vector(.float32(let all)): all.allSatisfy(\.isFinite)
    case .list(.float64(let all)), .vector(.float64(let all)): all.allSatisfy(\.isFinite)
    default: true
    }
  }

  fileprivate func matches(_ pattern: Pattern) -> Bool {
    switch self {
    case .string(let text): pattern.matches(text)
    case .list(.string(let all)): all.allSatisfy { pattern.matches($0) }
    default: false
    }
  }

  fileprivate func exceeds(length: Int) -> Bool {
    switch self {
    // A string has at most as many scalars as bytes, and most are short.
    case .string(let text): text.utf8.count > length && text.unicodeScalars.count > length
    case .bytes(let bytes): bytes.count > length
    case .list(let elements), .vector(let elements): elements.count > length
    default: false
    }
  }
}

extension Value.Elements {
  fileprivate func have(_ side: Side, _ bound: Value) -> Bool {
    switch (self, bound) {
    case (.int32(let all), .int32(let bound)): side.isAny(all, of: bound)
    case (.int64(let all), .int64(let bound)), (.timestamp(let all), .timestamp(let bound)):
      side.isAny(all, of: bound)
    case (.float32(let all), .float32(let bound)): side.isAny(all, of: bound)
    case (.float64(let all), .float64(let bound)): side.isAny(all, of: bound)
    default: false
    }
  }
}
