// What the holder of a token may do. Nothing is allowed that was not granted: everywhere, or in the project that a request
// names. What concerns no project needs a scope that is granted everywhere, or any at all, as each message says.

/// What kinds of requests may be made. The bits are those of HELLO's reply.
package struct Scope: OptionSet, Hashable, Sendable {
  package let rawValue: UInt8
  package init(rawValue: UInt8) { self.rawValue = rawValue }

  package static let read = Scope(rawValue: 1)
  package static let ingest = Scope(rawValue: 2)
  package static let admin = Scope(rawValue: 4)
  package static let all: Scope = [.read, .ingest, .admin]
}

extension Scope: CustomStringConvertible {
  /// `read,ingest`.
  package var description: String {
    let names: [(Scope, String)] = [(.read, "read"), (.ingest, "ingest"), (.admin, "admin")]
    return names.filter { contains($0.0) }.map(\.1).joined(separator: ",")
  }
}

/// What is granted, and where.
package struct Scopes: Equatable, Sendable {
  /// In every project, those to come included.
  package var everywhere: Scope
  /// What is granted besides in some projects, by their names.
  package var projects: [String: Scope]

  package init(everywhere: Scope = [], projects: [String: Scope] = [:]) {
    self.everywhere = everywhere
    self.projects = projects
  }

  package static let all = Scopes(everywhere: .all)

  /// What may be done in a project.
  package func scope(in project: String) -> Scope { everywhere.union(projects[project] ?? []) }

  /// What may be done somewhere.
  package var anywhere: Scope { projects.values.reduce(everywhere) { $0.union($1) } }
}

/// Who knows the tokens. Without one, everybody may do everything.
package protocol TokenCheck: Sendable {
  /// What the holder of this token may do; nil for an unknown id and for a wrong secret alike, and in about the same time.
  /// Called by the loops: it must not wait for a disk.
  func check(id: String, secret: [UInt8]) -> Scopes?

  /// From now on `body` is told the ids of tokens that are good no longer, or grant something else. To be called once.
  func whenRevoked(_ body: @escaping @Sendable (Set<String>) -> Void)
}

extension TokenCheck {
  /// For tokens that nobody revokes.
  package func whenRevoked(_ body: @escaping @Sendable (Set<String>) -> Void) {}
}
