// What a set is checked for: thresholds, segments, and what it is compared with. A value that one process can spell and another read back; what the
// checks mean, `Checks.md` says.

package import ApusContracts

package enum FeatureCheck: String, CaseIterable, Sendable {
  case nullShare = "null_share"
  case zeroShare = "zero_share"
  case constant, unseen, psi, ks
}

package struct SetChecks: Equatable, Sendable {
  /// The greatest figure that passes; nil: none is too great.
  package typealias Limit = Double?

  package enum Against: Equatable, Sendable {
    /// The manifest of an earlier set, still to be read by whoever was told.
    case manifest(String)
    case reference(SetReference)
    /// The current rows.
    case online
  }

  package struct Segment: Equatable, Sendable {
    package enum Rows: Equatable, Sendable {
      case all
      case among([YamlScalar])
      case within(YamlScalar?, YamlScalar?)
    }

    package var name: String
    package var column = ""
    package var rows = Rows.all
    /// Empty: all features of the set.
    package var features: [String] = []
    /// Nil: what the checks say of all segments.
    package var coverage: Limit?

    package init(name: String) { self.name = name }
  }

  package var duplicates: Limit = 0.02
  package var coverage: Limit = 0.85
  package var limits: [FeatureCheck: Limit] = [.psi: 0.1]
  /// By the feature's name; what is not said here holds as for all.
  package var ofFeatures: [String: [FeatureCheck: Limit]] = [:]
  /// In the order in which they were given.
  package var segments: [Segment] = []
  package var against: Against?

  package init() {}

  package static let standard = SetChecks()
  package static let segmentsMax = 64

  package func limit(_ check: FeatureCheck, of feature: String) -> Limit {
    ofFeatures[feature]?[check] ?? limits[check] ?? nil
  }
}

/// What a set is compared with: the profiles of another one.
package struct SetReference: Equatable, Sendable {
  package var name: String
  package var profiles: [FeatureProfile]

  package init(name: String, _ profiles: [FeatureProfile]) {
    self.name = name
    self.profiles = profiles
  }
}

// MARK: - Spelling

extension SetChecks {
  /// One JSON text, from which `init(json:)` makes the same checks.
  package var spelling: String {
    JSONText.object { json in
      json.add("duplicates", raw: Self.spelling(duplicates))
      json.add("coverage", raw: Self.spelling(coverage))
      Self.add(limits, to: &json)
      if !segments.isEmpty {
        json.add(
          "segments",
          raw: JSONText.object { json in
            for segment in segments { json.add(segment.name, raw: segment.spelling) }
          })
      }
      if !ofFeatures.isEmpty {
        json.add(
          "features",
          raw: JSONText.object { json in
            for (name, limits) in ofFeatures.sorted(by: { $0.key < $1.key }) {
              json.add(name, raw: JSONText.object { Self.add(limits, to: &$0) })
            }
          })
      }
      switch against {
      case .manifest(let path): json.add("against", path)
      case .online: json.add("against", "online")
      case .reference(let reference):
        json.add("reference", raw: reference.spelling)
      case nil: break
      }
    }
  }

  private static func add(_ limits: [FeatureCheck: Limit], to json: inout JSONText) {
    for check in FeatureCheck.allCases {
      guard let limit = limits[check] else { continue }
      if check == .constant {
        json.add(check.rawValue, limit == nil ? "tell" : "refuse")
      } else {
        json.add(check.rawValue, raw: spelling(limit))
      }
    }
  }

  static func spelling(_ limit: Limit) -> String { limit.map { "\($0)" } ?? "\"none\"" }
}

extension SetChecks.Segment {
  fileprivate var spelling: String {
    if rows == .all, features.isEmpty, coverage == nil { return "\"all\"" }
    return JSONText.object { json in
      switch rows {
      case .all: break
      case .among(let values):
        json.add("column", column)
        json.add("in", raw: JSONText.list(values.map(\.json)))
      case .within(let least, let greatest):
        json.add("column", column)
        if let least { json.add("min", raw: least.json) }
        if let greatest { json.add("max", raw: greatest.json) }
      }
      if !features.isEmpty { json.add("features", raw: JSONText.list(features.map(JSONText.quoted))) }
      if let coverage { json.add("coverage", raw: SetChecks.spelling(coverage)) }
    }
  }
}

extension YamlScalar {
  /// Reads back as the same scalar.
  fileprivate var json: String {
    switch self {
    case .null: "null"
    case .bool(let bit): "\(bit)"
    case .integer(let number): "\(number)"
    case .hugeInteger(let text): text
    case .float(let number): "\(number)"
    case .string(let text): JSONText.quoted(text)
    }
  }
}

extension SetReference {
  package var spelling: String {
    JSONText.object { json in
      json.add("name", name)
      json.add("profiles", raw: JSONText.list(profiles.map(\.spelling)))
    }
  }
}
