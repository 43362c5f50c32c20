/// What a constant comes to: a number, or text as it is written between its quotes.
enum ConstantValue: Equatable, Sendable, CustomStringConvertible {
  case number(Int128)
  case text(String)

  var description: String {
    switch self {
    case .number(let number): "\(number)"
    case .text(let text): "\"\(text)\""
    }
  }
}

/// Works out constants that are sums of literals and of one another.
///
/// Never traps and always ends: overflow, a division by zero, a circle of references and words it
/// does not know all come to nil.
struct ConstantBook {
  /// The constants that a name means first, and those it means when there is none of the former.
  let near: [Constant]
  let far: [Constant]

  func value(of expression: [Token], inside type: String) -> ConstantValue? {
    value(of: expression, inside: type, depth: 0)
  }

  fileprivate func value(of expression: [Token], inside type: String, depth: Int) -> ConstantValue? {
    guard depth < 32 else { return nil }
    let texts = expression.filter { $0.kind == .string }
    if let text = texts.first {
      // `"APUS"`, `StaticString("APUS")` and `Array("APUS".utf8)` are all the text.
      let wrappers: Set<String> = ["Array", "StaticString", "String", "utf8"]
      let isPlain = expression.allSatisfy {
        $0.kind != .number && ($0.kind != .word || wrappers.contains($0.text))
      }
      return texts.count == 1 && isPlain ? .text(text.text) : nil
    }
    var sum = Sum(tokens: expression[...], type: type, depth: depth, book: self)
    return sum.whole().map { .number($0) }
  }

  fileprivate func number(of name: String, inside type: String, depth: Int) -> Int128? {
    for constants in [near, far] {
      let found = constants.filter { $0.answers(to: name) }
      let chosen = found.first { $0.type == type } ?? found.first
      guard let chosen else { continue }
      guard case .number(let number) = value(of: chosen.expression, inside: chosen.type, depth: depth + 1)
      else {
        return nil
      }
      return number
    }
    return nil
  }
}

/// A sum being read from left to right, with Swift's precedence: shifts, then products, then sums.
private struct Sum {
  var tokens: ArraySlice<Token>
  let type: String
  let depth: Int
  let book: ConstantBook

  mutating func whole() -> Int128? {
    guard let value = additive(), tokens.isEmpty else { return nil }
    return value
  }

  private mutating func additive() -> Int128? {
    guard var value = multiplicative() else { return nil }
    while let sign = take(oneOf: ["+", "-", "|", "^"]) {
      guard let next = multiplicative() else { return nil }
      switch sign {
      case "+": guard add(next, to: &value) else { return nil }
      case "-": guard add(0 - next, to: &value) else { return nil }
      case "|": value |= next
      default: value ^= next
      }
    }
    return value
  }

  private mutating func multiplicative() -> Int128? {
    guard var value = shift() else { return nil }
    while let sign = take(oneOf: ["*", "/", "%", "&"]) {
      guard let next = shift() else { return nil }
      switch sign {
      case "*":
        let (product, isTooBig) = value.multipliedReportingOverflow(by: next)
        guard !isTooBig else { return nil }
        value = product
      case "&": value &= next
      default:
        guard next > 0 else { return nil }
        value = sign == "/" ? value / next : value % next
      }
    }
    return value
  }

  private mutating func shift() -> Int128? {
    guard var value = operand() else { return nil }
    while let sign = tokens.first, sign.reads("<") || sign.reads(">"),
      tokens.dropFirst().first?.text == sign.text
    {
      tokens.removeFirst(2)
      guard let count = operand(), 0...64 ~= count, abs(value) < 1 << 62 || sign.text == ">" else {
        return nil
      }
      value = sign.text == "<" ? value << count : value >> count
    }
    return value
  }

  private mutating func operand() -> Int128? {
    guard let token = tokens.popFirst() else { return nil }
    switch token.kind {
    case .number: return literal(token.text)
    case .symbol where token.text == "(": return parenthesised()
    case .symbol where token.text == "-": return operand().map { 0 - $0 }
    case .word: return named(token.text)
    default: return nil
    }
  }

  private mutating func parenthesised() -> Int128? {
    guard let value = additive(), take(oneOf: [")"]) != nil else { return nil }
    return value
  }

  /// A constant, an integer type's `max` or size, or a conversion, which leaves the number as it is.
  private mutating func named(_ first: String) -> Int128? {
    let integers = [
      "Int8": 1, "UInt8": 1, "Int16": 2, "UInt16": 2, "Int32": 4, "UInt32": 4, "Int64": 8, "UInt64": 8,
      "Int": 8,
      "UInt": 8,
    ]
    if first == "MemoryLayout" {
      let words = tokens.prefix(5).map(\.text)
      guard words.count == 5, words[0] == "<", words[2] == ">", words[3] == "." else { return nil }
      guard ["size", "stride"].contains(words[4]), let size = integers[words[1]] else { return nil }
      tokens.removeFirst(5)
      return Int128(size)
    }
    if let size = integers[first] {
      if take(oneOf: ["("]) != nil { return parenthesised() }
      guard take(oneOf: ["."]) != nil, tokens.popFirst()?.text == "max" else { return nil }
      return (1 << Int128(first.hasPrefix("U") ? size * 8 : size * 8 - 1)) - 1
    }
    var name = first == "Self" ? "" : first
    while take(oneOf: ["."]) != nil {
      guard let next = tokens.popFirst(), next.kind == .word else { return nil }
      name += name.isEmpty ? next.text : ".\(next.text)"
    }
    return book.number(of: name, inside: type, depth: depth)
  }

  private func literal(_ text: String) -> Int128? {
    let digits = text.filter { $0 != "_" }
    if digits.hasPrefix("0x") { return Int128(digits.dropFirst(2), radix: 16) }
    if digits.hasPrefix("0b") { return Int128(digits.dropFirst(2), radix: 2) }
    if digits.hasPrefix("0o") { return Int128(digits.dropFirst(2), radix: 8) }
    return Int128(digits)
  }

  private mutating func take(oneOf symbols: [String]) -> String? {
    guard let first = tokens.first, first.kind == .symbol, symbols.contains(first.text) else { return nil }
    tokens.removeFirst()
    return first.text
  }

  private func add(_ next: Int128, to value: inout Int128) -> Bool {
    let (sum, isTooBig) = value.addingReportingOverflow(next)
    value = sum
    return !isTooBig
  }
}
