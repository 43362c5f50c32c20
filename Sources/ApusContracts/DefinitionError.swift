// Everything that is wrong with definitions is told at once, in the order of the files and of the places in them: a person
// who must fix ten slips wants one list, not ten runs.

/// What is wrong in one place of one file.
package struct DefinitionError: Error, Equatable, Sendable {
  package var file: String
  package var place: SourcePlace
  package var fault: DefinitionFault
}

/// Why files are no definitions. Never empty; `isCut` when there was more than is told.
package struct DefinitionErrors: Error, Equatable, Sendable {
  package static let countMax = 100

  package var errors: [DefinitionError]
  package var isCut: Bool
}

package enum DefinitionFault: Equatable, Sendable {
  case yaml(YamlFault)
  case expected(String, found: String)
  case unknownSetting(String, of: String, suggestion: String?, known: [String])
  case missing(String, of: String)
  case badName(String, DefinitionName.Fault)
  case badReference(String)
  case unknown(Kind, String, in: String?, suggestion: String?)
  case duplicate(Kind, String, first: SourcePlace, file: String?)
  case badType(FeatureType.Fault, suggestion: String?)
  case keyType(ElementType)
  /// The words are what else may stand there.
  case badPeriod(String, Period.Fault, or: [String])
  case meaningless(Rule, FeatureType)
  case badValue(String, expected: FeatureType)
  case minAboveMax(String, String)
  case outOfBounds(String)
  case twice(String)
  /// Requests would call two keys of a member so.
  case keyTwice(String)
  case badPattern(String, PatternFault)
  case empty(String)
  case collision(String, first: SourcePlace)
  case keyTypes(String, KeyType, KeyType)
  case otherProject(String, first: String)
  case outOfRange(Int64, ClosedRange<Int64>)
  case tooMany(String, limit: Int)
  case noFiles

  package enum Kind: String, Sendable {
    case entity, view, service, feature, key, output, role
  }
}
