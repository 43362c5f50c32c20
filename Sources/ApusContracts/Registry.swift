// What this store has agreed to, as a value. It is rebuilt from nothing by applying the logged changes in order, and
// reads no clock and no file. Nothing leaves it: ids count up from 1 and are never reused, versions retire but stay, a
// removed feature keeps its index. So any old event, service or receipt can be understood for good.

/// An interned id: the place of a thing among all of its kind, counted from 1.
package struct RegistryID<Kind>: RawRepresentable, Hashable, Comparable, Sendable, CustomStringConvertible {
  package let rawValue: UInt32
  package init(rawValue: UInt32) { self.rawValue = rawValue }
  package init(_ rawValue: UInt32) { self.rawValue = rawValue }
  package static func < (a: Self, b: Self) -> Bool { a.rawValue < b.rawValue }
  package var description: String { "\(rawValue)" }
}

package typealias ProjectID = RegistryID<RegisteredProject>
package typealias EntityID = RegistryID<RegisteredEntity>
package typealias ViewID = RegistryID<RegisteredView>
package typealias ServiceID = RegistryID<RegisteredService>
package typealias ServiceVersionID = RegistryID<RegisteredServiceVersion>

package struct RegisteredProject: Equatable, Sendable {
  package var id: ProjectID
  package var name: String
}

/// An entity with the keys it has for good; other keys make another entity of the same name.
package struct RegisteredEntity: Equatable, Sendable {
  package var id: EntityID
  package var project: ProjectID
  package var name: String
  package var keys: [KeyDefinition]
  package var description: String
}

package struct RegisteredView: Equatable, Sendable {
  package var id: ViewID
  package var project: ProjectID
  package var name: String
  /// What the name means without a number; nil before the first promotion and once all versions are retired.
  package var current: ViewVersionID?
  /// Version *n* is element *n* - 1.
  package var versions: [ViewVersionID] = []
}

package struct RegisteredVersion: Equatable, Sendable {
  package var id: ViewVersionID
  package var view: ViewID
  package var number: ViewNumber
  package var entity: EntityID
  /// Begins at 1, rises by one whenever the contract changes within the version.
  package var revision: UInt32 = 1
  package var isRetired = false
  package var settings: ViewSettings
  /// The feature with index *i* is element *i*. Only appended to.
  package var features: [RegisteredFeature]
}

package struct RegisteredFeature: Equatable, Sendable {
  package var definition: FeatureDefinition
  package var isRemoved: Bool

  package init(definition: FeatureDefinition, isRemoved: Bool = false) {
    self.definition = definition
    self.isRemoved = isRemoved
  }
}

package struct RegisteredService: Equatable, Sendable {
  package var id: ServiceID
  package var project: ProjectID
  package var name: String
  package var words: ServiceWords
  /// Version *n* is element *n* - 1.
  package var versions: [ServiceVersionID] = []
}

/// What is said about a service and changes nothing for anyone.
package struct ServiceWords: Equatable, Sendable {
  package var owner = ""
  package var description = ""
  package var tags: [String] = []
}

package struct RegisteredServiceVersion: Equatable, Sendable {
  package var id: ServiceVersionID
  package var service: ServiceID
  package var number: ServiceNumber
  package var isRetired = false
  package var members: [PinnedMember]
  package var defaults: [PinnedDefault]
}

/// What fills a blank cell, a value of the pinned feature's type.
package struct PinnedDefault: Equatable, Sendable {
  package var output: String
  package var value: Value

  var written: ServiceDefault { ServiceDefault(output: output, value: value.literal) }
}

/// What a service version reads from one view version, for good.
package struct PinnedMember: Equatable, Sendable {
  package var version: ViewVersionID
  package var features: [FeatureIndex]
  package var role: String?
  package var keys: [KeyRename]

  package init(version: ViewVersionID, features: [FeatureIndex], role: String?, keys: [KeyRename]) {
    self.version = version
    self.features = features
    self.role = role
    self.keys = keys
  }
}

package struct Registry: Equatable, Sendable {
  package internal(set) var projects: [RegisteredProject] = []
  package internal(set) var entities: [RegisteredEntity] = []
  package internal(set) var views: [RegisteredView] = []
  package internal(set) var versions: [RegisteredVersion] = []
  package internal(set) var services: [RegisteredService] = []
  package internal(set) var serviceVersions: [RegisteredServiceVersion] = []

  /// A registry that agreed to nothing yet.
  package init() {}

  /// The registry that these changes make, in their order.
  package init(_ changes: some Sequence<RegistryChange>) throws(RegistryError) {
    for change in changes { try apply(change) }
  }
}

