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
  package var min: DefinedValue?
  package var max: DefinedValue?
  /// In the order of the file, which means nothing; never empty, no two alike.
  package var oneOf: [DefinedValue]?
  package var maxLength: Int?
  package var pattern: Pattern?
  package var isFinite = true

  package init() {}
}

/// What an event says of a feature.
package enum FeatureCell: Equatable, Sendable {
  case absent
  case null
  case value(DefinedValue)
}

extension FeatureRules {
  /// The first rule the cell breaks, or nil when it is admitted.
  package func broken(by cell: FeatureCell, of type: DefinedType) -> Rule? {
    switch cell {
    case .absent: isRequired ? .required : nil
    case .null: isNullable ? nil : .nullable
    case .value(let value): broken(by: value, of: type)
    }
  }

  private func broken(by value: DefinedValue, of type: DefinedType) -> Rule? {
    guard value.isOf(type) else { return .type }
    let elements = if case .many(let values) = value { values } else { [value] }
    if isFinite, elements.contains(where: \.isNotFinite) { return .finite }
    if let maxLength, value.exceeds(length: maxLength) { return .maxLength }
    // NaN is neither below nor above anything: whether it may be is for `finite` to say.
    if let min, elements.contains(where: { $0.isBefore(min) }) { return .min }
    if let max, elements.contains(where: { max.isBefore($0) }) { return .max }
    if let oneOf, !elements.allSatisfy(oneOf.contains) { return .oneOf }
    if let pattern, !elements.allSatisfy({ $0.matches(pattern) }) { return .pattern }
    return nil
  }
}

extension DefinedValue {
  fileprivate var isNotFinite: Bool { if case .float(let value) = self { !value.isFinite } else { false } }

  fileprivate func matches(_ pattern: Pattern) -> Bool {
    if case .string(let text) = self { pattern.matches(text) } else { false }
  }

  fileprivate func exceeds(length: Int) -> Bool {
    switch self {
    // A string has at most as many scalars as bytes, and most are short.
    case .string(let text): text.utf8.count > length && text.unicodeScalars.count > length
    case .bytes(let bytes): bytes.count > length
    case .many(let values): values.count > length
    default: false
    }
  }
}
