// A strict reader of JSON (RFC 8259) over bytes that are valid UTF-8. Numbers stay the digits that they are written in, and
// texts stay where they are until somebody wants them; what is passed over is checked all the same. A key stands once in its
// object, and nothing is nested deeper than `depthMax`.

import ApusContracts

enum JSONFault: Error, Equatable, Sendable {
  case unexpected(at: Int)
  case ended
  case number(at: Int)
  case escape(at: Int)
  case controlCharacter(at: Int)
  case keyTwice(String)
  case tooDeep
  case trailing(at: Int)
}

/// A value, found; places are counted from the first of the parser's bytes.
enum JSONValue: Equatable {
  case null
  case bool(Bool)
  /// As it is spelled.
  case number(Range<Int>)
  /// Between the quotes.
  case string(JSONText)
  /// With the brackets.
  case array(Range<Int>)
  case object(Range<Int>)
}

struct JSONText: Equatable {
  var range: Range<Int>
  var hasEscapes: Bool
}

struct JSONParser: ~Escapable {
  static let depthMax = 32

  let bytes: Span<UInt8>
  private(set) var at = 0
  private var depth = 0

  @_lifetime(copy bytes)
  init(_ bytes: Span<UInt8>) { self.bytes = bytes }

  // MARK: Steps

  /// Behind `{`, or throws.
  @_lifetime(self: copy self)
  mutating func beginObject() throws(JSONFault) { try open(0x7B) }

  /// Behind `[`, or throws.
  @_lifetime(self: copy self)
  mutating func beginArray() throws(JSONFault) { try open(0x5B) }

  /// The next key of the object, and the colon behind it; nil at the object's end.
  @_lifetime(self: copy self)
  mutating func nextKey(isFirst: Bool) throws(JSONFault) -> JSONText? {
    if try ends(with: 0x7D, isFirst: isFirst) { return nil }
    guard at < bytes.count else { throw .ended }
    guard bytes[at] == 0x22 else { throw .unexpected(at: at) }
    let key = try text()
    skipBlanks()
    try expect(0x3A)
    return key
  }

  /// Whether there is another element of the array; the parser stands before it.
  @_lifetime(self: copy self)
  mutating func hasElement(isFirst: Bool) throws(JSONFault) -> Bool {
    try !ends(with: 0x5D, isFirst: isFirst)
  }

  /// That nothing but blanks is left.
  @_lifetime(self: copy self)
  mutating func finish() throws(JSONFault) {
    skipBlanks()
    guard at == bytes.count else { throw .trailing(at: at) }
  }

  @_lifetime(self: copy self)
  mutating func value() throws(JSONFault) -> JSONValue {
    skipBlanks()
    guard at < bytes.count else { throw .ended }
    let start = at
    switch bytes[at] {
    case 0x22: return .string(try text())
    case 0x2D, 0x30...0x39:
      try number()
      return .number(start..<at)
    case 0x74:
      try word("true")
      return .bool(true)
    case 0x66:
      try word("false")
      return .bool(false)
    case 0x6E:
      try word("null")
      return .null
    case 0x5B:
      try beginArray()
      var isFirst = true
      while try hasElement(isFirst: isFirst) {
        _ = try value()
        isFirst = false
      }
      return .array(start..<at)
    case 0x7B:
      try beginObject()
      var keys: Set<String> = []
      while let key = try nextKey(isFirst: keys.isEmpty) {
        let name = string(key)
        guard keys.insert(name).inserted else { throw .keyTwice(name) }
        _ = try value()
      }
      return .object(start..<at)
    default: throw .unexpected(at: at)
    }
  }

  // MARK: Texts

  /// The text that stands there, escapes undone.
  func string(_ text: JSONText) -> String {
    guard text.hasEscapes else { return Texts.string(bytes.extracting(text.range)) ?? "" }
    return String(decoding: unescaped(text), as: UTF8.self)
  }

  func unescaped(_ text: JSONText) -> [UInt8] {
    var plain: [UInt8] = []
    var at = text.range.lowerBound
    while at < text.range.upperBound {
      let byte = bytes[at]
      at += 1
      guard byte == 0x5C else {
        plain.append(byte)
        continue
      }
      let letter = bytes[at]
      at += 1
      switch letter {
      case 0x62: plain.append(0x08)
      case 0x66: plain.append(0x0C)
      case 0x6E: plain.append(0x0A)
      case 0x72: plain.append(0x0D)
      case 0x74: plain.append(0x09)
      case 0x75:
        var code = hexadecimal(at) ?? 0
        at += 4
        if code & 0xFC00 == 0xD800 {
          code = 0x10000 + (code & 0x3FF) << 10 + ((hexadecimal(at + 2) ?? 0) & 0x3FF)
          at += 6
        }
        if let scalar = Unicode.Scalar(code), let encoded = UTF8.encode(scalar) { plain += encoded }
      default: plain.append(letter)
      }
    }
    return plain
  }

  // MARK: Tokens

  @_lifetime(self: copy self)
  private mutating func skipBlanks() {
    while at < bytes.count {
      switch bytes[at] {
      case 0x20, 0x09, 0x0A, 0x0D: at += 1
      default: return
      }
    }
  }

