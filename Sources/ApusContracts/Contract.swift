// What a view version admits. A contract is made from the registry once per revision; admission reads nothing else, so
// two servers with one revision answer alike.

/// The features of a view version at one revision, those that were removed left out.
package struct Contract: Equatable, Sendable {
  package var view: String
  package var version: ViewNumber
  package var revision: UInt32
  package var features: [Feature]

  package struct Feature: Equatable, Sendable {
    package let index: FeatureIndex
    package let name: String
    package let type: FeatureType
    package let rules: FeatureRules
    let brief: BriefRules

    init(index: FeatureIndex, name: String, type: FeatureType, rules: FeatureRules) {
      self.index = index
      self.name = name
      self.type = type
      self.rules = rules
      brief = BriefRules(rules, of: type)
    }
  }
}

/// Why a row is not admitted: one rule of one feature, by name, and the value, shortened.
package struct Refusal: Error, Equatable, Sendable {
  package var feature: String
  package var rule: Rule
  package var input: FeatureInput
  package var view: String
  package var version: ViewNumber
  package var revision: UInt32

  /// As dead letters are filed: `last_action.one_of`.
  package var name: String { "\(feature).\(rule.rawValue)" }
}

extension Contract {
  /// Judges what one event says, its inputs in the order of `features`. All of it is admitted or none.
  package func admit(_ inputs: [FeatureInput]) throws(Refusal) {
    precondition(inputs.count == features.count, "an event has one input for every feature of its contract")
    // An element that is taken out of the array is copied, with its name and all that its rules hold: nearly always the
    // brief rules are enough, and taken out alone.
    for place in features.indices where !features[place].brief.admit(inputs[place]) {
      if let rule = features[place].rules.broken(by: inputs[place], of: features[place].type) {
        throw Refusal(
          feature: features[place].name, rule: rule, input: inputs[place], view: view, version: version,
          revision: revision)
      }
    }
  }
}

extension Refusal: CustomStringConvertible {
  package var description: String { "\(name): \(shown) is refused by \(view)@\(version)" }

  private var shown: String {
    switch input {
    case .absent: "nothing"
    case .null: "null"
    case .value(.string(let text)): Quoted(text).description
    case .value(let value): Shortened(value.description).description
    }
  }
}
