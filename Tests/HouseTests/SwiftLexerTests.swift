import Testing

@Suite("Telling code from what is quoted")
struct SwiftLexerTests {
  private func code(_ text: String) -> String {
    SwiftLexer.tokens(of: text).filter { $0.kind != .comment && $0.kind != .string && $0.kind != .regex }
      .map(\.text).joined(separator: " ")
  }

  @Test(
    "comments, strings and expressions are no code; what is interpolated is",
    arguments: [
      ("a // b", "a"),
      ("a /* b /* c */ d */ e", "a e"),
      ("a \"b \\\" c\" d", "a d"),
      ("\"a \\(b) c\" d", "b d"),
      ("\"a \\(\"b \\(c(d))\") e\" f", "c ( d ) f"),
      ("#\"a \\(b) \" \\#(c)\"# d", "c d"),
      ("\"\"\"\n a \" \\(b)\n \"\"\" c", "b c"),
      ("##\"a\"# b\"## c", "c"),
      ("\"a // b\" c", "c"),
      ("#/ a \" /# b", "b"),
      ("let r = /a\"b/ c", "let r = c"),
      ("a / b / c", "a / b / c"),
      ("`in` #if a", "in # if a"),
      ("\"not closed\na", "a"),
    ])
  func code(text: String, code expected: String) {
    #expect(code(text) == expected)
  }

  @Test("every token's line is right, across comments and strings of several lines")
  func lines() {
    let text = "a\n/* b\n c */ d\n\"\"\"\n e\\\n \\(f)\n\"\"\"\ng"
    let words = SwiftLexer.tokens(of: text).filter { $0.kind == .word }
    #expect(words.map(\.text) == ["a", "d", "f", "g"])
    #expect(words.map(\.line) == [1, 3, 6, 8])
  }

  @Test(
    "whatever is cut off in the middle, reading it ends",
    arguments: [
      "\"", "\"\\", "\"\\(", "\"\\(\"", "\"\"\"", "/*", "/* /*", "#\"", "#/", "`", "\"\\#", "a\\", "#", "/",
    ])
  func truncated(text: String) {
    _ = SwiftLexer.tokens(of: text)
    _ = SwiftLexer.tokens(of: text + "\n" + text)
  }

  @Test("every beginning of a nasty text is read to its end")
  func beginnings() {
    let text =
      "a\"b\\(c(\"\\(d!)\"))e\" #\"f\\#(g)\"# \"\"\"\nh\\\n\\(i)\n\"\"\" /* /* j\n */ */ (/k\\//) #/l\n/# `m` 1.5é"
    for count in 0...text.count {
      let lines = SwiftLexer.tokens(of: String(text.prefix(count))).map(\.line)
      #expect(lines == lines.sorted())
    }
  }
}
