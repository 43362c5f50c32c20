// Dead letters are in the log alone, so who wants to see them reads it. What was handled is not shown, and nothing of an
// erased key ever is: not even that there is a letter of it.

package import ApusBytes
import ApusContracts
package import ApusLog
package import ApusSystem

/// A letter where it was found.
package struct FoundDeadLetter: Equatable, Sendable {
  package var lsn: LSN
  package var arrived: WallTime
  package var letter: DeadLetter
}

package struct DeadLetterSearch {
  let log: LogReader
  let sums: DeadLetterSums
  let catalog: Catalog

  package init(in log: LogReader, _ sums: DeadLetterSums, _ catalog: Catalog) {
    self.log = log
    self.sums = sums
    self.catalog = catalog
  }

  /// Lends every letter that waits, in the order of LSNs, from `first` on, until `body` returns false. What cannot be read is passed: it is a loss,
  /// and told as one elsewhere. Reads the log from there on, and no further than the last letter.
  package func forEach(from first: LSN = .first, _ body: (FoundDeadLetter) -> Bool) throws(StoreError) {
    guard sums.letters > 0 else { return }
    var waiting = sums.letters
    // Held to the end: what is in neither ledgers nor log could go in between.
    let history = HistoryView(log, nil)
    defer { withExtendedLifetime(history) {} }
    guard let start = try forEachInLedgers(of: history, from: first, &waiting, body) else { return }
    var scanner: LogScanner
    do throws(LogError) { scanner = try log.scan(from: start, .written) } catch { throw .log(error) }
    var goesOn = true
    while goesOn, waiting > 0, let frame = try next(&scanner) {
      guard frame.type == .records else { continue }
      goesOn = try pass(scanner.payload, frame, from: first, &waiting, body)
    }
  }

  private func next(_ scanner: inout LogScanner) throws(StoreError) -> FrameHeader? {
    while true {
      do throws(LogError) { return try scanner.next() } catch {
        guard case .damaged = error else { throw .log(error) }
      }
    }
  }

  private func pass(
    _ payload: RawSpan, _ frame: FrameHeader, from first: LSN, _ waiting: inout UInt64,
    _ body: (FoundDeadLetter) -> Bool
  ) throws(StoreError) -> Bool {
    var walker = RecordWalker(payload, base: frame.lsns.first)
    while true {
      let record: RecordWalker.Record
      do throws(EventError) {
        guard let found = try walker.next() else { return true }
        record = found
      } catch {
        throw .recordUnreadable(frame.lsns.first, .event(error))
      }
      guard record.kind == .deadLetter, record.lsn >= first, !sums.isHandled(record.lsn),
        let letter = try Self.letter(record.body, record.lsn)
      else { continue }
      waiting = waiting == 0 ? 0 : waiting - 1
      if isErased(letter, at: record.lsn) { continue }
      let found = FoundDeadLetter(lsn: record.lsn, arrived: frame.appendTime, letter: letter)
      if !body(found) { return false }
    }
  }

  /// Nil for a record of the same kind that is no letter: that letters were handled.
  static func letter(_ body: RawSpan, _ lsn: LSN) throws(StoreError) -> DeadLetter? {
    do throws(RecordFault) { return try DeadLetter(body) } catch {
      if case .unknownOperation = error { return nil }
      throw .recordUnreadable(lsn, error)
    }
  }

  /// Whether any part of the letter's key was erased since. A key that was refused for one part may still name somebody by another.
  func isErased(_ letter: DeadLetter, at lsn: LSN) -> Bool {
    let erasures = catalog.erasures
    guard !erasures.isEmpty, let view = catalog[letter.viewVersion] else { return false }
    let hasher = ErasureHasher(salt: erasures.salt)
    // A value in the wrong place may be anybody's, so each is tried as each part that it could be.
    return letter.key.contains { value in
      view.keys.contains { key in
        var encoder = KeyEncoder()
        do throws(KeyError) { try KeySchema([key.type]).encode([value], into: &encoder) } catch {
          return false
        }
        let hash = hasher.hash(project: view.project, key, encoder.bytes)
        return erasures.erase(of: hash).map { lsn <= $0.floor } ?? false
      }
    }
  }
}
