// Letters that the log gave up are in the ledgers.

import ApusBytes
import ApusHistory
import ApusLog
import ApusSystem

extension DeadLetterSearch {
  /// Lends the letters below the log's floor; from where on the log has the rest, or nil when `body` has seen enough.
  func forEachInLedgers(
    of history: HistoryView, from first: LSN, _ waiting: inout UInt64, _ body: (FoundDeadLetter) -> Bool
  ) throws(StoreError) -> LSN? {
    guard first < history.floor else { return first }
    for record in history.ledgers {
      guard let last = record.covered?.lsns.last, last >= first else { continue }
      let reader = try history.ledger(record)
      var fault: StoreError?
      var goesOn = true
      do throws(HistoryError) {
        try reader.forEachLetter { lsn, nanoseconds, bytes in
          guard lsn >= first, !sums.isHandled(lsn) else { return true }
          do throws(StoreError) {
            guard let letter = try Self.letter(bytes, lsn) else { return true }
            waiting = waiting == 0 ? 0 : waiting - 1
            if isErased(letter, at: lsn) { return true }
            let arrived = WallTime(nanoseconds: nanoseconds)
            goesOn = body(FoundDeadLetter(lsn: lsn, arrived: arrived, letter: letter))
          } catch {
            fault = error
          }
          return goesOn && fault == nil
        }
      } catch {
        throw .history(error)
      }
      if let fault { throw fault }
      guard goesOn, waiting > 0 else { return nil }
    }
    return max(first, history.floor)
  }
}
