// One version of a view: what is counted of it, and all that its definition says.

import ApusBytes
import ApusContracts
import ApusStore
import ApusSystem

/// What a store knows of a view version besides its definition.
struct ViewFacts {
  let version: RegisteredVersion
  /// In use: those that were removed are left out.
  let features: Int
  /// Of the index, as far as it is complete.
  let rows: UInt64?
  let activity: ViewActivity?
  let letters: UInt64
  /// Nil: all history is there.
  let horizon: ViewReach?
  private let registry: Registry
  private let now: WallTime

  init(_ version: RegisteredVersion, _ look: StoreFacts, now: WallTime) {
    self.version = version
    self.now = now
    registry = look.state.registry
    features = version.features.filter { !$0.isRemoved }.count
    rows = look.index.rows(of: version.id)
    activity = look.state.activity[version.id]
    horizon = look.reach(of: version.id)
    letters = look.state.deadLetters.listed.filter { $0.view == version.id }.reduce(0) { $0 + $1.letters }
  }

  /// Whether the newest event is as new as the objective wants; nil without an objective, or without events.
  var isFresh: Bool? {
    guard let objective = version.settings.freshness, let activity else { return nil }
    return Age(of: activity.newestEventTime.wall, at: now).isWithin(objective)
  }

  var freshnessInWords: String {
    guard let objective = version.settings.freshness else { return "-" }
    guard let activity, let isFresh else { return "no events (\(objective))" }
    return isFresh
      ? "met (\(objective))"
      : "MISSED (\(objective)): \(Age(of: activity.newestEventTime.wall, at: now).inWords)"
  }

  var json: JSON {
    [
      "name": .text(registry.spelling(of: version)),
      "current": .boolean(registry.word(of: version) == "current"),
      "retired": .boolean(version.isRetired), "revision": .number(version.revision),
      "features": .number(features), "rows": rows.map { .number($0) } ?? .null,
      "events": .number(activity?.events ?? 0),
      "newest_event_time": activity.map { .text("\($0.newestEventTime.wall)") } ?? .null,
      "last_append_time": activity.map { .text("\($0.lastAppendTime)") } ?? .null,
      "freshness": version.settings.freshness.map { .text("\($0)") } ?? .null,
      "freshness_met": isFresh.map { .boolean($0) } ?? .null, "dead_letters": .number(letters),
      "horizon": horizon.map(\.json) ?? .null,
    ]
  }
}

struct ViewDescription {
  private let facts: ViewFacts
  private let version: RegisteredVersion
  private let registry: Registry

  init(_ look: StoreFacts, _ version: RegisteredVersion, now: WallTime) {
    self.version = version
    registry = look.state.registry
    facts = ViewFacts(version, look, now: now)
  }

  private var entity: RegisteredEntity? { registry[version.entity] }
  private var readers: [String] { registry.readers(of: version.id) }

  private var live: [(index: FeatureIndex, definition: FeatureDefinition)] {
    version.features.enumerated().filter { !$0.element.isRemoved }.map {
      (FeatureIndex($0.offset), $0.element.definition)
    }
  }

  /// The settings that a definition may give, in its words.
  private var settings: [(name: String, value: String)] {
    let settings = version.settings
    func spelled(_ period: Period?) -> String { period.map { "\($0)" } ?? "none" }
    var all: [(name: String, value: String)] = []
    all.append(("ttl", spelled(settings.ttl)))
    all.append(("history", "\(settings.history)"))
    all.append(("freshness", spelled(settings.freshness)))
    all.append(("max_lateness", spelled(settings.maxLateness)))
    all.append(("max_future_skew", "\(settings.maxFutureSkew)"))
    if !settings.owner.isEmpty { all.append(("owner", settings.owner)) }
    if !settings.description.isEmpty { all.append(("description", settings.description)) }
    if !settings.tags.isEmpty { all.append(("tags", settings.tags.joined(separator: ", "))) }
    return all
  }

