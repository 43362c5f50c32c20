import ApusContracts
import ApusIngest
import ApusSystem
import ApusTestSupport
import Testing

/// Takes rows of one kind of count in a block, and at most so many.
private final class PickySink: RowSink {
  let rowsMax: Int
  private(set) var blocks: [RowBlock] = []
  private(set) var asked: [Int] = []
  private var kind: FeatureType?

  init(rowsMax: Int) { self.rowsMax = rowsMax }

  func joins(_ row: FileRow, behind count: Int) -> Bool {
    asked.append(row.line)
    let kind: FeatureType? = if case .value(let value) = row.inputs[0] { value.type } else { nil }
    let joins = count == 0 || count < rowsMax && kind == self.kind
    self.kind = kind
    return joins
  }

  func submit(_ block: RowBlock) throws(SystemError) -> RowOutcome {
    blocks.append(block)
    var outcome = RowOutcome()
    outcome.accepted = block.rows.count
    return outcome
  }
}

@Suite("Blocks")
struct BlockTests {
  private static let head = "card,event_timestamp,count\n"

  private func load(_ text: String, into sink: PickySink, stored: LoadOffset? = nil) throws -> LoadReport {
    var load = try FileLoad(
      ByteList(text), Loading.target, LoadOptions(), stored: stored, keepsOffset: true)
    try load.run(into: sink, choice: .eventTime)
    return load.report
  }

  @Test(
    "end where the sink says so, lose no row, and each offset is right behind its own rows", arguments: 0..<8)
  func ends(seed: UInt64) throws {
    var random = SplitMix64(seed: seed)
    var text = Self.head
    for row in 0..<200 { text += "c\(row),2020-01-01T00:00:00Z,\(random.chance(0.3) ? "x" : "\(row)")\n" }
    let sink = PickySink(rowsMax: 7)
    let report = try load(text, into: sink)
    #expect(report.accepted == 200 && report.rows == 200, "seed \(seed)")
    #expect(sink.asked == Array(2..<202), "each row is asked about once, in order; seed \(seed)")
    #expect(sink.blocks.flatMap(\.rows).map(\.line) == sink.asked)
    #expect(sink.blocks.allSatisfy { $0.rows.count <= 7 && !$0.rows.isEmpty })
    for block in sink.blocks {
      #expect(Set(block.rows.map(\.hasMisfit)).count == 1, "seed \(seed)")
      // Whoever ended with this block goes on with the next row.
      let rest = PickySink(rowsMax: 7)
      let again = try load(text, into: rest, stored: block.offset)
      let last = try #require(block.rows.last?.line)
      #expect(again.passedOver == last - 1, "seed \(seed)")
      #expect(rest.blocks.flatMap(\.rows).map(\.line) == Array((last + 1)..<202), "seed \(seed)")
    }
    #expect(sink.blocks.map(\.offset.isEnd) == sink.blocks.indices.map { $0 == sink.blocks.count - 1 })
  }
}

@Suite("A described view")
struct DescribedViewTests {
  private static let json = #"""
    {"project":"shop","view":{"name":"activity@2","current":true,"retired":false,"rows":null,"events":3,
    "entity":{"name":"card","description":"a \"card\"","keys":[{"name":"card","type":"string"},{"name":"day","type":"int32"}]},
    "settings":{},"feature_list":[{"name":"count","type":"int64","rules":{}},{"name":"spot","type":"float32[3]"},
    {"name":"words","type":"list<string>"}]}}

    """#

  @Test("has the keys, the features and their types that the JSON names")
  func whole() throws {
    let view = try #require(DescribedView(json: Self.json))
    #expect(view.target.spelling == "activity@2" && !view.isRetired && view.hasEvents)
    #expect(
      view.target.keys == [
        KeyDefinition(name: "card", type: .string), KeyDefinition(name: "day", type: .int32),
      ])
    #expect(view.target.features.map(\.name) == ["count", "spot", "words"])
    #expect(view.target.features.map { "\($0.type)" } == ["int64", "float32[3]", "list<string>"])
    let empty = DescribedView(json: Self.json.replacing(#""events":3"#, with: #""events":0"#))
    #expect(empty?.hasEvents == false)
  }

  @Test("is none when anything is missing, of a type that this program does not know, or cut off")
  func none() {
    for (old, new) in [
      (#""view":"#, #""service":"#), (#""name":"activity@2","#, ""), (#""retired":false,"#, ""),
      (#""events":3"#, #""events":null"#), ("int64", "int65"), ("int32", "float32"),
      (#""feature_list""#, #""features""#), (#""keys""#, #""key""#),
    ] {
      #expect(DescribedView(json: Self.json.replacing(old, with: new)) == nil, "\(old)")
    }
    for count in 0..<(Self.json.count - 2) {
      #expect(DescribedView(json: String(Self.json.prefix(count))) == nil, "\(count)")
    }
  }
}
