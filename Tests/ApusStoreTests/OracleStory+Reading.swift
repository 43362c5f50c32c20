// After each step: every cell of every key in every view version and service, as of a moment that is often just at the
// edge of a value's age.

import ApusBytes
import ApusContracts
import ApusStore
import ApusTestSupport

/// Features to be read together, and where the oracle looks for each.
struct OracleVector {
  struct Column {
    let version: Int
    let feature: Int
    let role: Int
    var filling: Value?
  }

  struct Role {
    let entity: Int
    /// What a request calls the keys.
    let requested: [String]
  }

  let name: String
  let vector: PreparedVector
  let columns: [Column]
  let roles: [Role]
  /// Keys are given by name; else role by role, in the order of `roles`.
  let isNamed: Bool
}

extension OracleStory {
  /// Reads everything there is, and compares.
  func readAll(_ random: inout SplitMix64) throws {
    if vectors == nil { vectors = try prepare() }
    for vector in vectors ?? [] { try read(vector, &random) }
    if random.chance(0.3) { try readPast(&random) }
  }

  private func read(_ vector: OracleVector, _ random: inout SplitMix64) throws {
    var keys = RequestKeys(for: vector.vector)
    let pools = vector.roles.map { told.definitions.entities[$0.entity].pool }
    let rowCount = pools.map(\.count).max() ?? 0
    let shifts = pools.map { random.below(max(1, $0.count)) }
    var asked: [[[Value]]] = []
    for row in 0..<rowCount {
      let parts = zip(pools, shifts).map { $0[(row + $1) % $0.count] }
      if vector.isNamed {
        var named: [String: Value] = [:]
        for (role, part) in zip(vector.roles, parts) {
          for (name, value) in zip(role.requested, part) { named[name] = value }
        }
        try keys.append(named: named)
        // Two members of one role without a name share their keys.
        asked.append(vector.roles.map { role in role.requested.compactMap { named[$0] } })
      } else {
        try keys.append(values: parts)
        asked.append(parts)
      }
    }
    let isNow = random.chance(0.3)
    let time = isNow ? wall : moment(&random)
    let stale = random.chance(0.2)
    let table = try reader?.table(
      vector.vector, keys, minimum: LSN(visible), at: isNow ? nil : ReadTime(nanoseconds: time),
      stale: stale)
    guard let table else { throw OracleFailure("there is no reader") }
    try check(table.moment.lsn.rawValue, visible, "LSN of a read")
    try check(table.moment.time.nanoseconds, time, "time of a read")
    try check(table.moment.isFlagged, false, "flag of a read")
    for row in 0..<rowCount {
      for (place, column) in vector.columns.enumerated() {
        let key = asked[row][column.role]
        let expected = told.cell(
          column.version, column.feature, key, at: time, stale: stale, filling: column.filling)
        let cell = table[row, place]
        let found = ToldCell(
          status: cell.status.rawValue, reason: cell.reason?.rawValue, value: cell.value,
          eventTime: cell.stamp?.eventTime.nanoseconds, createdAt: cell.stamp?.createdAt.nanoseconds,
          lsn: cell.stamp?.lsn.rawValue, age: cell.ageNanoseconds)
        if found != expected {
          throw OracleFailure(
            "\(vector.name), \(table.names[place]) of \(told.definitions.versions[column.version].spelling), key \(key)"
              + " at \(time)\(stale ? ", stale" : ""):\n  found    \(found)\n  expected \(expected)\n"
              + said(of: column, key))
        }
        summary.counts["cell \(expected.status) \(expected.reason ?? 0)", default: 0] += 1
      }
    }
  }

  /// What was said of a key, for people.
  func said(of column: OracleVector.Column, _ key: [Value]) -> String {
    let events = column.version < told.events.count ? told.events[column.version] : []
    let lines = events.filter { $0.key == key }.map { event in
      let what = event.said.map { $0.count > column.feature ? "\($0[column.feature])" : "absent" } ?? "delete"
      return "  LSN \(event.lsn) event \(event.eventTime) created \(event.createdAt): \(what)"
    }
    let erase = told.erase(of: key, column.version).map { ["  erased through \($0.lsn) at \($0.time)"] } ?? []
    return (lines + erase).joined(separator: "\n")
  }

  /// A moment just when some value gets too old, or any other.
  private func moment(_ random: inout SplitMix64) -> Int64 {
    let version = random.below(max(1, told.events.count))
    guard version < told.events.count, !told.events[version].isEmpty, random.chance(0.8) else {
      return random.pick([.min, 0, wall, wall + 1, .max])
    }
    let event = random.pick(told.events[version])
    let ttl = told.definitions.versions[version].settings.ttl ?? 0
    return Int64(clamping: Int128(event.eventTime) + Int128(ttl) + Int128(random.within(-1...1)))
  }

