// A view of the definitions is compared with the newest version of it in use. What cannot change within a version (type,
// keys, entity) makes another version, and then everything else that differs goes into that one too.

extension Planner {
  mutating func plan(_ view: ViewDefinition) throws(RegistryError) {
    guard let entity = after.entity(view.entity, in: project) else {
      return errors.append(.unknownEntity(view: view.name, view.entity))
    }
    guard let known = after.view(view.name, in: project) else {
      let id = ViewID(Self.next(after.views))
      note(.viewAdded, .version(view.name, 1), Self.summary(of: view))
      try record(.view(id, project, name: view.name))
      return try mint(view, of: id, entity, isCurrent: true)
    }
    guard let newest = after.newest(of: known) else {
      note(.versionReopened, .version(view.name, Self.next(known.versions)), Self.summary(of: view))
      return try mint(view, of: known.id, entity, isCurrent: true)
    }

    var differences = PlanDifferences(view: view.name, version: newest, readers: before)
    if newest.entity != entity.id, let old = after[newest.entity] {
      let isOther = old.name != entity.name
      differences.note(
        isOther ? .viewMoved : .rekeyed, nil,
        isOther
          ? "entity \(old.name) -> \(entity.name)"
          : "keys \(Self.spelled(old.keys)) -> \(Self.spelled(entity.keys))")
    }
    differences.compare(settings: newest.settings, view.settings)
    differences.compare(features: newest, view.features)

    if differences.effects.contains(.newVersion) {
      let number = Self.next(known.versions)
      changes += differences.changes.map { change in
        var change = change
        change.words += "   (new version \(view.name)@\(number))"
        change.producers = .newVersion
        change.readers = .newVersion
        return change
      }
      try mint(view, of: known.id, entity, isCurrent: false)
    } else if differences.features.count > RowFormat.featureCountMax {
      errors.append(
        .tooManyFeatures(
          view: view.name, count: differences.features.count, limit: RowFormat.featureCountMax))
    } else if !differences.changes.isEmpty {
      changes += differences.changes
      let revises = differences.effects.contains(.revision)
      try record(
        .revised(
          newest.id, revision: revises ? newest.revision &+ 1 : newest.revision, view.settings,
          differences.features))
    }
  }

  private mutating func mint(
    _ view: ViewDefinition, of id: ViewID, _ entity: RegisteredEntity, isCurrent: Bool
  ) throws(RegistryError) {
    let version = ViewVersionID(Self.next(after.versions))
    let number = Self.next(after[id]?.versions ?? [])
    try record(.version(version, id, number, entity.id, view.settings, view.features))
    if isCurrent { try record(.promoted(version)) }
  }

  private static func summary(of view: ViewDefinition) -> String {
    let count = view.features.count
    return
      "of \(view.entity), \(count) \(count == 1 ? "feature" : "features"), ttl \(spelled(view.settings.ttl))"
  }

  static func spelled(_ period: Period?) -> String { period.map(\.description) ?? "none" }
}

/// The differences between a version and the definition it shall follow.
struct PlanDifferences {
  private let view: String
  private let version: RegisteredVersion
  private let registry: Registry
  private(set) var changes: [PlannedChange] = []
  private(set) var effects: Set<PlanEffect> = []
  /// The version's features as they will be, when it stays the version it is.
  private(set) var features: [RegisteredFeature]

  init(view: String, version: RegisteredVersion, readers registry: Registry) {
    self.view = view
    self.version = version
    self.registry = registry
    features = version.features
  }

  /// `feature` is nil for what concerns the whole view.
  mutating func note(_ kind: ChangeClass, _ feature: (index: FeatureIndex?, name: String)?, _ words: String) {
    let row = kind.row
    let isRead = feature == nil || feature?.index != nil
    changes.append(
      PlannedChange(
        subject: feature.map { .feature(view, version.number, $0.name) } ?? .version(view, version.number),
        kind: kind, words: words, producers: row.producers, readers: row.readers,
        services: isRead ? registry.readers(of: version.id, feature: feature?.index) : []))
    effects.insert(row.effect)
  }

  mutating func compare(settings old: ViewSettings, _ new: ViewSettings) {
    func change<T>(_ name: String, _ a: T, _ b: T) -> String { "\(name) \(a) -> \(b)" }
    func longer(_ a: Period?, than b: Period?) -> Bool {
      // None is longer than any, the longest included.
      guard let b else { return false }
      return a.map { $0 > b } ?? true
    }
    func periods(_ name: String, _ a: Period?, _ b: Period?) -> String {
      change(name, Planner.spelled(a), Planner.spelled(b))
    }
    if old.ttl != new.ttl {
      note(
        longer(new.ttl, than: old.ttl) ? .ttlLengthened : .ttlShortened, nil, periods("ttl", old.ttl, new.ttl)
      )
    }
    if old.history != new.history {
      let isLonger = Self.kept(new.history) > Self.kept(old.history)
      note(
        isLonger ? .historyLengthened : .historyShortened, nil, change("history", old.history, new.history))
    }
    if old.freshness != new.freshness {
      note(.freshness, nil, periods("freshness", old.freshness, new.freshness))
    }
    if old.maxLateness != new.maxLateness {
      note(
        longer(new.maxLateness, than: old.maxLateness) ? .latenessWidened : .latenessNarrowed, nil,
        periods("max_lateness", old.maxLateness, new.maxLateness))
    }
    if old.maxFutureSkew != new.maxFutureSkew {
      note(
        new.maxFutureSkew > old.maxFutureSkew ? .skewWidened : .skewNarrowed, nil,
        change("max_future_skew", old.maxFutureSkew, new.maxFutureSkew))
    }
    words(old.owner != new.owner, old.description != new.description, old.tags != new.tags, nil)
  }

