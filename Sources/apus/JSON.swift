/// A value to be written as JSON (RFC 8259). Keys keep their order.
///
/// Integers are written exactly; a reader that keeps them as doubles loses digits above 2^53. Text is
/// Unicode already, and what may not stand in a JSON string, or moves a terminal's cursor, is escaped.
enum JSON: Equatable, Sendable {
  case null
  case boolean(Bool)
  case integer(Int128)
  /// The shortest digits that read back as the same number.
  case real(Double)
  case text(String)
  case list([JSON])
  case object([Member])

  struct Member: Equatable, Sendable {
    let key: String
    let value: JSON
  }

  init(_ members: KeyValuePairs<String, JSON>) {
    self = .object(members.map { Member(key: $0.key, value: $0.value) })
  }

  static func number(_ value: some BinaryInteger) -> JSON { .integer(Int128(value)) }

  /// This object with the members of another behind its own.
  func adding(_ other: JSON) -> JSON {
    guard case .object(let own) = self, case .object(let more) = other else { return self }
    return .object(own + more)
  }
}

extension JSON: ExpressibleByDictionaryLiteral, ExpressibleByBooleanLiteral, ExpressibleByStringLiteral {
  init(dictionaryLiteral members: (String, JSON)...) {
    self = .object(members.map { Member(key: $0, value: $1) })
  }
  init(booleanLiteral value: Bool) { self = .boolean(value) }
  init(stringLiteral value: String) { self = .text(value) }
}

extension JSON {
  /// Appends this value, without a newline anywhere in it.
  func write(into bytes: inout [UInt8]) {
    switch self {
    case .null: bytes += "null".utf8
    case .boolean(let value): bytes += (value ? "true" : "false").utf8
    case .integer(let value): bytes += String(value).utf8
    // JSON has no word for the others.
    case .real(let value) where value.isFinite: bytes += "\(value)".utf8
    case .real(let value): JSON.write("\(value)", into: &bytes)
    case .text(let text): JSON.write(text, into: &bytes)
    case .list(let values):
      JSON.write(values, between: ("[", "]"), into: &bytes) { $0.write(into: &$1) }
    case .object(let members):
      JSON.write(members, between: ("{", "}"), into: &bytes) { member, bytes in
        JSON.write(member.key, into: &bytes)
        bytes += ":".utf8
        member.value.write(into: &bytes)
      }
    }
  }

  private static func write<Element>(
    _ elements: [Element], between ends: (String, String), into bytes: inout [UInt8],
    each: (Element, inout [UInt8]) -> Void
  ) {
    bytes += ends.0.utf8
    for (at, element) in elements.enumerated() {
      if at > 0 { bytes += ",".utf8 }
      each(element, &bytes)
    }
    bytes += ends.1.utf8
  }

  private static func write(_ text: String, into bytes: inout [UInt8]) {
    bytes += "\"".utf8
    for byte in text.utf8 {
      switch byte {
      case 0x22: bytes += "\\\"".utf8
      case 0x5C: bytes += "\\\\".utf8
      case 0x0A: bytes += "\\n".utf8
      case 0..<0x20, 0x7F:
        bytes += "\\u00".utf8
        bytes += Hex.digits(byte)
      default: bytes.append(byte)
      }
    }
    bytes += "\"".utf8
  }
}
