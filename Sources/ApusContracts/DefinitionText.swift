// A project as one file that reads back as the same project. Only what is not usual is written, names in the order they
// have, texts in quotes, so that every reader of YAML or of JSON's quoting agrees.

extension ProjectDefinition {
  package var yaml: String {
    var lines = ["project: \(YamlText.quoted(name))"]
    if !entities.isEmpty { lines.append("entities:") }
    for entity in entities {
      let keys = entity.keys.map { "\(YamlText.quoted($0.name)): \($0.type)" }.joined(
        separator: ", ")
      let words = Self.setting("description", entity.description)
      lines.append(
        "  \(YamlText.quoted(entity.name)): {\((["keys: {\(keys)}"] + words).joined(separator: ", "))}")
    }
    if !views.isEmpty { lines.append("views:") }
    for view in views { lines += view.yaml.map { "  \($0)" } }
    if !services.isEmpty { lines.append("services:") }
    for service in services { lines += service.yaml.map { "  \($0)" } }
    return lines.joined(separator: "\n") + "\n"
  }

  fileprivate static func setting(_ name: String, _ text: String) -> [String] {
    text.isEmpty ? [] : ["\(name): \(YamlText.quoted(text))"]
  }

  fileprivate static func tags(_ tags: [String]) -> [String] {
    tags.isEmpty ? [] : ["tags: [\(tags.map(YamlText.quoted).joined(separator: ", "))]"]
  }
}

extension ViewDefinition {
  fileprivate var yaml: [String] {
    var lines = ["entity: \(YamlText.quoted(entity))"]
    lines.append("ttl: \(settings.ttl.map(\.description) ?? "none")")
    if settings.history != .forever { lines.append("history: \(settings.history)") }
    if let freshness = settings.freshness { lines.append("freshness: \(freshness)") }
    if let lateness = settings.maxLateness { lines.append("max_lateness: \(lateness)") }
    if settings.maxFutureSkew != .minute { lines.append("max_future_skew: \(settings.maxFutureSkew)") }
    lines += ProjectDefinition.setting("owner", settings.owner)
    lines += ProjectDefinition.setting("description", settings.description)
    lines += ProjectDefinition.tags(settings.tags)
    lines.append("features:")
    lines += features.map { "  \(YamlText.quoted($0.name)): {\($0.yaml.joined(separator: ", "))}" }
    return ["\(YamlText.quoted(name)):"] + lines.map { "  \($0)" }
  }
}

extension FeatureDefinition {
  fileprivate var yaml: [String] {
    var settings = ["type: \(YamlText.quoted("\(type)"))"]
    if !rules.isNullable { settings.append("nullable: false") }
    if rules.isRequired { settings.append("required: true") }
    if let min = rules.min { settings.append("min: \(min)") }
    if let max = rules.max { settings.append("max: \(max)") }
    if let choices = rules.oneOf { settings.append("one_of: \(Literal.many(choices.listed.map(\.literal)))") }
    if let length = rules.maxLength { settings.append("max_length: \(length)") }
    if let pattern = rules.pattern { settings.append("pattern: \(YamlText.quoted(pattern.source))") }
    if !rules.isFinite { settings.append("finite: false") }
    return settings + ProjectDefinition.setting("description", description) + ProjectDefinition.tags(tags)
  }
}

extension ServiceDefinition {
  fileprivate var yaml: [String] {
    var lines = ProjectDefinition.setting("owner", owner)
    lines += ProjectDefinition.setting("description", description)
    lines += ProjectDefinition.tags(tags)
    lines.append("features:")
    lines += members.map { "  - {\($0.yaml.joined(separator: ", "))}" }
    let filled = defaults.map { "\(YamlText.quoted($0.output)): \($0.value)" }
    if !filled.isEmpty { lines.append("defaults: {\(filled.joined(separator: ", "))}") }
    return ["\(YamlText.quoted(name)):"] + lines.map { "  \($0)" }
  }
}

extension ServiceMember {
  fileprivate var yaml: [String] {
    var settings = ["view: \(YamlText.quoted("\(view)"))"]
    if let take { settings.append("take: [\(take.map(YamlText.quoted).joined(separator: ", "))]") }
    if let role { settings.append("as: \(YamlText.quoted(role))") }
    if !keys.isEmpty {
      let renames = keys.map { "\(YamlText.quoted($0.key)): \(YamlText.quoted($0.requested))" }
      settings.append("keys: {\(renames.joined(separator: ", "))}")
    }
    return settings
  }
}
