// `apus apply`: what was printed is what is done. The plan is bound to the fingerprint that it was made for, so that a
// change in between is refused and not overrun.

import ApusBytes
import ApusContracts
import ApusLog
import ApusStore
import ApusSystem

enum Apply {
  struct Options: Equatable {
    var accepted: Set<PlanParty> = []
    var expected: Fingerprint?
    var isDryRun = false
  }

  static func run(_ paths: [String], _ options: Options, _ answer: Answer) throws(Trouble) -> ExitCode {
    let planning = try Planning(paths, answer)
    if !answer.isJSON { planning.lines.forEach { answer.output.line($0) } }
    do throws(PlanRefusal) {
      _ = try planning.registry.changes(
        applying: planning.plan, accepting: options.accepted, expecting: options.expected)
    } catch {
      throw Trouble(error, answer.place)
    }
    if options.isDryRun || planning.plan.isEmpty {
      if answer.isJSON { answer.output.line(planning.json.adding(done(nil, planning.plan.basis))) }
      if !answer.isJSON, options.isDryRun { answer.output.line("dry run: nothing was done") }
      return .done
    }
    let (lsn, fingerprint, id) = try apply(planning, options, answer)
    if answer.isJSON {
      answer.output.line(planning.json.adding(done(lsn, fingerprint)))
    } else {
      answer.output.line()
      if !planning.hasStore { answer.output.line("made store \(id) in \(answer.data)") }
      answer.output.line("applied to project \(planning.plan.project), \(LSNRange(lsn, through: lsn))")
      answer.output.line("fingerprint  \(fingerprint)")
    }
    return .done
  }

  private static func done(_ lsn: LSN?, _ fingerprint: Fingerprint) -> JSON {
    [
      "applied": .boolean(lsn != nil), "lsn": lsn.map { .number($0.rawValue) } ?? .null,
      "new_fingerprint": .text("\(fingerprint)"),
    ]
  }

  private static func apply(
    _ planning: Planning, _ options: Options, _ answer: Answer
  ) throws(Trouble) -> (LSN, Fingerprint, String) {
    try answer.changing { (store) throws(StoreError) in
      let done = try store.apply(
        planning.definition, accepting: options.accepted, expecting: planning.plan.basis)
      return (
        done.frame?.lsns.last ?? store.visible,
        store.catalog.registry.fingerprint(of: planning.plan.project),
        "\(store.report.log.storeID)"
      )
    }
  }
}
