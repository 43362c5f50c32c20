// One version of a service: what a request gives, and what it gets, column by column.

import ApusContracts

struct ServiceDescription {
  private struct Column {
    let name: String
    let type: String
    let source: String
    let role: String?
    let filled: Value?
  }

  private struct RequestKey {
    let name: String
    let type: KeyType
    let key: String
    let entity: String
    let role: String?
  }

  private let registry: Registry
  private let version: RegisteredServiceVersion
  private let columns: [Column]
  private let keys: [RequestKey]

  init(_ registry: Registry, _ version: RegisteredServiceVersion) {
    self.registry = registry
    self.version = version
    var columns: [Column] = []
    var keys: [RequestKey] = []
    for member in version.members {
      guard let view = registry[member.version], let entity = registry[view.entity] else { continue }
      for index in member.features where Int(index) < view.features.count {
        let feature = view.features[Int(index)].definition
        let name = DefinitionName.output(of: feature.name, role: member.role)
        columns.append(
          Column(
            name: name, type: "\(feature.type)", source: "\(registry.spelling(of: view)):\(feature.name)",
            role: member.role, filled: version.defaults.first { $0.output == name }?.value))
      }
      for key in entity.keys {
        let requested = member.keys.first { $0.key == key.name }?.requested ?? key.name
        let found = RequestKey(
          name: requested, type: key.type, key: key.name, entity: entity.name, role: member.role)
        // One that several members share is given once.
        if !keys.contains(where: { $0.name == requested }) { keys.append(found) }
      }
    }
    self.columns = columns
    self.keys = keys
  }

  private var service: RegisteredService? { registry[version.service] }

  var lines: [String] {
    var lines = ["service \(registry.spelling(of: version))" + (version.isRetired ? ", retired" : "")]
    if let fingerprint = registry.fingerprint(of: version.id) {
      lines.append("  fingerprint  \(fingerprint)")
    }
    if let words = service?.words {
      if !words.owner.isEmpty { lines.append("  owner        \(words.owner)") }
      if !words.description.isEmpty { lines.append("  description  \(words.description)") }
      if !words.tags.isEmpty { lines.append("  tags         \(words.tags.joined(separator: ", "))") }
    }
    var given = Table([("request key", .left), ("type", .left), ("is", .left), ("role", .left)])
    for key in keys { given.add([key.name, "\(key.type)", "\(key.key) of \(key.entity)", key.role ?? ""]) }
    var told = Table([("column", .left), ("type", .left), ("from", .left), ("default", .left)])
    for column in columns {
      told.add([column.name, column.type, column.source, column.filled.map(\.description) ?? ""])
    }
    return lines + [""] + given.lines.map { "  " + $0 } + [""] + told.lines.map { "  " + $0 }
  }

  var json: JSON {
    [
      "name": .text(registry.spelling(of: version)), "retired": .boolean(version.isRetired),
      "fingerprint": registry.fingerprint(of: version.id).map { .text("\($0)") } ?? .null,
      "owner": .text(service?.words.owner ?? ""), "description": .text(service?.words.description ?? ""),
      "tags": .list((service?.words.tags ?? []).map { .text($0) }),
      "request_keys": .list(
        keys.map { key in
          [
            "name": .text(key.name), "type": .text("\(key.type)"), "entity": .text(key.entity),
            "key": .text(key.key), "role": key.role.map { .text($0) } ?? .null,
          ]
        }),
      "columns": .list(
        columns.map { column in
          [
            "name": .text(column.name), "type": .text(column.type), "from": .text(column.source),
            "role": column.role.map { .text($0) } ?? .null, "default": column.filled.map(\.json) ?? .null,
          ]
        }),
    ]
  }
}
