// Erasing for good: of the keys that were erased up to an LSN no byte is left in any file that the store uses. Compaction.md says how.
//
// Each step leaves a store that answers as before, and finds done what was done. The receipt comes last: without it the erasures are
// pending, whatever of them was carried out already.

import ApusBytes
import ApusContracts
import ApusHistory
import ApusLog
import ApusSystem

extension CompactionWork {
  /// Up to where erasures are to be carried out now; nil when none are.
  func dueErasure(erases: Bool) throws(StoreError) -> LSN? {
    let (_, published) = shared.newest
    if published.catalog.erasures.isEmpty { return nil }
    let number = published.catalog.number
    if erasing?.number != number {
      let pending = try appender.perform { (core) throws(StoreError) in core.applier.state.pendingErasures }
      erasing = (number, pending)
    }
    guard let pending = erasing?.pending else { return nil }
    if erases { return pending.last }
    // What failed may fail again, and costs much.
    if let from = erasesFrom, shared.clock.monotonic().nanoseconds &- from.nanoseconds < Self.retryNanoseconds
    {
      return nil
    }
    // The manifest keeps so many and no more until they are carried out.
    if pending.count >= ManifestState.keptErasureKeysMax / 2 { return pending.last }
    return pending.isDue(at: shared.clock.wall(), within: options.eraseWithinNanoseconds) ? pending.last : nil
  }

  func erase(through last: LSN, _ report: inout CompactionReport) throws(StoreError) {
    let before = report.erasedEvents
    var files: [String] = []
    // Letters first: those that were handled are in no ledger that is written from now on.
    let letters = try purgeLetters(of: last)
    try finishSegment(of: last)
    while log.view.floor <= last {
      let segments = choice(isAsked: true).packable
      guard let end = segments.last?.seal?.last else { throw whatWaits }
      let records = segments.map(\.record)
      try passing(records) { () throws(StoreError) in
        try pack(records, LSNRange(log.view.floor, through: end), &report)
      }
      if let newest = log.view.ledgers.last, let why = obstacles[newest.id] { throw why }
    }
    for record in log.view.history where record.first <= last {
      switch record.kind {
      case .run where try hasErased(record):
        try writeAgain(run: record, &report)
      case .ledger where try hasHandled(record):
        try mergeLedgers([record], &report)
      default: continue
      }
      files.append(record.name)
    }
    // Rows of these keys are in the index, and in its free pages.
    files += try checkpointer.renew()
    files += try leftNames()
    let (written, events) = (files, report.erasedEvents - before)
    _ = try appender.perform { (core) throws(StoreError) in
      try core.write(recordCount: 1, at: try core.moment()) {
        $0.writeReceipt(through: last, events: events, letters: letters, files: written)
      }
    }
    erasing = nil
    report.erasings += 1
  }

  private static let retryNanoseconds: UInt64 = 60_000_000_000

  /// Gives up the letters of erased keys; how many.
  private func purgeLetters(of last: LSN) throws(StoreError) -> UInt64 {
    let (sums, catalog) = try appender.perform { (core) throws(StoreError) in
      (core.applier.state.deadLetters, core.applier.catalog)
    }
    var selection = DeadLetterSelection()
    selection.isOfErasedOnly = true
    let outcome = try DeadLetterSearch(in: log, sums, catalog).handle(
      selection, options.lettersOfFrameMax, through: last
    ) { [appender] (portion) throws(StoreError) in
      try appender.perform { (core) throws(StoreError) in try core.handle(portion, .purged) }
    }
    if let failure = outcome.failure { throw failure }
    return outcome.erased
  }

  /// What was appended up to an LSN lies in finished segments and in the index.
  private func finishSegment(of last: LSN) throws(StoreError) {
    if let trouble = checkpointer.settle() { throw trouble }
    try appender.perform { (core) throws(StoreError) in try core.freezeAll() }
    if let trouble = checkpointer.settle() { throw trouble }
    try appender.perform { (core) throws(StoreError) in
      guard let active = core.log.reader.view.unfinished, active.record.first <= last,
        active.writtenEnd > UInt64(Format.headerByteCount)
      else { return }
      do throws(LogError) { try core.log.rotate() } catch { throw core.met(error) }
    }
  }

