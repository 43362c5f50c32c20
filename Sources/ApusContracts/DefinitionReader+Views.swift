// Views and their features.

extension DefinitionReader {
  private static let viewSettings = [
    "entity", "owner", "description", "tags", "ttl", "history", "freshness", "max_lateness",
    "max_future_skew",
    "features",
  ]
  private static let featureSettings = [
    "type", "nullable", "required", "min", "max", "one_of", "max_length", "pattern", "finite", "description",
    "tags",
  ]

  mutating func readView(_ entry: YamlEntry) {
    checkName(entry)
    var view = ViewDefinition(name: entry.key, entity: "", settings: ViewSettings(), features: [])
    if let fields = fields(entry.value, of: "a view", Self.viewSettings) {
      for setting in ["entity", "ttl", "features"] where fields[setting] == nil {
        let what = setting == "ttl" ? "ttl: a length of time as in 30d, or none" : setting
        complain(.missing(what, of: "a view"), entry.keyPlace)
      }
      if let node = fields["entity"], let name = string(node) {
        view.entity = name
        if entities[name] == nil {
          let near = nearest(to: name, among: entities.all.map(\.name))
          complain(.unknown(.entity, name, in: nil, suggestion: near), node.place)
        }
      }
      view.settings = settings(fields)
      if let node = fields["features"] { view.features = features(node) }
    }
    define(view, .view, entry, in: \.views)
  }

  private mutating func settings(_ fields: [String: YamlNode]) -> ViewSettings {
    var settings = ViewSettings(ttl: periodOrNone(fields["ttl"]))
    switch period(fields["history"], or: ["forever", "none"]) {
    case .period(let period): settings.history = .lasting(period)
    case .word("none"): settings.history = .none
    case .word, nil: settings.history = .forever
    }
    settings.freshness = periodOrNone(fields["freshness"])
    settings.maxLateness = periodOrNone(fields["max_lateness"])
    if case .period(let period)? = period(fields["max_future_skew"], or: []) {
      settings.maxFutureSkew = period
    }
    settings.owner = text(fields["owner"])
    settings.description = text(fields["description"])
    settings.tags = tags(fields["tags"])
    return settings
  }

  private mutating func features(_ node: YamlNode) -> [FeatureDefinition] {
    guard let entries = mapping(node, "a mapping of feature names to features") else { return [] }
    if entries.isEmpty { complain(.empty("features"), node.place) }
    if entries.count > RowFormat.featureCountMax {
      complain(.tooMany("features", limit: RowFormat.featureCountMax), node.place)
    }
    return entries.prefix(RowFormat.featureCountMax).map { feature($0) }
  }

  private mutating func feature(_ entry: YamlEntry) -> FeatureDefinition {
    checkName(entry)
    // What a broken feature's type is matters to nobody: the file is refused.
    var feature = FeatureDefinition(name: entry.key, type: .string)
    guard let fields = fields(entry.value, of: "a feature", Self.featureSettings) else { return feature }
    feature.description = text(fields["description"])
    feature.tags = tags(fields["tags"])
    guard let node = fields["type"] else {
      complain(.missing("type", of: "a feature"), entry.keyPlace)
      return feature
    }
    guard let type = type(node) else { return feature }
    feature.type = type
    feature.rules = rules(fields, for: type)
    return feature
  }

  private mutating func type(_ node: YamlNode) -> FeatureType? {
    if case .sequence = node.content {
      complain(
        .expected("a type as in int64, list<string> or \"float32[64]\"", found: node.found), node.place)
      return nil
    }
    guard let spelling = string(node, "a type as in int64, list<string> or \"float32[64]\"") else {
      return nil
    }
    do throws(FeatureType.Fault) {
      return try FeatureType(spelling: spelling)
    } catch {
      var near: String?
      if case .unknown(let name) = error {
        near = nearest(to: name, among: ElementType.allCases.map(\.description))
      }
      complain(.badType(error, suggestion: near), node.place)
      return nil
    }
  }

  private mutating func rules(_ fields: [String: YamlNode], for type: FeatureType) -> FeatureRules {
    var rules = FeatureRules()
    rules.isNullable = bool(fields["nullable"], true)
    rules.isRequired = bool(fields["required"], false)
    if let node = meaningful(.finite, fields, type, type.element.isFloat) {
      rules.isFinite = bool(node, true)
    }
    if let node = meaningful(.min, fields, type, type.element.isOrdered) {
      rules.min = value(node, ofElementOf: type)
    }
    if let node = meaningful(.max, fields, type, type.element.isOrdered) {
      rules.max = value(node, ofElementOf: type)
      if let min = rules.min, let max = rules.max, max.isBefore(min) {
        complain(.minAboveMax("\(min)", "\(max)"), node.place)
      }
    }
    if let node = meaningful(.oneOf, fields, type, type.element != .bytes && !type.element.isFloat) {
      rules.oneOf = choices(node, type, rules)
    }
    // A vector's length is in its type.
    let hasLength = type.shape == .list || type == .string || type == .bytes
    if let node = meaningful(.maxLength, fields, type, hasLength) {
      rules.maxLength = integer(node, in: 1...(1 << 31)).flatMap(Int.init(exactly:))
    }
    if let node = meaningful(.pattern, fields, type, type.element == .string), let text = string(node) {
      do throws(PatternFault) {
        rules.pattern = try Pattern(text)
      } catch {
        complain(.badPattern(text, error), node.place)
      }
    }
    return rules
  }

  /// The node of a rule, if it is there and the rule means something for the type.
  private mutating func meaningful(
    _ rule: Rule, _ fields: [String: YamlNode], _ type: FeatureType, _ means: Bool
  ) -> YamlNode? {
    guard let node = fields[rule.rawValue] else { return nil }
    if means { return node }
    complain(.meaningless(rule, type), node.place)
    return nil
  }

  private mutating func choices(_ node: YamlNode, _ type: FeatureType, _ rules: FeatureRules)
    -> Choices?
  {
    guard let nodes = sequence(node, "a list of values") else { return nil }
    if nodes.isEmpty { complain(.empty("one_of"), node.place) }
    var choices: [Value] = []
    var seen: Set<Value> = []
    for node in nodes {
      guard let value = value(node, ofElementOf: type) else { continue }
      if !seen.insert(value).inserted {
        complain(.twice("\(Shortened(value.description))"), node.place)
      } else if rules.min.map(value.isBefore) ?? false || rules.max.map({ $0.isBefore(value) }) ?? false {
        complain(.outOfBounds("\(value)"), node.place)
      }
      choices.append(value)
    }
    return Choices(choices)
  }
}
