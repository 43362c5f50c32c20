import Testing

@Suite("Constants of a specification")
struct ConstantsTests {
  private let page = """
    # Format
    | `notAConstant` | 1 |
    ## Constants of a segment
    | name | value | why |
    |---|---|---|
    | `headerByteCount` | 56 | |
    | `magic` | "APUS" | four letters |
    | `Frame.flagsAt` | `0x1_0` | |
    ### Limits
    | `sizeMax` | 1 << 20 | 1 MiB |
    ## Elsewhere
    | `neither` | 2 |
    """

  private func findings(_ code: String, page: String? = nil) -> [String] {
    ConstantsRule.findings(
      page: "Sources/ApusLog/Format.md", text: page ?? self.page,
      code: [SwiftSource(path: "Sources/ApusLog/Format.swift", text: code)]
    ).map(\.description)
  }

  @Test("rows are read under a heading that says Constants, and down to the next of its rank")
  func rows() {
    let rows = SpecifiedConstant.all(in: page)
    #expect(rows.map(\.name) == ["headerByteCount", "magic", "Frame.flagsAt", "sizeMax"])
    #expect(rows.map(\.value) == ["56", "\"APUS\"", "0x1_0", "1 << 20"])
    #expect(rows.map(\.line) == [6, 7, 8, 10])
  }

  private let code = """
    enum Segment {
      package static let magic: [UInt8] = Array("APUS".utf8)
      static let lengthAt = 4
      static let headerByteCount =
        lengthAt + MemoryLayout<UInt32>.size * 13  // fifty-two
      static let sizeMax: UInt64 = 1_024 * Limits.unit
    }
    struct Frame {
      static let flagsAt = (Segment.lengthAt * 3) + 4
    }
    extension Segment { enum Limits { static let unit = UInt64(1) << 10 } }
    """

  @Test("code that comes to the same values passes, however its sums are written")
  func same() {
    #expect(findings(code) == [])
  }

  @Test("a different value is found, with both values and both places")
  func different() throws {
    let found = findings(code.replacing("lengthAt = 4", with: "lengthAt = 8"))
    #expect(found.count == 2)
    let first = try #require(found.first)
    #expect(first.hasPrefix("Sources/ApusLog/Format.md:6: constants: "))
    #expect(first.contains("is 56 here and 60 at Sources/ApusLog/Format.swift:4"))
    #expect(findings(code.replacing("\"APUS\"", with: "\"APIS\"")).count == 1)
  }

  @Test("a constant that is missing, or cannot be worked out, is found")
  func missing() {
    #expect(findings("").count == 4)
    #expect(findings(code.replacing("headerByteCount", with: "headerBytes")).count == 1)
    #expect(findings(code.replacing("lengthAt = 4", with: "lengthAt = f()")).count == 2)
    #expect(findings(code.replacing("lengthAt = 4", with: "lengthAt = lengthAt")).count == 2)
  }

  @Test("of two constants with one name, both must agree, or the page names the type")
  func qualified() {
    let two = "enum A { static let n = 1 }\nenum B { static let n = 2 }"
    #expect(findings(two, page: "## Constants\n| `n` | 1 |").count == 1)
    #expect(findings(two, page: "## Constants\n| `A.n` | 1 |\n| `B.n` | 2 |") == [])
  }

  @Test(
    "sums are worked out as Swift does",
    arguments: [
      ("1 + 2 * 3", 7), ("2 * 1 << 3", 16), ("0x10 | 0b1", 17), ("-(4 - 6)", 2), ("UInt16.max", 65_535),
      ("7 / 2 % 2 + 0o7", 8), ("1 << 4 >> 2", 4), ("Int32.max & 0xFF", 255),
    ])
  func arithmetic(sum: String, value: Int) {
    #expect(findings("enum A { static let n = \(sum) }", page: "## Constants\n| `n` | \(value) |") == [])
  }

  @Test(
    "sums without a value are no trap",
    arguments: ["1 / 0", "1 << 9999", "a.b", "1 +", ")", "", "Int.min", "1 % 0"])
  func nonsense(sum: String) {
    #expect(findings("enum A { static let n = \(sum) }", page: "## Constants\n| `n` | 1 |").count == 1)
  }
}
