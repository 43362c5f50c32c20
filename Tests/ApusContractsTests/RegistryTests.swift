import ApusContracts
import ApusTestSupport
import Testing

@Suite("The registry")
struct RegistryTests {
  private func registry(_ text: String = exampleText) throws -> Registry {
    var registry = Registry()
    try apply(try define(text).get(), to: &registry)
    return registry
  }

  private func records() throws -> [RegistryChange] {
    try Registry().plan(try define(exampleText).get()).records
  }

  @Test("records have the bytes they always had")
  func golden() throws {
    let records = try records()
    #expect(hex(records[0].encoded) == "020201010405" + hex(Array("fraud".utf8)))
    #expect(hex(RegistryChange.promoted(ViewVersionID(300)).encoded) == "0e0202ac02")
    #expect(hex(RegistryChange.serviceRetired(ServiceVersionID(1)).encoded) == "18020101")
    #expect(hex(records[1].encoded) == "0402010104010106046361726408110207636172645f69640406737472696e67")
  }

  @Test("fingerprints are what they always were")
  func fingerprints() throws {
    let registry = try registry()
    #expect(
      "\(registry.fingerprint(of: "fraud"))"
        == "e845723e7ea963b791e6025163888913b53b508996389829a4bf0613e6c1ad73")
    let service = try #require(registry.fingerprint(of: ServiceVersionID(1)))
    #expect("\(service)" == "4190708a9dae303f926434a9e5be52003fd83d40ef5fa78a14d1a80465dc5e45")
    #expect(registry.fingerprint(of: "other") == Registry().fingerprint(of: "other"))
  }

  @Test("equal definitions have equal fingerprints, however they came about")
  func sameFingerprints() throws {
    let whole = try registry()
    var other = Registry()
    let elsewhere = exampleText.replacing("project: fraud", with: "project: another")
    try apply(try define(elsewhere).get(), to: &other)
    var definition = try define(exampleText).get()
    definition.entities.reverse()
    definition.views.reverse()
    definition.views[1].features[2].rules.oneOf = Choices([.string("refund"), .string("buy")])
    try apply(definition, to: &other)
    #expect(other.fingerprint(of: "fraud") == whole.fingerprint(of: "fraud"))
    #expect(other.fingerprint(of: ServiceVersionID(2)) == whole.fingerprint(of: ServiceVersionID(1)))
    #expect(other.fingerprint(of: "another") != whole.fingerprint(of: "fraud"))
  }

  @Test("a pinned service's fingerprint stays when its views' rules move, and differs when what is read does")
  func servicesStay() throws {
    var registry = try registry()
    let before = registry.fingerprint(of: ServiceVersionID(1))
    let project = registry.fingerprint(of: "fraud")
    try apply(try example("ttl: 30d", "ttl: 3d"), to: &registry)
    #expect(registry.fingerprint(of: ServiceVersionID(1)) == before)
    #expect(registry.fingerprint(of: "fraud") != project)
    try apply(try example("account_id: payee_id", "account_id: to_id"), to: &registry)
    #expect(registry.fingerprint(of: ServiceVersionID(2)) != before)
  }

  @Test("a change that does not fit is refused, and leaves the registry as it was")
  func misfits() throws {
    let registry = try registry()
    let settings = ViewSettings()
    let feature = FeatureDefinition(name: "x", type: .int64)
    let misfits: [(RegistryChange, RegistryError)] = [
      (.project(ProjectID(1), name: "b"), .notNext(.project, found: 1, expected: 2)),
      (.project(ProjectID(2), name: "fraud"), .nameTaken(.project, "fraud")),
      (.project(ProjectID(2), name: "9"), .badName("9", .start)),
      (.view(ViewID(3), ProjectID(9), name: "x"), .unknown(.project, 9)),
      (.view(ViewID(3), ProjectID(1), name: "card_activity"), .nameTaken(.view, "card_activity")),
      (
        .version(ViewVersionID(3), ViewID(1), 3, EntityID(1), settings, [feature]),
        .notNext(.version, found: 3, expected: 2)
      ),
      (.version(ViewVersionID(3), ViewID(1), 2, EntityID(8), settings, [feature]), .unknown(.entity, 8)),
      (.version(ViewVersionID(3), ViewID(1), 2, EntityID(1), settings, []), .empty(.feature)),
      (
        .version(ViewVersionID(3), ViewID(1), 2, EntityID(1), settings, [feature, feature]),
        .nameTaken(.feature, "x")
      ),
      (.revised(ViewVersionID(2), revision: 3, settings, []), .badRevision(found: 3, now: 1)),
      (
        .revised(ViewVersionID(2), revision: 2, settings, [RegisteredFeature(definition: feature)]),
        .featureMoved(0)
      ),
      (.promoted(ViewVersionID(0)), .unknown(.version, 0)),
      (.retired(ViewVersionID(1)), .inUse(1, by: ["fraud@1"])),
      (.serviceRetired(ServiceVersionID(2)), .unknown(.serviceVersion, 2)),
      (.serviceVersion(ServiceVersionID(2), ServiceID(1), 2, [], []), .empty(.member)),
      (
        .serviceVersion(
          ServiceVersionID(2), ServiceID(1), 2,
          [PinnedMember(version: ViewVersionID(1), features: [7], role: nil, keys: [])], []),
        .unknown(.feature, 7)
      ),
    ]
    for (change, error) in misfits {
      var copy = registry
      #expect(throws: error) { try copy.apply(change) }
      #expect(copy == registry)
    }
  }

  @Test("what a newer program wrote is understood, skipped, or refused by its number")
  func newer() throws {
    let promoted = RegistryChange.promoted(ViewVersionID(1)).encoded
    #expect(try RegistryChange(decoding: promoted + [0x65, 0x01, 0xFF]) == .promoted(ViewVersionID(1)))
    #expect(throws: RegistryError.unknownField(0x66, in: .record)) {
      try RegistryChange(decoding: promoted + [0x66, 0x00])
    }
    #expect(
      "\(RegistryError.unknownField(102, in: .record))"
        == "a newer Apus wrote this: field 102 of the record is unknown")
    #expect(throws: RegistryError.unknownRecord(0x7E)) { try RegistryChange(decoding: [0x7E]) }
    #expect(throws: RegistryError.missingField(2, in: .record)) { try RegistryChange(decoding: [0x0E]) }
    #expect(throws: RegistryError.badField(2, in: .record)) {
      try RegistryChange(decoding: promoted + [0x02, 0x01, 0x01])
    }
    #expect(throws: RegistryError.bytes(.cut(at: 0))) { try RegistryChange(decoding: []) }
    #expect(throws: RegistryError.bytes(.order(at: 3))) {
      try RegistryChange(decoding: promoted + [0x01, 0x00])
    }
  }

  @Test("damaged records are refused or are other changes, never anything else", arguments: 0..<20)
  func fuzz(seed: UInt64) throws {
    var random = SplitMix64(seed: seed)
    for record in try records() {
      let bytes = record.encoded
      #expect(try RegistryChange(decoding: bytes) == record)
      for _ in 0..<200 {
        var damaged = bytes
        for _ in 0...random.below(3) where !damaged.isEmpty {
          let at = random.below(damaged.count)
          switch random.below(4) {
          case 0: damaged[at] ^= 1 << UInt8(random.below(8))
          case 1: damaged.remove(at: at)
          case 2: damaged.insert(UInt8(truncatingIfNeeded: random.next()), at: at)
          default: damaged.removeSubrange(at...)
          }
        }
        guard let change = try? RegistryChange(decoding: damaged) else { continue }
        #expect(try RegistryChange(decoding: change.encoded) == change)
        var registry = Registry()
        try? registry.apply(change)
      }
    }
  }
}
