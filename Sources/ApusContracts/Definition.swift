// What a project's files say, as values: no places, no defaults left to guess, no order that means anything except that of
// keys and of a service's members. Two are equal when they ask for the same thing.

package struct ProjectDefinition: Equatable, Sendable {
  package var name: String
  package var entities: [EntityDefinition]
  package var views: [ViewDefinition]
  package var services: [ServiceDefinition]

  package init(
    name: String, entities: [EntityDefinition] = [], views: [ViewDefinition] = [],
    services: [ServiceDefinition] = []
  ) {
    self.name = name
    self.entities = entities
    self.views = views
    self.services = services
  }
}

package struct EntityDefinition: Equatable, Sendable {
  package var name: String
  /// At least one; their order is the order of the encoded key.
  package var keys: [KeyDefinition]
  package var description = ""

  package init(name: String, keys: [KeyDefinition], description: String = "") {
    self.name = name
    self.keys = keys
    self.description = description
  }
}

package struct KeyDefinition: Hashable, Sendable {
  package var name: String
  package var type: KeyType

  package init(name: String, type: KeyType) {
    self.name = name
    self.type = type
  }
}

package struct ViewDefinition: Equatable, Sendable {
  package var name: String
  package var entity: String
  package var settings: ViewSettings
  package var features: [FeatureDefinition]

  package init(name: String, entity: String, settings: ViewSettings, features: [FeatureDefinition]) {
    self.name = name
    self.entity = entity
    self.settings = settings
    self.features = features
  }
}

package struct ViewSettings: Equatable, Sendable {
  /// Nil: a value never gets too old.
  package var ttl: Period?
  package var history = History.forever
  package var freshness: Period?
  package var maxLateness: Period?
  package var maxFutureSkew = Period.minute
  package var owner = ""
  package var description = ""
  package var tags: [String] = []

  package init(ttl: Period? = nil) { self.ttl = ttl }
}

/// How long a view's past is kept.
package enum History: Hashable, Sendable, CustomStringConvertible {
  case forever
  case lasting(Period)
  /// Only the newest value of each key: log compaction.
  case none

  package var description: String {
    switch self {
    case .forever: "forever"
    case .lasting(let period): "\(period)"
    case .none: "none"
    }
  }
}

package struct FeatureDefinition: Equatable, Sendable {
  package var name: String
  package var type: FeatureType
  package var rules = FeatureRules()
  package var description = ""
  package var tags: [String] = []

  package init(name: String, type: FeatureType) {
    self.name = name
    self.type = type
  }
}

package struct ServiceDefinition: Equatable, Sendable {
  package var name: String
  package var members: [ServiceMember]
  /// By output name, ascending.
  package var defaults: [ServiceDefault]
  package var owner = ""
  package var description = ""
  package var tags: [String] = []

  package init(name: String, members: [ServiceMember], defaults: [ServiceDefault] = []) {
    self.name = name
    self.members = members
    self.defaults = defaults
  }
}

/// Features a service takes from one view, once per role the view's entity plays.
package struct ServiceMember: Equatable, Sendable {
  package var view: VersionedName
  /// Nil: all that the view has when the service is applied.
  package var take: [String]?
  package var role: String?
  /// By key, ascending; only those with another name.
  package var keys: [KeyRename]

  package init(view: VersionedName, take: [String]? = nil, role: String? = nil, keys: [KeyRename] = []) {
    self.view = view
    self.take = take
    self.role = role
    self.keys = keys
  }
}

/// What a request calls a key of an entity.
package struct KeyRename: Hashable, Sendable {
  package var key: String
  package var requested: String

  package init(key: String, requested: String) {
    self.key = key
    self.requested = requested
  }
}

extension [KeyRename] {
  /// The first name by which a request would call two of the keys: it could not tell them apart.
  package func firstTaken(by keys: [KeyDefinition]) -> String? {
    var names: Set<String> = []
    for key in keys {
      let requested = first { $0.key == key.name }?.requested ?? key.name
      if !names.insert(requested).inserted { return requested }
    }
    return nil
  }
}

/// What fills a blank cell, as it is written: the type may be known only to the registry.
package struct ServiceDefault: Equatable, Sendable {
  package var output: String
  package var value: Literal

  package init(output: String, value: Literal) {
    self.output = output
    self.value = value
  }
}
