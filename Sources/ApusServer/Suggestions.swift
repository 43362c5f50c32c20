// What somebody who misspelt a name may have meant, as the word on what to do next.

import ApusContracts
import ApusStore

enum Suggestions {
  /// Nil where there is nothing near.
  static func next(_ error: StoreError, in catalog: Catalog) -> String? {
    let registry = catalog.registry
    let near: String? =
      switch error {
      case .unknownProject(let name): Suggestion.nearest(to: name, among: registry.projects.map(\.name))
      case .unknownView(let name, let project): self.view(name, registry.project(project)?.id, registry)
      case .unknownService(let name, let project):
        service(name, registry.project(project)?.id, registry)
      case .unknownFeature(let name, let view), .unknownColumn(let name, let view):
        feature(name, view, registry)
      default: nil
      }
    return near.map { "did you mean \(Quoted($0))?" }
  }

  private static func view(_ name: VersionedName, _ project: ProjectID?, _ registry: Registry) -> String? {
    let views = registry.views.filter { $0.project == project }
    if let same = views.first(where: { $0.name == name.name }) {
      return "\(same.name)@\(same.versions.count)"
    }
    return Suggestion.nearest(to: name.name, among: views.map(\.name))
  }

  private static func service(_ name: VersionedName, _ project: ProjectID?, _ registry: Registry) -> String? {
    let services = registry.services.filter { $0.project == project }
    if let same = services.first(where: { $0.name == name.name }) {
      return "\(same.name)@\(same.versions.count)"
    }
    return Suggestion.nearest(to: name.name, among: services.map(\.name))
  }

  private static func feature(_ name: String, _ view: String, _ registry: Registry) -> String? {
    let versions = registry.versions.filter { registry.spelling(of: $0) == view }
    return Suggestion.nearest(
      to: name, among: versions.flatMap { $0.features.filter { !$0.isRemoved }.map(\.definition.name) })
  }
}
