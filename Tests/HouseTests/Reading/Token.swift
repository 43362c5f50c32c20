/// One word of a Swift file, as far as the rules of the house need to tell words apart.
///
/// A comment is always one line long: a block comment becomes one token per line. A string literal becomes
/// one token per stretch between interpolations, and the code inside an interpolation becomes tokens
/// like any other. Symbols are single characters; `touchesPrevious` says whether two stand together.
struct Token: Equatable, Sendable {
  enum Kind: Sendable { case word, number, string, comment, regex, symbol }

  let kind: Kind
  /// What is written: without quotes for a string (escapes stay as they are), without backticks for a word.
  let text: String
  let line: Int
  let touchesPrevious: Bool

  /// Whether this is code that reads `text`, rather than a string or a comment that mentions it.
  func reads(_ text: String) -> Bool {
    (kind == .word || kind == .symbol || kind == .number) && self.text == text
  }
}
