/// A specification and the code that follows it state the same numbers.
///
/// Under a heading that contains the word "Constants", a page of `Sources` keeps tables whose rows begin with a
/// name in backticks and its value: ``| `headerByteCount` | 56 | … |``. The name, which may be qualified by a type,
/// is a `static let` in the Swift files of the same folder, and both sides come to the same value. Numbers may be
/// written as sums (`4 + 8`, `1 << 20`, other constants); text in quotes is compared as it is written.
enum ConstantsRule {
  static let name = "constants"

  /// `code` are the Swift files of the page's folder, `house` all others that a value may refer to.
  static func findings(page path: String, text: String, code: [SwiftSource], house: [SwiftSource] = [])
    -> [Finding]
  {
    let near = Constant.all(in: code)
    let book = ConstantBook(near: near, far: Constant.all(in: house))
    return SpecifiedConstant.all(in: text).compactMap { row in
      func finding(_ what: String, _ instead: String) -> Finding {
        Finding(path: path, line: row.line, rule: name, what: what, instead: instead)
      }
      let found = near.filter { $0.answers(to: row.name) }
      guard !found.isEmpty else {
        return finding(
          "`\(row.name)` is specified as \(row.value) but is no `static let` in this folder",
          "name the constant in the code as in the specification, or take the row out")
      }
      let wanted = book.value(of: SwiftLexer.tokens(of: row.value), inside: "")
      guard let wanted else {
        return finding(
          "the value \(row.value) of `\(row.name)` cannot be read", "write a number, a sum or a quoted text")
      }
      for one in found {
        let place = "\(one.path):\(one.line)"
        guard let actual = book.value(of: one.expression, inside: one.type) else {
          return finding(
            "`\(row.name)` at \(place) is no sum of numbers and other constants",
            "write it as one, so that it can be compared with \(row.value)")
        }
        guard actual == wanted else {
          return finding(
            "`\(row.name)` is \(wanted) here and \(actual) at \(place)",
            found.count > 1
              ? "make both say the same, or name the type: `\(one.type).\(one.name)`"
              : "make both say the same")
        }
      }
      return nil
    }
  }
}

/// A row of a specification's table of constants.
struct SpecifiedConstant: Equatable, Sendable {
  let name: String
  let value: String
  let line: Int

  static func all(in page: String) -> [SpecifiedConstant] {
    var rows: [SpecifiedConstant] = []
    var level: Int?
    var isFenced = false
    for (index, line) in page.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
      if line.hasPrefix("```") { isFenced.toggle() }
      guard !isFenced else { continue }
      let depth = line.prefix { $0 == "#" }.count
      if depth > 0, line.dropFirst(depth).first == " " {
        if line.contains("Constants") {
          level = level.map { min($0, depth) } ?? depth
        } else if let open = level, depth <= open {
          level = nil
        }
      } else if level != nil, let row = row(in: line, number: index + 1) {
        rows.append(row)
      }
    }
    return rows
  }

  private static func row(in line: Substring, number: Int) -> SpecifiedConstant? {
    guard line.hasPrefix("|") else { return nil }
    let cells = line.split(separator: "|", omittingEmptySubsequences: false).dropFirst().map { trimmed($0) }
    guard cells.count > 1, let name = cells.first, name.count > 2 else { return nil }
    guard name.hasPrefix("`"), name.hasSuffix("`") else { return nil }
    let word = name.dropFirst().dropLast()
    guard word.allSatisfy({ $0.isLetter || $0.isNumber || $0 == "_" || $0 == "." }) else { return nil }
    return SpecifiedConstant(
      name: String(word), value: String(cells[1].filter { $0 != "`" }), line: number)
  }

  private static func trimmed(_ text: Substring) -> Substring {
    var text = text.drop { $0 == " " }
    while text.last == " " { text.removeLast() }
    return text
  }
}

/// A `static let` in the code, with the type it stands in.
struct Constant: Sendable {
  let type: String
  let name: String
  let expression: [Token]
  let path: String
  let line: Int

  /// Whether `name`, alone or after (the end of) a type's name, means this constant.
  func answers(to name: String) -> Bool {
    "\(type).\(self.name)" == name || self.name == name || "\(type).\(self.name)".hasSuffix(".\(name)")
  }

  static func all(in sources: [SwiftSource]) -> [Constant] { sources.flatMap { all(in: $0) } }

  private static func all(in source: SwiftSource) -> [Constant] {
    let code = source.code
    var found: [Constant] = []
    var scopes: [String] = []
    var pending: String?
    for place in code.indices {
      let token = code[place]
      if token.kind == .word,
        ["struct", "enum", "class", "extension", "actor", "protocol"].contains(token.text)
      {
        if let name = typeName(after: place, in: code) { pending = name }
      } else if token.reads("{") {
        scopes.append(pending ?? "")
        pending = nil
      } else if token.reads("}") {
        _ = scopes.popLast()
      } else if token.reads("static"), place + 2 < code.count, code[place + 1].reads("let") {
        let expression = expression(after: place + 3, in: code)
        found.append(
          Constant(
            type: scopes.filter { !$0.isEmpty }.joined(separator: "."), name: code[place + 2].text,
            expression: expression, path: source.path, line: token.line))
      }
    }
    return found
  }

  private static func typeName(after place: Int, in code: [Token]) -> String? {
    var at = place + 1
    guard at < code.count, code[at].kind == .word, !["func", "var", "let"].contains(code[at].text) else {
      return nil
    }
    var name = code[at].text
    while at + 2 < code.count, code[at + 1].reads("."), code[at + 2].kind == .word {
      name += ".\(code[at + 2].text)"
      at += 2
    }
    return name
  }

  /// What follows the `=`, up to the end of the statement.
  private static func expression(after place: Int, in code: [Token]) -> [Token] {
    guard let equals = code[place...].firstIndex(where: { $0.reads("=") || $0.reads("{") }) else { return [] }
    guard code[equals].reads("=") else { return [] }
    var found: [Token] = []
    var depth = 0
    for token in code[(equals + 1)...] {
      if let last = found.last, depth == 0, token.line > last.line, !goesOn(last), !goesOn(token) { break }
      if ["(", "[", "{"].contains(token.text), token.kind == .symbol { depth += 1 }
      if [")", "]", "}"].contains(token.text), token.kind == .symbol { depth -= 1 }
      if depth < 0 || (depth == 0 && token.reads(";")) { break }
      found.append(token)
    }
    return found
  }

  /// Whether a line cannot end after, or begin a statement with, this symbol.
  private static func goesOn(_ token: Token) -> Bool {
    token.kind == .symbol && ["+", "-", "*", "/", "%", "<", "&", "|", "^", "."].contains(token.text)
  }
}
