/// A promise every Swift file in its reach keeps. A rule only reads one file's text, so each can be shown a bad one.
struct Rule: Sendable {
  /// What goes wrong, and what to do about it.
  struct Breach: Equatable, Sendable {
    let line: Int
    let what: String
    let instead: String
  }

  /// The name by which a finding speaks of the rule, and a marker excuses from it.
  let name: String
  let covers: @Sendable (_ path: String) -> Bool
  let breaches: @Sendable (SwiftSource) -> [Breach]

  func findings(in source: SwiftSource) -> [Finding] {
    guard covers(source.path) else { return [] }
    return breaches(source).map {
      Finding(path: source.path, line: $0.line, rule: name, what: $0.what, instead: $0.instead)
    }
  }

  /// Every rule that looks at one Swift file at a time.
  static let all: [Rule] = [
    .imports, .forcedTry, .forcedCast, .forcedUnwrap, .fatalError, .print, .unfinished, .uncheckedSendable,
    .unownedUnsafe, .dispatchQueue, .sleep, .decoderTrap, .decoderConversion, .length, .opening,
  ]
}

/// Where a rule is broken. Prints as `path:line: rule: what — what to do instead`.
struct Finding: Equatable, Sendable, CustomStringConvertible {
  let path: String
  let line: Int
  let rule: String
  let what: String
  let instead: String

  var description: String { "\(path):\(line): \(rule): \(what) — \(instead)" }
}

/// Which part of the tree a rule covers.
enum Reach {
  @Sendable static func sources(_ path: String) -> Bool { path.hasPrefix("Sources/") }
  @Sendable static func tests(_ path: String) -> Bool { path.hasPrefix("Tests/") }
  @Sendable static func everywhere(_ path: String) -> Bool { true }
}
