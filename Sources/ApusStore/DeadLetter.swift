// A refused row, whole: what was given and why it was refused, so that it can be judged again. StoreFormat.md has its
// bytes; a letter has one encoding, and what is decoded is encoded to the same bytes.

package import ApusContracts

package struct DeadLetter: Equatable, Sendable {
  package var event: EventOperation
  package var viewVersion: ViewVersionID
  /// Of the contract that refused it.
  package var revision: UInt32
  /// `last_action.one_of`, or the rule of a row.
  package var rule: String
  /// Why, for people.
  package var words: String
  package var times: GivenTimes
  package var key: [Value]
  /// What is said, in the order given; absent features are left out.
  package var features: [Feature]

  package struct Feature: Equatable, Sendable {
    package var name: String
    package var input: FeatureInput

    package init(_ name: String, _ input: FeatureInput) {
      self.name = name
      self.input = input
    }
  }

  package init(
    event: EventOperation, viewVersion: ViewVersionID, revision: UInt32, rule: String, words: String,
    times: GivenTimes, key: [Value], features: [Feature]
  ) {
    self.event = event
    self.viewVersion = viewVersion
    self.revision = revision
    self.rule = rule
    self.words = words
    self.times = times
    self.key = key
    self.features = features
  }
}

/// The constants of StoreFormat.md that are a letter's.
enum DeadLetterFormat {
  static let letterOperation: UInt8 = 1
  static let wordsByteCountMax = 512

  static let eventTimeFlag: UInt8 = 1
  static let createdAtFlag: UInt8 = 2
  static let knownAtFlag: UInt8 = 4

  static let nullState: UInt8 = 1
  static let valueState: UInt8 = 2

  /// The type that is written of a value: its feature's, or of a vector that no feature can hold one of no elements.
  static func typeID(of value: Value) -> UInt32 {
    if let type = value.type { return type.id }
    guard case .vector(let elements) = value else { return 0 }
    return UInt32(elements.type.rawValue) | UInt32(FeatureType.Shape.vector.rawValue) << 8
  }
}

/// The rules of a row, which are no feature's; StoreFormat.md says what each refuses.
package enum RowRule: String, CaseIterable, Sendable {
  case key
  case unknownFeature = "unknown_feature"
  case featureTwice = "feature_twice"
  case eventTime = "event_time"
  case createdAt = "created_at"
  case knownAt = "known_at"
  case maxLateness = "max_lateness"
  case horizon
  case rowTooLong = "row_too_long"
}
