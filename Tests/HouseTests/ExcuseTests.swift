import Testing

@Suite("Excuses")
struct ExcuseTests {
  private func findings(_ text: String) -> [Finding] {
    Inspection.findings(
      in: SwiftSource(path: "Sources/ApusLog/A.swift", text: text), rules: [.forcedUnwrap, .fatalError])
  }

  @Test("an excuse with a reason covers the next line of code")
  func covered() {
    #expect(
      findings("// house: allow forced-unwrap because the literal is not empty\nlet a = \"x\".first!") == [])
    #expect(
      findings("// house: allow forced-unwrap because the\n// literal is not empty\nlet a = \"x\".first!")
        == [])
  }

  @Test("an excuse without a reason does not count, and is a fault itself")
  func withoutReason() {
    for marker in [
      "// house: allow forced-unwrap", "// house: allow forced-unwrap because",
      "// house: allow forced-unwrap it works",
    ] {
      #expect(findings("\(marker)\nlet a = b!").map(\.rule) == ["forced-unwrap", "excuse"])
    }
  }

  @Test("an excuse covers neither another rule nor a line further down")
  func elsewhere() {
    let excuse = "// house: allow forced-unwrap because it is never empty\n"
    #expect(findings(excuse + "fatalError()").map(\.rule) == ["fatal-error", "excuse"])
    #expect(findings(excuse + "let a = b\nlet c = d!").map(\.rule) == ["forced-unwrap", "excuse"])
  }

  @Test("an excuse that nothing needs, or from a rule that does not exist, is a fault")
  func idle() {
    #expect(
      findings("// house: allow forced-unwrap because of old times\nlet a = b").map(\.rule) == ["excuse"])
    #expect(findings("// house: allow everything because I say so\nlet a = b").map(\.rule) == ["excuse"])
  }

  @Test("prose that mentions an excuse is none")
  func prose() {
    #expect(findings("/// Write `house: allow RULE because REASON`.\nlet a = \"house: allow x\"") == [])
  }
}
