/// Cuts a Swift file into tokens, so that a rule can tell code from the strings and comments that mention it.
///
/// It always ends, and every token's line is right, also for text that no compiler would take. It knows
/// nested block comments, raw and multi-line strings, interpolations inside one another, and regular
/// expressions in `#/…/#`; a bare `/…/` is taken for one where no division could stand.
struct SwiftLexer {
  static func tokens(of text: String) -> [Token] {
    var lexer = SwiftLexer(bytes: Array(text.utf8))
    lexer.readCode(insideInterpolation: false)
    return lexer.tokens
  }

  private let bytes: [UInt8]
  private var at = 0
  private var line = 1
  private var tokens: [Token] = []
  private var endOfLast = -1

  private init(bytes: [UInt8]) { self.bytes = bytes }

  // MARK: Code

  /// Reads to the end of the text or, inside an interpolation, past the parenthesis that closes it.
  private mutating func readCode(insideInterpolation: Bool) {
    var depth = 0
    while at < bytes.count {
      let byte = bytes[at]
      if byte == .newline {
        line += 1
        at += 1
      } else if byte <= .space {
        at += 1
      } else if stands("//") {
        readLineComment()
      } else if stands("/*") {
        readBlockComment()
      } else if let hashes = hashesBefore(.quote) {
        readString(hashes: hashes)
      } else if let hashes = hashesBefore(.slash), hashes > 0 || bareRegexStandsHere {
        readRegex(hashes: hashes)
      } else if byte.isDigit {
        readNumber()
      } else if byte.isWord {
        take(.word, upTo: end { $0.isWord })
      } else if byte == .backtick {
        readQuotedWord()
      } else {
        if byte == .open { depth += 1 }
        if byte == .close { depth -= 1 }
        if insideInterpolation, depth < 0 {
          at += 1
          return
        }
        take(.symbol, upTo: at + 1)
      }
    }
  }

  private mutating func readNumber() {
    var stop = end { $0.isWord }
    if stop + 1 < bytes.count, bytes[stop] == .dot, bytes[stop + 1].isDigit {
      stop += 1
      while stop < bytes.count, bytes[stop].isWord { stop += 1 }
    }
    take(.number, upTo: stop)
  }

  private mutating func readQuotedWord() {
    let start = at + 1
    var stop = start
    while stop < bytes.count, bytes[stop] != .backtick, bytes[stop] != .newline { stop += 1 }
    append(.word, text: start..<stop, from: at, line: line)
    at = min(stop + 1, bytes.count)
    endOfLast = at
  }

  // MARK: Comments

  private mutating func readLineComment() {
    take(.comment, upTo: end { $0 != .newline })
  }

  private mutating func readBlockComment() {
    var depth = 0
    var start = at
    repeat {
      if stands("/*") {
        depth += 1
        at += 2
      } else if stands("*/") {
        depth -= 1
        at += 2
      } else if bytes[at] == .newline {
        append(.comment, text: start..<at, from: start, line: line)
        line += 1
        at += 1
        start = at
      } else {
        at += 1
      }
    } while depth > 0 && at < bytes.count
    append(.comment, text: start..<at, from: start, line: line)
    endOfLast = at
  }

  // MARK: Strings and regular expressions

  /// A string literal. Its quotes, one or three, carry as many `#` at the end as at the beginning.
  private mutating func readString(hashes: Int) {
    let begin = at
    at += hashes
    let quotes = stands("\"\"\"") ? 3 : 1
    at += quotes
    var segment = at
    var segmentLine = line
    var tokenStart = begin
    while at < bytes.count {
      if closes(quotes: quotes, hashes: hashes) { break }
      if quotes == 1, bytes[at] == .newline { break }
      guard bytes[at] == .backslash, hashesFollow(at + 1, hashes) else {
        if bytes[at] == .newline { line += 1 }
        at += 1
        continue
      }
      let escaped = at + 1 + hashes
      if escaped < bytes.count, bytes[escaped] == .open {
        append(.string, text: segment..<at, from: tokenStart, line: segmentLine)
        at = escaped + 1
        readCode(insideInterpolation: true)
        segment = at
        segmentLine = line
        tokenStart = at
      } else {
        // The escaped character is no delimiter; a newline is left for the loop to count.
        at = escaped < bytes.count && bytes[escaped] != .newline ? escaped + 1 : min(escaped, bytes.count)
      }
    }
    append(.string, text: segment..<at, from: tokenStart, line: segmentLine)
    if at < bytes.count, bytes[at] != .newline { at = min(at + quotes + hashes, bytes.count) }
    endOfLast = at
  }

