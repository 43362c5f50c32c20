// What is lost with records besides rows, and what a person does about it: the same words wherever a loss is told. Rows that may lack
// something are flagged as they are read; of all else nothing would be seen.

import ApusBytes
import ApusLog
import ApusStore

struct LossWords {
  let lsns: LSNRange
  /// They may have been erasures that nothing else says.
  let mayBeErasures: Bool

  init(_ lsns: LSNRange, erasuresKeptFrom: LSN?) {
    self.lsns = lsns
    mayBeErasures = lsns.mayHaveErasures(unkeptBefore: erasuresKeptFrom)
  }

  var what: String {
    "besides rows \(lsns) may have said definitions, pins, horizons, producers' requests and dead letters"
      + (mayBeErasures
        ? ", and ERASURES: then what was erased is answered again"
        : "; erasures among them are known by the manifest, and stand")
  }

  var next: String {
    (mayBeErasures ? "erase again everybody who was erased before; " : "")
      + "compare `apus plan` with your definitions and `apus pin` with your pins, apply and pin again what is missing, and send again what was sent then"
  }

  var json: JSON {
    ["lsns": lsns.json, "may_be_erasures": .boolean(mayBeErasures), "what": .text(what), "next": .text(next)]
  }

  /// Of losses that a person accepted and of which nothing was held: the state lacks what they said.
  static func accepted(_ accepted: LSNRanges, held: LSNRanges, erasuresKeptFrom: LSN?) -> [LossWords] {
    accepted.ranges.filter { !held.covers($0) }.map { LossWords($0, erasuresKeptFrom: erasuresKeptFrom) }
  }

  /// Of a store: those that keep it read-only, and those that were accepted.
  static func all(of facts: StoreFacts) -> [LossWords] {
    let view = facts.log.view
    return facts.losses.map { LossWords($0, erasuresKeptFrom: view.erasuresKeptFrom) }
      + accepted(view.accepted, held: view.held, erasuresKeptFrom: view.erasuresKeptFrom)
  }
}
