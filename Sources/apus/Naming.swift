// What people call things, found in what the store has; what is not found is told with what was probably meant.

import ApusContracts

struct Naming {
  let registry: Registry
  let place: StorePlace

  /// The project that is meant: the one of that name, or the only one.
  func project(_ name: String?) throws(Trouble) -> RegisteredProject {
    let names = registry.projects.map(\.name)
    if let name {
      if let found = registry.project(name) { return found }
      throw Trouble(
        "unknown_project", "there is no project `\(name)`", at: place.folder,
        next: suggestion(for: name, among: names))
    }
    guard let only = registry.projects.first else {
      throw Trouble(
        "unknown_project", "the store has no definitions yet", at: place.folder,
        next: "`apus apply PATH\(place.option)` gives it some")
    }
    guard registry.projects.count == 1 else {
      throw Trouble(
        "which_project", "the store has several projects: \(names.joined(separator: ", "))", at: place.folder,
        next: "say which one: --project NAME")
    }
    return only
  }

  /// A view of the project.
  func view(_ name: String, in project: RegisteredProject) throws(Trouble) -> RegisteredView {
    if let found = registry.view(name, in: project.id) { return found }
    let names = registry.views.filter { $0.project == project.id }.map(\.name)
    throw Trouble(
      "unknown_view", "there is no view `\(name)`", at: "project \(project.name)",
      next: suggestion(for: name, among: names))
  }

  func service(_ name: String, in project: RegisteredProject) throws(Trouble) -> RegisteredService {
    if let found = registry.service(name, in: project.id) { return found }
    let names = registry.services.filter { $0.project == project.id }.map(\.name)
    throw Trouble(
      "unknown_service", "there is no service `\(name)`", at: "project \(project.name)",
      next: suggestion(for: name, among: names))
  }

  /// Whether a view, a service or both have a name; one of them must.
  func having(
    _ name: String, in project: RegisteredProject
  ) throws(Trouble) -> (view: Bool, service: Bool) {
    let found = (
      registry.view(name, in: project.id) != nil, registry.service(name, in: project.id) != nil
    )
    if found.0 || found.1 { return found }
    let views = registry.views.filter { $0.project == project.id }.map(\.name)
    let services = registry.services.filter { $0.project == project.id }.map(\.name)
    throw Trouble(
      "unknown_name", "there is neither a view nor a service `\(name)`", at: "project \(project.name)",
      next: suggestion(for: name, among: views + services))
  }

  /// A version of a view, by its number.
  func version(_ name: VersionedName, in project: RegisteredProject) throws(Trouble) -> RegisteredVersion {
    let view = try view(name.name, in: project)
    if let found = registry.version(name, in: project.id) { return found }
    guard name.number != nil else {
      throw Trouble(
        "retired", "every version of \(name.name) is retired", at: "project \(project.name)",
        next: "name one: \(spelled(view))")
    }
    throw Trouble(
      "unknown_view", "there is no \(name)", at: "project \(project.name)", next: "there is \(spelled(view))")
  }

  func version(
    ofService name: VersionedName, in project: RegisteredProject
  ) throws(Trouble) -> RegisteredServiceVersion {
    let service = try service(name.name, in: project)
    if let found = registry.serviceVersion(name, in: project.id) { return found }
    let all = service.versions.compactMap { registry[$0] }.map { version in
      "\(service.name)@\(version.number)" + (version.isRetired ? " (retired)" : "")
    }.joined(separator: ", ")
    guard name.number != nil else {
      throw Trouble(
        "retired", "every version of \(name.name) is retired", at: "project \(project.name)",
        next: "name one: \(all)")
    }
    throw Trouble(
      "unknown_service", "there is no \(name)", at: "project \(project.name)", next: "there is \(all)")
  }

  /// `card_activity@1 (retired), card_activity@2 (current)`.
  func spelled(_ view: RegisteredView) -> String {
    view.versions.compactMap { registry[$0] }.map { version in
      "\(view.name)@\(version.number)" + (registry.word(of: version).map { " (\($0))" } ?? "")
    }.joined(separator: ", ")
  }

  private func suggestion(for name: String, among names: [String]) -> String {
    let list = "apus describe\(place.option)"
    guard !names.isEmpty else { return "there is none at all; see `\(list)`" }
    return Suggestion.next(for: name, among: names, see: list)
  }
}

extension Registry {
  /// What there is to say of a version; nil for one that is in use and no more.
  func word(of version: RegisteredVersion) -> String? {
    if version.isRetired { return "retired" }
    return self[version.view]?.current == version.id ? "current" : nil
  }
}
