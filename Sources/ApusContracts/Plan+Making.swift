// Making a plan: definitions are walked once, in the order of what depends on what (entities, views, services), and each
// difference becomes a change for people and a record for the log. The records are applied to a copy as they are made, so
// what comes later sees what comes before, and no plan leaves here that its registry would refuse.

/// Why definitions, good by themselves, cannot be applied to this registry.
package struct PlanErrors: Error, Equatable, Sendable {
  package var errors: [PlanError]
}

package enum PlanError: Error, Equatable, Sendable {
  case unknownVersion(service: String, VersionedName)
  case isRetired(service: String, VersionedName)
  /// `newest` is the version that has it.
  case unknownFeature(service: String, String, String, newest: String?)
  case unknownKey(service: String, String, String)
  /// A request could not tell two keys of a member apart.
  case keyTwice(service: String, String, String)
  case collision(service: String, String)
  case unknownOutput(service: String, String)
  case badDefault(service: String, String, FeatureType)
  case keyTypes(service: String, String, KeyType, KeyType)
  case unknownEntity(view: String, String)
  /// Removed features keep their places in rows, so they count.
  case tooManyFeatures(view: String, count: Int, limit: Int)
  case registry(RegistryError)
}

extension Registry {
  /// What applying the definitions would do.
  package func plan(_ definition: ProjectDefinition) throws(PlanErrors) -> Plan {
    var planner = Planner(of: self)
    do throws(RegistryError) {
      try planner.make(definition)
    } catch {
      planner.errors.append(.registry(error))
    }
    guard planner.errors.isEmpty else { throw PlanErrors(errors: planner.errors) }
    return Plan(
      project: definition.name, basis: fingerprint(of: definition.name), changes: planner.changes,
      kept: planner.kept(by: definition), records: planner.records)
  }
}

struct Planner {
  /// As it is now; services in use are those of this one.
  let before: Registry
  /// As it will be.
  var after: Registry
  var project = ProjectID(0)
  var changes: [PlannedChange] = []
  var records: [RegistryChange] = []
  var errors: [PlanError] = []

  init(of registry: Registry) {
    before = registry
    after = registry
  }

  mutating func make(_ definition: ProjectDefinition) throws(RegistryError) {
    project = after.project(definition.name)?.id ?? ProjectID(Self.next(after.projects))
    if after[project] == nil { try record(.project(project, name: definition.name)) }
    for entity in definition.entities { try plan(entity) }
    for view in definition.views { try plan(view) }
    for service in definition.services { try plan(service) }
  }

  static func next<T>(_ all: [T]) -> UInt32 { UInt32(clamping: all.count) &+ 1 }

  mutating func record(_ change: RegistryChange) throws(RegistryError) {
    try after.apply(change)
    records.append(change)
  }

  mutating func note(_ kind: ChangeClass, _ subject: PlanSubject, _ words: String, services: [String] = []) {
    let row = kind.row
    changes.append(
      PlannedChange(
        subject: subject, kind: kind, words: words, producers: row.producers, readers: row.readers,
        services: services))
  }

  /// What the project has, in use, and the definitions do not mention.
  func kept(by definition: ProjectDefinition) -> [PlanSubject] {
    guard let project = before.project(definition.name)?.id else { return [] }
    let views = before.views.filter { view in
      view.project == project && before.newest(of: view) != nil
        && !definition.views.contains { $0.name == view.name }
    }
    let services = before.services.filter { service in
      service.project == project && !definition.services.contains { $0.name == service.name }
        && before.serviceVersion(VersionedName(name: service.name), in: project) != nil
    }
    return views.map { .view($0.name) } + services.map { .service($0.name) }
  }

  private mutating func plan(_ entity: EntityDefinition) throws(RegistryError) {
    let subject = PlanSubject.entity(entity.name)
    let old = after.entity(entity.name, in: project)
    if let old, old.keys == entity.keys {
      if old.description != entity.description {
        note(.entityDescribed, subject, "description")
        try record(.entityDescribed(old.id, entity.description))
      }
      return
    }
    let keys = Self.spelled(entity.keys)
    if let old {
      note(.rekeyed, subject, "keys \(Self.spelled(old.keys)) -> \(keys)")
    } else {
      note(.entityAdded, subject, "keys \(keys)")
    }
    try record(
      .entity(
        RegisteredEntity(
          id: EntityID(Self.next(after.entities)), project: project, name: entity.name, keys: entity.keys,
          description: entity.description)))
  }

  static func spelled(_ keys: [KeyDefinition]) -> String {
    "{\(keys.map { "\($0.name): \($0.type)" }.joined(separator: ", "))}"
  }
}