  /// Why nothing can be packed.
  private var whatWaits: StoreError {
    let view = log.view
    if let first = view.finished.first, let why = obstacles[first.record.id] { return why }
    let lost = (view.finished.first?.damages ?? []).map(\.lsns).filter { !view.accepted.covers($0) }
    return lost.isEmpty ? .rebuilding : .readOnly(lost)
  }

  private func hasErased(_ record: FileRecord) throws(StoreError) -> Bool {
    let events = try unerased(record)
    var isCut = false
    do throws(HistoryError) {
      while !isCut, events.erased == 0, try events.advance() {
        isCut = !pace(events.current.event.rawByteCount)
      }
    } catch {
      throw .history(error)
    }
    if isCut { throw .closed }
    return events.erased > 0
  }

  private func unerased(_ record: FileRecord) throws(StoreError) -> UnerasedEvents {
    let catalog = shared.newest.1.catalog
    guard let view = record.covered.map({ ViewVersionID($0.view) }), let definition = catalog[view] else {
      throw .recordUnreadable(record.first, .unknownView(ViewVersionID(record.covered?.view ?? 0)))
    }
    return UnerasedEvents(
      try HistoryView(log, runs).events(of: record, try subject(view)), definition, catalog.erasures)
  }

  private func writeAgain(run record: FileRecord, _ report: inout CompactionReport) throws(StoreError) {
    guard let covered = record.covered, let id = try reserve(1).first else { return }
    let subject = try subject(ViewVersionID(covered.view))
    let events = try unerased(record)
    let before = try? RunAttributes(unsafe record.attributes.span.bytes, path: record.name)
    let output = try makeRun(events, subject, covered.lsns, id, folded: before?.folded ?? .none)
    do throws(StoreError) { try exchange(output.map { [$0] } ?? [], for: [record]) } catch {
      discard(output.map { [$0] } ?? [], after: error)
      throw error
    }
    report.erasedEvents += events.erased
    report.writtenByteCount += output?.byteCount ?? 0
  }

  /// Whether a ledger has a letter that waits no more.
  private func hasHandled(_ record: FileRecord) throws(StoreError) -> Bool {
    let sums = try lastingLetters()
    let reader = try HistoryView(log, runs).ledger(record)
    var isFound = false
    do throws(HistoryError) {
      try reader.forEachLetter { lsn, _, _ in
        isFound = sums.isHandled(lsn)
        return !isFound
      }
    } catch {
      throw .history(error)
    }
    return isFound
  }

  /// What may hold bytes of erased keys still: what was moved aside, which is a person's to judge, and what could not be removed when it was
  /// replaced.
  private func leftNames() throws(StoreError) -> [String] {
    let view = log.view
    let known = Set(view.history.map(\.name))
    do throws(SystemError) {
      var names = try Self.names(in: view.folder.aside, StoreFolder.asideFolder, view.folder.disk)
      names += try Self.names(in: view.folder.history, StoreFolder.historyFolder, view.folder.disk).filter {
        !known.contains($0)
      }
      // A segment's name begins with its first LSN.
      let floor = view.floor.rawValue
      names += try Self.names(in: view.folder.log, StoreFolder.logFolder, view.folder.disk).filter { name in
        let digits = name.dropFirst(StoreFolder.logFolder.utf8.count + 1).prefix { $0.isNumber }
        return UInt64(digits).map { $0 < floor } ?? false
      }
      return names
    } catch {
      throw .log(.system(error))
    }
  }

  private static func names(
    in folder: String, _ name: String, _ disk: any Disk
  ) throws(SystemError) -> [String] {
    guard try disk.entry(at: folder)?.isFolder == true else { return [] }
    return try disk.names(in: folder).sorted().map { name + "/" + $0 }
  }
}
