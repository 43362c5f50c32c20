// YAML 1.2's core schema (section 10.3.2), and nothing of YAML 1.1: `on`, `off`, `yes`, `no`, `0777` as an octal,
// `1_000` and `12:30:00` as a number are strings or plain decimals here, because that is what people see.

extension YamlScalar {
  /// What plain (unquoted) text stands for.
  package init(plain text: String) {
    switch text {
    case "", "~", "null", "Null", "NULL": self = .null
    case "true", "True", "TRUE": self = .bool(true)
    case "false", "False", "FALSE": self = .bool(false)
    default: self = Self.number(text) ?? .string(text)
    }
  }

  private static func number(_ text: String) -> YamlScalar? {
    let bytes = Array(text.utf8)
    if let based = integer(bytes, prefix: "0o", radix: 8) ?? integer(bytes, prefix: "0x", radix: 16) {
      return based
    }
    var at = bytes.first.map(isSign) == true ? 1 : 0
    let isNegative = bytes.first == UInt8(ascii: "-")
    switch bytes[at...] {
    case _ where at == 0 && isOne(text, of: ".nan", ".NaN", ".NAN"): return .float(.nan)
    case let rest where isOne(String(decoding: rest, as: UTF8.self), of: ".inf", ".Inf", ".INF"):
      return .float(isNegative ? -.infinity : .infinity)
    default: break
    }

    let whole = digits(bytes, &at)
    if whole > 0, at == bytes.count { return Int64(text).map(YamlScalar.integer) ?? .hugeInteger(text) }
    var fraction = 0
    if at < bytes.count, bytes[at] == UInt8(ascii: ".") {
      at += 1
      fraction = digits(bytes, &at)
    }
    guard whole + fraction > 0 else { return nil }
    if at < bytes.count, bytes[at] | 0x20 == UInt8(ascii: "e") {
      at += 1
      if at < bytes.count, isSign(bytes[at]) { at += 1 }
      guard digits(bytes, &at) > 0 else { return nil }
    }
    guard at == bytes.count else { return nil }
    // The grammar above is narrower than what `Double` reads; only "1." needs help.
    return (Double(text) ?? Double(text + "0")).map(YamlScalar.float)
  }

  private static func integer(_ bytes: [UInt8], prefix: StaticString, radix: Int) -> YamlScalar? {
    let text = String(decoding: bytes, as: UTF8.self)
    guard text.hasPrefix("\(prefix)") else { return nil }
    let rest = text.dropFirst(2)
    // `Int64(_:radix:)` would take a sign.
    guard !rest.isEmpty, rest.utf8.allSatisfy({ isDigit($0, radix: radix) }) else { return nil }
    return Int64(rest, radix: radix).map(YamlScalar.integer) ?? .hugeInteger(text)
  }

  private static func digits(_ bytes: [UInt8], _ at: inout Int) -> Int {
    let start = at
    while at < bytes.count, isDigit(bytes[at], radix: 10) { at += 1 }
    return at - start
  }

  private static func isSign(_ byte: UInt8) -> Bool { byte == UInt8(ascii: "+") || byte == UInt8(ascii: "-") }

  private static func isDigit(_ byte: UInt8, radix: Int) -> Bool {
    byte < 0x80 && Character(Unicode.Scalar(byte)).hexDigitValue.map { $0 < radix } == true
  }

  private static func isOne(_ text: String, of spellings: String...) -> Bool { spellings.contains(text) }
}

extension YamlScalar: CustomStringConvertible {
  /// As a person would name it in a complaint.
  package var description: String {
    switch self {
    case .null: "null"
    case .bool(let value): "the bool \(value)"
    case .integer(let value): "the number \(value)"
    case .hugeInteger(let text): "the number \(Shortened(text))"
    case .float(let value): "the number \(value)"
    case .string(let text): Quoted(text).description
    }
  }
}
