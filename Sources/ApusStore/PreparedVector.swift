// Features prepared once, read many times. A vector is immutable and good for as long as its store: feature slots stay
// where they are because features are only appended, and what may change in a view version (its ttl) is looked up in
// the newest catalog by each read.
//
// Groups of one role are adjacent and their views ascend: so they lie side by side in the index too.

public import ApusContracts

@usableFromInline
package final class PreparedVector: Sendable {
  /// In the order that was asked for; names differ.
  package let columns: [Column]
  package let roles: [Role]
  package let groups: [Group]
  /// Of the service version, if it is one.
  package let fingerprint: Fingerprint?
  /// `fraud@1`, if it is one.
  package let service: String?
  /// What of it is retired, `fraud@1` or `card_activity@1`: then it is good for reads of the past alone.
  package let retired: String?
  /// No group is of a later one.
  let newestView: ViewVersionID

  init(_ draft: VectorDraft, service: String?, fingerprint: Fingerprint?, retired: String? = nil) {
    (columns, roles, groups) = draft.finished()
    self.service = service
    self.fingerprint = fingerprint
    self.retired = retired
    newestView = groups.map(\.view).max() ?? ViewVersionID(0)
  }
}

extension PreparedVector {
  /// The vector, for reads of what is served now.
  package func served() throws(StoreError) -> PreparedVector {
    if let retired { throw .retired(retired) }
    return self
  }

  /// One output.
  package struct Column: Sendable {
    /// `txn_count_24h`, `payer__opened_at`.
    package let name: String
    package let type: FeatureType
    /// `card_activity@2`.
    package let view: String
    package let feature: FeatureIndex
    /// What stands in a blank cell; the status stays.
    package let filling: Value?
    /// Where in `groups`.
    package fileprivate(set) var group: Int
  }

  /// An entity under the names that a request calls its keys by. Each role is one key of a request's row.
  package struct Role: Sendable {
    package let project: ProjectID
    package let entity: EntityID
    /// As the service calls it; else the entity's name.
    package let name: String
    /// In the order of the encoded key.
    package let keys: [RequestedKey]
    package let keySchema: KeySchema
    /// Where in `groups`.
    package fileprivate(set) var groups: Range<Int>
  }

  package struct RequestedKey: Equatable, Sendable {
    /// As the entity calls it.
    package let key: KeyDefinition
    /// As requests call it.
    package let requested: String
  }

  /// The features of one view version in one role: what one row of the index answers.
  package struct Group: Sendable {
    package let role: Int
    package let view: ViewVersionID
    package fileprivate(set) var features: [Feature]
  }

  @usableFromInline
  package struct Feature: Sendable {
    /// Where in `columns`.
    @usableFromInline package let column: Int
    @usableFromInline package let slot: FeatureSlot
  }
}

/// A vector that is being put together.
struct VectorDraft {
  private var columns: [PreparedVector.Column] = []
  private var roles: [PreparedVector.Role] = []
  private var groups: [PreparedVector.Group] = []
  private var names: Set<String> = []

  var isEmpty: Bool { columns.isEmpty }

  /// Adds a feature of a view, read in a role. Nil stands for the entity as it is.
  mutating func add(
    _ feature: FeatureIndex, of view: CatalogView, in registry: Registry, role: String? = nil,
    keys renames: [KeyRename] = [], fillings: [PinnedDefault] = []
  ) throws(StoreError) {
    guard let entity = registry[view.entity], let version = registry[view.id],
      Int(feature) < version.features.count
    else { throw .unknownFeature("\(feature)", view: view.spelling) }
    let definition = version.features[Int(feature)].definition
    let name = DefinitionName.output(of: definition.name, role: role)
    guard names.insert(name).inserted else { throw .columnNamedTwice(name) }

    let keys = view.keys.map { key in
      PreparedVector.RequestedKey(
        key: key, requested: renames.first { $0.key == key.name }?.requested ?? key.name)
    }
    let place = self.place(
      of: PreparedVector.Role(
        project: view.project, entity: view.entity, name: role ?? entity.name, keys: keys,
        keySchema: view.keySchema, groups: 0..<0))
    let group = self.group(of: view.id, in: place)
    groups[group].features.append(
      PreparedVector.Feature(column: columns.count, slot: view.layout.slots[Int(feature)]))
    columns.append(
      PreparedVector.Column(
        name: name, type: definition.type, view: view.spelling, feature: feature,
        filling: fillings.first { $0.output == name }?.value, group: group))
  }

  private mutating func place(of role: PreparedVector.Role) -> Int {
    if let known = roles.firstIndex(where: { $0.entity == role.entity && $0.keys == role.keys }) {
      return known
    }
    roles.append(role)
    return roles.count - 1
  }

  private mutating func group(of view: ViewVersionID, in role: Int) -> Int {
    if let known = groups.firstIndex(where: { $0.role == role && $0.view == view }) { return known }
    groups.append(PreparedVector.Group(role: role, view: view, features: []))
    return groups.count - 1
  }

  /// All of it, with the groups in their order.
  fileprivate func finished() -> ([PreparedVector.Column], [PreparedVector.Role], [PreparedVector.Group]) {
    let order = groups.indices.sorted {
      (groups[$0].role, groups[$0].view) < (groups[$1].role, groups[$1].view)
    }
    var (columns, roles) = (columns, roles)
    for (place, group) in order.enumerated() {
      let role = groups[group].role
      let start = roles[role].groups.isEmpty ? place : roles[role].groups.lowerBound
      roles[role].groups = start..<(place + 1)
      for feature in groups[group].features { columns[feature.column].group = place }
    }
    return (columns, roles, order.map { groups[$0] })
  }
}