// Looking things up: by id, and by the names people use.
extension Registry {
  package subscript(id: ProjectID) -> RegisteredProject? { Self.element(projects, id.rawValue) }
  package subscript(id: EntityID) -> RegisteredEntity? { Self.element(entities, id.rawValue) }
  package subscript(id: ViewID) -> RegisteredView? { Self.element(views, id.rawValue) }
  package subscript(id: ViewVersionID) -> RegisteredVersion? { Self.element(versions, id.rawValue) }
  package subscript(id: ServiceID) -> RegisteredService? { Self.element(services, id.rawValue) }
  package subscript(id: ServiceVersionID) -> RegisteredServiceVersion? {
    Self.element(serviceVersions, id.rawValue)
  }

  private static func element<T>(_ all: [T], _ id: UInt32) -> T? {
    id >= 1 && Int(id) <= all.count ? all[Int(id) - 1] : nil
  }

  package func project(_ name: String) -> RegisteredProject? { projects.first { $0.name == name } }

  /// The newest entity of that name.
  package func entity(_ name: String, in project: ProjectID) -> RegisteredEntity? {
    entities.last { $0.project == project && $0.name == name }
  }

  package func view(_ name: String, in project: ProjectID) -> RegisteredView? {
    views.first { $0.project == project && $0.name == name }
  }

  package func service(_ name: String, in project: ProjectID) -> RegisteredService? {
    services.first { $0.project == project && $0.name == name }
  }

  /// The version a name means: the one of its number, or the current one.
  package func version(_ name: VersionedName, in project: ProjectID) -> RegisteredVersion? {
    guard let view = view(name.name, in: project) else { return nil }
    guard let number = name.number else { return view.current.flatMap { self[$0] } }
    return number >= 1 && Int(number) <= view.versions.count ? self[view.versions[Int(number) - 1]] : nil
  }

  /// The service version a name means: the one of its number, or the newest that is not retired.
  package func serviceVersion(_ name: VersionedName, in project: ProjectID) -> RegisteredServiceVersion? {
    guard let service = service(name.name, in: project) else { return nil }
    guard let number = name.number else {
      return service.versions.reversed().lazy.compactMap { self[$0] }.first { !$0.isRetired }
    }
    return number >= 1 && Int(number) <= service.versions.count
      ? self[service.versions[Int(number) - 1]] : nil
  }

  /// The newest version of a view that is not retired.
  package func newest(of view: RegisteredView) -> RegisteredVersion? {
    view.versions.reversed().lazy.compactMap { self[$0] }.first { !$0.isRetired }
  }

  /// `fraud@1` for each service version in use that reads the view version, or that one feature of it.
  package func readers(of version: ViewVersionID, feature: FeatureIndex? = nil) -> [String] {
    serviceVersions.filter { service in
      !service.isRetired
        && service.members.contains { member in
          member.version == version && (feature.map(member.features.contains) ?? true)
        }
    }.map { "\(self[$0.service]?.name ?? "")@\($0.number)" }
  }

  /// `card_activity@2`.
  package func spelling(of version: RegisteredVersion) -> String {
    "\(self[version.view]?.name ?? "")@\(version.number)"
  }
}

extension RegisteredVersion {
  /// The feature of that name that was not removed.
  package func feature(_ name: String) -> (index: FeatureIndex, definition: FeatureDefinition)? {
    guard let index = features.lastIndex(where: { $0.definition.name == name && !$0.isRemoved }) else {
      return nil
    }
    return (FeatureIndex(index), features[index].definition)
  }
}

extension Contract {
  /// What the version admits now; nil when there is no such version.
  package init?(of id: ViewVersionID, in registry: Registry) {
    guard let version = registry[id], let view = registry[version.view] else { return nil }
    self.init(
      view: view.name, version: version.number, revision: version.revision,
      features: version.features.enumerated().filter { !$0.element.isRemoved }.map { index, feature in
        let definition = feature.definition
        return Feature(
          index: FeatureIndex(index), name: definition.name, type: definition.type, rules: definition.rules)
      })
  }
}
