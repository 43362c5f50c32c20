import ApusContracts
import ApusTestSupport
import Testing

/// Whether the verdicts of a plan are true, asked of rows. What a rule admits is worked out here a second time, from
/// the specification's table and value by value.
@Suite("Verdicts")
struct VerdictTests {
  @Test(
    "safe for producers: no row is refused that was admitted; safe for readers: no cell holds or misses what it did not",
    arguments: UInt64(0)..<300)
  func truth(seed: UInt64) throws {
    var random = SplitMix64(seed: seed)
    let names = ["a", "b", "c"]
    var types: [String: FeatureType] = [:]
    for name in names { types[name] = Ruled.type(&random) }
    for _ in 0..<20 {
      var registry = Registry()
      var features = Ruled.features(names, types, &random)
      let service = ServiceDefinition(name: "s", members: [ServiceMember(view: VersionedName(name: "v"))])
      try apply(Ruled.project(features, [service]), to: &registry)
      for name in ProjectDefinition.subset(names, &random, atLeast: 1) {
        if let at = features.firstIndex(where: { $0.name == name }) {
          features[at] = Ruled.changed(features[at], &random)
        } else {
          features.append(Ruled.feature(name, types[name] ?? .int64, &random))
        }
      }
      if features.count > 1, random.chance(0.1) { features.remove(at: random.below(features.count)) }
      let before = try #require(Contract(of: ViewVersionID(1), in: registry))
      let pinned = registry.fingerprint(of: ServiceVersionID(1))
      let plan = try registry.plan(Ruled.project(features, []))
      for change in try registry.changes(applying: plan, accepting: [.producers, .readers]) {
        try registry.apply(change)
      }
      let now = try #require(Contract(of: ViewVersionID(1), in: registry))
      #expect(registry.fingerprint(of: ServiceVersionID(1)) == pinned, "seed \(seed)")
      let isBreaking = plan.changes.contains { $0.producers == .breaking }
      for _ in 0..<60 {
        let row = Dictionary(
          uniqueKeysWithValues: names.map { ($0, Ruled.input(types[$0] ?? .int64, &random)) })
        let story = "seed \(seed): \(row)\n\(plan)"
        let (was, isNow) = (Ruled.admits(row, before), Ruled.admits(row, now))
        #expect(was == Ruled.oracle(row, before), "\(story)")
        #expect(isNow == Ruled.oracle(row, now), "\(story)")
        if was, !isNow { #expect(isBreaking, "\(story)") }
        for feature in before.features {
          let verdicts = plan.changes.filter { $0.subject == .feature("v", 1, feature.name) }.map(\.readers)
          guard let other = now.features.first(where: { $0.index == feature.index }) else {
            #expect(verdicts == [.mayMiss], "\(story)")
            continue
          }
          let input = row[feature.name] ?? .absent
          guard feature.rules.broken(by: input, of: feature.type) != nil,
            other.rules.broken(by: input, of: other.type) == nil
          else { continue }
          #expect(verdicts.contains(input == .absent ? .mayMiss : .newValue), "\(feature.name) \(story)")
        }
      }
      // What only narrows is no one's news: a verdict that is not safe has a change of that kind behind it.
      for change in plan.changes where change.readers == .newValue || change.readers == .mayMiss {
        #expect(change.services == ["s@1"], "seed \(seed): \(change)")
      }
    }
  }

  @Test("no limit is longer than the longest that can be told", arguments: ["ttl", "max_lateness"])
  func longest(setting: String) throws {
    var registry = Registry()
    func project(_ period: Period?) -> ProjectDefinition {
      var project = Ruled.project([FeatureDefinition(name: "a", type: .int64)], [])
      if setting == "ttl" {
        project.views[0].settings.ttl = period
      } else {
        project.views[0].settings.maxLateness = period
      }
      return project
    }
    try apply(project(Period(nanoseconds: .max)), to: &registry)
    let wider: ChangeClass = setting == "ttl" ? .ttlLengthened : .latenessWidened
    let narrower: ChangeClass = setting == "ttl" ? .ttlShortened : .latenessNarrowed
    #expect(try apply(project(nil), to: &registry).changes.map(\.kind) == [wider])
    #expect(try apply(project(Period(nanoseconds: .max)), to: &registry).changes.map(\.kind) == [narrower])
  }

  @Test("a service that reads a removed feature is not one that reads the feature that took its name")
  func renamed() throws {
    var (kept, moved) = (Registry(), Registry())
    let (a, b) = (FeatureDefinition(name: "a", type: .int64), FeatureDefinition(name: "b", type: .int64))
    let service = ServiceDefinition(
      name: "s", members: [ServiceMember(view: VersionedName(name: "v"), take: ["a"])])
    try apply(Ruled.project([a, b], [service]), to: &kept)
    for features in [[b], [a, b]] { try apply(Ruled.project(features, []), to: &kept) }
    for features in [[a, b], [b], [a, b]] { try apply(Ruled.project(features, []), to: &moved) }
    try apply(Ruled.project([a, b], [service]), to: &moved)
    #expect(kept.versions == moved.versions)
    #expect(kept.serviceVersions.map(\.members) != moved.serviceVersions.map(\.members))
    #expect(kept.fingerprint(of: "p") != moved.fingerprint(of: "p"))
    #expect(kept.fingerprint(of: ServiceVersionID(1)) != moved.fingerprint(of: ServiceVersionID(1)))
  }

  @Test("the order of choices means nothing, also of texts that look the same")
  func choices() throws {
    let texts = ["\u{e9}", "e\u{301}", "b", "\u{e9}x"]
    let prints = try [texts, texts.reversed()].map { texts in
      var registry = Registry()
      var feature = FeatureDefinition(name: "a", type: .string)
      feature.rules.oneOf = Choices(texts.map { .string($0) })
      try apply(Ruled.project([feature], []), to: &registry)
      return registry.fingerprint(of: "p")
    }
    #expect(prints[0] == prints[1])
  }

  @Test("a request tells the keys of a member apart, whoever asks")
  func keys() throws {
    let keys = [KeyDefinition(name: "a", type: .int64), KeyDefinition(name: "b", type: .int64)]
    var project = Ruled.project([FeatureDefinition(name: "f", type: .int64)], [])
    project.entities[0].keys = keys
    var registry = Registry()
    try apply(project, to: &registry)
    let renames = [KeyRename(key: "a", requested: "b")]
    project.services = [
      ServiceDefinition(
        name: "s", members: [ServiceMember(view: VersionedName(name: "v", number: 1), keys: renames)])
    ]
    do throws(PlanErrors) {
      _ = try registry.plan(project)
      Issue.record("it was planned")
    } catch {
      #expect(error.errors == [.keyTwice(service: "s", "v@1", "b")])
    }
    // A log that has such a service is no log of ours.
    project.services[0].members[0].keys = []
    let plan = try registry.plan(project)
    for change in plan.records {
      guard case .serviceVersion(let id, let service, let number, var members, let defaults) = change else {
        try registry.apply(change)
        continue
      }
      members[0].keys = renames
      #expect(throws: RegistryError.nameTaken(.key, "b")) {
        try registry.apply(.serviceVersion(id, service, number, members, defaults))
      }
    }
    project.services[0].members[0].keys = renames + [KeyRename(key: "b", requested: "a")]
    #expect(try registry.plan(project).changes.map(\.kind) == [.serviceAdded])
  }
}

