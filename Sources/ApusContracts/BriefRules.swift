// What of a feature's rules fits into a few bytes. It admits nothing that the rules themselves would refuse; what it does not
// admit, they judge.

/// Enough for numbers without bounds, for what is absent and for nulls.
struct BriefRules: Equatable, Sendable {
  private let isNullable: Bool
  private let isRequired: Bool
  private let isFinite: Bool
  /// The type of a value of which nothing else is to be asked; nil when there is more to ask of every value.
  private let scalar: ElementType?

  init(_ rules: FeatureRules, of type: FeatureType) {
    isNullable = rules.isNullable
    isRequired = rules.isRequired
    isFinite = rules.isFinite
    let asksMore =
      rules.min != nil || rules.max != nil || rules.oneOf != nil || rules.maxLength != nil
      || rules.pattern != nil
    scalar = type.shape == .scalar && !asksMore ? type.element : nil
  }

  /// Whether the input is plainly admitted.
  @inline(__always)
  func admit(_ input: FeatureInput) -> Bool {
    switch input {
    case .absent: !isRequired
    case .null: isNullable
    case .value(.float64(let number)): scalar == .float64 && (!isFinite || number.isFinite)
    case .value(.float32(let number)): scalar == .float32 && (!isFinite || number.isFinite)
    case .value(let value): scalar != nil && scalar == value.scalarType
    }
  }
}
