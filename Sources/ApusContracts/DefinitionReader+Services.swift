// Services. A view named without a number is the one these files define; one named with a number is known to the
// registry alone, so what is taken of it is checked when the plan is made.

extension DefinitionReader {
  private static let serviceSettings = ["features", "defaults", "owner", "description", "tags"]
  private static let memberSettings = ["view", "take", "as", "keys"]

  /// What a service's members come to, as far as these files know.
  private struct Outputs {
    var places: [String: SourcePlace] = [:]
    var types: [String: FeatureType] = [:]
    var roles: [String: SourcePlace] = [:]
    var requested: [String: KeyType] = [:]
    /// Whether some member's features are not known here.
    var isOpen = false
  }

  mutating func readService(_ entry: YamlEntry) {
    checkName(entry)
    var service = ServiceDefinition(name: entry.key, members: [])
    if let fields = fields(entry.value, of: "a service", Self.serviceSettings) {
      service.owner = text(fields["owner"])
      service.description = text(fields["description"])
      service.tags = tags(fields["tags"])
      var outputs = Outputs()
      if let node = fields["features"] {
        let members = sequence(node, "a list of {view, take, as, keys}") ?? []
        if case .sequence(let nodes) = node.content, nodes.isEmpty {
          complain(.empty("features"), node.place)
        }
        service.members = limited(members, "members", to: Self.memberCountMax).compactMap {
          member($0, &outputs)
        }
      } else {
        complain(.missing("features", of: "a service"), entry.keyPlace)
      }
      if let node = fields["defaults"] { service.defaults = defaults(node, outputs) }
    }
    define(service, .service, entry, in: \.services)
  }

  private mutating func member(_ node: YamlNode, _ outputs: inout Outputs) -> ServiceMember? {
    guard let fields = fields(node, of: "a service's feature", Self.memberSettings) else {
      outputs.isOpen = true
      return nil
    }
    guard let viewNode = fields["view"] else {
      complain(.missing("view", of: "a service's feature"), node.place)
      outputs.isOpen = true
      return nil
    }
    guard let text = string(viewNode), let name = VersionedName(spelling: text) else {
      if case .scalar(.string(let text)) = viewNode.content { complain(.badReference(text), viewNode.place) }
      outputs.isOpen = true
      return nil
    }
    let view = name.number == nil ? views[name.name] : nil
    if name.number == nil, view == nil {
      let near = nearest(to: name.name, among: views.all.map(\.name))
      complain(.unknown(.view, name.name, in: nil, suggestion: near), viewNode.place)
    }

    var member = ServiceMember(view: name)
    if let role = fields["as"].flatMap({ string($0) }) { member.role = role }
    if let node = fields["as"], let role = member.role, !isNew(role: role, at: node.place, &outputs) {
      return member
    }
    if let node = fields["take"] { member.take = take(node, of: view, member.role, &outputs) }
    if fields["take"] == nil {
      for feature in view?.features ?? [] {
        add(feature.name, feature.type, member.role, viewNode.place, &outputs)
      }
    }
    if view == nil { outputs.isOpen = true }
    // The entity's keys are known only with the view.
    let entity = view.flatMap { entities[$0.entity] }
    if let node = fields["keys"] { member.keys = renames(node, of: entity) }
    for key in entity?.keys ?? [] {
      let requested = member.keys.first { $0.key == key.name }?.requested ?? key.name
      if let other = outputs.requested[requested], other != key.type {
        complain(.keyTypes(requested, other, key.type), fields["keys"]?.place ?? viewNode.place)
      } else {
        outputs.requested[requested] = key.type
      }
    }
    return member
  }

  /// Complains unless the role has a name that no other has; false when another has it.
  private mutating func isNew(role: String, at place: SourcePlace, _ outputs: inout Outputs) -> Bool {
    if let fault = DefinitionName.fault(in: role) {
      complain(.badName(role, fault), place)
    } else if let first = outputs.roles[role] {
      complain(.duplicate(.role, role, first: first, file: nil), place)
      return false
    } else {
      outputs.roles[role] = place
    }
    return true
  }

