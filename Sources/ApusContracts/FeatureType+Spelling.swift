// How a type is written by people: `int64`, `list<string>`, `float32[384]`. One type has one spelling, and what is
// printed is what is read. `list<…>` rather than `string[]`: it needs no quotes in a YAML flow mapping, and a
// forgotten number cannot turn a vector into a list.

extension ElementType {
  package init?(spelling: some StringProtocol) {
    guard let type = Self.allCases.first(where: { $0.description == spelling }) else { return nil }
    self = type
  }
}

extension ElementType: CustomStringConvertible {
  @usableFromInline package var description: String {
    switch self {
    case .bool: "bool"
    case .int32: "int32"
    case .int64: "int64"
    case .float32: "float32"
    case .float64: "float64"
    case .string: "string"
    case .bytes: "bytes"
    case .timestamp: "timestamp"
    }
  }
}

extension FeatureType: CustomStringConvertible {
  package var description: String {
    switch shape {
    case .scalar: "\(element)"
    case .list: "list<\(element)>"
    case .vector: "\(element)[\(count)]"
    }
  }

  /// The type that is spelled exactly so: no spaces, no sign, no leading zero; nil when none is.
  package init?(spelling: String) {
    if let element = ElementType(spelling: spelling) {
      self = .scalar(element)
    } else if spelling.hasPrefix("list<"), spelling.hasSuffix(">") {
      guard let element = ElementType(spelling: spelling.dropFirst("list<".count).dropLast()) else {
        return nil
      }
      self = .list(of: element)
    } else if spelling.hasSuffix("]"), let open = spelling.firstIndex(of: "[") {
      let digits = spelling[spelling.index(after: open)...].dropLast()
      guard let element = ElementType(spelling: spelling[..<open]), let count = Int(digits),
        let vector = Self.vector(of: element, count: count), vector.description == spelling
      else { return nil }
      self = vector
    } else {
      return nil
    }
  }
}
