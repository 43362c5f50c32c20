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

  /// Why a spelling is no type.
  package enum Fault: Error, Equatable, Sendable {
    case unknown(String)
    case vectorCount(String)
    case vectorElement(ElementType)
  }

  /// The type that is spelled exactly so: no spaces, no sign, no leading zero.
  package init(spelling: String) throws(Fault) {
    if let element = ElementType(spelling: spelling) {
      self = .scalar(element)
    } else if spelling.hasPrefix("list<"), spelling.hasSuffix(">") {
      self = .list(of: try Self.element(spelling.dropFirst("list<".count).dropLast()))
    } else if spelling.hasSuffix("]"), let open = spelling.firstIndex(of: "[") {
      let element = try Self.element(spelling[..<open])
      guard element.mayFillVectors else { throw .vectorElement(element) }
      let digits = spelling[spelling.index(after: open)...].dropLast()
      guard let count = Int(digits), "\(count)" == digits, let vector = Self.vector(of: element, count: count)
      else { throw .vectorCount(String(digits)) }
      self = vector
    } else {
      throw .unknown(spelling)
    }
  }

  private static func element(_ spelling: Substring) throws(Fault) -> ElementType {
    guard let element = ElementType(spelling: spelling) else { throw .unknown(String(spelling)) }
    return element
  }
}
