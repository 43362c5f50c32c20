// A change is what the log keeps. Each is applied or refused as a whole; a refused one leaves the registry as it was. The
// planner only makes changes that apply, and applying checks all of it again: the log may be older, newer or damaged.

package enum RegistryChange: Equatable, Sendable {
  case project(ProjectID, name: String)
  case entity(RegisteredEntity)
  case entityDescribed(EntityID, String)
  case view(ViewID, ProjectID, name: String)
  /// A new version; not current before it is promoted.
  case version(ViewVersionID, ViewID, ViewNumber, EntityID, ViewSettings, [FeatureDefinition])
  /// All of a version's settings and features as they are from now on.
  case revised(ViewVersionID, revision: UInt32, ViewSettings, [RegisteredFeature])
  case promoted(ViewVersionID)
  case retired(ViewVersionID)
  case service(ServiceID, ProjectID, name: String, ServiceWords)
  case serviceDescribed(ServiceID, ServiceWords)
  case serviceVersion(ServiceVersionID, ServiceID, ServiceNumber, [PinnedMember], [ServiceDefault])
  case serviceRetired(ServiceVersionID)
}

/// Why a change does not fit a registry, or bytes are no change.
package enum RegistryError: Error, Equatable, Sendable {
  /// Ids and numbers count up by one.
  case notNext(Kind, found: UInt32, expected: UInt32)
  case unknown(Kind, UInt32)
  case nameTaken(Kind, String)
  case badName(String, DefinitionName.Fault)
  case isRetired(Kind, UInt32)
  case isCurrent(UInt32)
  case inUse(UInt32, by: [String])
  /// A feature of a version lost its index, changed its type, or came back.
  case featureMoved(FeatureIndex)
  case badRevision(found: UInt32, now: UInt32)
  case empty(Kind)
  case tooMany(Kind, count: Int, limit: Int)

  case bytes(BytesFault)
  /// Written by a newer program, which says that it must be understood.
  case unknownRecord(UInt64)
  case unknownField(UInt64, in: Kind)
  case missingField(UInt64, in: Kind)
  case badField(UInt64, in: Kind)

  package enum Kind: String, Sendable {
    case project, entity, view, version, feature, service, key, member, settings, value
    case serviceVersion = "service version"
    case record
  }

  package enum BytesFault: Equatable, Sendable {
    case cut(at: Int)
    case order(at: Int)
  }
}

extension Registry {
  package mutating func apply(_ change: RegistryChange) throws(RegistryError) {
    switch change {
    case .project(let id, let name):
      try check(id.rawValue, isNext: .project, after: projects.count)
      try check(name: name, .project, taken: project(name) != nil)
      projects.append(RegisteredProject(id: id, name: name))
    case .entity(let entity):
      try check(entity.id.rawValue, isNext: .entity, after: entities.count)
      guard self[entity.project] != nil else { throw .unknown(.project, entity.project.rawValue) }
      try check(
        name: entity.name, .entity, taken: self.entity(entity.name, in: entity.project)?.keys == entity.keys)
      guard !entity.keys.isEmpty else { throw .empty(.key) }
      var names: Set<String> = []
      for key in entity.keys { try check(name: key.name, .key, taken: !names.insert(key.name).inserted) }
      entities.append(entity)
    case .entityDescribed(let id, let words):
      guard self[id] != nil else { throw .unknown(.entity, id.rawValue) }
      entities[Int(id.rawValue) - 1].description = words
    case .view(let id, let project, let name):
      try check(id.rawValue, isNext: .view, after: views.count)
      guard self[project] != nil else { throw .unknown(.project, project.rawValue) }
      try check(name: name, .view, taken: view(name, in: project) != nil)
      views.append(RegisteredView(id: id, project: project, name: name))
    case .version(let id, let view, let number, let entity, let settings, let features):
      try add(id, view, number, entity, settings, features)
    case .revised(let id, let revision, let settings, let features):
      try revise(id, revision, settings, features)
    case .promoted(let id):
      guard let version = self[id] else { throw .unknown(.version, id.rawValue) }
      guard !version.isRetired else { throw .isRetired(.version, id.rawValue) }
      views[Int(version.view.rawValue) - 1].current = id
    case .retired(let id): try retire(id)
    case .service(let id, let project, let name, let words):
      try check(id.rawValue, isNext: .service, after: services.count)
      guard self[project] != nil else { throw .unknown(.project, project.rawValue) }
      try check(name: name, .service, taken: service(name, in: project) != nil)
      services.append(RegisteredService(id: id, project: project, name: name, words: words))
    case .serviceDescribed(let id, let words):
      guard self[id] != nil else { throw .unknown(.service, id.rawValue) }
      services[Int(id.rawValue) - 1].words = words
    case .serviceVersion(let id, let service, let number, let members, let defaults):
      try add(id, service, number, members, defaults)
    case .serviceRetired(let id):
      guard let version = self[id] else { throw .unknown(.serviceVersion, id.rawValue) }
      guard !version.isRetired else { throw .isRetired(.serviceVersion, id.rawValue) }
      serviceVersions[Int(id.rawValue) - 1].isRetired = true
    }
  }

  private func check(_ id: UInt32, isNext kind: RegistryError.Kind, after count: Int) throws(RegistryError) {
    let expected = UInt32(clamping: count) &+ 1
    guard id == expected else { throw .notNext(kind, found: id, expected: expected) }
  }