/// Rules for every type, with bounds and inputs from stocks so small that they meet.
private enum Ruled {
  static func project(_ features: [FeatureDefinition], _ services: [ServiceDefinition]) -> ProjectDefinition {
    ProjectDefinition(
      name: "p",
      entities: [EntityDefinition(name: "e", keys: [KeyDefinition(name: "k", type: .int64)])],
      views: [ViewDefinition(name: "v", entity: "e", settings: ViewSettings(), features: features)],
      services: services)
  }

  static func type(_ random: inout SplitMix64) -> FeatureType {
    let element = random.pick(ElementType.allCases)
    switch random.below(4) {
    case 0: return .list(of: element)
    case 1: return .vector(of: element, count: 2) ?? .scalar(element)
    default: return .scalar(element)
    }
  }

  static func stock(_ element: ElementType) -> [Value] {
    switch element {
    case .bool: [.bool(false), .bool(true)]
    case .int32: [.min, -1, 0, 1, .max].map { .int32($0) }
    case .int64: [.min, -1, 0, 1, .max].map { .int64($0) }
    case .float32:
      [-.infinity, -.greatestFiniteMagnitude, -0.0, 0, .leastNonzeroMagnitude, 0.1, .infinity, .nan].map {
        .float32($0)
      }
    case .float64:
      [-.infinity, -.greatestFiniteMagnitude, -0.0, 0, .leastNonzeroMagnitude, 0.1, .infinity, .nan].map {
        .float64($0)
      }
    case .string: ["", "a", "\u{e9}", "e\u{301}", "ab", "\u{1F600}"].map { .string($0) }
    case .bytes: [[], [0], [1, 2]].map { .bytes($0) }
    case .timestamp: [.min, -1, 0, 1, .max].map { .timestamp(nanoseconds: $0) }
    }
  }

