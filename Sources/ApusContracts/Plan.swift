// What applying definitions would do, before anyone does it. A plan is made of one project's definitions and one state of
// the registry, and is good for that state alone: its basis is the state's fingerprint. Nothing in it deletes: what the
// definitions do not mention stays, and is named.

/// What definitions would change.
package struct Plan: Equatable, Sendable {
  package var project: String
  /// The fingerprint of the project that the plan was made for.
  package var basis: Fingerprint
  package var changes: [PlannedChange]
  /// What the definitions leave out and the registry keeps.
  package var kept: [PlanSubject]
  /// What to log, in this order.
  package var records: [RegistryChange]

  package var isEmpty: Bool { records.isEmpty }
}

/// Who a change may concern, and who says so with `--accept`.
package enum PlanParty: String, CaseIterable, Sendable {
  case producers, readers
}

package enum PlanSubject: Equatable, Sendable, CustomStringConvertible {
  case entity(String)
  case view(String)
  case version(String, ViewNumber)
  case feature(String, ViewNumber, String)
  case service(String)
  case serviceVersion(String, ServiceNumber)

  package var description: String {
    switch self {
    case .entity(let name): "entity \(name)"
    case .view(let name), .service(let name): name
    case .version(let name, let number), .serviceVersion(let name, let number): "\(name)@\(number)"
    case .feature(let view, let number, let name): "\(view)@\(number).\(name)"
    }
  }
}

package struct PlannedChange: Equatable, Sendable {
  package var subject: PlanSubject
  package var kind: ChangeClass
  /// What changes, in the words of the definitions: `one_of + add_to_cart`.
  package var words: String
  package var producers: Verdict
  package var readers: Verdict
  /// The services in use that read the subject, as `fraud@1`.
  package var services: [String]

  /// Who must accept it.
  package var needs: [PlanParty] {
    var parties: [PlanParty] = []
    if producers == .breaking { parties.append(.producers) }
    if readers == .newValue || readers == .mayMiss, !services.isEmpty { parties.append(.readers) }
    return parties
  }
}

extension Plan {
  /// Who must accept it, each once.
  package var needs: [PlanParty] {
    PlanParty.allCases.filter { party in changes.contains { $0.needs.contains(party) } }
  }
}

/// Why a plan is not applied, or a version neither promoted nor retired.
package enum PlanRefusal: Error, Equatable, Sendable {
  /// Someone else changed the definitions since.
  case raced(expected: Fingerprint, found: Fingerprint)
  case notAccepted([PlanParty], [PlannedChange])
  case unknown(VersionedName)
  case isRetired(VersionedName)
  case inUse(VersionedName, by: [String])
  case isCurrent(VersionedName)
  /// A plan that its own registry refuses; a bug, but not one to lose a server to.
  case registry(RegistryError)
}

extension Registry {
  /// The changes to log for a plan, once everyone concerned has accepted it. `expecting` is the fingerprint that the
  /// person saw who decided; with none, the plan's own basis is what must still hold.
  package func changes(
    applying plan: Plan, accepting: Set<PlanParty> = [], expecting: Fingerprint? = nil
  ) throws(PlanRefusal) -> [RegistryChange] {
    let found = fingerprint(of: plan.project)
    for expected in [expecting ?? plan.basis, plan.basis] where expected != found {
      throw .raced(expected: expected, found: found)
    }
    let missing = plan.needs.filter { !accepting.contains($0) }
    guard missing.isEmpty else {
      throw .notAccepted(
        missing, plan.changes.filter { change in change.needs.contains { missing.contains($0) } })
    }
    return plan.records
  }

  /// Makes a view version the one its name means; nothing when it is already.
  package func changes(promoting name: VersionedName, in project: String) throws(PlanRefusal)
    -> [RegistryChange]
  {
    guard name.number != nil, let id = self.project(project)?.id, let version = version(name, in: id) else {
      throw .unknown(name)
    }
    guard !version.isRetired else { throw .isRetired(name) }
    return self[version.view]?.current == version.id ? [] : [.promoted(version.id)]
  }

  /// Ends a view version that no service in use reads; nothing when it has ended already. The current one ends last.
  package func changes(retiring name: VersionedName, in project: String) throws(PlanRefusal)
    -> [RegistryChange]
  {
    guard name.number != nil, let id = self.project(project)?.id, let version = version(name, in: id) else {
      throw .unknown(name)
    }
    if version.isRetired { return [] }
    let readers = readers(of: version.id)
    guard readers.isEmpty else { throw .inUse(name, by: readers) }
    if let view = self[version.view], view.current == version.id,
      view.versions.contains(where: { $0 != version.id && self[$0]?.isRetired == false })
    {
      throw .isCurrent(name)
    }
    return [.retired(version.id)]
  }

  /// Ends a service version; nothing when it has ended already.
  package func changes(
    retiringService name: VersionedName, in project: String
  ) throws(PlanRefusal) -> [RegistryChange] {
    guard name.number != nil, let id = self.project(project)?.id, let version = serviceVersion(name, in: id)
    else {
      throw .unknown(name)
    }
    return version.isRetired ? [] : [.serviceRetired(version.id)]
  }
}
