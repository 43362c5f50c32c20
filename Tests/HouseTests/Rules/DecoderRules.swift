/// Bytes from a peer or a disk must not reach a trap. In files that decode them:
///
/// - `precondition` and its kin have no place: a wrong peer gets an answer, and only a wrong self is a trap;
/// - a conversion between integers says what happens to a number that does not fit: `exactly:`, `clamping:` or
///   `truncatingIfNeeded:`. One that always fits says so in a comment beside it: `// widens UInt32`. `UInt64(…)`
///   passes unlabelled: it traps on negative numbers only, and no length or offset in our formats has a sign.
///
/// Arithmetic is not checked: a reader of text cannot know which `+` is on bytes of a peer.
extension Rule {
  static let decoderTrap = Rule(name: "decoder-trap", covers: decodes) { source in
    ["precondition", "preconditionFailure"].flatMap { source.calls(of: $0) }.map {
      Breach(
        line: $0.line, what: "`\($0.text)` in a file that decodes bytes",
        instead:
          "throw the room's error, with the position; a rule about our own code belongs outside the decoder")
    }
  }

  static let decoderConversion = Rule(name: "decoder-conversion", covers: decodes) { source in
    let code = source.code
    return code.indices.filter { place in
      guard integers.contains(code[place].text), code[place].kind == .word, place + 2 < code.count else {
        return false
      }
      guard code[place + 1].reads("("), code[place + 1].touchesPrevious else { return false }
      guard place == 0 || !code[place - 1].reads(".") else { return false }
      let argument = code[place + 2]
      if argument.kind == .number || argument.kind == .string || argument.reads(")") { return false }
      if place + 3 < code.count, code[place + 3].reads(":"), safeLabels.contains(argument.text) {
        return false
      }
      let line = code[place].line
      return !source.comment(on: max(1, line - 1)...line, holdsOneOf: ["widens"])
    }.map {
      Breach(
        line: code[$0].line, what: "`\(code[$0].text)(…)` traps on a number that does not fit",
        instead: "use `exactly:` or `truncatingIfNeeded:`, or say `// widens UInt32` when it always fits")
    }
  }

  private static let integers: Set<String> = [
    "Int", "Int8", "Int16", "Int32", "Int64", "UInt", "UInt8", "UInt16", "UInt32",
  ]

  private static let safeLabels: Set<String> = [
    "exactly", "clamping", "truncatingIfNeeded", "bitPattern", "littleEndian", "bigEndian", "ascii",
  ]

  /// Whether a file's name says that it decodes.
  @Sendable static func decodes(_ path: String) -> Bool {
    guard path.hasPrefix("Sources/"), let name = path.split(separator: "/").last, name.hasSuffix(".swift")
    else {
      return false
    }
    let roles = [
      "Reader", "Decoder", "Decoding", "Format", "Codec", "Recovery", "Scanner", "Walker", "Cursor", "Parser",
    ]
    return roles.contains { name.contains($0) }
  }
}
