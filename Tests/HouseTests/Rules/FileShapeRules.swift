/// A file is one capability: short enough to read at a sitting, and it begins by saying what must stay true.
extension Rule {
  static let linesMax = 600

  static let length = Rule(name: "length", covers: Reach.sources) { source in
    guard source.lineCount > linesMax else { return [] }
    return [
      Breach(
        line: linesMax + 1, what: "\(source.lineCount) lines, more than \(linesMax)",
        instead: "a file that wants a table of contents wants to be two")
    ]
  }

  /// A comment comes first, or right after the imports and before anything else.
  static let opening = Rule(name: "opening", covers: Reach.sources) { source in
    let importLines = Set(Import.all(in: source).map(\.line))
    guard let first = source.tokens.first(where: { !importLines.contains($0.line) }) else { return [] }
    guard first.kind != .comment else { return [] }
    return [
      Breach(
        line: first.line, what: "the file begins without a word on what must stay true",
        instead: "open it with a comment, before or right after the imports")
    ]
  }
}
