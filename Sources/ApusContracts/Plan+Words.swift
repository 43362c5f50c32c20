// A plan as people read it. Two lines a change: what, and what it means for whom.

extension Plan: CustomStringConvertible {
  package var description: String {
    var lines = changes.map(\.description)
    for subject in kept { lines.append("= \(subject)   not in these files; kept as it is") }
    if isEmpty { lines.append("nothing to change") }
    if !needs.isEmpty {
      lines.append("next: apply with " + needs.map { "--accept \($0.rawValue)" }.joined(separator: " "))
    }
    return lines.joined(separator: "\n")
  }
}

extension PlannedChange: CustomStringConvertible {
  package var description: String {
    let verdict = producers.rawValue
    let gap = String(repeating: " ", count: max(2, 10 - verdict.count))
    return """
      \(sign) \(subject)   \(words)
        producers: \(verdict)\(gap)readers: \(readers.rawValue)\(readersNote)
      """
  }

  private var sign: String {
    switch kind {
    case .entityAdded, .viewAdded, .versionReopened, .featureAdded, .requiredFeatureAdded, .serviceAdded: "+"
    case .featureRemoved: "-"
    default: "~"
    }
  }

  private var readersNote: String {
    guard readers == .newValue || readers == .mayMiss else { return "" }
    return services.isEmpty ? " (no service reads it)" : " (read by \(services.joined(separator: ", ")))"
  }
}

extension PlanRefusal: CustomStringConvertible {
  package var description: String {
    switch self {
    case .raced(let expected, let found):
      "the definitions changed since: expected fingerprint \(expected), found \(found); plan again"
    case .notAccepted(let parties, let changes):
      changes.map(\.description).joined(separator: "\n") + "\nnot applied: these changes need "
        + parties.map { "--accept \($0.rawValue)" }.joined(separator: " ")
    case .unknown(let name): "there is no \(name)"
    case .isRetired(let name): "\(name) is retired"
    case .inUse(let name, let readers):
      "\(name) is read by \(readers.joined(separator: ", ")); retire these first"
    case .isCurrent(let name):
      "\(name) is what its name means without a number; promote another version first"
    case .registry(let error): "the registry refuses its own plan: \(error)"
    }
  }
}

extension PlanErrors: CustomStringConvertible {
  package var description: String { errors.map(\.description).joined(separator: "\n") }
}

extension PlanError: CustomStringConvertible {
  package var description: String {
    switch self {
    case .unknownVersion(let service, let name): "\(service): there is no \(name)"
    case .isRetired(let service, let name): "\(service): \(name) is retired"
    case .unknownFeature(let service, let version, let name, .some(let newest)):
      "\(service): \(version) has no feature \(Quoted(name)), but \(newest) has; name it, or promote it first"
    case .unknownFeature(let service, let version, let name, nil):
      "\(service): \(version) has no feature \(Quoted(name))"
    case .unknownKey(let service, let version, let key): "\(service): \(version) has no key \(Quoted(key))"
    case .keyTwice(let service, let version, let key):
      "\(service): a request would call two keys of \(version) \(Quoted(key))"
    case .collision(let service, let name):
      "\(service): two features would be called \(Quoted(name)); give one a role"
    case .unknownOutput(let service, let name): "\(service): it has no feature \(Quoted(name)) to fill"
    case .badDefault(let service, let name, let type):
      "\(service): the default of \(name) is no value of \(type)"
    case .keyTypes(let service, let name, let a, let b):
      "\(service): the request's key \(Quoted(name)) would be both \(a) and \(b)"
    case .unknownEntity(let view, let name): "\(view): there is no entity \(Quoted(name))"
    case .tooManyFeatures(let view, let count, let limit):
      "\(view): it would have \(count) features, those once removed included, at most \(limit) allowed; begin another view"
    case .registry(let error): "the registry refuses the plan: \(error)"
    }
  }
}