  private func closes(quotes: Int, hashes: Int) -> Bool {
    for index in at..<at + quotes {
      guard index < bytes.count, bytes[index] == .quote else { return false }
    }
    return hashesFollow(at + quotes, hashes)
  }

  private mutating func readRegex(hashes: Int) {
    let begin = at
    let beginLine = line
    at += hashes + 1
    while at < bytes.count, !(bytes[at] == .slash && hashesFollow(at + 1, hashes)) {
      if bytes[at] == .newline {
        if hashes == 0 { break }
        line += 1
      }
      at += bytes[at] == .backslash && at + 1 < bytes.count && bytes[at + 1] != .newline ? 2 : 1
    }
    at = min(at + 1 + hashes, bytes.count)
    append(.regex, text: begin..<at, from: begin, line: beginLine)
    endOfLast = at
  }

  /// A division has something to divide before it and usually a space after it; a regex has neither.
  private var bareRegexStandsHere: Bool {
    guard at + 1 < bytes.count, bytes[at + 1] > .space else { return false }
    guard bytes[(at + 1)...].prefix(while: { $0 != .newline }).contains(.slash) else { return false }
    guard let last = tokens.last(where: { $0.kind != .comment }) else { return true }
    return last.kind == .symbol && ["(", ",", "=", ":", "[", "{"].contains(last.text)
  }

  // MARK: Looking ahead

  private func stands(_ text: StaticString) -> Bool {
    let wanted = String(describing: text).utf8
    return bytes[at...].starts(with: wanted)
  }

  /// How many `#` stand here when `delimiter` follows them, else nil.
  private func hashesBefore(_ delimiter: UInt8) -> Int? {
    let stop = end { $0 == .hash }
    guard stop < bytes.count, bytes[stop] == delimiter else { return nil }
    return stop - at
  }

  private func hashesFollow(_ index: Int, _ count: Int) -> Bool {
    guard count > 0 else { return true }
    return index + count <= bytes.count && bytes[index..<index + count].allSatisfy { $0 == .hash }
  }

  private func end(while holds: (UInt8) -> Bool) -> Int {
    var stop = at
    while stop < bytes.count, holds(bytes[stop]) { stop += 1 }
    return stop
  }

  private mutating func take(_ kind: Token.Kind, upTo stop: Int) {
    append(kind, text: at..<stop, from: at, line: line)
    at = stop
    endOfLast = stop
  }

  private mutating func append(_ kind: Token.Kind, text: Range<Int>, from start: Int, line: Int) {
    let text = String(decoding: bytes[text], as: UTF8.self)
    tokens.append(Token(kind: kind, text: text, line: line, touchesPrevious: start == endOfLast))
    endOfLast = at
  }
}

extension UInt8 {
  fileprivate static let newline = UInt8(ascii: "\n")
  fileprivate static let space = UInt8(ascii: " ")
  fileprivate static let quote = UInt8(ascii: "\"")
  fileprivate static let backslash = UInt8(ascii: "\\")
  fileprivate static let backtick = UInt8(ascii: "`")
  fileprivate static let slash = UInt8(ascii: "/")
  fileprivate static let hash = UInt8(ascii: "#")
  fileprivate static let dot = UInt8(ascii: ".")
  fileprivate static let open = UInt8(ascii: "(")
  fileprivate static let close = UInt8(ascii: ")")

  fileprivate var isDigit: Bool { UInt8(ascii: "0")...UInt8(ascii: "9") ~= self }

  /// Letters, digits, `_`, `$` and everything beyond ASCII.
  fileprivate var isWord: Bool {
    switch self {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"): true
    case UInt8(ascii: "_"), UInt8(ascii: "$"), 0x80...: true
    default: isDigit
    }
  }
}
