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
    let planning = try Planning(paths, for: answer.data)
    if !answer.isJSON { planning.lines.forEach { answer.output.line($0) } }
    do throws(PlanRefusal) {
      _ = try planning.registry.changes(
        applying: planning.plan, accepting: options.accepted, expecting: options.expected)
    } catch {
      throw Trouble(error, data: answer.data)
    }
    if options.isDryRun || planning.plan.isEmpty {
      if answer.isJSON { answer.output.line(planning.json.adding(done(nil, planning.plan.basis))) }
      if !answer.isJSON, options.isDryRun { answer.output.line("dry run: nothing was done") }
      return .done
    }
    let (lsn, fingerprint, id) = try apply(planning, options, answer.data)
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
    _ planning: Planning, _ options: Options, _ data: String
  ) throws(Trouble) -> (LSN, Fingerprint, String) {
    try Opened.with(data) { (store) throws(StoreError) in
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

/// A store that is opened for one change, and closed in good order whether it was made or not.
enum Opened {
  static func with<T>(_ data: String, _ body: (Store) throws(StoreError) -> T) throws(Trouble) -> T {
    do throws(StoreError) {
      var random = SystemRandomNumberGenerator()
      var options = StoreOptions()
      options.scrubPeriodNanoseconds = nil
      let store = try Store.open(data, random: &random, options: options)
      let result: T
      do throws(StoreError) { result = try body(store) } catch {
        // What was refused is what is told.
        try? store.close()
        throw error
      }
      try store.close()
      return result
    } catch {
      throw Trouble(error, data: data)
    }
  }

  /// A store as it is; there must be one.
  static func look(_ data: String) throws(Trouble) -> StoreLook {
    do throws(StoreError) {
      guard let look = try StoreLook.open(data) else { throw .log(.noStore(folder: data)) }
      return look
    } catch {
      throw Trouble(error, data: data)
    }
  }
}
