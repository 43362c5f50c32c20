import ApusContracts
import ApusTestSupport
import Testing

@Suite("Definitions")
struct DefinitionTests {
  @Test("the example of the documentation means what it says")
  func example() throws {
    let project = try define(exampleText).get()
    #expect(project.name == "fraud")
    #expect(project.entities.map(\.name) == ["card", "account"])
    #expect(project.entities[1].keys == [KeyDefinition(name: "account_id", type: .int64)])
    let activity = project.views[0]
    #expect(activity.settings.ttl == (try Period(spelling: "30d")))
    #expect(activity.settings.history == .lasting(try Period(spelling: "400d")))
    #expect(activity.settings.freshness == (try Period(spelling: "15m")))
    #expect(activity.settings.maxLateness == (try Period(spelling: "7d")))
    #expect(activity.settings.maxFutureSkew == (try Period(spelling: "60s")))
    #expect(activity.settings.owner == "payments-ml")
    #expect(activity.features.map { "\($0.type)" } == ["int64", "float64", "string", "float32[64]"])
    #expect(activity.features[0].rules.isNullable == false)
    #expect(activity.features[1].rules.min == .float64(0))
    #expect(activity.features[2].rules.oneOf?.listed == [.string("buy"), .string("refund")])
    #expect(project.views[1].settings.ttl == nil)
    #expect(project.views[1].settings.history == .forever)
    let fraud = project.services[0]
    #expect(fraud.members.map(\.role) == [nil, "payer", "payee"])
    #expect(fraud.members[1].keys == [KeyRename(key: "account_id", requested: "payer_id")])
    #expect(fraud.defaults == [ServiceDefault(output: "txn_count_24h", value: .integer(0))])
  }

  @Test("what was read and written is read again as the same")
  func roundTrip() throws {
    let project = try define(exampleText).get()
    #expect(try define(project.yaml).get() == project)
  }

  @Test("any project survives being written and read", arguments: 0..<200)
  func anyRoundTrip(seed: UInt64) throws {
    var random = SplitMix64(seed: seed)
    let project = ProjectDefinition.random(&random)
    #expect(try define(project.yaml).get() == project, "seed \(seed)\n\(project.yaml)")
  }

