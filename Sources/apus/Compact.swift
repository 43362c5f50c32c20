// `apus compact`: makes history of the log, all that can be made now, and says what it did.

import ApusBytes
import ApusContracts
import ApusStore
import ApusSystem

enum Compact {
  static func run(erasing: Bool, _ answer: Answer) throws(Trouble) -> ExitCode {
    // A mistyped path makes no store.
    _ = try answer.facts()
    let (report, sums, erasures) = try answer.changing { (store) throws(StoreError) in
      (try store.compact(erasing: erasing), store.statistics.history, ErasureFacts(try store.facts()))
    }
    answer.give(
      [
        "\(Numbers.count(report.packs, "pack")) of \(Numbers.count(report.events, "event")), "
          + "\(Numbers.count(report.merges, "merge")); "
          + "\(Numbers.count(report.takenByteCount, "byte")) left the log, "
          + "\(Numbers.count(report.writtenByteCount, "byte")) were written",
        sums.words, "erasures: \(erasures.words)",
      ],
      [
        "packs": .number(report.packs), "merges": .number(report.merges), "events": .number(report.events),
        "erased_events": .number(report.erasedEvents), "dropped_events": .number(report.droppedEvents),
        "bytes_taken": .number(report.takenByteCount), "bytes_written": .number(report.writtenByteCount),
        "erasings": .number(report.erasings), "history": sums.json,
        "pending_erasures": erasures.pendingJSON, "last_receipt": erasures.receiptJSON,
      ])
    return .done
  }
}

extension HistorySums {
  var words: String {
    let log = "\(Numbers.count(debtByteCount, "byte")) of finished segments are not in it"
    if runs == 0, ledgers == 0 { return "none; \(log)" }
    return "\(Numbers.count(runs, "run")) of \(Numbers.count(runByteCount, "byte")), "
      + "\(Numbers.count(ledgers, "ledger")) of \(Numbers.count(ledgerByteCount, "byte")); \(log)"
  }

  var json: JSON {
    [
      "runs": .number(runs), "run_bytes": .number(runByteCount), "ledgers": .number(ledgers),
      "ledger_bytes": .number(ledgerByteCount), "debt_segments": .number(debtSegments),
      "debt_bytes": .number(debtByteCount),
    ]
  }
}