  @_lifetime(self: copy self)
  private mutating func expect(_ byte: UInt8) throws(JSONFault) {
    guard at < bytes.count else { throw .ended }
    guard bytes[at] == byte else { throw .unexpected(at: at) }
    at += 1
  }

  @_lifetime(self: copy self)
  private mutating func open(_ bracket: UInt8) throws(JSONFault) {
    skipBlanks()
    try expect(bracket)
    depth += 1
    guard depth <= Self.depthMax else { throw .tooDeep }
  }

  /// Takes the bracket that closes, or the comma before another; a comma before a bracket is neither.
  @_lifetime(self: copy self)
  private mutating func ends(with bracket: UInt8, isFirst: Bool) throws(JSONFault) -> Bool {
    skipBlanks()
    guard at < bytes.count else { throw .ended }
    if bytes[at] == bracket {
      at += 1
      depth -= 1
      return true
    }
    guard !isFirst else { return false }
    try expect(0x2C)
    skipBlanks()
    guard at < bytes.count else { throw .ended }
    guard bytes[at] != bracket else { throw .unexpected(at: at) }
    return false
  }

  @_lifetime(self: copy self)
  private mutating func word(_ letters: StaticString) throws(JSONFault) {
    let start = at
    for place in 0..<letters.utf8CodeUnitCount {
      guard at < bytes.count else { throw .ended }
      let letter = letters.withUTF8Buffer { letters in unsafe letters[place] }
      guard bytes[at] == letter else { throw .unexpected(at: start) }
      at += 1
    }
  }

  @_lifetime(self: copy self)
  private mutating func number() throws(JSONFault) {
    let start = at
    if bytes[at] == 0x2D { at += 1 }
    let whole = at
    guard digits() else { throw .number(at: start) }
    if bytes[whole] == 0x30, at > whole + 1 { throw .number(at: start) }
    if at < bytes.count, bytes[at] == 0x2E {
      at += 1
      guard digits() else { throw .number(at: start) }
    }
    if at < bytes.count, bytes[at] | 0x20 == 0x65 {
      at += 1
      if at < bytes.count, bytes[at] == 0x2B || bytes[at] == 0x2D { at += 1 }
      guard digits() else { throw .number(at: start) }
    }
  }

  @_lifetime(self: copy self)
  private mutating func digits() -> Bool {
    let start = at
    while at < bytes.count, bytes[at] >= 0x30, bytes[at] <= 0x39 { at += 1 }
    return at > start
  }

  @_lifetime(self: copy self)
  private mutating func text() throws(JSONFault) -> JSONText {
    at += 1
    let start = at
    var hasEscapes = false
    while at < bytes.count {
      let byte = bytes[at]
      if byte == 0x22 {
        at += 1
        return JSONText(range: start..<at - 1, hasEscapes: hasEscapes)
      }
      guard byte >= 0x20 else { throw .controlCharacter(at: at) }
      if byte == 0x5C {
        hasEscapes = true
        try escape()
      } else {
        at += 1
      }
    }
    throw .ended
  }

  /// Behind an escape, which must mean one character: half a surrogate pair is none.
  @_lifetime(self: copy self)
  private mutating func escape() throws(JSONFault) {
    let start = at
    guard at + 1 < bytes.count else { throw .ended }
    switch bytes[at + 1] {
    case 0x22, 0x2F, 0x5C, 0x62, 0x66, 0x6E, 0x72, 0x74: at += 2
    case 0x75:
      guard let code = hexadecimal(at + 2) else { throw .escape(at: start) }
      at += 6
      guard code & 0xF800 == 0xD800 else { return }
      guard code & 0xFC00 == 0xD800, at + 1 < bytes.count, bytes[at] == 0x5C, bytes[at + 1] == 0x75,
        let low = hexadecimal(at + 2), low & 0xFC00 == 0xDC00
      else { throw .escape(at: start) }
      at += 6
    default: throw .escape(at: start)
    }
  }

  private func hexadecimal(_ start: Int) -> UInt32? {
    guard start + 4 <= bytes.count else { return nil }
    var value: UInt32 = 0
    for at in start..<start + 4 {
      let digit: UInt8
      switch bytes[at] {
      case 0x30...0x39: digit = bytes[at] - 0x30
      case 0x41...0x46: digit = bytes[at] - 0x41 + 10
      case 0x61...0x66: digit = bytes[at] - 0x61 + 10
      default: return nil
      }
      value = value << 4 | UInt32(digit)  // widens UInt8
    }
    return value
  }
}

extension JSONFault: CustomStringConvertible {
  var description: String {
    switch self {
    case .unexpected(let at): "is no JSON at byte \(at + 1)"
    case .ended: "ends in the middle of an object"
    case .number(let at): "has a number that JSON does not know at byte \(at + 1)"
    case .escape(let at): "has an escape that means no character at byte \(at + 1)"
    case .controlCharacter(let at): "has a control character in a text at byte \(at + 1)"
    case .keyTwice(let key): "names the key \(Quoted(key)) twice"
    case .tooDeep: "is nested deeper than \(JSONParser.depthMax)"
    case .trailing(let at): "has more than one object: see byte \(at + 1)"
    }
  }
}
