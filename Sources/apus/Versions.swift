// `apus promote` and `apus retire`: what a name means, and what ends. Judged on the store as it is before anything is opened or
// asked to change, so that a refusal leaves no trace.

import ApusBytes
import ApusContracts
import ApusStore

enum Versions {
  static func promote(_ name: VersionedName, in project: String?, _ answer: Answer) throws(Trouble)
    -> ExitCode
  {
    let naming = Naming(registry: try answer.facts().state.registry, place: answer.place)
    let project = try naming.project(project)
    _ = try naming.version(name, in: project)
    let before = naming.registry.view(name.name, in: project.id)?.current.flatMap { naming.registry[$0] }
    let changes = try judged(answer) { () throws(PlanRefusal) in
      try naming.registry.changes(promoting: name, in: project.name)
    }
    guard changes else { return give("\(name) is the current version already", nil, name, answer) }
    let lsn = try answer.changing { (store) throws(StoreError) in
      try store.promote(name, in: project.name)?.lsns.last
    }
    let was = before.map { ", and was \(naming.registry.spelling(of: $0)) before" } ?? ""
    return give("`\(name.name)` means \(name) now\(was)", lsn, name, answer)
  }

  static func retire(_ name: VersionedName, in project: String?, _ answer: Answer) throws(Trouble) -> ExitCode
  {
    let naming = Naming(registry: try answer.facts().state.registry, place: answer.place)
    let project = try naming.project(project)
    _ = try naming.version(name, in: project)
    let changes = try judged(answer) { () throws(PlanRefusal) in
      try naming.registry.changes(retiring: name, in: project.name)
    }
    guard changes else { return give("\(name) is retired already", nil, name, answer) }
    let lsn = try answer.changing { (store) throws(StoreError) in
      try store.retire(name, in: project.name)?.lsns.last
    }
    return give("\(name) is retired: it takes no rows, and is not served", lsn, name, answer)
  }

  static func retire(
    service name: VersionedName, in project: String?, _ answer: Answer
  ) throws(Trouble) -> ExitCode {
    let naming = Naming(registry: try answer.facts().state.registry, place: answer.place)
    let project = try naming.project(project)
    _ = try naming.version(ofService: name, in: project)
    let changes = try judged(answer) { () throws(PlanRefusal) in
      try naming.registry.changes(retiringService: name, in: project.name)
    }
    guard changes else { return give("service \(name) is retired already", nil, name, answer) }
    let lsn = try answer.changing { (store) throws(StoreError) in
      try store.retire(service: name, in: project.name)?.lsns.last
    }
    return give("service \(name) is retired, and no longer served", lsn, name, answer)
  }

  /// Whether there is anything to do, and nothing that forbids it.
  private static func judged(
    _ answer: Answer, _ body: () throws(PlanRefusal) -> [RegistryChange]
  ) throws(Trouble) -> Bool {
    do throws(PlanRefusal) { return try !body().isEmpty } catch { throw Trouble(error, answer.place) }
  }

  private static func give(_ words: String, _ lsn: LSN?, _ name: VersionedName, _ answer: Answer) -> ExitCode
  {
    answer.give(
      [lsn.map { "\(words) (LSN \($0))" } ?? words],
      [
        "name": .text("\(name)"), "changed": .boolean(lsn != nil),
        "lsn": lsn.map { .number($0.rawValue) } ?? .null,
      ])
    return .done
  }
}