  private static func kept(_ history: History) -> Int64 {
    switch history {
    case .none: 0
    case .lasting(let period): period.nanoseconds
    case .forever: .max
    }
  }

  private mutating func words(
    _ owner: Bool, _ description: Bool, _ tags: Bool, _ feature: (index: FeatureIndex?, name: String)?
  ) {
    let changed = [(owner, "owner"), (description, "description"), (tags, "tags")].filter(\.0).map(\.1)
    if !changed.isEmpty { note(.words, feature, changed.joined(separator: ", ")) }
  }

  mutating func compare(features old: RegisteredVersion, _ new: [FeatureDefinition]) {
    for feature in new {
      if let known = old.feature(feature.name) {
        compare(known.definition, feature, (known.index, feature.name))
        features[Int(known.index)].definition = feature
      } else if let gone = old.features.last(where: { $0.definition.name == feature.name }),
        gone.definition.type != feature.type
      {
        // Else a removal and an addition would retype a feature within a version.
        note(.retyped, (nil, feature.name), "type \(gone.definition.type) -> \(feature.type)")
      } else {
        let kind: ChangeClass = feature.rules.isRequired ? .requiredFeatureAdded : .featureAdded
        note(kind, (nil, feature.name), "\(feature.type)\(feature.rules.isRequired ? ", required" : "")")
        features.append(RegisteredFeature(definition: feature))
      }
    }
    for (index, feature) in old.features.enumerated() where !feature.isRemoved {
      let name = feature.definition.name
      guard !new.contains(where: { $0.name == name }) else { continue }
      note(.featureRemoved, (FeatureIndex(index), name), "removed")
      features[index].isRemoved = true
    }
  }

  private mutating func compare(
    _ old: FeatureDefinition, _ new: FeatureDefinition, _ feature: (index: FeatureIndex?, name: String)
  ) {
    if old.type != new.type {
      // Rules of different types cannot be compared.
      note(.retyped, feature, "type \(old.type) -> \(new.type)")
    } else {
      compare(old.rules, new.rules, feature)
    }
    words(false, old.description != new.description, old.tags != new.tags, feature)
  }

  private mutating func compare(
    _ old: FeatureRules, _ new: FeatureRules, _ feature: (index: FeatureIndex?, name: String)
  ) {
    func flag(_ name: String, _ value: Bool) -> String { "\(name) \(!value) -> \(value)" }
    func change<T>(_ name: String, _ a: T?, _ b: T?) -> String {
      "\(name) \(a.map { "\($0)" } ?? "none") -> \(b.map { "\($0)" } ?? "none")"
    }
    if old.isNullable != new.isNullable {
      note(new.isNullable ? .nullableAllowed : .nullableForbidden, feature, flag("nullable", new.isNullable))
    }
    if old.isRequired != new.isRequired {
      note(new.isRequired ? .requiredDemanded : .requiredLifted, feature, flag("required", new.isRequired))
    }
    if old.min != new.min {
      let isWider = old.min.map { old in new.min.map { $0.isBefore(old) } ?? true } ?? false
      note(isWider ? .boundWidened : .boundNarrowed, feature, change("min", old.min, new.min))
    }
    if old.max != new.max {
      let isWider = old.max.map { old in new.max.map { old.isBefore($0) } ?? true } ?? false
      note(isWider ? .boundWidened : .boundNarrowed, feature, change("max", old.max, new.max))
    }
    compareChoices(old.oneOf?.listed, new.oneOf?.listed, feature)
    if old.maxLength != new.maxLength {
      let isWider = (new.maxLength ?? .max) > (old.maxLength ?? .max)
      note(
        isWider ? .lengthWidened : .lengthNarrowed, feature,
        change("max_length", old.maxLength, new.maxLength))
    }
    if old.pattern != new.pattern {
      let kind: ChangeClass =
        new.pattern == nil ? .patternDropped : old.pattern == nil ? .patternAdded : .patternChanged
      note(kind, feature, change("pattern", old.pattern?.source, new.pattern?.source))
    }
    if old.isFinite != new.isFinite {
      note(new.isFinite ? .finiteDemanded : .finiteLifted, feature, flag("finite", new.isFinite))
    }
  }

  private mutating func compareChoices(
    _ old: [Value]?, _ new: [Value]?, _ feature: (index: FeatureIndex?, name: String)
  ) {
    func listed(_ values: [Value]) -> String { values.map(Self.shown).joined(separator: ", ") }
    switch (old, new) {
    case (nil, nil): break
    case (.some, nil): note(.choicesWidened, feature, "one_of dropped")
    case (nil, .some(let new)): note(.choicesNarrowed, feature, "one_of [\(listed(new))]")
    case (.some(let old), .some(let new)):
      let (had, has) = (Set(old), Set(new))
      let added = new.filter { !had.contains($0) }
      let taken = old.filter { !has.contains($0) }
      if !added.isEmpty { note(.choicesWidened, feature, "one_of + \(listed(added))") }
      if !taken.isEmpty { note(.choicesNarrowed, feature, "one_of - \(listed(taken))") }
    }
  }

  /// Words without quotes where none are missed.
  private static func shown(_ value: Value) -> String {
    if case .string(let text) = value, DefinitionName.fault(in: text) == nil { text } else { "\(value)" }
  }
}