  static func features(
    _ names: [String], _ types: [String: FeatureType], _ random: inout SplitMix64
  ) -> [FeatureDefinition] {
    ProjectDefinition.subset(names, &random, atLeast: 1).map { feature($0, types[$0] ?? .int64, &random) }
  }

  static func feature(_ name: String, _ type: FeatureType, _ random: inout SplitMix64) -> FeatureDefinition {
    var feature = FeatureDefinition(name: name, type: type)
    for setting in 0..<8 where random.chance(0.4) { set(setting, &feature, &random) }
    return feature
  }

  /// One or two settings drawn again.
  static func changed(_ feature: FeatureDefinition, _ random: inout SplitMix64) -> FeatureDefinition {
    var feature = feature
    for _ in 0...random.below(2) { set(random.below(8), &feature, &random) }
    return feature
  }

  private static func set(_ setting: Int, _ feature: inout FeatureDefinition, _ random: inout SplitMix64) {
    let type = feature.type
    // What a definition can spell: finite, and no minus zero.
    let bounds = stock(type.element).filter { value in
      Literal(spelled: value).flatMap { Value($0, as: .scalar(type.element)) } == value
    }
    let isThere = random.chance(0.7)
    switch setting {
    case 0: feature.rules.isNullable = random.coin()
    case 1: feature.rules.isRequired = random.coin()
    case 2 where type.element.isFloat: feature.rules.isFinite = random.coin()
    case 3 where type.element.isOrdered: feature.rules.min = isThere ? random.pick(bounds) : nil
    case 4 where type.element.isOrdered: feature.rules.max = isThere ? random.pick(bounds) : nil
    case 5 where type.element != .bytes && !type.element.isFloat:
      feature.rules.oneOf =
        isThere ? Choices(ProjectDefinition.subset(stock(type.element), &random, atLeast: 1)) : nil
    case 6 where type.shape == .list || type == .string || type == .bytes:
      feature.rules.maxLength = isThere ? 1 + random.below(3) : nil
    case 7 where type.element == .string:
      feature.rules.pattern =
        isThere ? try? Pattern(random.pick(["a*", ".", "[^a]*", "\u{e9}", "e\u{301}"])) : nil
    default: break
    }
  }

  static func input(_ type: FeatureType, _ random: inout SplitMix64) -> FeatureInput {
    switch random.below(8) {
    case 0: return .absent
    case 1: return .null
    default:
      let all = stock(type.element)
      switch type.shape {
      case .scalar: return .value(random.pick(all))
      case .list: return value(type, (0..<random.below(4)).map { _ in random.pick(all) })
      case .vector: return value(type, (0..<type.count).map { _ in random.pick(all) })
      }
    }
  }

  private static func value(_ type: FeatureType, _ values: [Value]) -> FeatureInput {
    let elements: Value.Elements =
      switch type.element {
      case .bool: .bool(values.compactMap { if case .bool(let one) = $0 { one } else { nil } })
      case .int32: .int32(values.compactMap { if case .int32(let one) = $0 { one } else { nil } })
      case .int64: .int64(values.compactMap { if case .int64(let one) = $0 { one } else { nil } })
      case .float32: .float32(values.compactMap { if case .float32(let one) = $0 { one } else { nil } })
      case .float64: .float64(values.compactMap { if case .float64(let one) = $0 { one } else { nil } })
      case .string: .string(values.compactMap { if case .string(let one) = $0 { one } else { nil } })
      case .bytes: .bytes(values.compactMap { if case .bytes(let one) = $0 { one } else { nil } })
      case .timestamp:
        .timestamp(nanoseconds: values.compactMap { if case .timestamp(let one) = $0 { one } else { nil } })
      }
    return .value(type.shape == .list ? .list(elements) : .vector(elements))
  }

