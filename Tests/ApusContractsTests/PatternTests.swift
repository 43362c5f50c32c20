import ApusContracts
import ApusTestSupport
import Foundation
import Testing

@Suite("Patterns")
struct PatternTests {
  @Test(
    "a pattern matches whole texts",
    arguments: [
      ("abc", ["abc"], ["", "ab", "abcd", "xabc"]), ("", [""], ["a"]), ("a|b|", ["a", "b", ""], ["ab"]),
      ("[a-c]+\\d{2,3}", ["a12", "cab123"], ["a1", "a1234", "12"]),
      (".", ["é", "😀", "a"], ["", "\n", "ab"]),
      ("(?:ab)*", ["", "ab", "abab"], ["a", "aba"]), ("[^a]", ["b", "\n", "é"], ["a", ""]),
      ("\\w+@\\w+\\.com", ["a_1@b.com"], ["a@bxcom", "@b.com"]), ("[\\d-]+", ["1-2"], ["a"]),
      ("a{0}", [""], ["a"]), ("a{2,}", ["aa", "aaaaa"], ["a"]), ("(a*)*", ["", "aaa"], ["b"]),
      ("\\s\\S", [" a"], ["  "]),
      ("[]", [], []), ("(|a){3}", ["", "a", "aaa"], ["aaaa"]),
    ] as [(String, [String], [String])])
  func whole(source: String, admitted: [String], refused: [String]) {
    guard let pattern = try? Pattern(source) else { return #expect(source == "[]") }
    for text in admitted { #expect(pattern.matches(text), "\(source) \(text)") }
    for text in refused { #expect(!pattern.matches(text), "\(source) \(text)") }
  }

  @Test(
    "what is outside of the subset is refused with its place",
    arguments: [
      ("^a", 1, .anchor), ("a$", 2, .anchor), ("a*?", 3, .repeatTwice), ("a**", 3, .repeatTwice),
      ("*a", 1, .nothingToRepeat), ("(a", 1, .unclosedGroup), ("a)", 2, .unopenedGroup),
      ("[a", 1, .unclosedClass),
      ("[]", 1, .emptyClass), ("[z-a]", 2, .badRange), ("a{2,1}", 2, .badCount(limit: 1_000)),
      ("a{1001}", 2, .badCount(limit: 1_000)), ("a{", 2, .badCount(limit: 1_000)),
      ("\\b", 1, .unknownEscape("\\b")),
      ("\\1", 1, .unknownEscape("\\1")), ("(?=a)", 1, .groupKind), ("a]", 2, .unescaped("]")),
      ("[[:alpha:]]", 2, .unescaped("[")),
      ("a\\", 2, .trailingBackslash), ("[\\d-a]", 2, .badRange),
    ] as [(String, Int, PatternFault.Kind)])
  func refused(source: String, at place: Int, kind: PatternFault.Kind) {
    #expect(throws: PatternFault(at: place, kind)) { try Pattern(source) }
  }

  @Test("limits hold: length, depth, and the size of what counts multiply to")
  func limits() {
    #expect(throws: PatternFault.self) { try Pattern(String(repeating: "a", count: 1_025)) }
    #expect(throws: PatternFault.self) {
      try Pattern(String(repeating: "(", count: 400) + String(repeating: ")", count: 400))
    }
    #expect(throws: PatternFault(at: nil, .tooComplex(limit: 1_024))) {
      try Pattern("((a{1000}){1000}){1000}")
    }
    #expect((try? Pattern("((((){1000}){1000}){1000}){1000}"))?.matches("") == true)
    #expect((try? Pattern("((){1000,}){1000,}"))?.matches("") == true)
  }

  @Test("no pattern takes long, not even those that hang others")
  func time() throws {
    let text = String(repeating: "a", count: 4_095) + "!"
    let clock = ContinuousClock()
    for source in ["(a*)*b", "(a|aa)+", "(a+)+(a+)+c", "([a-z]?){200}[a-z]{0,200}", "(.*){30}x"] {
      let pattern = try Pattern(source)
      let taken = clock.measure { #expect(!pattern.matches(text)) }
      #expect(taken < .seconds(5), "\(source) took \(taken)")
    }
    #expect(try Pattern("a*").matches(String(repeating: "a", count: 4_096)))
    #expect(try !Pattern("a*").matches(String(repeating: "a", count: 4_097)))
  }

  @Test("random patterns agree with Foundation's engine", arguments: 0..<40)
  func differential(seed: UInt64) throws {
    var random = SplitMix64(seed: seed)
    for _ in 0..<50 {
      let source = Self.source(&random, depth: 3)
      guard let pattern = try? Pattern(source) else {
        Issue.record("refused \(source)")
        continue
      }
      // ICU means all of Unicode by \w, we mean ASCII.
      let ascii = source.replacing("\\w", with: "[A-Za-z0-9_]")
      let other = try NSRegularExpression(pattern: "\\A(?:\(ascii))\\z")
      for _ in 0..<20 {
        let text = String((0..<random.below(7)).map { _ in random.pick(Array("abc1_ é😀\n-")) })
        let range = NSRange(text.startIndex..., in: text)
        #expect(
          pattern.matches(text) == (other.firstMatch(in: text, range: range) != nil), "\(source) on \(text)")
      }
    }
  }

  @Test("any text is a pattern or a refusal", arguments: 0..<20)
  func fuzz(seed: UInt64) {
    var random = SplitMix64(seed: seed)
    for _ in 0..<500 {
      let source = String(
        (0..<random.below(20)).map { _ in random.pick(Array("ab()[]{}|*+?.,0129\\^$-dwé&")) })
      _ = (try? Pattern(source))?.matches("ab12")
    }
  }

  private static func source(_ random: inout SplitMix64, depth: Int) -> String {
    let atoms = [
      "a", "b", "c", "1", "é", "😀", ".", "\\d", "\\w", "\\S", "\\.", "-", "[a-c]", "[^a1]", "[\\d_]", "[a-]",
      " ",
    ]
    guard depth > 0 else { return random.pick(atoms) }
    switch random.below(6) {
    case 0: return random.pick(atoms)
    case 1, 2: return source(&random, depth: depth - 1) + source(&random, depth: depth - 1)
    case 3: return "(\(source(&random, depth: depth - 1))|\(source(&random, depth: depth - 1)))"
    case 4:
      return "(?:\(source(&random, depth: depth - 1)))"
        + random.pick(["*", "+", "?", "{2}", "{0,2}", "{1,}"])
    default: return "(\(source(&random, depth: depth - 1)))"
    }
  }
}
