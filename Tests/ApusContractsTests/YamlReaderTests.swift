import ApusContracts
import ApusTestSupport
import Testing

@Suite("The YAML reader")
struct YamlReaderTests {
  private func scalar(_ text: String) -> YamlScalar? {
    guard let root = try? YamlReader.read(Array("[\(text)]".utf8)).root,
      case .sequence(let nodes) = root.content,
      nodes.count == 1, case .scalar(let scalar) = nodes[0].content
    else { return nil }
    return scalar
  }

  @Test(
    "plain words are what YAML 1.2's core schema says, and nothing of YAML 1.1",
    arguments: [
      ("on", .string("on")), ("no", .string("no")), ("yes", .string("yes")), ("Off", .string("Off")),
      ("y", .string("y")),
      ("true", .bool(true)), ("TRUE", .bool(true)), ("tRUE", .string("tRUE")), ("False", .bool(false)),
      ("~", .null),
      ("null", .null), ("NULL", .null), ("nULL", .string("nULL")), ("12", .integer(12)),
      ("-12", .integer(-12)),
      ("+12", .integer(12)), ("0777", .integer(777)), ("0o17", .integer(15)), ("0x1F", .integer(31)),
      ("0o18", .string("0o18")),
      ("0x-1", .string("0x-1")), ("-0x1", .string("-0x1")), ("0b1", .string("0b1")),
      ("1_000", .string("1_000")),
      ("12:30:00", .string("12:30:00")), ("2026-01-01", .string("2026-01-01")), ("1.5", .float(1.5)),
      (".5", .float(0.5)),
      ("1.", .float(1)), ("-1e3", .float(-1000)), ("1e", .string("1e")), (".", .string(".")),
      ("1.2.3", .string("1.2.3")),
      (".inf", .float(.infinity)), ("-.INF", .float(-.infinity)), ("inf", .string("inf")),
      ("nan", .string("nan")),
      ("9223372036854775807", .integer(.max)), ("9223372036854775808", .hugeInteger("9223372036854775808")),
      ("0xFFFFFFFFFFFFFFFFF", .hugeInteger("0xFFFFFFFFFFFFFFFFF")), ("\"12\"", .string("12")),
      ("'true'", .string("true")),
      ("\"\"", .string("")), ("\"a\\u00e9\\n\"", .string("aé\n")), ("<<", .string("<<")),
      ("0x1p3", .string("0x1p3")),
    ] as [(String, YamlScalar)])
  func coreSchema(text: String, expected: YamlScalar) {
    #expect(scalar(text) == expected)
  }

