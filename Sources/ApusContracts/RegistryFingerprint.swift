// Two stores that agree to the same definitions have the same fingerprint, however they came to them: it is made of names
// and numbers, never of ids. A service's covers what a reader relies on (which features of which versions, their types,
// their order, the keys, what fills blanks) and not what moves within a pinned version, so it never changes.

package import ApusBytes

/// SHA-256 over definitions in a canonical form; see Evolution.md.
package typealias Fingerprint = SHA256.Digest

extension Registry {
  /// Of all that the project agreed to, retired versions and words included. A project nobody named is an empty one.
  package func fingerprint(of project: String) -> Fingerprint {
    var fields = RegistryFieldWriter()
    fields.text(1, "apus-project-0")
    fields.text(2, project)
    guard let id = self.project(project)?.id else { return Self.digest(fields) }
    for entity in entities.filter({ $0.project == id }).sorted(by: { ($0.name, $0.id) < ($1.name, $1.id) }) {
      fields.nested(3) { inner in
        inner.text(1, entity.name)
        for key in entity.keys { inner.key(2, key) }
        inner.text(3, entity.description)
      }
    }
    for view in views.filter({ $0.project == id }).sorted(by: { $0.name < $1.name }) {
      fields.nested(4) { inner in
        inner.text(1, view.name)
        inner.number(2, UInt64(view.current.flatMap { self[$0]?.number } ?? 0))
        for version in view.versions.compactMap({ self[$0] }) {
          inner.nested(3) { describe(version, into: &$0) }
        }
      }
    }
    for service in services.filter({ $0.project == id }).sorted(by: { $0.name < $1.name }) {
      fields.nested(5) { inner in
        inner.text(1, service.name)
        inner.serviceWords(2, service.words)
        for version in service.versions.compactMap({ self[$0] }) {
          inner.nested(3) { inner in
            inner.flag(1, version.isRetired)
            describe(version, into: &inner)
          }
        }
      }
    }
    return Self.digest(fields)
  }

  /// Of what the readers of a service version rely on.
  package func fingerprint(of id: ServiceVersionID) -> Fingerprint? {
    guard let version = self[id], let service = self[version.service], let project = self[service.project]
    else {
      return nil
    }
    var fields = RegistryFieldWriter()
    fields.text(1, "apus-service-0")
    fields.text(2, project.name)
    fields.text(3, service.name)
    fields.nested(4) { describe(version, into: &$0) }
    return Self.digest(fields)
  }

  private func describe(_ version: RegisteredVersion, into fields: inout RegistryFieldWriter) {
    let entity = self[version.entity]
    fields.text(1, entity?.name ?? "")
    for key in entity?.keys ?? [] { fields.key(2, key) }
    fields.number(3, UInt64(version.revision))
    fields.flag(4, version.isRetired)
    fields.settings(5, version.settings)
    for var feature in version.features {
      // Their order means nothing.
      feature.definition.rules.oneOf = feature.definition.rules.oneOf.map {
        // By bytes: to Swift's `<` texts that Unicode holds for equivalent have no order, and stay in that of the file.
        Choices($0.listed.sorted { $0.description.utf8.lexicographicallyPrecedes($1.description.utf8) })
      }
      fields.feature(6, feature)
    }
  }

  private func describe(_ service: RegisteredServiceVersion, into fields: inout RegistryFieldWriter) {
    fields.number(2, UInt64(service.number))
    for member in service.members {
      guard let version = self[member.version] else { continue }
      fields.nested(3) { inner in
        inner.text(1, spelling(of: version))
        for key in self[version.entity]?.keys ?? [] {
          inner.key(2, key)
          inner.text(3, member.keys.first { $0.key == key.name }?.requested ?? key.name)
        }
        for index in member.features where Int(index) < version.features.count {
          let feature = version.features[Int(index)].definition
          inner.text(4, feature.name)
          inner.type(5, feature.type)
          // One that was removed and another that took its name read different values.
          let before = version.features.prefix(Int(index)).count { $0.definition.name == feature.name }
          if before > 0 { inner.number(7, UInt64(before)) }
        }
        inner.text(6, member.role ?? "")
      }
    }
    for filled in service.defaults { fields.filled(4, filled.written) }
  }

  private static func digest(_ fields: borrowing RegistryFieldWriter) -> Fingerprint {
    let bytes = fields.bytes
    return SHA256.digest(of: unsafe bytes.span.bytes)
  }
}
