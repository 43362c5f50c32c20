// From names to vectors: each name is looked up once, in one catalog, and what is not there is refused by name. What is retired is not
// served, and stays readable as it was.

import ApusBytes
package import ApusContracts

extension Catalog {
  /// What a service version reads: `fraud@1`, or of `fraud` the newest that is not retired.
  package func vector(
    service name: VersionedName, in project: String
  ) throws(StoreError) -> PreparedVector {
    try pastVector(service: name, in: project).served()
  }

  /// The same for reads of the past: a retired version, too.
  package func pastVector(
    service name: VersionedName, in project: String
  ) throws(StoreError) -> PreparedVector {
    guard let found = registry.project(project) else { throw .unknownProject(project) }
    guard let version = registry.serviceVersion(name, in: found.id) else {
      throw .unknownService(name, project: project)
    }
    let spelling = "\(name.name)@\(version.number)"
    var draft = VectorDraft()
    for member in version.members {
      guard let view = self[member.version] else { throw .unknownService(name, project: project) }
      for feature in member.features {
        try draft.add(
          feature, of: view, in: registry, role: member.role, keys: member.keys, fillings: version.defaults)
      }
    }
    if draft.isEmpty { throw .emptyVector }
    return PreparedVector(
      draft, service: spelling, fingerprint: registry.fingerprint(of: version.id),
      retired: version.isRetired ? spelling : nil)
  }

  /// These features: `card_activity:last_action`, `card_activity@2:last_action`, and `card_activity:*` for all that a view has. A column is
  /// called as its feature is.
  package func vector(features names: [String], in project: String) throws(StoreError) -> PreparedVector {
    try pastVector(features: names, in: project).served()
  }

  /// The same for reads of the past: of retired versions, too.
  package func pastVector(
    features names: [String], in project: String
  ) throws(StoreError) -> PreparedVector {
    var retired: String?
    guard let found = registry.project(project) else { throw .unknownProject(project) }
    var draft = VectorDraft()
    for name in names {
      if let version = try version(ofAll: name, in: found) {
        guard let view = self[version.id] else { continue }
        if view.isRetired { retired = retired ?? view.spelling }
        for feature in view.contract.features { try draft.add(feature.index, of: view, in: registry) }
        continue
      }
      guard let reference = FeatureReference(spelling: name) else {
        throw .unknownFeature(name, view: String(name.prefix { $0 != ":" }))
      }
      guard let version = registry.version(reference.view, in: found.id), let view = self[version.id] else {
        throw .unknownView(reference.view, project: project)
      }
      if view.isRetired { retired = retired ?? view.spelling }
      guard let feature = version.feature(reference.feature) else {
        throw .unknownFeature(reference.feature, view: view.spelling)
      }
      try draft.add(feature.index, of: view, in: registry)
    }
    if draft.isEmpty { throw .emptyVector }
    return PreparedVector(draft, service: nil, fingerprint: nil, retired: retired)
  }

  /// The version that `card_activity:*` means; nil for any other name.
  private func version(
    ofAll name: String, in project: RegisteredProject
  ) throws(StoreError) -> RegisteredVersion? {
    guard name.hasSuffix(Self.allSuffix),
      let view = VersionedName(spelling: String(name.dropLast(Self.allSuffix.count)))
    else { return nil }
    guard let version = registry.version(view, in: project.id) else {
      throw .unknownView(view, project: project.name)
    }
    return version
  }

  private static let allSuffix = ":*"

  /// The version of a service whose fingerprint begins with these bytes.
  package func service(fingerprint prefix: [UInt8], in project: String) -> VersionedName? {
    guard let project = registry.project(project) else { return nil }
    for service in registry.services where service.project == project.id {
      for id in service.versions where registry.fingerprint(of: id)?.bytes.starts(with: prefix) ?? false {
        guard let version = registry[id] else { continue }
        return VersionedName(name: service.name, number: version.number)
      }
    }
    return nil
  }
}
