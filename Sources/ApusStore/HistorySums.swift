// What history takes, and what is still to be compacted: from the manifest alone, without opening a file.

package import ApusContracts
import ApusHistory
package import ApusLog

package struct HistorySums: Equatable, Sendable {
  package struct View: Equatable, Sendable {
    package var runs = 0
    package var events: UInt64 = 0
    package var byteCount: UInt64 = 0
    /// What its events would take in a log.
    package var rawByteCount: UInt64 = 0
  }

  package var views: [ViewVersionID: View] = [:]
  package var ledgers = 0
  package var ledgerByteCount: UInt64 = 0
  /// Finished segments that are not compacted yet.
  package var debtSegments = 0
  package var debtByteCount: UInt64 = 0

  package var runs: Int { views.values.reduce(0) { $0 + $1.runs } }
  package var runByteCount: UInt64 { views.values.reduce(0) { $0 &+ $1.byteCount } }

  package init(_ view: LogView) {
    for record in view.history {
      if record.kind == .run,
        let run = try? RunAttributes(unsafe record.attributes.span.bytes, path: record.name)
      {
        var sums = views[run.viewVersion] ?? View()
        sums.runs += 1
        sums.events &+= run.events
        sums.byteCount &+= run.size
        sums.rawByteCount &+= run.rawBytes
        views[run.viewVersion] = sums
      } else if record.kind == .ledger {
        ledgers += 1
        ledgerByteCount &+= record.historyByteCount ?? 0
      }
    }
    for segment in view.finished {
      debtSegments += 1
      debtByteCount &+= segment.seal?.byteCount ?? 0
    }
  }
}