  var lines: [String] {
    let word = registry.word(of: version).map { ", \($0)" } ?? ""
    var lines = [
      "view \(registry.spelling(of: version))\(word), revision \(version.revision)",
      pair("entity", "\(entity?.name ?? "?") \(entity?.spelledKeys ?? "")"),
    ]
    lines += settings.map { pair($0.name, $0.value) }
    let rows = facts.rows.map { rows in Numbers.grouped(rows) }
    lines.append(pair("rows", rows ?? "not known: there is no usable index"))
    lines.append(pair("events", Numbers.grouped(facts.activity?.events ?? 0)))
    if let activity = facts.activity {
      lines.append(pair("newest event", activity.newestEventTime.wall.inWords))
      lines.append(pair("last append", activity.lastAppendTime.inWords))
    }
    if version.settings.freshness != nil { lines.append(pair("freshness now", facts.freshnessInWords)) }
    lines.append(pair("horizon", facts.horizon?.inWords ?? "none: all that was ever said can be read"))
    lines.append(pair("dead letters", Numbers.grouped(facts.letters)))
    lines.append(pair("read by", readers.isEmpty ? "no service" : readers.joined(separator: ", ")))
    var table = Table([("feature", .left), ("type", .left), ("rules", .left), ("read by", .left)])
    for (index, feature) in live {
      let rules = feature.rules.inWords.map { rule in "\(rule.name): \(rule.value)" }
      let readers = registry.readers(of: version.id, feature: index)
      table.add([
        feature.name, "\(feature.type)", rules.joined(separator: ", "), readers.joined(separator: ", "),
      ])
    }
    return lines + [""] + table.lines.map { "  " + $0 }
  }

  private func pair(_ name: String, _ value: String) -> String {
    "  \(Table.padded(name, to: 15, .left))  \(value)"
  }

  var json: JSON {
    let definition: JSON = [
      "entity": entity.map(\.json) ?? .null, "settings": Self.json(settings),
      "read_by": .list(readers.map { .text($0) }),
      "feature_list": .list(live.map { json(of: $0.definition, $0.index) }),
    ]
    return facts.json.adding(definition)
  }

  private func json(of feature: FeatureDefinition, _ index: FeatureIndex) -> JSON {
    let readers = registry.readers(of: version.id, feature: index)
    return [
      "name": .text(feature.name), "type": .text("\(feature.type)"),
      "rules": Self.json(feature.rules.inWords), "description": .text(feature.description),
      "tags": .list(feature.tags.map { .text($0) }), "read_by": .list(readers.map { .text($0) }),
    ]
  }

  private static func json(_ words: [(name: String, value: String)]) -> JSON {
    .object(words.map { JSON.Member(key: $0.name, value: .text($0.value)) })
  }
}

extension FeatureRules {
  /// Those that are not as usual, as a definition spells them.
  var inWords: [(name: String, value: String)] {
    var all: [(String, String)] = []
    if isRequired { all.append(("required", "true")) }
    if !isNullable { all.append(("nullable", "false")) }
    if !isFinite { all.append(("finite", "false")) }
    if let maxLength { all.append(("max_length", "\(maxLength)")) }
    if let min { all.append(("min", "\(min)")) }
    if let max { all.append(("max", "\(max)")) }
    if let oneOf { all.append(("one_of", "[\(oneOf.listed.map(\.description).joined(separator: ", "))]")) }
    if let pattern { all.append(("pattern", YamlText.quoted(pattern.source))) }
    return all
  }
}

extension ViewReach {
  fileprivate var inWords: String {
    let refused = refusedBefore.map { "; events before \($0.inWords) are refused" } ?? ""
    return "reads by time from \(from.inWords), at an LSN from \(fromLSN) on\(refused)"
  }

  fileprivate var json: JSON {
    [
      "from": .text("\(from)"), "from_lsn": .number(fromLSN.rawValue),
      "refused_before": refusedBefore.map { .text("\($0)") } ?? .null,
    ]
  }
}
