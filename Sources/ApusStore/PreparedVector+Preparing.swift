// From names to vectors: each name is looked up once, in one catalog, and what is not there is refused by name.

package import ApusContracts

extension Catalog {
  /// What a service version reads: `fraud@1`, or of `fraud` the newest that is not retired.
  package func vector(
    service name: VersionedName, in project: String
  ) throws(StoreError) -> PreparedVector {
    guard let found = registry.project(project) else { throw .unknownProject(project) }
    guard let version = registry.serviceVersion(name, in: found.id) else {
      throw .unknownService(name, project: project)
    }
    let spelling = "\(name.name)@\(version.number)"
    if version.isRetired { throw .retired(spelling) }
    var draft = VectorDraft()
    for member in version.members {
      guard let view = self[member.version] else { throw .unknownService(name, project: project) }
      for feature in member.features {
        try draft.add(
          feature, of: view, in: registry, role: member.role, keys: member.keys, fillings: version.defaults)
      }
    }
    if draft.isEmpty { throw .emptyVector }
    return PreparedVector(draft, service: spelling, fingerprint: registry.fingerprint(of: version.id))
  }

  /// These features: `card_activity:last_action`, `card_activity@2:last_action`. A column is called as its feature is.
  package func vector(features names: [String], in project: String) throws(StoreError) -> PreparedVector {
    guard let found = registry.project(project) else { throw .unknownProject(project) }
    var draft = VectorDraft()
    for name in names {
      guard let reference = FeatureReference(spelling: name) else {
        throw .unknownFeature(name, view: String(name.prefix { $0 != ":" }))
      }
      guard let version = registry.version(reference.view, in: found.id), let view = self[version.id] else {
        throw .unknownView(reference.view, project: project)
      }
      if view.isRetired { throw .retired(view.spelling) }
      guard let feature = version.feature(reference.feature) else {
        throw .unknownFeature(reference.feature, view: view.spelling)
      }
      try draft.add(feature.index, of: view, in: registry)
    }
    if draft.isEmpty { throw .emptyVector }
    return PreparedVector(draft, service: nil, fingerprint: nil)
  }
}