  @Test("minus zero is zero, so that equal definitions have equal bytes")
  func zero() throws {
    let text = exampleText.replacing(
      "avg_amount_30d: {type: float64, min: 0}", with: "avg_amount_30d: {type: float64, min: -0.0}")
    #expect(
      try Registry().plan(try define(text).get()).records
        == Registry().plan(try define(exampleText).get()).records)
    #expect(try define(text).get().views[0].features[1].rules.min == .float64(0))
  }

  @Test("a project in several files is the project in one, whatever their order")
  func files() throws {
    let lines = exampleText.split(separator: "\n", omittingEmptySubsequences: false)
    let views = try #require(lines.firstIndex(of: "views:"))
    let services = try #require(lines.firstIndex(of: "services:"))
    let parts = [lines[1..<views], lines[views..<services], lines[services...]].map {
      DefinitionFile(name: "part.yaml", bytes: Array((["project: fraud"] + $0).joined(separator: "\n").utf8))
    }
    let whole = try define(exampleText).get()
    #expect(try DefinitionReader.read(parts) == whole)
    #expect(try DefinitionReader.read(parts.reversed()) == whole)
  }

  @Test("a file may begin with a byte order mark and end its lines as Windows does")
  func windows() throws {
    let bytes = [0xEF, 0xBB, 0xBF] + Array(exampleText.replacing("\n", with: "\r\n").utf8)
    #expect(try define(bytes: bytes).get() == define(exampleText).get())
    guard case .failure(let errors) = define(bytes: [0xEF, 0xBB, 0xBF] + Array("projekt: p".utf8)) else {
      return #expect(Bool(false))
    }
    #expect(errors.errors.map(\.place) == [.start])
  }

  @Test("a bound of a float may have more digits than an integer holds")
  func digits() throws {
    let max = try ApusContractsTests.example(
      "type: float64, min: 0", "type: float64, max: 100000000000000000000"
    )
    .views[0].features[1].rules.max
    #expect(max == .float64(1e20))
    for wrong in ["type: int64, max: 9223372036854775808", "type: float64, max: 0xFFFFFFFFFFFFFFFFFF"] {
      #expect(throws: DefinitionErrors.self) {
        try ApusContractsTests.example("type: float64, min: 0", wrong)
      }
    }
  }

  @Test("JSON is read as the YAML it is")
  func json() throws {
    let text = #"""
      {"project": "p", "entities": {"e": {"keys": {"k": "int64"}}},
       "views": {"v": {"entity": "e", "ttl": "none", "features": {"a\u0062c": {"type": "float64", "min": -1.5e3}}}}}
      """#
    let project = try define(text).get()
    #expect(project.views[0].features[0].name == "abc")
    #expect(project.views[0].features[0].rules.min == .float64(-1500))
  }

  @Test("periods are told in the largest unit that is whole")
  func periods() throws {
    for (spelling, told) in [
      ("30d", "30d"), ("2w", "14d"), ("24h", "1d"), ("90s", "90s"), ("60s", "1m"), ("500ms", "500ms"),
      ("1500ms", "1500ms"),
      ("106751d", "106751d"),
    ] {
      #expect("\(try Period(spelling: spelling))" == told)
    }
    for spelling in [
      "", "d", "30", "-1d", "1.5d", "1d2h", "30 d", "30D", "9223372036854775808ns", "106752d", "0s",
    ] {
      #expect(throws: Period.Fault.self) { try Period(spelling: spelling) }
    }
  }

  @Test("moments are read to the nanosecond and written back")
  func moments() {
    for (text, nanoseconds) in [
      ("1970-01-01T00:00:00Z", 0), ("1970-01-01", 0), ("2026-11-19T14:03:22Z", 1_795_097_002_000_000_000),
      ("2000-02-29T23:59:59.000000001Z", 951_868_799_000_000_001), ("1969-12-31T23:59:59.5Z", -500_000_000),
      ("1970-01-01T01:00:00+01:00", 0), ("2262-04-11T23:47:16.854775807Z", .max),
      ("1677-09-21T00:12:43.145224192Z", .min),
    ] as [(String, Int64)] {
      #expect(TimestampSpelling.nanoseconds(text) == nanoseconds, "\(text)")
      #expect(TimestampSpelling.nanoseconds(TimestampSpelling.text(nanoseconds)) == nanoseconds, "\(text)")
    }
    for text in [
      "2026-02-29", "2026-13-01", "2026-1-1", "2026-01-01T24:00:00Z", "2026-01-01T00:00:00", "2262-04-12",
      "2262-04-11T23:47:16.854775808Z", "1677-09-21T00:12:43.145224191Z",
      "1970-01-01Z",
      "2026-01-01T00:00:00.Z", "2026-01-01T00:00:00.1234567890Z",
    ] { #expect(TimestampSpelling.nanoseconds(text) == nil, "\(text)") }
    var random = SplitMix64(seed: 3)
    for _ in 0..<1_000 {
      let moment = Int64(truncatingIfNeeded: random.next())
      #expect(TimestampSpelling.nanoseconds(TimestampSpelling.text(moment)) == moment)
    }
  }

  @Test("references name a version, a feature, or neither")
  func references() {
    #expect(VersionedName(spelling: "card@2") == VersionedName(name: "card", number: 2))
    #expect(VersionedName(spelling: "card")?.number == nil)
    for text in ["card@", "card@0", "card@01", "card@+1", "@1", "", "card@1@2", "card@4294967296", "a b"] {
      #expect(VersionedName(spelling: text) == nil, "\(text)")
    }
    #expect(FeatureReference(spelling: "card@2:x")?.description == "card@2:x")
    for text in ["card", "card:", ":x", "card:x:y", "card@x:y"] {
      #expect(FeatureReference(spelling: text) == nil, "\(text)")
    }
  }

  @Test("a slip of the fingers gets a suggestion, another word none")
  func suggestions() {
    let known = ["entity", "owner", "ttl", "history", "freshness"]
    #expect(Suggestion.nearest(to: "tll", among: known) == "ttl")
    #expect(Suggestion.nearest(to: "onwer", among: known) == "owner")
    #expect(Suggestion.nearest(to: "HISTORY", among: known) == "history")
    #expect(Suggestion.nearest(to: "horses", among: known) == nil)
    #expect(Suggestion.nearest(to: "x", among: known) == nil)
    #expect(Suggestion.nearest(to: "", among: known) == nil)
  }
}
