import ApusContracts
import ApusTestSupport

extension ProjectDefinition {
  /// Any project whose services take no view by number; names come from a small stock, so that two draws overlap.
  static func random(_ random: inout SplitMix64) -> ProjectDefinition {
    let entities = subset(["card", "account", "user"], &random, atLeast: 1).map { name in
      var keys = [KeyDefinition(name: "\(name)_id", type: random.pick([.string, .int64, .int64, .int64]))]
      if random.chance(0.2) { keys.append(KeyDefinition(name: "region", type: .string)) }
      return EntityDefinition(name: name, keys: keys, description: words(&random))
    }
    let views = subset(["activity", "profile", "scores"], &random, atLeast: 1).map { name in
      let features = subset(["a", "b", "c", "d", "e", "f"], &random, atLeast: 1).map {
        FeatureDefinition.random($0, &random)
      }
      return ViewDefinition(
        name: name, entity: random.pick(entities).name, settings: .random(&random), features: features)
    }
    let services = subset(["fraud", "risk"], &random, atLeast: 0).map { name in
      var members: [ServiceMember] = []
      for view in subset(views, &random, atLeast: 1) {
        let keys = views.isEmpty ? [] : entities.first { $0.name == view.entity }?.keys ?? []
        let role = "in_\(view.name)"
        members.append(
          ServiceMember(
            view: VersionedName(name: view.name),
            take: random.coin() ? nil : subset(view.features.map(\.name), &random, atLeast: 1), role: role,
            keys: keys.map { KeyRename(key: $0.name, requested: "\(view.name)_\($0.name)") }.sorted {
              $0.key < $1.key
            }))
      }
      var service = ServiceDefinition(name: name, members: members)
      service.owner = words(&random)
      // A default that every version has room for: feature a is nearly always an integer.
      if let member = members.first, let role = member.role, random.coin(),
        let view = views.first(where: { $0.name == member.view.name }),
        view.features.contains(where: { $0.name == "a" && $0.type == .int64 }),
        member.take?.contains("a") ?? true
      {
        let value = Literal.integer(Int64(random.below(3)))
        service.defaults = [ServiceDefault(output: DefinitionName.output(of: "a", role: role), value: value)]
      }
      return service
    }
    return ProjectDefinition(name: "p", entities: entities, views: views, services: services)
  }

  static func words(_ random: inout SplitMix64) -> String {
    random.pick(["", "", "on", "a \"b\"\n# c: \u{e9}\u{1F600}\u{7}"])
  }

  static func subset<T>(_ all: [T], _ random: inout SplitMix64, atLeast count: Int) -> [T] {
    var chosen = all.filter { _ in random.coin() }
    while chosen.count < count { chosen = [random.pick(all)] }
    return chosen
  }
}

extension ViewSettings {
  static func random(_ random: inout SplitMix64) -> ViewSettings {
    func period(_ random: inout SplitMix64) -> Period? {
      random.coin() ? nil : Period(nanoseconds: Int64(1 + random.below(5)) * 86_400_000_000_000)
    }
    var settings = ViewSettings(ttl: period(&random))
    settings.history = random.pick([.forever, .none, .lasting(.minute)])
    settings.freshness = period(&random)
    settings.maxLateness = period(&random)
    settings.maxFutureSkew = period(&random) ?? .minute
    settings.owner = ProjectDefinition.words(&random)
    settings.description = ProjectDefinition.words(&random)
    settings.tags = ProjectDefinition.subset(["pii", "no", "1"], &random, atLeast: 0)
    return settings
  }
}

extension FeatureDefinition {
  static func random(_ name: String, _ random: inout SplitMix64) -> FeatureDefinition {
    // Mostly the same type for the same name, so that rules meet rules.
    let usual: [String: ElementType] = [
      "a": .int64, "b": .float32, "c": .string, "d": .string, "e": .timestamp,
    ]
    let scalar = random.chance(0.9) ? usual[name] ?? .bytes : random.pick(ElementType.allCases)
    var type = FeatureType.scalar(scalar)
    if random.chance(0.05) { type = .list(of: scalar) }
    if random.chance(0.05), let vector = FeatureType.vector(of: scalar, count: 1 + random.below(3)) {
      type = vector
    }
    var feature = FeatureDefinition(name: name, type: type)
    feature.description = ProjectDefinition.words(&random)
    feature.tags = ProjectDefinition.subset(["x", "true"], &random, atLeast: 0)
    feature.rules.isNullable = random.coin()
    feature.rules.isRequired = random.coin()
    if scalar.isFloat { feature.rules.isFinite = random.coin() }
    let low = Int64(random.below(3)) - 1
    func bound(_ literal: Literal) -> Value? { Value(literal, as: .scalar(scalar)) }
    switch scalar {
    case .int32, .int64:
      if random.coin() { feature.rules.min = bound(.integer(low)) }
      if random.coin() { feature.rules.max = bound(.integer(low + Int64(random.below(3)))) }
    case .float32, .float64:
      if random.coin() { feature.rules.min = bound(.float(Double(low) / 2)) }
      if random.coin() { feature.rules.max = bound(.float(Double(low) / 2 + 1e30 * Double(random.below(2)))) }
    case .timestamp: if random.coin() { feature.rules.min = .timestamp(nanoseconds: low) }
    case .string:
      if random.coin() {
        let texts = ProjectDefinition.subset(["on", "1", "a, b", ""], &random, atLeast: 1)
        feature.rules.oneOf = Choices(texts.map { .string($0) })
      }
      feature.rules.maxLength = random.coin() ? nil : 1 + random.below(4)
      let source = random.pick(["[a-z]+", "\\d{2}", "a|\"b\""])
      if random.coin() { feature.rules.pattern = try? Pattern(source) }
    case .bytes: feature.rules.maxLength = random.coin() ? nil : 1 + random.below(4)
    case .bool: break
    }
    return feature
  }
}
