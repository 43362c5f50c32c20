import Testing

/// For each rule: a file it finds fault with, and one as close to it as possible that it lets pass.
struct Example: Sendable, CustomTestStringConvertible {
  let rule: Rule
  let path: String
  let bad: String
  let good: String

  init(_ rule: Rule, at path: String = "Sources/ApusLog/Example.swift", bad: String, good: String) {
    self.rule = rule
    self.path = path
    self.bad = bad
    self.good = good
  }

  var testDescription: String { "\(rule.name): \(bad.prefix(40))" }

  static let all: [Example] = [
    Example(.imports, bad: "import ApusStore", good: "import ApusBytes"),
    Example(
      .imports, bad: "package import struct ApusIndex.Row", good: "package import struct ApusBytes.Key"),
    Example(.imports, bad: "@preconcurrency\ninternal import class ApusWire.X", good: "// import ApusWire"),
    Example(.imports, bad: "@testable import ApusBytes", good: "import ApusSystem"),
    Example(.imports, bad: "@_exported import ApusBytes", good: "package import ApusBytes"),
    Example(.imports, bad: "import Foundation", good: "import Synchronization"),
    Example(.imports, bad: "import FoundationEssentials", good: "let a = \"import Foundation\""),
    Example(.imports, bad: "import Glibc", good: "let a = x.import"),
    Example(.imports, bad: "import CZstd", good: "import ApusBytes"),
    Example(.imports, bad: "import Testing", good: "import ApusBytes"),
    Example(.imports, bad: "import Unheard", good: "import ApusBytes"),
    Example(.imports, bad: "import ApusTestSupport", good: "import ApusSystem"),
    Example(
      .imports, at: "Sources/apus/Main.swift", bad: "import ApusIndex",
      good: "import Foundation\nimport ApusLog"),
    Example(
      .imports, at: "Sources/ApusSystem/File.swift", bad: "import ApusLog",
      good: "import Glibc\nimport CLinux"),
    Example(
      .imports, at: "Tests/ApusLogTests/SomeTests.swift", bad: "import ApusStore",
      good: "import Testing\nimport Foundation\nimport ApusLog\nimport ApusBytes\nimport ApusTestSupport"),
    Example(
      .imports, at: "Tests/ApusBytesTests/SomeTests.swift", bad: "import CZstd", good: "import ApusBytes"),
    Example(
      .imports, at: "Benchmarks/ApusBench/A.swift", bad: "import Testing",
      good: "import CLoad\nimport ApusLog"),

    Example(
      .forcedTry, bad: "let a = try! f()", good: "let a = try f() // never try! here\nlet b = try? f()"),
    Example(.forcedTry, bad: "let a = \"\\(\"\\(try! f())\")\"", good: "let a = #\"\\(try! f())\"#"),
    Example(.forcedCast, bad: "let a = b as! Int", good: "let a = b as? Int"),
    Example(
      .forcedUnwrap, bad: "let a = b!",
      good: "let a = b != c && !d && b!=c"),
    Example(.forcedUnwrap, bad: "let a = b[0]!.c", good: "let a = [!b, !c] + (!d)"),
    Example(.forcedUnwrap, bad: "var a: Int!", good: "var a: Int? = .some(try f(!b))"),
    Example(.forcedUnwrap, bad: "f(x)!.y = 1", good: "/* a! /* b! */ c! */ let a = \"d!\""),
    Example(.forcedUnwrap, bad: "b!\n  .c()", good: "let a = \"\"\"\n  b! \" c!\n  \"\"\""),
    Example(.fatalError, bad: "fatalError(\"no\")", good: "precondition(a, \"fatalError(\")"),
    Example(.print, bad: "print(1)", good: "printer.print(1)\nfunc print(a: Int) {}"),
    Example(.unfinished, bad: "// TODO: later", good: "let todo = \"TODO\" // the to-do list, method XXXL"),
    Example(
      .uncheckedSendable, bad: "/// Holds a file.\nfinal class A: @unchecked Sendable {}",
      good: "/// The pointer is guarded by `lock`.\nfinal class A: @unchecked Sendable {}"),
    Example(
      .uncheckedSendable, bad: "// owned by the appender\n\n\n\n\n\n\nfinal class A: @unchecked Sendable {}",
      good: "// Everything here is immutable.\n\n\n\n\n\nfinal class A: @unchecked Sendable {}"),
    Example(.unownedUnsafe, bad: "unowned(unsafe) let a: A", good: "unowned let a: A"),
    Example(.dispatchQueue, bad: "DispatchQueue.main.sync {}", good: "// not a DispatchQueue"),
    Example(.sleep, at: "Tests/T/A.swift", bad: "usleep(10)", good: "let sleep = clock.slept()"),
    Example(
      .sleep, at: "Tests/T/A.swift", bad: "try await Task.sleep(for: .seconds(1))", good: "await wait(pipe)"),
    Example(.sleep, at: "Tests/T/A.swift", bad: "Thread.sleep(forTimeInterval: 1)", good: "func sleep() {}"),

    Example(
      .decoderTrap, at: "Sources/ApusLog/FrameReader.swift", bad: "precondition(length < 8)",
      good: "guard length < 8 else { throw .torn }  // no precondition()"),
    Example(
      .decoderTrap, at: "Sources/ApusLog/ManifestDecoder.swift", bad: "preconditionFailure(\"bad\")",
      good: "self.precondition(a)"),
    Example(
      .decoderConversion, at: "Sources/ApusLog/FrameReader.swift", bad: "let a = Int(length)",
      good:
        "let a = Int(length)  // widens UInt32\nlet b = Int(exactly: c)\nlet d = UInt8(0x7F)\nlet e = Int()\nlet f = UInt64(g)"
    ),
    Example(
      .decoderConversion, at: "Sources/ApusBytes/VarintCodec.swift", bad: "return UInt32(a + b)",
      good: "// widens UInt8\nreturn UInt32(a) | UInt32(truncatingIfNeeded: b)"),

    Example(
      .length, bad: String(repeating: "//\n", count: 601), good: String(repeating: "//\n", count: 600)),
    Example(
      .opening, bad: "import ApusBytes\n\nstruct A {}\n// too late",
      good: "import ApusBytes\npackage import ApusSystem\n\n/// Offsets ascend.\nstruct A {}"),
    Example(.opening, bad: "enum A {}", good: "// Offsets ascend.\n\nimport ApusBytes\n\nenum A {}"),
  ]
}

