// What was agreed to, as the oracle sees it: versions, their features, what services read. Evolution.md in a few lines:
// a version changes in place while types and entity stay, and becomes another one when they do not.

import ApusContracts

struct ToldKey: Hashable {
  let name: String
  let type: ToldElement
}

struct ToldEntity {
  let name: String
  let keys: [ToldKey]
  /// All keys that a story ever uses.
  let pool: [[Value]]
}

struct ToldFeature {
  let name: String
  let type: ToldType
  var rules: ToldRules
  var isRemoved = false
}

struct ToldSettings: Equatable {
  var ttl: Int64?
  var skew: Int64 = 60_000_000_000
  var lateness: Int64?
}

struct ToldVersion {
  let view: String
  let number: Int
  /// In `entities`.
  let entity: Int
  var settings: ToldSettings
  var features: [ToldFeature]
  var isRetired = false

  var spelling: String { "\(view)@\(number)" }
  var inUse: [Int] { features.indices.filter { !features[$0].isRemoved } }
  func feature(_ name: String) -> Int? { inUse.first { features[$0].name == name } }
}

struct ToldMember: Equatable {
  /// In `versions`.
  var version: Int
  var features: [Int]
  var role: String?
  /// What a request calls the keys, in their order.
  var requested: [String]
}

struct ToldServiceVersion {
  let service: String
  let number: Int
  let members: [ToldMember]
  let defaults: [String: Value]
  var isRetired = false
}

/// What a person would have: a view or a service as the files say it.
struct WantedView {
  var name: String
  var entity: String
  var settings: ToldSettings
  var features: [ToldFeature]
}

struct WantedService {
  var name: String
  var members: [ToldMember]
  var defaults: [String: Value]
}

struct Wanted {
  var entities: [ToldEntity] = []
  var views: [WantedView] = []
  var services: [WantedService] = []
}

struct ToldDefinitions {
  private(set) var entities: [ToldEntity] = []
  private(set) var versions: [ToldVersion] = []
  private(set) var current: [String: Int] = [:]
  private(set) var services: [ToldServiceVersion] = []

  /// The newest version of a view that is not retired.
  func newest(_ view: String) -> Int? {
    versions.indices.last { versions[$0].view == view && !versions[$0].isRetired }
  }

  func entity(_ name: String) -> Int? { entities.indices.last { entities[$0].name == name } }

  func readers(of version: Int) -> [ToldServiceVersion] {
    services.filter { !$0.isRetired && $0.members.contains { $0.version == version } }
  }

  func newestService(_ name: String) -> ToldServiceVersion? {
    services.last { $0.service == name && !$0.isRetired }
  }
}

extension ToldDefinitions {
  /// Whether anything changed.
  mutating func apply(_ wanted: Wanted) -> Bool {
    var isChanged = false
    for wanted in wanted.entities where entity(wanted.name).map({ entities[$0].keys != wanted.keys }) ?? true
    {
      entities.append(wanted)
      isChanged = true
    }
    for view in wanted.views where apply(view) { isChanged = true }
    for service in wanted.services {
      if let newest = newestService(service.name), newest.members == service.members,
        newest.defaults == service.defaults
      {
        continue
      }
      let number = services.filter { $0.service == service.name }.count + 1
      services.append(
        ToldServiceVersion(
          service: service.name, number: number, members: service.members, defaults: service.defaults))
      isChanged = true
    }
    return isChanged
  }

