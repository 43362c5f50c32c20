// How complaints quote what people wrote: short, on one line, and with nothing in it that a terminal would obey.

/// Text cut to a length that fits into a sentence, control characters escaped.
package struct Shortened: CustomStringConvertible {
  package static let scalarCountMax = 40
  package let description: String

  package init(_ text: String) {
    var shown = ""
    for (count, scalar) in text.unicodeScalars.enumerated() {
      if count == Self.scalarCountMax {
        shown += "…"
        break
      }
      switch scalar.properties.generalCategory {
      case .control, .format, .lineSeparator, .paragraphSeparator, .privateUse, .unassigned, .surrogate:
        shown += "\\u{\(String(scalar.value, radix: 16))}"
      default: shown.unicodeScalars.append(scalar)
      }
    }
    description = shown
  }
}

/// Shortened text in quotes.
package struct Quoted: CustomStringConvertible {
  package let description: String
  package init(_ text: some StringProtocol) { description = "\"\(Shortened(String(text)))\"" }
}

/// What someone may have meant.
package enum Suggestion {
  /// The candidate nearest to `name`, when it is near enough to be a slip: at most one edit in three letters, at
  /// most three in all. Swapping two neighbours is one edit. Of equally near ones the first wins.
  package static func nearest(to name: String, among candidates: some Sequence<String>) -> String? {
    let wanted = Array(name.utf8)
    guard wanted.count <= wordLengthMax else { return nil }
    var best: (distance: Int, name: String)?
    for candidate in candidates.prefix(candidateCountMax) {
      let other = Array(candidate.utf8)
      let limit = min(3, max(wanted.count, other.count) / 3, (best?.distance ?? .max) - 1)
      guard other.count <= wordLengthMax, abs(other.count - wanted.count) <= limit else { continue }
      if let found = distance(wanted.map(lowered), other.map(lowered), atMost: limit) {
        best = (found, candidate)
      }
    }
    return best?.name
  }

  /// Longer words are not compared, so that a complaint costs little whatever the file says.
  private static let wordLengthMax = 64
  private static let candidateCountMax = 1_000

  private static func lowered(_ byte: UInt8) -> UInt8 {
    (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte) ? byte | 0x20 : byte
  }

  /// Damerau and Levenshtein's, restricted to swaps of neighbours; nil once it must be above the limit.
  private static func distance(_ a: [UInt8], _ b: [UInt8], atMost limit: Int) -> Int? {
    var twoAgo = [Int](repeating: 0, count: b.count + 1)
    var above = Array(0...b.count)
    for i in 0..<a.count {
      var row = [i + 1]
      for j in 0..<b.count {
        var least = min(above[j + 1] + 1, row[j] + 1, above[j] + (a[i] == b[j] ? 0 : 1))
        if i > 0, j > 0, a[i] == b[j - 1], a[i - 1] == b[j] { least = min(least, twoAgo[j - 1] + 1) }
        row.append(least)
      }
      // A swap skips a row, so both must be above.
      if (row.min() ?? 0) > limit, (above.min() ?? 0) > limit { return nil }
      (twoAgo, above) = (above, row)
    }
    return above[b.count] <= limit ? above[b.count] : nil
  }
}