  @Test(".nan is a float that is no number")
  func nan() {
    guard case .float(let value)? = scalar(".nan") else { return #expect(Bool(false)) }
    #expect(value.isNaN)
    #expect(scalar("-.nan") == .string("-.nan"))
  }

  @Test("every node knows where it stands, in characters")
  func places() throws {
    let root = try YamlReader.read(Array("é: {b: [1,\n   x]}\n".utf8)).root
    guard case .mapping(let outer) = root.content, case .mapping(let inner) = outer[0].value.content,
      case .sequence(let items) = inner[0].value.content
    else { return #expect(Bool(false)) }
    #expect(outer[0].keyPlace == SourcePlace(line: 1, column: 1))
    #expect(inner[0].keyPlace == SourcePlace(line: 1, column: 5))
    #expect(items.map(\.place) == [SourcePlace(line: 1, column: 9), SourcePlace(line: 2, column: 4)])
  }

  @Test("files that blow up elsewhere are refused at once")
  func bombs() {
    let deep = Array(String(repeating: "[", count: 500_000).utf8)
    #expect(throws: YamlProblem.self) { try YamlReader.read(deep) }
    let nested = Array(
      (0..<2_000).map { String(repeating: " ", count: $0) + "a:\n" }.joined().utf8.prefix(1 << 20))
    #expect(throws: YamlProblem.self) { try YamlReader.read(nested) }
    let laughs = "a: &a [x, x]\nb: &b [*a, *a]\nc: &c [*b, *b]\n"
    #expect((try? YamlReader.read(Array(laughs.utf8)))?.problems.count == 7)
  }

  @Test("a file as large as allowed is judged soon, whatever it holds")
  func time() {
    let clock = ContinuousClock()
    let pieces = [
      "a,", "- ", "? ", "k: {", "\"", "'a", "#\n", "\n", "a: b\n", "&a ", "!t ", "a:\n", "[a,", "{a: ", "|\n",
      "\t", "- - - ",
    ]
    for piece in pieces {
      let count = YamlReader.byteCountMax / piece.utf8.count
      let bytes = Array(
        ("[" + String(repeating: piece, count: count - 1)).utf8.prefix(YamlReader.byteCountMax))
      for bytes in [bytes, Array(bytes.dropFirst())] {
        let taken = clock.measure { _ = define(bytes: bytes) }
        #expect(taken < .seconds(10), "\(piece) took \(taken)")
      }
    }
  }

  @Test("valid YAML made to be costly is judged soon too")
  func costly() {
    let head = "project: p\nentities: {e: {keys: {k: int64}}}\nviews:\n  v:\n    entity: e\n    ttl: none\n"
    let long = String(repeating: "x", count: 58)
    func many(_ count: Int, _ text: (Int) -> String) -> String {
      (0..<count).map(text).joined(separator: ", ")
    }
    let files = [
      head + "    tags: [\(many(110_000) { "t\($0)" })]\n    features: {x: {type: int64}}\n",
      head + "    features: {\(many(12_000) { "\(long)\($0): {}" })}\n",
      head
        + "    features: {\(many(7_000) { "\(long)\($0 % 5_000): {type: int64}" })}\nservices: {s: {features: [{view: v, take: [\(many(4_000) { "\(long)y\($0)" })]}]}}\n",
      head
        + "    features: {\(many(4_000) { "a\($0): {type: int64}" })}\nservices: {s: {features: [\(many(40_000) { _ in "{view: v}" })]}}\n",
      head
        + "    features: {x: {type: int64}}\nservices: {\(many(20_000) { "s\($0): {features: [{view: v}]}" })}\n",
    ]
    let clock = ContinuousClock()
    for (index, file) in files.enumerated() {
      let taken = clock.measure { #expect(define(file).error != nil) }
      #expect(taken < .seconds(10), "file \(index) took \(taken)")
    }
  }

  @Test("whatever is done to a good file, it is read or refused, never anything else", arguments: 0..<40)
  func fuzz(seed: UInt64) {
    var random = SplitMix64(seed: seed)
    let original = Array(exampleText.utf8)
    let tokens = [
      "&a ", "*a", "!!str ", "---\n", "...\n", "{", "}", "[", "]", ": ", "? ", "- ", "|", ">", "\"", "'", "#",
      "%YAML 1.2\n", "\t", "\r", "\u{85}", "\u{2028}", "\u{FEFF}", "\0", "<<: ", ",", "0", "none", "\n  ",
    ].map { Array($0.utf8) }
    for _ in 0..<150 {
      var bytes = original
      for _ in 0...random.below(6) {
        let at = random.below(bytes.count)
        let end = min(bytes.count, at + random.below(30))
        switch random.below(6) {
        case 0: bytes[at] = UInt8(truncatingIfNeeded: random.next())
        case 1: bytes.removeSubrange(at..<end)
        case 2: bytes.insert(contentsOf: bytes[at..<end], at: random.below(bytes.count))
        case 3: bytes.insert(contentsOf: random.pick(tokens), at: at)
        case 4: bytes.replaceSubrange(at..<end, with: random.pick(tokens))
        default: bytes.swapAt(at, random.below(bytes.count))
        }
        if bytes.isEmpty { bytes = [0x20] }
      }
      switch define(bytes: bytes) {
      case .success(let project): #expect(define(project.yaml).value == project)
      case .failure(let errors):
        #expect(!errors.errors.isEmpty)
        #expect(errors.errors.map(\.place) == errors.errors.map(\.place).sorted())
        #expect(!"\(errors)".contains("\u{7}"))
      }
    }
  }

  @Test("random bytes are refused, or are an empty promise", arguments: 0..<10)
  func noise(seed: UInt64) {
    var random = SplitMix64(seed: seed)
    for _ in 0..<300 {
      var bytes = random.bytes(random.below(60))
      if random.coin() { bytes = bytes.map { $0 & 0x7F } }
      #expect(define(bytes: bytes).error != nil)
    }
  }
}

extension Result {
  fileprivate var value: Success? { if case .success(let value) = self { value } else { nil } }
}