  // MARK: Vectors

  private func prepare() throws -> [OracleVector] {
    let definitions = told.definitions
    var vectors: [OracleVector] = []
    // All current versions at once, by their views' names; then all others, one by one.
    let current = definitions.versions.indices.filter {
      definitions.current[definitions.versions[$0].view] == $0 && !definitions.versions[$0].inUse.isEmpty
    }
    if !current.isEmpty { vectors.append(try vector(of: current, named: \.view)) }
    for version in definitions.versions.indices where !current.contains(version) {
      let known = definitions.versions[version]
      if known.inUse.isEmpty { continue }
      if known.isRetired {
        let tag = refusal { try store.vector(features: names([version], \.spelling), in: Self.project) }
        try check(tag, "retired", "a vector of a retired version")
      } else {
        vectors.append(try vector(of: [version], named: \.spelling))
      }
    }
    for service in definitions.services { if let vector = try vector(of: service) { vectors.append(vector) } }
    return vectors
  }

  private func refusal(_ body: () throws -> PreparedVector) -> String? {
    do {
      _ = try body()
      return nil
    } catch let error as StoreError {
      return error.tag
    } catch {
      return "\(error)"
    }
  }

  private func names(_ versions: [Int], _ name: (ToldVersion) -> String) -> [String] {
    versions.flatMap { at in
      let version = told.definitions.versions[at]
      return version.inUse.map { "\(name(version)):\(version.features[$0].name)" }
    }
  }

  private func vector(of versions: [Int], named name: (ToldVersion) -> String) throws -> OracleVector {
    let prepared = try store.vector(features: names(versions, name), in: Self.project)
    let entities = try prepared.roles.map { role in
      let keys = try role.keys.map { ToldKey(name: $0.key.name, type: try element($0.key.type)) }
      guard
        let found = told.definitions.entities.indices.last(where: {
          told.definitions.entities[$0].name == role.name && told.definitions.entities[$0].keys == keys
        })
      else { throw OracleFailure("a vector asks for \(role.name) \(keys)") }
      return found
    }
    let columns = try versions.flatMap { version in
      let known = told.definitions.versions[version]
      let keys = told.definitions.entities[known.entity]
      guard
        let role = entities.firstIndex(where: {
          told.definitions.entities[$0].keys == keys.keys && told.definitions.entities[$0].name == keys.name
        })
      else { throw OracleFailure("a vector has no role for \(keys.name)") }
      return known.inUse.map { OracleVector.Column(version: version, feature: $0, role: role) }
    }
    return OracleVector(
      name: versions.map { name(told.definitions.versions[$0]) }.joined(separator: ", "), vector: prepared,
      columns: columns, roles: entities.map { OracleVector.Role(entity: $0, requested: []) }, isNamed: false)
  }

  private func element(_ type: KeyType) throws -> ToldElement {
    guard let element = ToldElement.allCases.first(where: { $0.element == type.element }) else {
      throw OracleFailure("a key is \(type)")
    }
    return element
  }

  private func vector(of service: ToldServiceVersion) throws -> OracleVector? {
    let spelling = "\(service.service)@\(service.number)"
    guard let name = VersionedName(spelling: spelling) else { throw OracleFailure("no name: \(spelling)") }
    if service.isRetired {
      let tag = refusal { try store.vector(service: name, in: Self.project) }
      try check(tag, "retired", "a vector of a retired service")
      return nil
    }
    let newest = told.definitions.newestService(service.service)
    let asked = newest?.number == service.number ? VersionedName(name: service.service) : name
    let prepared = try store.vector(service: asked, in: Self.project)
    var columns: [OracleVector.Column] = []
    var names: [String] = []
    for (role, member) in service.members.enumerated() {
      for feature in member.features {
        let feature = (feature, told.definitions.versions[member.version].features[feature].name)
        let output = member.role.map { "\($0)__\(feature.1)" } ?? feature.1
        names.append(output)
        columns.append(
          OracleVector.Column(
            version: member.version, feature: feature.0, role: role, filling: service.defaults[output]))
      }
    }
    try check(prepared.columns.map(\.name), names, "outputs of \(spelling)")
    return OracleVector(
      name: spelling, vector: prepared, columns: columns,
      roles: service.members.map { member in
        OracleVector.Role(
          entity: told.definitions.versions[member.version].entity, requested: member.requested)
      }, isNamed: true)
  }
}
