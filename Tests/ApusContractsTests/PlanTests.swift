import ApusContracts
import ApusTestSupport
import Foundation
import Testing

@Suite("Plans")
struct PlanTests {
  private func registry() throws -> Registry {
    var registry = Registry()
    try apply(try define(exampleText).get(), to: &registry)
    return registry
  }

  /// The plan that leads from the example to the example with one piece replaced.
  private func plan(_ old: String, _ new: String) throws -> Plan {
    try registry().plan(try example(old, new))
  }

  @Test("the first apply makes version 1 of everything, and current")
  func first() throws {
    let definition = try define(exampleText).get()
    let plan = try Registry().plan(definition)
    #expect(
      plan.description == """
        + entity card   keys {card_id: string}
          producers: safe      readers: safe
        + entity account   keys {account_id: int64}
          producers: safe      readers: safe
        + card_activity@1   of card, 4 features, ttl 30d
          producers: safe      readers: safe
        + account_profile@1   of account, 1 feature, ttl none
          producers: safe      readers: safe
        + fraud@1   4 features
          producers: safe      readers: safe
        """)
    let registry = try registry()
    let project = try #require(registry.project("fraud"))
    #expect(registry.version(VersionedName(name: "card_activity"), in: project.id)?.number == 1)
    #expect(try registry.plan(definition).isEmpty)
    #expect(try registry.plan(definition).description == "nothing to change")
  }

  @Test("widening an allowed set is safe for producers and a new value for readers")
  func widening() throws {
    let plan = try plan("[buy, refund]", "[buy, refund, add_to_cart]")
    #expect(
      plan.description == """
        ~ card_activity@1.last_action   one_of + add_to_cart
          producers: safe      readers: NEW VALUE (no service reads it)
        """)
    #expect(plan.needs == [])
  }

  @Test("what a service reads needs its readers' consent, and names it")
  func consent() throws {
    let plan = try plan("min: 0}\n      last_action", "min: -1}\n      last_action")
    #expect(
      plan.description == """
        ~ card_activity@1.avg_amount_30d   min 0 -> -1
          producers: safe      readers: NEW VALUE (read by fraud@1)
        next: apply with --accept readers
        """)
    let registry = try registry()
    #expect(throws: PlanRefusal.notAccepted([.readers], plan.changes)) {
      try registry.changes(applying: plan)
    }
    #expect(throws: PlanRefusal.self) { try registry.changes(applying: plan, accepting: [.producers]) }
    #expect(try registry.changes(applying: plan, accepting: [.readers]).count == 1)
  }

  @Test("retyping mints a version that is not current; the service stays where it is")
  func retyping() throws {
    var registry = try registry()
    let next = try example("avg_amount_30d: {type: float64, min: 0}", "avg_amount_30d: {type: int64, min: 0}")
    let plan = try apply(next, to: &registry)
    #expect(
      plan.description == """
        ~ card_activity@1.avg_amount_30d   type float64 -> int64   (new version card_activity@2)
          producers: NEW VERSION  readers: NEW VERSION
        """)
    let project = try #require(registry.project("fraud")).id
    #expect(registry.version(VersionedName(name: "card_activity"), in: project)?.number == 1)
    #expect(try registry.plan(next).isEmpty)
    for change in try registry.changes(
      promoting: VersionedName(name: "card_activity", number: 2), in: "fraud")
    {
      try registry.apply(change)
    }
    #expect(registry.version(VersionedName(name: "card_activity"), in: project)?.number == 2)
    let after = try registry.plan(next)
    #expect(after.description.hasPrefix("~ fraud@2   txn_count_24h from card_activity@1 -> card_activity@2"))
  }

  @Test("a feature removed and added again as another type mints a version too")
  func loophole() throws {
    var registry = try registry()
    let line = "      last_action:    {type: string, one_of: [buy, refund]}\n"
    try apply(try example(line, ""), to: &registry)
    let plan = try registry.plan(
      try example("last_action:    {type: string, one_of: [buy, refund]}", "last_action: {type: int64}"))
    #expect(plan.changes.map(\.kind) == [.retyped])
    let again = try apply(try define(exampleText).get(), to: &registry)
    #expect(again.changes.map(\.kind) == [.featureAdded])
    let version = try #require(registry[ViewVersionID(1)])
    #expect(version.features.map(\.isRemoved) == [false, false, true, false, false])
    #expect(version.revision == 3)
    #expect(version.feature("last_action")?.index == 4)
  }

  @Test("changing an entity's keys mints a version of each of its views")
  func rekeying() throws {
    var registry = try registry()
    let next = try example("card:    {keys: {card_id: string}}", "card:    {keys: {card_id: int64}}")
    let plan = try apply(next, to: &registry)
    #expect(plan.changes.map(\.kind) == [.rekeyed, .rekeyed])
    #expect(registry.versions.map(\.number) == [1, 1, 2])
    #expect(registry.versions.map(\.entity) == [EntityID(1), EntityID(2), EntityID(3)])
    #expect(try registry.plan(next).isEmpty)
  }

  @Test("words change no revision, rules do")
  func revisions() throws {
    var registry = try registry()
    try apply(try example("owner: payments-ml", "owner: \"someone else\""), to: &registry)
    #expect(registry.versions[0].revision == 1)
    #expect(registry.versions[0].settings.owner == "someone else")
    try apply(try example("ttl: 30d", "ttl: 31d"), to: &registry)
    #expect(registry.versions[0].revision == 2)
  }

  @Test("what the definitions leave out is kept, and named")
  func absent() throws {
    let services = try #require(exampleText.range(of: "services:"))
    let text = String(exampleText[..<services.lowerBound])
    let plan = try registry().plan(try define(text).get())
    #expect(plan.isEmpty)
    #expect(plan.description == "= fraud   not in these files; kept as it is\nnothing to change")
  }

  @Test("a plan does not outlive the state it was made for, nor race one that was expected")
  func races() throws {
    var registry = try registry()
    let seen = registry.fingerprint(of: "fraud")
    let mine = try registry.plan(try example("ttl: 30d", "ttl: 31d"))
    try apply(try example("freshness: 15m", "freshness: 5m"), to: &registry)
    let found = registry.fingerprint(of: "fraud")
    #expect(throws: PlanRefusal.raced(expected: seen, found: found)) {
      try registry.changes(applying: mine, accepting: [.readers])
    }
    let fresh = try registry.plan(try example("ttl: 30d", "ttl: 31d"))
    #expect(throws: PlanRefusal.raced(expected: seen, found: found)) {
      try registry.changes(applying: fresh, accepting: [.readers], expecting: seen)
    }
    #expect(try !registry.changes(applying: fresh, accepting: [.readers], expecting: found).isEmpty)
  }

  @Test("a version retires only when nothing reads it, and the current one last")
  func retiring() throws {
    var registry = try registry()
    let one = VersionedName(name: "card_activity", number: 1)
    #expect(throws: PlanRefusal.inUse(one, by: ["fraud@1"])) {
      try registry.changes(retiring: one, in: "fraud")
    }
    try apply(try example("type: float64, min: 0}", "type: int64, min: 0}"), to: &registry)
    for change in try registry.changes(retiringService: VersionedName(name: "fraud", number: 1), in: "fraud")
    {
      try registry.apply(change)
    }
    #expect(throws: PlanRefusal.isCurrent(one)) { try registry.changes(retiring: one, in: "fraud") }
    let two = VersionedName(name: "card_activity", number: 2)
    for change in try registry.changes(promoting: two, in: "fraud") { try registry.apply(change) }
    #expect(try registry.changes(promoting: two, in: "fraud").isEmpty)
    for change in try registry.changes(retiring: one, in: "fraud") { try registry.apply(change) }
    #expect(try registry.changes(retiring: one, in: "fraud").isEmpty)
    #expect(throws: PlanRefusal.isRetired(one)) { try registry.changes(promoting: one, in: "fraud") }
    let three = VersionedName(name: "card_activity", number: 3)
    #expect(throws: PlanRefusal.unknown(three)) { try registry.changes(promoting: three, in: "fraud") }
  }

  @Test("a service that asks for what is not there is refused by name")
  func services() throws {
    func refusal(_ member: String) throws -> String {
      let text = "view: card_activity, take: [txn_count_24h, avg_amount_30d]"
      do throws(PlanErrors) {
        guard let definition = try? define(Self.two.replacing(text, with: member)).get() else {
          return "no definition"
        }
        _ = try registryWithTwo().plan(definition)
        return ""
      } catch {
        return "\(error)"
      }
    }
    #expect(
      try refusal("view: card_activity@7, take: [txn_count_24h]") == "fraud: there is no card_activity@7")
    #expect(
      try refusal("view: card_activity@1, take: [txn_count_24h, fresh]")
        == "fraud: card_activity@1 has no feature \"fresh\", but card_activity@2 has; name it, or promote it first"
    )
    #expect(try refusal("view: card_activity@2, take: [txn_count_24h, fresh]") == "")
    #expect(
      try refusal("view: card_activity@2, take: [fresh]")
        == "fraud: it has no feature \"txn_count_24h\" to fill")
    #expect(
      try refusal("view: card_activity@1, keys: {id: x}") == "fraud: card_activity@1 has no key \"id\"")
  }

  /// The example with a view that has two versions once it follows the example.
  private static let two = exampleText.replacing(
    "embedding:      {type: \"float32[64]\"}",
    with: "embedding: {type: \"float32[32]\"}\n      fresh: {type: int64}")

  private func registryWithTwo() -> Registry {
    var registry = Registry()
    for text in [exampleText, Self.two] { _ = try? apply(define(text).get(), to: &registry) }
    return registry
  }

  @Test("the documentation's table is the code's table")
  func table() throws {
    let page = URL(filePath: #filePath).deletingLastPathComponent().appending(
      path: "../../Sources/ApusContracts/Evolution.md")
    let text = try String(contentsOf: page, encoding: .utf8)
    let rows = text.split(separator: "\n").map { line in
      line.split(separator: "|").map { $0.trimmingCharacters(in: .whitespaces) }
    }
    for kind in ChangeClass.allCases {
      let row = kind.row
      let told = rows.filter { $0.first == kind.rawValue }
      #expect(
        told == [[kind.rawValue, row.effect.rawValue, row.producers.rawValue, row.readers.rawValue]],
        "\(kind)")
    }
  }

  @Test(
    "each setting's change is classed",
    arguments: [
      ("nullable: false, min: 0}", "nullable: true, min: 0}", .nullableAllowed),
      ("min: 0}\n      avg", "min: 1}\n      avg", .boundNarrowed),
      ("avg_amount_30d: {type: float64, min: 0}", "avg_amount_30d: {type: float64}", .boundWidened),
      ("min: 0}\n      last", "min: 0, max: 9}\n      last", .boundNarrowed),
      ("min: 0}\n      last", "min: 0, nullable: false}\n      last", .nullableForbidden),
      ("min: 0}\n      last", "min: 0, required: true}\n      last", .requiredDemanded),
      ("min: 0}\n      last", "min: 0, finite: false}\n      last", .finiteLifted),
      ("one_of: [buy, refund]", "one_of: [refund, buy]", nil),
      ("one_of: [buy, refund]", "one_of: [buy]", .choicesNarrowed),
      (", one_of: [buy, refund]", "", .choicesWidened),
      ("one_of: [buy, refund]", "one_of: [buy, refund], max_length: 9", .lengthNarrowed),
      ("one_of: [buy, refund]", "one_of: [buy, refund], pattern: '[a-z]+'", .patternAdded),
      ("ttl: 30d", "ttl: none", .ttlLengthened),
      ("ttl: 30d", "ttl: 720h", nil), ("ttl: 30d", "ttl: 29d", .ttlShortened),
      ("history: 400d", "history: none", .historyShortened),
      ("history: 400d", "history: forever", .historyLengthened),
      ("freshness: 15m", "freshness: none", .freshness),
      ("max_lateness: 7d", "max_lateness: none", .latenessWidened),
      ("max_lateness: 7d", "max_lateness: 6d", .latenessNarrowed),
      ("ttl: 30d", "ttl: 30d\n    max_future_skew: 2m", .skewWidened),
      ("ttl: 30d", "ttl: 30d\n    max_future_skew: 1s", .skewNarrowed),
      ("float32[64]", "float32[63]", .retyped), ("entity: card\n", "entity: account\n", .viewMoved),
      ("last_action:    {", "new: {type: int64}\n      last_action:    {", .featureAdded),
      (
        "last_action:    {", "new: {type: int64, required: true}\n      last_action:    {",
        .requiredFeatureAdded
      ),
      ("      embedding:      {type: \"float32[64]\"}\n", "", .featureRemoved),
      ("defaults: {txn_count_24h: 0}", "defaults: {txn_count_24h: 1}", .defaultChanged),
      ("defaults: {txn_count_24h: 0}", "owner: me\n    defaults: {txn_count_24h: 0}", .serviceWords),
      ("avg_amount_30d]}", "avg_amount_30d, last_action]}", .serviceFeatureAdded),
      (", avg_amount_30d]}", "]}", .serviceFeatureRemoved),
      ("[txn_count_24h, avg_amount_30d]", "[avg_amount_30d, txn_count_24h]", .serviceFeatureMoved),
      ("account_id: payee_id", "account_id: to_id", .serviceKeys),
      ("owner: payments-ml", "owner: x\n    tags: [y]", .words),
      ("{keys: {card_id: string}}", "{keys: {card_id: string}, description: x}", .entityDescribed),
    ] as [(String, String, ChangeClass?)])
  func classes(old: String, new: String, kind: ChangeClass?) throws {
    #expect(try plan(old, new).changes.map(\.kind) == (kind.map { [$0] } ?? []))
  }

  @Test("the random projects meet every kind of change but those that need an older version")
  func reach() throws {
    var met: Set<ChangeClass> = []
    var random = SplitMix64(seed: 11)
    for _ in 0..<300 {
      var registry = Registry()
      for _ in 0..<4 {
        guard let plan = try? apply(ProjectDefinition.random(&random), to: &registry) else { continue }
        met.formUnion(plan.changes.map(\.kind))
      }
    }
    #expect(Set(ChangeClass.allCases).subtracting(met) == [.versionReopened, .serviceFeatureMoved])
  }

  @Test("whatever comes after whatever, applying it once is enough", arguments: 0..<150)
  func idempotent(seed: UInt64) throws {
    var random = SplitMix64(seed: seed)
    var registry = Registry()
    var log: [[UInt8]] = []
    for _ in 0..<6 {
      let definition = ProjectDefinition.random(&random)
      let plan: Plan
      do throws(PlanErrors) {
        plan = try registry.plan(definition)
      } catch {
        // A service may ask by name for what only the version that is not current has.
        for case .registry(let error) in error.errors { Issue.record("seed \(seed): \(error)") }
        continue
      }
      for change in try registry.changes(applying: plan, accepting: [.producers, .readers]) {
        log.append(change.encoded)
        try registry.apply(change)
      }
      let again = try registry.plan(definition)
      #expect(again.isEmpty && again.changes.isEmpty, "seed \(seed)\n\(again)")
      if let version = registry.versions.randomElement(using: &random), random.coin(), !version.isRetired {
        let name = VersionedName(name: try #require(registry[version.view]).name, number: version.number)
        for change in try registry.changes(promoting: name, in: "p") {
          log.append(change.encoded)
          try registry.apply(change)
        }
      }
      if let version = registry.versions.randomElement(using: &random), random.chance(0.3) {
        let name = VersionedName(name: try #require(registry[version.view]).name, number: version.number)
        for change in (try? registry.changes(retiring: name, in: "p")) ?? [] {
          log.append(change.encoded)
          try registry.apply(change)
        }
      }
    }
    let rebuilt = try Registry(try log.map { try RegistryChange(decoding: $0) })
    #expect(rebuilt == registry, "seed \(seed)")
    #expect(rebuilt.fingerprint(of: "p") == registry.fingerprint(of: "p"))
  }
}