@Suite("The rules for one file")
struct RuleTests {
  @Test("a rule finds fault with its bad example and says where", arguments: Example.all)
  func bad(_ example: Example) throws {
    let findings = example.rule.findings(in: SwiftSource(path: example.path, text: example.bad))
    let finding = try #require(findings.first)
    #expect(findings.count == 1)
    #expect(finding.description.hasPrefix("\(example.path):\(finding.line): \(example.rule.name): "))
    #expect(finding.description.contains(" — "))
  }

  @Test("a rule lets its good example pass", arguments: Example.all)
  func good(_ example: Example) {
    #expect(example.rule.findings(in: SwiftSource(path: example.path, text: example.good)) == [])
  }

  @Test("every rule has a bad example")
  func complete() {
    #expect(Set(Rule.all.map(\.name)) == Set(Example.all.map(\.rule.name)))
  }

  @Test("a rule keeps to its part of the tree")
  func reach() {
    let print = SwiftSource(path: "Sources/apus/Main.swift", text: "print(1)")
    let force = SwiftSource(path: "Tests/ApusLogTests/A.swift", text: "let a = b!")
    let sleep = SwiftSource(path: "Sources/ApusSystem/A.swift", text: "usleep(1)")
    let trap = SwiftSource(path: "Sources/ApusLog/Log.swift", text: "precondition(a)")
    #expect(Rule.print.findings(in: print) == [])
    #expect(Rule.forcedUnwrap.findings(in: force) == [])
    #expect(Rule.sleep.findings(in: sleep) == [])
    #expect(Rule.decoderTrap.findings(in: trap) == [])
  }

  @Test(
    "files named for decoding are known as decoders",
    arguments: [
      "FrameReader", "ManifestDecoder", "SegmentFormat", "KeyCodec", "Log+Recovery", "FrameScanner",
      "FrameWalker",
    ])
  func decoders(name: String) {
    #expect(Rule.decodes("Sources/ApusLog/\(name).swift"))
    #expect(!Rule.decodes("Tests/ApusLogTests/\(name).swift"))
    #expect(!Rule.decodes("Sources/ApusLog/Appender.swift"))
  }
}
