// Letters that the log gave up are in the ledgers.

import ApusBytes
import ApusContracts
import ApusHistory
import ApusLog
import ApusSystem

extension DeadLetterSearch {
  /// Lends the letters below the log's floor; from where on the log has the rest, or nil when enough was seen.
  func forEachInLedgers(
    of history: HistoryView, _ walk: inout Walk, _ body: (FoundDeadLetter) throws(StoreError) -> Bool
  ) throws(StoreError) -> LSN? {
    guard walk.first < history.floor else { return walk.first }
    for record in history.ledgers {
      guard let lsns = record.covered?.lsns, lsns.last >= walk.first else { continue }
      if lsns.first > walk.last { return nil }
      if walk.clear == nil { walk.clear = lsns.first }
      let reader = try history.ledger(record)
      var fault: StoreError?
      var goesOn = true
      do throws(HistoryError) {
        try reader.forEachLetter { lsn, nanoseconds, bytes in
          do throws(StoreError) {
            goesOn = try pass(bytes, lsn, WallTime(nanoseconds: nanoseconds), &walk, body)
          } catch {
            fault = error
          }
          return goesOn && fault == nil
        }
      } catch {
        throw .history(error)
      }
      if let fault { throw fault }
      guard goesOn, walk.waiting > 0 else { return nil }
    }
    return max(walk.first, history.floor)
  }

  /// One letter of a ledger; false when enough was seen.
  private func pass(
    _ bytes: RawSpan, _ lsn: LSN, _ arrived: WallTime, _ walk: inout Walk,
    _ body: (FoundDeadLetter) throws(StoreError) -> Bool
  ) throws(StoreError) -> Bool {
    guard lsn <= walk.last else { return false }
    guard lsn >= walk.first, !sums.isHandled(lsn), let letter = try Self.letter(bytes, lsn),
      catalog[letter.viewVersion] != nil
    else { return true }
    walk.waiting = walk.waiting == 0 ? 0 : walk.waiting - 1
    let found = FoundDeadLetter(
      lsn: lsn, arrived: arrived, letter: letter,
      byteCount: UInt64(bytes.byteCount + EventFormat.recordHeaderByteCount),
      isErased: catalog.hides(letter, at: lsn), clearFrom: walk.clear ?? lsn)
    walk.clear = lsn.next
    return try body(found)
  }
}
