// What a person reads: the file, the line, the column, what is wrong, and, where there is one, what to write instead.

extension DefinitionErrors: CustomStringConvertible {
  package var description: String {
    let more = isCut ? ["… and more; only the first \(Self.countMax) are told"] : []
    return (errors.map(\.description) + more).joined(separator: "\n")
  }
}

extension DefinitionError: CustomStringConvertible {
  package var description: String { "\(file):\(place): \(fault)" }
}

extension YamlProblem: CustomStringConvertible {
  package var description: String { "\(place): \(fault)" }
}

extension YamlFault: CustomStringConvertible {
  package var description: String {
    switch self {
    case .tooLarge(let count, let limit): "the file has \(count) bytes, at most \(limit) allowed"
    case .invalidUTF8: "this byte is not UTF-8"
    case .controlCharacter(let value):
      "the character U+\(Self.hex(value)) is not allowed here; write it escaped, in double quotes"
    case .tooDeep(let limit): "nested more than \(limit) deep"
    case .syntax(let words, let context, let isBracket):
      "this is not YAML: \(words)" + (context.map { " (\($0))" } ?? "")
        + (isBracket ? "; text with brackets needs quotes here, as in \"float32[64]\"" : "")
    case .alias(let name): "the alias *\(Shortened(name)) is not allowed; write the value out"
    case .anchor(let name):
      "the anchor &\(Shortened(name)) is not allowed; write the value out where it is needed"
    case .tag(let name): "the tag \(Shortened(name)) is not allowed; leave it out"
    case .directive(let text): "\(text) is not allowed; definitions are YAML 1.2"
    case .mergeKey: "the merge key << is not allowed; write the settings out"
    case .duplicateKey(let key, let first): "\(Quoted(key)) is here twice, first at \(first)"
    case .keyNotAString(let found): "expected a name, found \(found); if it is a name, put it in quotes"
    case .secondDocument: "a second document begins here; a file holds one"
    case .empty: "the file is empty; expected project, entities, views, services"
    case .outOfMemory: "out of memory"
    }
  }

  private static func hex(_ value: UInt32) -> String {
    let digits = String(value, radix: 16, uppercase: true)
    return String(repeating: "0", count: max(0, 4 - digits.count)) + digits
  }
}

extension DefinitionFault: CustomStringConvertible {
  package var description: String {
    switch self {
    case .yaml(let fault): "\(fault)"
    case .expected(let what, let found): "expected \(what), found \(found)"
    case .unknownSetting(let name, let of, .some(let near), _):
      "\(of) has no setting \(Quoted(name)); did you mean \(Quoted(near))?"
    case .unknownSetting(let name, let of, nil, let known):
      "\(of) has no setting \(Quoted(name)); it has \(known.joined(separator: ", "))"
    case .missing(let name, let of): "\(of) needs \(name)"
    case .badName(let name, let fault): "\(Quoted(name)) is no name: \(fault)"
    case .badReference(let text): "\(Quoted(text)) names no view; write NAME or NAME@NUMBER"
    case .unknown(let kind, let name, let place, let near):
      (place.map { "\($0) has no \(kind.rawValue) \(Quoted(name))" }
        ?? "there is no \(kind.rawValue) \(Quoted(name))")
        + (near.map { "; did you mean \(Quoted($0))?" } ?? "")
    case .duplicate(let kind, let name, let first, let file):
      "the \(kind.rawValue) \(Quoted(name)) is defined twice, first at \(file.map { "\($0):" } ?? "")\(first)"
    case .badType(let fault, .some(let near)): "\(fault); did you mean \(Quoted(near))?"
    case .badType(.unknown(let text), nil):
      "\(FeatureType.Fault.unknown(text)); there are \(ElementType.allCases.map(\.description).joined(separator: ", ")), list<T> and, in quotes, float32[N]"
    case .badType(let fault, nil): "\(fault)"
    case .keyType(let type):
      "a key cannot be \(type): equal floats are not always equal; use int64 or string"
    case .badPeriod(let text, .zero, let words):
      "\(Quoted(text)) is no length of time: 0 could mean both at once and never; write \((words + ["a number and a unit, as in 30d"]).joined(separator: " or "))"
    case .badPeriod(let text, .tooLong, _): "\(Quoted(text)) is longer than the 292 years that can be told"
    case .badPeriod(let text, .spelling, let words):
      "\(Quoted(text)) is no length of time; write \((words + ["a number and ms, s, m, h, d or w, as in 30d"]).joined(separator: " or "))"
    case .meaningless(let rule, let type): "\(rule.rawValue) means nothing for \(type)"
    case .badValue(let found, let expected): "expected a value of \(expected), found \(found)"
    case .minAboveMax(let min, let max): "min \(min) is above max \(max): no value could be admitted"
    case .outOfBounds(let value): "\(value) is outside of min and max, so it could never be admitted"
    case .keyTwice(let name): "requests would call two keys \(Quoted(name)); give each a name of its own"
    case .twice(let value): "\(value) is in the list twice"
    case .badPattern(let text, let fault): "the pattern \(Quoted(text)) cannot be used: \(fault)"
    case .empty(let what): "\(what) is empty"
    case .collision(let name, let first):
      "the service would have two features called \(Quoted(name)), the first from \(first); give one of them a role with as"
    case .keyTypes(let name, let a, let b):
      "the request's key \(Quoted(name)) would be both \(a) and \(b); rename one with keys"
    case .otherProject(let name, let first):
      "this file is of project \(Quoted(name)), the others are of \(Quoted(first))"
    case .outOfRange(let value, let range):
      "expected a number from \(range.lowerBound) to \(range.upperBound), found \(value)"
    case .tooMany(let what, let limit): "there are too many \(what), at most \(limit) allowed"
    case .noFiles: "there is no file to read"
    }
  }
}

extension DefinitionName.Fault: CustomStringConvertible {
  package var description: String {
    switch self {
    case .empty: "it is empty"
    case .tooLong(let limit): "it is longer than \(limit) characters"
    case .start: "a name begins with a letter"
    case .character(let character): "a name has letters, digits and underscores, not \(character)"
    case .doubleUnderscore: "two underscores in a row are kept for roles"
    }
  }
}

extension FeatureType.Fault: CustomStringConvertible {
  package var description: String {
    switch self {
    case .unknown(let text): "there is no type \(Quoted(text))"
    case .vectorCount(let text):
      "\(Quoted(text)) is no size of a vector; write a number from 1 to \(RowFormat.vectorCountMax)"
    case .vectorElement(let type): "there are no vectors of \(type); write list<\(type)>"
    }
  }
}
