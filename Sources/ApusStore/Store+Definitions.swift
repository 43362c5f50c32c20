// Definitions change by a plan that was seen, accepted and still holds. The plan is made again by the appender, from the
// registry that is in force when the change is written: two who apply at once cannot both be right.

package import ApusContracts

extension Store {
  /// What applying the definitions would do now.
  package func plan(_ definition: ProjectDefinition) throws(StoreError) -> Plan {
    try Self.plan(definition, in: catalog.registry)
  }

  /// Applies definitions. The plan that comes back is what was done; its frame is nil when there was nothing to do.
  package func apply(
    _ definition: ProjectDefinition, accepting parties: Set<PlanParty> = [],
    expecting fingerprint: Fingerprint? = nil
  ) throws(StoreError) -> (plan: Plan, frame: FrameMoment?) {
    let done = try writing().perform { (core) throws(StoreError) -> Done in
      let registry = core.applier.catalog.registry
      let plan = try Self.plan(definition, in: registry)
      return Done(
        plan: plan,
        frame: try core.change { (registry) throws(PlanRefusal) in
          try registry.changes(applying: plan, accepting: parties, expecting: fingerprint)
        })
    }
    return (done.plan, done.frame)
  }

  private struct Done: Sendable {
    let plan: Plan
    let frame: FrameMoment?
  }

  /// Makes a view version the one that its name means. Nil when it is already.
  package func promote(_ name: VersionedName, in project: String) throws(StoreError) -> FrameMoment? {
    try change { (registry) throws(PlanRefusal) in try registry.changes(promoting: name, in: project) }
  }

  /// Ends a view version that no service in use reads. Nil when it has ended already.
  package func retire(_ name: VersionedName, in project: String) throws(StoreError) -> FrameMoment? {
    try change { (registry) throws(PlanRefusal) in try registry.changes(retiring: name, in: project) }
  }

  /// Ends a service version. Nil when it has ended already.
  package func retire(service name: VersionedName, in project: String) throws(StoreError) -> FrameMoment? {
    try change { (registry) throws(PlanRefusal) in try registry.changes(retiringService: name, in: project) }
  }

  private func change(
    _ changes: @escaping @Sendable (Registry) throws(PlanRefusal) -> [RegistryChange]
  ) throws(StoreError) -> FrameMoment? {
    try writing().perform { (core) throws(StoreError) in try core.change(changes) }
  }

  private static func plan(_ definition: ProjectDefinition, in registry: Registry) throws(StoreError) -> Plan
  {
    do throws(PlanErrors) { return try registry.plan(definition) } catch { throw .definition(error) }
  }
}

extension AppenderCore {
  /// Writes the changes that the registry in force leads to; nil when there are none.
  func change(
    _ changes: (Registry) throws(PlanRefusal) -> [RegistryChange]
  ) throws(StoreError) -> FrameMoment? {
    let made: [RegistryChange]
    do throws(PlanRefusal) { made = try changes(applier.catalog.registry) } catch { throw .plan(error) }
    guard !made.isEmpty else { return nil }
    return try write(recordCount: 1, at: try moment()) { $0.writeDefinitions(made) }
  }
}
