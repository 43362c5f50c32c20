// Dead letters are in ledgers and log alone, so who wants to see them reads those. What was handled is not shown, and nothing of an
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
  /// Of its record, head included: what it weighs on the quota.
  package var byteCount: UInt64
  /// Whether its key was erased since. Who shows letters passes it.
  package var isErased: Bool
  /// From here to the letter no other one waits, and nothing is lost.
  package var clearFrom: LSN
}

package struct DeadLetterSearch {
  private let log: LogReader
  let sums: DeadLetterSums
  let catalog: Catalog

  package init(in log: LogReader, _ sums: DeadLetterSums, _ catalog: Catalog) {
    self.log = log
    self.sums = sums
    self.catalog = catalog
  }

  /// Lends every letter that waits and may be shown, in the order of LSNs, from `first` on, until `body` returns false.
  package func forEach(from first: LSN = .first, _ body: (FoundDeadLetter) -> Bool) throws(StoreError) {
    try forEachWaiting(from: first) { found in found.isErased || body(found) }
  }

  /// Lends all of them, and says which others wait and were not found: their records are lost.
  package func forEachTelling(_ body: (FoundDeadLetter) -> Void) throws(StoreError) -> [DeadLetterSum] {
    var left: [DeadLetterKey: DeadLetterSum] = [:]
    for sum in sums.listed { left[sum.key] = sum }
    try forEachWaiting { found in
      let key = DeadLetterKey(view: found.letter.viewVersion, rule: ExactText(found.letter.rule))
      if let sum = left[key] {
        left[key]?.letters = sum.letters > 0 ? sum.letters - 1 : 0
        left[key]?.byteCount = sum.byteCount > found.byteCount ? sum.byteCount - found.byteCount : 0
      }
      if !found.isErased { body(found) }
      return true
    }
    return left.values.filter { $0.letters > 0 }.sorted { $0.key < $1.key }
  }

  /// The same with those of erased keys. What cannot be read is passed: it is a loss, and told as one elsewhere. Reads the
  /// log from `first` on, and no further than the last letter that the sums know, nor than `last`.
  func forEachWaiting(
    from first: LSN = .first, through last: LSN = LSN(.max),
    _ body: (FoundDeadLetter) throws(StoreError) -> Bool
  ) throws(StoreError) {
    guard sums.letters > 0 else { return }
    // Held to the end: what is in neither ledgers nor log could go in between.
    let history = HistoryView(log, nil)
    defer { withExtendedLifetime(history) {} }
    var walk = Walk(first: first, last: last, waiting: sums.letters, clear: nil)
    guard let start = try forEachInLedgers(of: history, &walk, body) else { return }
    var scanner: LogScanner
    do throws(LogError) { scanner = try log.scan(from: start, .written) } catch { throw .log(error) }
    while walk.waiting > 0, let frame = try next(&scanner, &walk), frame.lsns.first <= last {
      guard frame.type == .records else { continue }
      guard try pass(scanner.payload, frame, &walk, body) else { return }
    }
  }

  struct Walk {
    let first: LSN
    let last: LSN
    /// Letters that were not met yet.
    var waiting: UInt64
    /// Behind the last letter that waits, or the last damage; nil until a frame was met behind it.
    var clear: LSN?
  }

  private func next(_ scanner: inout LogScanner, _ walk: inout Walk) throws(StoreError) -> FrameHeader? {
    while true {
      do throws(LogError) { return try scanner.next() } catch {
        guard case .damaged = error else { throw .log(error) }
        walk.clear = nil
      }
    }
  }

  private func pass(
    _ payload: RawSpan, _ frame: FrameHeader, _ walk: inout Walk,
    _ body: (FoundDeadLetter) throws(StoreError) -> Bool
  ) throws(StoreError) -> Bool {
    var walker = RecordWalker(payload, base: frame.lsns.first)
    var clear = walk.clear ?? frame.lsns.first
    defer { walk.clear = clear }
    while true {
      let record: RecordWalker.Record
      do throws(EventError) {
        guard let found = try walker.next() else { return true }
        record = found
      } catch {
        throw .recordUnreadable(frame.lsns.first, .event(error))
      }
      guard record.lsn <= walk.last else { return false }
      // A letter of a version that nobody knows, behind lost definitions, is in no sum.
      guard record.kind == .deadLetter, record.lsn >= walk.first, !sums.isHandled(record.lsn),
        let letter = try Self.letter(record.body, record.lsn), catalog[letter.viewVersion] != nil
      else { continue }
      walk.waiting = walk.waiting == 0 ? 0 : walk.waiting - 1
      let found = FoundDeadLetter(
        lsn: record.lsn, arrived: frame.appendTime, letter: letter,
        byteCount: UInt64(record.body.byteCount + EventFormat.recordHeaderByteCount),
        isErased: catalog.hides(letter, at: record.lsn), clearFrom: clear)
      clear = record.lsn.next
      if !(try body(found)) { return false }
    }
  }

  /// Nil for a record of the same kind that is no letter: that letters were handled.
  static func letter(_ body: RawSpan, _ lsn: LSN) throws(StoreError) -> DeadLetter? {
    do throws(RecordFault) { return try DeadLetter(body) } catch {
      if case .unknownOperation = error { return nil }
      throw .recordUnreadable(lsn, error)
    }
  }
}

extension Catalog {
  /// Whether any part of the letter's key was erased since it came. A key that was refused for one part may still name
  /// somebody by another.
  func hides(_ letter: DeadLetter, at lsn: LSN) -> Bool {
    guard !erasures.isEmpty, let view = self[letter.viewVersion] else { return false }
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