  /// A producer names what it sends; what the contract does not know is refused.
  static func admits(_ row: [String: FeatureInput], _ contract: Contract) -> Bool {
    let known = Set(contract.features.map(\.name))
    guard row.allSatisfy({ $0.value == .absent || known.contains($0.key) }) else { return false }
    do throws(Refusal) {
      try contract.admit(contract.features.map { row[$0.name] ?? .absent })
      return true
    } catch {
      return false
    }
  }

  /// The same, asked of the table in the specification.
  static func oracle(_ row: [String: FeatureInput], _ contract: Contract) -> Bool {
    let known = Set(contract.features.map(\.name))
    guard row.allSatisfy({ $0.value == .absent || known.contains($0.key) }) else { return false }
    return contract.features.allSatisfy { feature in
      let rules = feature.rules
      switch row[feature.name] ?? .absent {
      case .absent: return !rules.isRequired
      case .null: return rules.isNullable
      case .value(let value):
        let parts = parts(value)
        let length: Int? =
          switch value {
          case .list: parts.count
          case .string(let text): text.unicodeScalars.count
          case .bytes(let bytes): bytes.count
          default: nil
          }
        return parts.allSatisfy { part in
          let number = number(part)
          return (!rules.isFinite || number?.isFinite ?? true)
            && !(rules.min.flatMap { Self.number($0) }.map { low in number.map { $0 < low } ?? false }
              ?? false)
            && !(rules.max.flatMap { Self.number($0) }.map { high in number.map { $0 > high } ?? false }
              ?? false)
            && (rules.oneOf.map { $0.listed.contains(part) } ?? true)
            && (rules.pattern.map { pattern in text(part).map { matches($0, pattern.source) } ?? false }
              ?? true)
        } && (rules.maxLength.map { limit in length.map { $0 <= limit } ?? true } ?? true)
      }
    }
  }

  /// The five patterns of the stock.
  private static func matches(_ text: String, _ source: String) -> Bool {
    let scalars = Array(text.unicodeScalars)
    switch source {
    case "a*": return scalars.allSatisfy { $0 == "a" }
    case ".": return scalars.count == 1 && scalars[0] != "\n"
    case "[^a]*": return scalars.allSatisfy { $0 != "a" }
    default: return scalars == Array(source.unicodeScalars)
    }
  }

  private static func text(_ value: Value) -> String? {
    if case .string(let text) = value { text } else { nil }
  }

  /// Wide enough to tell all of the stock apart.
  private static func number(_ value: Value) -> Float80? {
    switch value {
    case .int32(let value): Float80(value)
    case .int64(let value), .timestamp(let value): Float80(value)
    case .float32(let value): Float80(value)
    case .float64(let value): Float80(value)
    default: nil
    }
  }

  private static func parts(_ value: Value) -> [Value] {
    switch value {
    case .list(let elements), .vector(let elements):
      switch elements {
      case .bool(let all): all.map { .bool($0) }
      case .int32(let all): all.map { .int32($0) }
      case .int64(let all): all.map { .int64($0) }
      case .float32(let all): all.map { .float32($0) }
      case .float64(let all): all.map { .float64($0) }
      case .string(let all): all.map { .string($0) }
      case .bytes(let all): all.map { .bytes($0) }
      case .timestamp(let all): all.map { .timestamp(nanoseconds: $0) }
      }
    default: [value]
    }
  }
}

extension Literal {
  /// How a definition would spell a value; nil when it cannot.
  fileprivate init?(spelled value: Value) {
    switch value {
    case .float32(let number):
      guard number.isFinite else { return nil }
      self = .float(Double(number) + 0)
    case .float64(let number):
      guard number.isFinite else { return nil }
      self = .float(number + 0)
    case .bytes: return nil
    default: self = value.literal
    }
  }
}
