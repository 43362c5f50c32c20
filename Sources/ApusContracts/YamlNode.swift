// What a YAML file says, before anyone asks what it means. Every node knows its line and column, so that whoever
// refuses it can say where it stands. A key is always a string, and no mapping has two that are equal.

/// A line and a column of a file, both counted from 1; columns count characters.
package struct SourcePlace: Hashable, Comparable, Sendable, CustomStringConvertible {
  package var line: Int
  package var column: Int

  package init(line: Int, column: Int) {
    self.line = line
    self.column = column
  }

  package static let start = SourcePlace(line: 1, column: 1)

  package static func < (a: SourcePlace, b: SourcePlace) -> Bool { (a.line, a.column) < (b.line, b.column) }

  package var description: String { "\(line):\(column)" }
}

package struct YamlNode: Sendable {
  package var place: SourcePlace
  package var content: Content

  package enum Content: Sendable {
    case scalar(YamlScalar)
    case sequence([YamlNode])
    case mapping([YamlEntry])
    /// Refused while it was read; the problem is on record, and nobody needs to complain again.
    case refused
  }
}

package struct YamlEntry: Sendable {
  package var key: String
  package var keyPlace: SourcePlace
  package var value: YamlNode
}

/// A scalar as YAML 1.2's core schema resolves it. Quoted text is always a string.
package enum YamlScalar: Equatable, Sendable {
  case null
  case bool(Bool)
  case integer(Int64)
  /// An integer that 64 bits cannot hold, as it was written.
  case hugeInteger(String)
  case float(Double)
  case string(String)
}

/// A file as it was read: its tree, and what was wrong with it that did not keep the rest from being read.
package struct YamlDocument: Sendable {
  package var root: YamlNode
  package var problems: [YamlProblem]
}

/// What is wrong with a file as YAML, and where.
package struct YamlProblem: Error, Equatable, Sendable {
  package var place: SourcePlace
  package var fault: YamlFault
}

package enum YamlFault: Equatable, Sendable {
  case tooLarge(byteCount: Int, limit: Int)
  case invalidUTF8
  case controlCharacter(UInt32)
  case tooDeep(limit: Int)
  /// What libyaml says is wrong, what it was in the middle of, and whether it stumbled over a bracket, as in an unquoted
  /// `float32[64]`.
  case syntax(String, context: String?, isBracket: Bool)
  case alias(String)
  case anchor(String)
  case tag(String)
  case directive(String)
  case mergeKey
  case duplicateKey(String, first: SourcePlace)
  case keyNotAString(String)
  case secondDocument
  case empty
  case outOfMemory
}
