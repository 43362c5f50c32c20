// JSON as the manifest has it: members in the order in which they are said, integers exactly, text as Unicode.

/// A value to be written.
package indirect enum ManifestValue: Equatable, Sendable {
  case null
  case boolean(Bool)
  case integer(Int128)
  /// Finite; the shortest digits that read back as the same number.
  case real(Double)
  case text(String)
  case list([ManifestValue])
  case object([Member])
  /// What is JSON already; nil: null.
  case json(String?)

  package struct Member: Equatable, Sendable {
    package var key: String
    package var value: ManifestValue
    package init(_ key: String, _ value: ManifestValue) { (self.key, self.value) = (key, value) }
  }

  package static func number(_ value: some BinaryInteger) -> ManifestValue { .integer(Int128(value)) }
  static func text(orNull text: String?) -> ManifestValue { text.map { .text($0) } ?? .null }

  package func write(into bytes: inout [UInt8]) {
    switch self {
    case .null: bytes += "null".utf8
    case .boolean(let value): bytes += (value ? "true" : "false").utf8
    case .integer(let value): bytes += String(value).utf8
    case .real(let value): bytes += "\(value)".utf8
    case .text(let text): Self.write(text, into: &bytes)
    case .json(let text): bytes += (text ?? "null").utf8
    case .list(let values):
      bytes.append(UInt8(ascii: "["))
      for (place, value) in values.enumerated() {
        if place > 0 { bytes.append(UInt8(ascii: ",")) }
        value.write(into: &bytes)
      }
      bytes.append(UInt8(ascii: "]"))
    case .object(let members):
      bytes.append(UInt8(ascii: "{"))
      for (place, member) in members.enumerated() {
        if place > 0 { bytes.append(UInt8(ascii: ",")) }
        Self.write(member.key, into: &bytes)
        bytes.append(UInt8(ascii: ":"))
        member.value.write(into: &bytes)
      }
      bytes.append(UInt8(ascii: "}"))
    }
  }

  private static func write(_ text: String, into bytes: inout [UInt8]) {
    bytes.append(UInt8(ascii: "\""))
    for byte in text.utf8 {
      switch byte {
      case 0x22: bytes += "\\\"".utf8
      case 0x5C: bytes += "\\\\".utf8
      case 0x0A: bytes += "\\n".utf8
      case 0..<0x20, 0x7F:
        bytes += "\\u00".utf8
        if byte < 0x10 { bytes.append(UInt8(ascii: "0")) }
        bytes += String(byte, radix: 16).utf8
      default: bytes.append(byte)
      }
    }
    bytes.append(UInt8(ascii: "\""))
  }
}

extension ManifestValue: ExpressibleByDictionaryLiteral {
  package init(dictionaryLiteral members: (String, ManifestValue)...) {
    self = .object(members.map { Member($0, $1) })
  }
}
