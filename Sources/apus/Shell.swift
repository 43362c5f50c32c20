/// Words as a shell reads them back, so that a command that is proposed can be pasted.
enum Shell {
  static func word(_ text: String) -> String {
    let plain = text.unicodeScalars.allSatisfy { scalar in
      scalar.properties.isAlphabetic || "0"..."9" ~= scalar || "-_./@:,=+%".unicodeScalars.contains(scalar)
    }
    if plain, !text.isEmpty { return text }
    return "'" + text.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "'\\''") + "'"
  }

  static func words(_ all: [String]) -> String { all.map(word).joined(separator: " ") }
}
