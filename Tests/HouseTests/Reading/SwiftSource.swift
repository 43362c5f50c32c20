/// A Swift file of the house: where it lies (relative to the root) and what it says.
struct SwiftSource: Sendable {
  let path: String
  let lineCount: Int
  let tokens: [Token]
  /// The tokens without comments.
  let code: [Token]
  let comments: [Token]

  init(path: String, text: String) {
    self.path = path
    lineCount = text.utf8.count { $0 == UInt8(ascii: "\n") } + (text.utf8.last == UInt8(ascii: "\n") ? 0 : 1)
    tokens = SwiftLexer.tokens(of: text)
    code = tokens.filter { $0.kind != .comment }
    comments = tokens.filter { $0.kind == .comment }
  }

  /// The places in `code` where these words and symbols follow one another.
  func places(of words: String...) -> [Int] {
    guard code.count >= words.count else { return [] }
    return (0...code.count - words.count).filter { start in
      words.indices.allSatisfy { code[start + $0].reads(words[$0]) }
    }
  }

  /// Calls of a function by this bare name: neither a member of something nor a declaration.
  func calls(of name: String) -> [Token] {
    places(of: name, "(")
      .filter { $0 == 0 || !(code[$0 - 1].reads(".") || code[$0 - 1].reads("func")) }
      .map { code[$0] }
  }

  /// Whether a comment on one of these lines holds one of these phrases.
  func comment(on lines: ClosedRange<Int>, holdsOneOf phrases: [String]) -> Bool {
    comments.contains { comment in
      guard lines.contains(comment.line) else { return false }
      let text = comment.text.lowercased()
      return phrases.contains { text.contains($0) }
    }
  }

  /// What comes after `folder/` in the path up to the next slash: the module, where the folder holds modules.
  static func module(of path: String) -> String? {
    let parts = path.split(separator: "/")
    guard parts.count > 2, ["Sources", "Tests", "Benchmarks"].contains(parts[0]) else { return nil }
    return String(parts[1])
  }
}
