// What definitions and erasures mean for admission and reading: immutable, made by the appender, and published before
// anything that it admits can be seen. Numbers rise by one; two catalogs of one store with one number are the same.

package import ApusContracts

package final class Catalog: Sendable {
  package let number: UInt64
  package let registry: Registry
  package let erasures: Erasures
  package let horizons: Horizons
  /// The view version with id *i* is element *i* - 1.
  private let views: [CatalogView]
  /// Of the same, for `lend`.
  private let reading: ReadingViews

  package init(
    number: UInt64, registry: Registry, erasures: Erasures, horizons: Horizons = Horizons()
  ) {
    self.number = number
    self.horizons = horizons
    self.registry = registry
    self.erasures = erasures
    views = registry.versions.compactMap { CatalogView($0, in: registry) }
    reading = ReadingViews(views)
    precondition(views.count == registry.versions.count, "a registry's versions name what it has")
  }

  /// The same with other erasures and horizons: what the views say is kept.
  private init(_ catalog: Catalog, number: UInt64, erasures: Erasures, horizons: Horizons) {
    self.number = number
    self.horizons = horizons
    self.erasures = erasures
    registry = catalog.registry
    views = catalog.views
    reading = catalog.reading
  }

  package func with(_ erasures: Erasures, _ horizons: Horizons? = nil) -> Catalog {
    Catalog(self, number: number + 1, erasures: erasures, horizons: horizons ?? self.horizons)
  }

  package func with(
    _ registry: Registry, _ erasures: Erasures? = nil, _ horizons: Horizons? = nil
  ) -> Catalog {
    Catalog(
      number: number + 1, registry: registry, erasures: erasures ?? self.erasures,
      horizons: horizons ?? self.horizons)
  }

  package subscript(id: ViewVersionID) -> CatalogView? {
    has(id) ? views[Int(id.rawValue) - 1] : nil
  }

  func has(_ id: ViewVersionID) -> Bool { id.rawValue >= 1 && Int(id.rawValue) <= views.count }

  /// Lends what reading asks of a view version. Nothing happens when there is none.
  @inline(__always)
  func lend(_ id: ViewVersionID, _ body: (borrowing ReadingView) -> Void) {
    guard has(id) else { return }
    reading.lend(Int(id.rawValue) - 1, body)
  }

  /// The version that a name means: `card_activity`, `card_activity@2`.
  package func view(_ name: VersionedName, in project: String) -> CatalogView? {
    guard let project = registry.project(project), let version = registry.version(name, in: project.id)
    else { return nil }
    return self[version.id]
  }
}

/// A view version, with all that admission and reading ask of it worked out once.
package final class CatalogView: Sendable {
  package let id: ViewVersionID
  package let project: ProjectID
  package let entity: EntityID
  /// `card_activity@2`.
  package let spelling: String
  package let keys: [KeyDefinition]
  package let keySchema: KeySchema
  package let layout: RowLayout
  package let contract: Contract
  package let ttlNanoseconds: Int64?
  package let maxFutureSkewNanoseconds: Int64
  package let maxLatenessNanoseconds: Int64?
  package let isRetired: Bool
  /// A bit for each feature, 64 in a word, one for those that were removed; empty when none was.
  let removed: [UInt64]

  init?(_ version: RegisteredVersion, in registry: Registry) {
    guard let entity = registry[version.entity], let layout = RowLayout(of: version),
      let contract = Contract(of: version.id, in: registry)
    else { return nil }
    id = version.id
    project = entity.project
    self.entity = entity.id
    spelling = registry.spelling(of: version)
    keys = entity.keys
    keySchema = KeySchema(entity.keys.map(\.type))
    self.layout = layout
    self.contract = contract
    ttlNanoseconds = version.settings.ttl?.nanoseconds
    maxFutureSkewNanoseconds = version.settings.maxFutureSkew.nanoseconds
    maxLatenessNanoseconds = version.settings.maxLateness?.nanoseconds
    isRetired = version.isRetired
    var removed: [UInt64] = []
    for (index, feature) in version.features.enumerated() where feature.isRemoved {
      if removed.isEmpty { removed = Array(repeating: 0, count: (version.features.count + 63) / 64) }
      removed[index / 64] |= 1 << UInt64(index % 64)
    }
    self.removed = removed
  }

  /// Whether the view has this feature no more.
  package func isRemoved(_ feature: FeatureIndex) -> Bool {
    let word = Int(feature) / 64
    return word < removed.count && removed[word] >> UInt64(Int(feature) % 64) & 1 == 1
  }
}
