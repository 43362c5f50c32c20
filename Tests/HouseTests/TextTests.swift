import Testing

@Suite("Texts, verbs and links")
struct TextTests {
  @Test("a folder of one machine is found where a path begins with it", arguments: ["home", "root", "work"])
  func folders(name: String) {
    #expect(TextRules.findings(path: "a", text: "\ncd /\(name)/me").map(\.line) == [2])
    #expect(TextRules.findings(path: "a", text: "cd ../\(name)/me; cd $ROOT/\(name)s; ls a/\(name)/b") == [])
  }

  @Test("a registry's host is found")
  func registries() {
    #expect(
      TextRules.findings(path: "a", text: "deb http://deb.debian" + ".org/debian").map(\.rule) == ["registry"]
    )
    #expect(TextRules.findings(path: "a", text: "see www.debian.org") == [])
  }

  @Test("a missing verb and a verb without help are found")
  func verbs() {
    let good = PromiseRules.verbs.map { "\($0): ## does it" }.joined(separator: "\n")
    #expect(PromiseRules.findings(makefile: good) == [])
    #expect(PromiseRules.findings(makefile: good.replacing("lint: ## does it", with: "lint:")).count == 1)
    #expect(PromiseRules.findings(makefile: good.replacing("lint:", with: "hint:")).count == 1)
  }

  @Test("a robot that does not run make test is found")
  func robot() {
    #expect(PromiseRules.findings(robot: "#!/bin/bash\nexec make test\n") == [])
    #expect(PromiseRules.findings(robot: "#!/bin/bash\n  # make test\nmake build\n").count == 1)
  }

  @Test("a link that leads nowhere is found; links to the world are not followed")
  func links() {
    let text = "[a](Format.md#head) [b](../B/C.md)\n[c](https://example.org) [d](#here) [e](Gone.md)"
    let there: Set<String> = ["Sources/A/Format.md", "Sources/B/C.md"]
    let found = PromiseRules.findings(page: "Sources/A/Page.md", text: text) { there.contains($0) }
    #expect(found.map(\.line) == [2])
  }
}