  private func check(name: String, _ kind: RegistryError.Kind, taken: Bool) throws(RegistryError) {
    if let fault = DefinitionName.fault(in: name) { throw .badName(name, fault) }
    if taken { throw .nameTaken(kind, name) }
  }

  /// Rows hold no more, and a removed feature keeps its place in them.
  private func check(featureCount count: Int) throws(RegistryError) {
    guard count <= RowFormat.featureCountMax else {
      throw .tooMany(.feature, count: count, limit: RowFormat.featureCountMax)
    }
  }

  private mutating func add(
    _ id: ViewVersionID, _ viewID: ViewID, _ number: ViewNumber, _ entityID: EntityID,
    _ settings: ViewSettings,
    _ features: [FeatureDefinition]
  ) throws(RegistryError) {
    try check(id.rawValue, isNext: .version, after: versions.count)
    guard let view = self[viewID] else { throw .unknown(.view, viewID.rawValue) }
    try check(number, isNext: .version, after: view.versions.count)
    guard let entity = self[entityID], entity.project == view.project else {
      throw .unknown(.entity, entityID.rawValue)
    }
    guard !features.isEmpty else { throw .empty(.feature) }
    try check(featureCount: features.count)
    var names: Set<String> = []
    for feature in features {
      try check(name: feature.name, .feature, taken: !names.insert(feature.name).inserted)
    }
    versions.append(
      RegisteredVersion(
        id: id, view: viewID, number: number, entity: entityID, settings: settings,
        features: features.map { RegisteredFeature(definition: $0) }))
    views[Int(viewID.rawValue) - 1].versions.append(id)
  }

  private mutating func revise(
    _ id: ViewVersionID, _ revision: UInt32, _ settings: ViewSettings, _ features: [RegisteredFeature]
  ) throws(RegistryError) {
    guard let version = self[id] else { throw .unknown(.version, id.rawValue) }
    guard !version.isRetired else { throw .isRetired(.version, id.rawValue) }
    guard revision == version.revision || revision == version.revision &+ 1 else {
      throw .badRevision(found: revision, now: version.revision)
    }
    var names: Set<String> = []
    for (index, old) in version.features.enumerated() {
      guard index < features.count, features[index].definition.name == old.definition.name,
        features[index].definition.type == old.definition.type, features[index].isRemoved || !old.isRemoved
      else { throw .featureMoved(FeatureIndex(clamping: index)) }
    }
    for feature in features where !feature.isRemoved {
      let name = feature.definition.name
      try check(name: name, .feature, taken: !names.insert(name).inserted)
    }
    guard !names.isEmpty else { throw .empty(.feature) }
    try check(featureCount: features.count)
    versions[Int(id.rawValue) - 1].revision = revision
    versions[Int(id.rawValue) - 1].settings = settings
    versions[Int(id.rawValue) - 1].features = features
  }

  private mutating func retire(_ id: ViewVersionID) throws(RegistryError) {
    guard let version = self[id], let view = self[version.view] else { throw .unknown(.version, id.rawValue) }
    guard !version.isRetired else { throw .isRetired(.version, id.rawValue) }
    let readers = readers(of: id)
    guard readers.isEmpty else { throw .inUse(id.rawValue, by: readers) }
    if view.current == id {
      let others = view.versions.contains { $0 != id && self[$0]?.isRetired == false }
      guard !others else { throw .isCurrent(id.rawValue) }
      views[Int(view.id.rawValue) - 1].current = nil
    }
    versions[Int(id.rawValue) - 1].isRetired = true
  }

  private mutating func add(
    _ id: ServiceVersionID, _ serviceID: ServiceID, _ number: ServiceNumber, _ members: [PinnedMember],
    _ defaults: [ServiceDefault]
  ) throws(RegistryError) {
    try check(id.rawValue, isNext: .serviceVersion, after: serviceVersions.count)
    guard let service = self[serviceID] else { throw .unknown(.service, serviceID.rawValue) }
    try check(number, isNext: .serviceVersion, after: service.versions.count)
    guard !members.isEmpty else { throw .empty(.member) }
    var outputs: [String: FeatureType] = [:]
    for member in members {
      guard let version = self[member.version] else { throw .unknown(.version, member.version.rawValue) }
      guard !version.isRetired else { throw .isRetired(.version, member.version.rawValue) }
      if let taken = member.keys.firstTaken(by: self[version.entity]?.keys ?? []) {
        throw .nameTaken(.key, taken)
      }
      if let role = member.role, let fault = DefinitionName.fault(in: role) { throw .badName(role, fault) }
      for index in member.features {
        guard Int(index) < version.features.count else { throw .unknown(.feature, index) }
        let feature = version.features[Int(index)].definition
        let output = DefinitionName.output(of: feature.name, role: member.role)
        guard outputs.updateValue(feature.type, forKey: output) == nil else {
          throw .nameTaken(.member, output)
        }
      }
    }
    var pinned: [PinnedDefault] = []
    for filled in defaults {
      guard let type = outputs[filled.output], let value = Value(exactly: filled.value, as: type) else {
        throw .nameTaken(.value, filled.output)
      }
      pinned.append(PinnedDefault(output: filled.output, value: value))
    }
    serviceVersions.append(
      RegisteredServiceVersion(
        id: id, service: serviceID, number: number, members: members, defaults: pinned))
    services[Int(serviceID.rawValue) - 1].versions.append(id)
  }
}