  private mutating func apply(_ wanted: WantedView) -> Bool {
    guard let entity = entity(wanted.entity) else { return false }
    guard let at = newest(wanted.name) else {
      current[wanted.name] = versions.count
      mint(wanted, entity)
      return true
    }
    let version = versions[at]
    let isRetyped = wanted.features.contains { feature in
      version.feature(feature.name).map { version.features[$0].type != feature.type } ?? false
    }
    if version.entity != entity || isRetyped {
      mint(wanted, entity)
      return true
    }
    var changed = version
    changed.settings = wanted.settings
    for feature in wanted.features {
      if let known = version.feature(feature.name) {
        changed.features[known].rules = feature.rules
      } else {
        changed.features.append(feature)
      }
    }
    for known in version.inUse
    where !wanted.features.contains(where: { $0.name == version.features[known].name }) {
      changed.features[known].isRemoved = true
    }
    let isOther =
      changed.settings != version.settings || changed.features.count != version.features.count
      || zip(changed.features, version.features).contains {
        $0.rules != $1.rules || $0.isRemoved != $1.isRemoved
      }
    versions[at] = changed
    return isOther
  }

  private mutating func mint(_ wanted: WantedView, _ entity: Int) {
    let number = versions.filter { $0.view == wanted.name }.count + 1
    versions.append(
      ToldVersion(
        view: wanted.name, number: number, entity: entity, settings: wanted.settings,
        features: wanted.features))
  }

  mutating func promote(_ version: Int) -> Bool {
    if current[versions[version].view] == version { return false }
    current[versions[version].view] = version
    return true
  }

  enum Retirement { case done, already, inUse, isCurrent }

  mutating func retire(_ version: Int) -> Retirement {
    if versions[version].isRetired { return .already }
    if !readers(of: version).isEmpty { return .inUse }
    let view = versions[version].view
    if current[view] == version {
      let others = versions.indices.contains {
        $0 != version && versions[$0].view == view && !versions[$0].isRetired
      }
      if others { return .isCurrent }
      current[view] = nil
    }
    versions[version].isRetired = true
    return .done
  }

  mutating func retire(service: Int) { services[service].isRetired = true }
}

// As the store is told.

extension ToldDefinitions {
  func definition(_ wanted: Wanted) -> ProjectDefinition {
    ProjectDefinition(
      name: "p",
      entities: wanted.entities.map { entity in
        EntityDefinition(
          name: entity.name, keys: entity.keys.map { KeyDefinition(name: $0.name, type: $0.type.key) })
      },
      views: wanted.views.map { view in
        ViewDefinition(
          name: view.name, entity: view.entity, settings: view.settings.settings,
          features: view.features.map { told in
            var feature = FeatureDefinition(name: told.name, type: told.type.type)
            feature.rules = told.rules.rules
            return feature
          })
      },
      services: wanted.services.map { service in
        ServiceDefinition(
          name: service.name, members: service.members.map { definition(of: $0) },
          defaults: service.defaults.keys.sorted().compactMap { output in
            service.defaults[output].flatMap(\.spelled).map { ServiceDefault(output: output, value: $0) }
          })
      })
  }

  private func definition(of member: ToldMember) -> ServiceMember {
    let version = versions[member.version]
    let renames = zip(entities[version.entity].keys, member.requested).filter { $0.name != $1 }
    return ServiceMember(
      view: VersionedName(name: version.view, number: UInt32(version.number)),
      take: member.features.map { version.features[$0].name }, role: member.role,
      keys: renames.map { KeyRename(key: $0.0.name, requested: $0.1) }.sorted { $0.key < $1.key })
  }
}

extension ToldSettings {
  fileprivate var settings: ViewSettings {
    var settings = ViewSettings(ttl: ttl.flatMap { Period(nanoseconds: $0) })
    settings.maxFutureSkew = Period(nanoseconds: skew) ?? .minute
    settings.maxLateness = lateness.flatMap { Period(nanoseconds: $0) }
    return settings
  }
}

extension Value {
  fileprivate var spelled: Literal? {
    switch self {
    case .bool(let value): .bool(value)
    case .int32(let value): .integer(Int64(value))
    case .int64(let value): .integer(value)
    case .string(let text): .string(text)
    case .timestamp(let time): .timestamp(nanoseconds: time)
    default: nil
    }
  }
}