  private mutating func take(
    _ node: YamlNode, of view: ViewDefinition?, _ role: String?, _ outputs: inout Outputs
  ) -> [String]? {
    guard let nodes = sequence(node, "a list of feature names") else {
      outputs.isOpen = true
      return nil
    }
    if nodes.isEmpty { complain(.empty("take"), node.place) }
    let known = view.map { view in
      Dictionary(view.features.map { ($0.name, $0.type) }, uniquingKeysWith: { first, _ in first })
    }
    var taken: [String] = []
    var seen: Set<String> = []
    for node in limited(nodes, "features", to: RowFormat.featureCountMax) {
      guard let name = string(node, "a feature's name") else { continue }
      if !seen.insert(name).inserted {
        complain(.twice(Quoted(name).description), node.place)
        continue
      }
      taken.append(name)
      if let fault = DefinitionName.fault(in: name) {
        complain(.badName(name, fault), node.place)
        continue
      }
      if let view, let known, known[name] == nil {
        let near = nearest(to: name, among: view.features.map(\.name))
        complain(.unknown(.feature, name, in: view.name, suggestion: near), node.place)
      } else {
        add(name, known?[name], role, node.place, &outputs)
      }
    }
    return taken
  }

  private mutating func add(
    _ feature: String, _ type: FeatureType?, _ role: String?, _ place: SourcePlace,
    _ outputs: inout Outputs
  ) {
    let output = DefinitionName.output(of: feature, role: role)
    if let first = outputs.places[output] {
      complain(.collision(output, first: first), place)
    } else {
      outputs.places[output] = place
      outputs.types[output] = type
    }
  }

  private mutating func renames(_ node: YamlNode, of entity: EntityDefinition?) -> [KeyRename] {
    var renames: [KeyRename] = []
    var isTold = false
    let entries = mapping(node, "a mapping of the entity's keys to the request's") ?? []
    if entries.count > Self.keyCountMax { complain(.tooMany("keys", limit: Self.keyCountMax), node.place) }
    for entry in entries.prefix(Self.keyCountMax) {
      guard let requested = string(entry.value, "a name for the key in requests") else { continue }
      if let fault = DefinitionName.fault(in: requested) {
        complain(.badName(requested, fault), entry.value.place)
      }
      if let entity,
        !DefinitionName.mayBe(entry.key) || !entity.keys.contains(where: { $0.name == entry.key })
      {
        let near = nearest(to: entry.key, among: entity.keys.map(\.name))
        complain(.unknown(.key, entry.key, in: entity.name, suggestion: near), entry.keyPlace)
      }
      if let other = renames.first(where: { $0.requested == requested }) {
        complain(.keyTwice(other.requested), entry.value.place)
        isTold = true
      }
      renames.append(KeyRename(key: entry.key, requested: requested))
    }
    if !isTold, let entity, let taken = renames.firstTaken(by: entity.keys) {
      complain(.keyTwice(taken), node.place)
    }
    return renames.filter { $0.key != $0.requested }.sorted { $0.key < $1.key }
  }

  private mutating func defaults(_ node: YamlNode, _ outputs: Outputs) -> [ServiceDefault] {
    var defaults: [ServiceDefault] = []
    for entry in mapping(node, "a mapping of the service's features to values") ?? [] {
      if !DefinitionName.mayBe(entry.key) {
        complain(.unknown(.output, entry.key, in: "the service", suggestion: nil), entry.keyPlace)
      } else if let type = outputs.types[entry.key] {
        if let value = value(entry.value, of: type) {
          defaults.append(ServiceDefault(output: entry.key, value: value.literal))
        }
      } else if let value = literal(entry.value), outputs.isOpen || outputs.places[entry.key] != nil {
        // Checked against the pinned feature's type when the plan is made.
        defaults.append(ServiceDefault(output: entry.key, value: value))
      } else if !outputs.isOpen {
        let near = nearest(to: entry.key, among: outputs.places.keys.sorted())
        complain(.unknown(.output, entry.key, in: "the service", suggestion: near), entry.keyPlace)
      }
    }
    return defaults.sorted { $0.output < $1.output }
  }
}
