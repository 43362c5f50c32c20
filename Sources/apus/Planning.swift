// `apus plan`: what definitions would change, told before anything is done. `apus apply` makes the same plan, and prints it
// in the same words.

import ApusBytes
import ApusContracts
import ApusStore

struct Planning {
  let paths: [String]
  let definition: ProjectDefinition
  let registry: Registry
  let plan: Plan
  /// Whether there is a store already.
  let hasStore: Bool

  init(_ paths: [String], _ answer: Answer) throws(Trouble) {
    self.paths = paths
    definition = try DefinitionSources.read(paths, from: answer.source)
    let facts = try answer.factsIfAny()
    hasStore = facts != nil
    registry = facts?.state.registry ?? Registry()
    do throws(PlanErrors) { plan = try registry.plan(definition) } catch { throw Trouble(error) }
  }

  static func run(_ paths: [String], check: Bool, _ answer: Answer) throws(Trouble) -> ExitCode {
    let planning = try Planning(paths, answer)
    answer.give(
      planning.lines + ["", "fingerprint  \(planning.plan.basis)"] + planning.next(answer.place),
      planning.json
    )
    return check && !planning.plan.isEmpty ? .checkFailed : .done
  }

  /// The changes, and what is kept.
  var lines: [String] {
    var lines = plan.changes.flatMap(\.lines)
    lines += plan.kept.map { "= \($0)   not in these files; kept as it is" }
    if plan.isEmpty { lines.append("nothing to change: project \(plan.project) is as the files say") }
    if !hasStore { lines.append("(there is no store yet: everything is new, and apply makes it)") }
    return lines
  }

  private func next(_ place: StorePlace) -> [String] {
    guard !plan.isEmpty else { return [] }
    let accept = plan.needs.map(\.rawValue).joined(separator: ",")
    var command = "apus apply \(Shell.words(paths))\(place.option)"
    if !accept.isEmpty { command += " --accept \(accept)" }
    return ["next: \(command) --expect \(plan.basis)"]
  }

  var json: JSON {
    [
      "project": .text(plan.project), "store": .boolean(hasStore), "fingerprint": .text("\(plan.basis)"),
      "empty": .boolean(plan.isEmpty), "changes": .list(plan.changes.map(\.json)),
      "kept": .list(plan.kept.map { .text("\($0)") }), "needs": .list(plan.needs.map { .text($0.rawValue) }),
    ]
  }
}

extension PlannedChange {
  /// As in the plan, a line each.
  var lines: [String] { description.split(separator: "\n").map(String.init) }

  var json: JSON {
    [
      "subject": .text("\(subject)"), "change": .text(kind.rawValue), "words": .text(words),
      "effect": .text(kind.row.effect.rawValue), "producers": .text(producers.rawValue),
      "readers": .text(readers.rawValue), "services": .list(services.map { .text($0) }),
      "needs": .list(needs.map { .text($0.rawValue) }),
    ]
  }
}
