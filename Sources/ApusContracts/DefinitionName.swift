// A name is 1 to 64 ASCII letters, digits and underscores and begins with a letter; names that begin with an underscore
// are Apus's own. So a name is never a number, needs no quotes in YAML, SQL, Python or a shell, and leaves `@`, `:`, `.`
// and `,` to references. Upper and lower case differ. Two underscores in a row are what joins a role and a feature
// (`payer__opened_at`), so no name written by a person has them.

package enum DefinitionName {
  package static let byteCountMax = 64

  /// Why text is no name.
  package enum Fault: Error, Equatable, Sendable {
    case empty
    case tooLong(limit: Int)
    case start
    case character(String)
    case doubleUnderscore
  }

  package static func fault(in name: String) -> Fault? {
    guard let first = name.unicodeScalars.first else { return .empty }
    guard name.utf8.count <= byteCountMax else { return .tooLong(limit: byteCountMax) }
    if let wrong = name.unicodeScalars.first(where: { !ScalarSet.word.contains($0) }) {
      return .character(Quoted(String(wrong)).description)
    }
    guard ScalarSet([0x41...0x5A, 0x61...0x7A]).contains(first) else { return .start }
    return name.contains("__") ? .doubleUnderscore : nil
  }

  /// Whether text may be a name of anything. To Swift's `==` the Kelvin sign is a K, so whoever looks a name up asks first.
  package static func mayBe(_ text: String) -> Bool { text.utf8.allSatisfy { $0 < 0x80 } }

  /// How a service calls a feature it reads in a role.
  package static func output(of feature: String, role: String?) -> String {
    role.map { "\($0)__\(feature)" } ?? feature
  }
}

/// The number in `card_activity@2`; the first is 1.
package typealias ViewNumber = UInt32
/// The number in `fraud@1`; the first is 1.
package typealias ServiceNumber = UInt32
/// A feature's place in its view version, counted from 0; given once, never to another.
package typealias FeatureIndex = UInt32

/// `card_activity` or `card_activity@2`; without a number the current version is meant.
package struct VersionedName: Hashable, Sendable, CustomStringConvertible {
  package var name: String
  package var number: UInt32?

  package init(name: String, number: UInt32? = nil) {
    self.name = name
    self.number = number
  }

  /// Nil unless it is a name, or a name, `@` and a number from 1.
  package init?(spelling: String) {
    let parts = spelling.split(separator: "@", maxSplits: 1, omittingEmptySubsequences: false)
    guard DefinitionName.fault(in: String(parts[0])) == nil else { return nil }
    name = String(parts[0])
    number = nil
    if parts.count == 2 {
      guard let found = UInt32(parts[1]), found > 0, "\(found)" == parts[1] else { return nil }
      number = found
    }
  }

  package var description: String { number.map { "\(name)@\($0)" } ?? name }
}

/// `card_activity:last_action` or `card_activity@2:last_action`.
package struct FeatureReference: Hashable, Sendable, CustomStringConvertible {
  package var view: VersionedName
  package var feature: String

  package init?(spelling: String) {
    let parts = spelling.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
    guard parts.count == 2, let view = VersionedName(spelling: String(parts[0])),
      DefinitionName.fault(in: String(parts[1])) == nil
    else { return nil }
    self.view = view
    feature = String(parts[1])
  }

  package var description: String { "\(view):\(feature)" }
}
