// A service of the definitions is pinned: each name is replaced by the version it means now. When what comes out is not
// what the newest version of the service reads, it becomes another version, and the old one is served on.

extension Planner {
  mutating func plan(_ service: ServiceDefinition) throws(RegistryError) {
    let complaints = errors.count
    let members = service.members.compactMap { pin($0, of: service.name) }
    let defaults = check(service, members)
    guard errors.count == complaints else { return }

    let words = ServiceWords(owner: service.owner, description: service.description, tags: service.tags)
    let known = after.service(service.name, in: project)
    let id = known?.id ?? ServiceID(Self.next(after.services))
    if known == nil { try record(.service(id, project, name: service.name, words)) }
    if let known, known.words != words {
      note(.serviceWords, .service(service.name), "owner, description or tags")
      try record(.serviceDescribed(id, words))
    }

    let newest = after.serviceVersion(VersionedName(name: service.name), in: project)
    if let newest, newest.members == members, newest.defaults == defaults { return }
    let number = Self.next(known?.versions ?? [])
    let version = ServiceVersionID(Self.next(after.serviceVersions))
    try record(.serviceVersion(version, id, number, members, defaults.map(\.written)))
    if let newest {
      compare(newest, members, defaults, .serviceVersion(service.name, number))
    } else {
      let count = members.reduce(0) { $0 + $1.features.count }
      note(
        .serviceAdded, .serviceVersion(service.name, number),
        "\(count) \(count == 1 ? "feature" : "features")")
    }
  }

  private mutating func pin(_ member: ServiceMember, of service: String) -> PinnedMember? {
    guard let version = after.version(member.view, in: project) else {
      errors.append(.unknownVersion(service: service, member.view))
      return nil
    }
    guard !version.isRetired else {
      errors.append(.isRetired(service: service, member.view))
      return nil
    }
    var indices: [FeatureIndex] = []
    if let take = member.take {
      for name in take {
        if let feature = version.feature(name) {
          indices.append(feature.index)
        } else {
          let newest = after[version.view].flatMap { after.newest(of: $0) }
          let hint = newest.flatMap { $0.feature(name) == nil ? nil : after.spelling(of: $0) }
          errors.append(
            .unknownFeature(service: service, after.spelling(of: version), name, newest: hint))
        }
      }
    } else {
      indices = version.features.indices.filter { !version.features[$0].isRemoved }.map { FeatureIndex($0) }
    }
    for rename in member.keys
    where after[version.entity]?.keys.contains(where: { $0.name == rename.key }) != true {
      errors.append(.unknownKey(service: service, after.spelling(of: version), rename.key))
    }
    if let taken = member.keys.firstTaken(by: after[version.entity]?.keys ?? []) {
      errors.append(.keyTwice(service: service, after.spelling(of: version), taken))
    }
    return PinnedMember(version: version.id, features: indices, role: member.role, keys: member.keys)
  }

  /// What only the pinned versions can tell; the defaults as values of their features' types.
  private mutating func check(_ service: ServiceDefinition, _ members: [PinnedMember]) -> [PinnedDefault] {
    var types: [String: FeatureType] = [:]
    var keys: [String: KeyType] = [:]
    for member in members {
      guard let version = after[member.version] else { continue }
      for index in member.features {
        let feature = version.features[Int(index)].definition
        let output = DefinitionName.output(of: feature.name, role: member.role)
        if types.updateValue(feature.type, forKey: output) != nil {
          errors.append(.collision(service: service.name, output))
        }
      }
      for key in after[version.entity]?.keys ?? [] {
        let requested = member.keys.first { $0.key == key.name }?.requested ?? key.name
        if let other = keys.updateValue(key.type, forKey: requested), other != key.type {
          errors.append(.keyTypes(service: service.name, requested, other, key.type))
        }
      }
    }
    return service.defaults.compactMap { filled in
      guard let type = types[filled.output] else {
        // A member that could not be pinned has been complained about; its features are unknown here.
        if members.count == service.members.count {
          errors.append(.unknownOutput(service: service.name, filled.output))
        }
        return nil
      }
      // The file may have read `0` by the type that its view has now, and the service be pinned to a version of another.
      if let value = Value(filled.value, as: type) ?? filled.value.whole.flatMap({ Value($0, as: type) }) {
        return PinnedDefault(output: filled.output, value: value)
      }
      errors.append(.badDefault(service: service.name, filled.output, type))
      return nil
    }
  }

  private mutating func compare(
    _ old: RegisteredServiceVersion, _ members: [PinnedMember], _ defaults: [PinnedDefault],
    _ subject: PlanSubject
  ) {
    let (had, has) = (outputs(of: old.members), outputs(of: members))
    let added = has.filter { output in !had.contains { $0.name == output.name } }.map(\.name)
    let taken = had.filter { output in !has.contains { $0.name == output.name } }.map(\.name)
    let moved = has.compactMap { output -> String? in
      guard let before = had.first(where: { $0.name == output.name }), before.from != output.from else {
        return nil
      }
      return "\(output.name) from \(before.from) -> \(output.from)"
    }
    let start = changes.count
    if !added.isEmpty { note(.serviceFeatureAdded, subject, "+ \(added.joined(separator: ", "))") }
    if !taken.isEmpty { note(.serviceFeatureRemoved, subject, "- \(taken.joined(separator: ", "))") }
    if !moved.isEmpty { note(.serviceFeatureMoved, subject, moved.joined(separator: ", ")) }
    for (output, before, now) in differing(old.defaults, defaults) {
      note(.defaultChanged, subject, "default of \(output) \(before) -> \(now)")
    }
    let keys = { (members: [PinnedMember]) in members.map(\.keys) }
    if keys(old.members) != keys(members), added.isEmpty, taken.isEmpty {
      note(.serviceKeys, subject, "keys")
    }
    if changes.count == start { note(.serviceFeatureMoved, subject, "order of features") }
  }

  /// What the members come to: each output's name, and where it is read from.
  private func outputs(of members: [PinnedMember]) -> [(name: String, from: String)] {
    members.flatMap { member -> [(name: String, from: String)] in
      guard let version = after[member.version] else { return [] }
      return member.features.map { index in
        let name = version.features[Int(index)].definition.name
        return (DefinitionName.output(of: name, role: member.role), after.spelling(of: version))
      }
    }
  }

  private func differing(
    _ old: [PinnedDefault], _ new: [PinnedDefault]
  ) -> [(output: String, before: String, now: String)] {
    Set((old + new).map(\.output)).sorted().compactMap { output in
      let before = old.first { $0.output == output }?.value
      let now = new.first { $0.output == output }?.value
      guard before != now else { return nil }
      return (output, before.map { "\($0)" } ?? "none", now.map { "\($0)" } ?? "none")
    }
  }
}
