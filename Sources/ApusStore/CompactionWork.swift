// A unit of compaction, step by step: Compaction.md numbers them. Up to the manifest's edit everything is a copy; what fails removes its
// outputs, and a crash leaves files that no manifest lists.

import ApusBytes
import ApusContracts
import ApusHistory
import ApusIndex
import ApusLog
import ApusSystem

/// Owned by the compactor's thread.
final class CompactionWork {
  let log: LogReader
  let shared: StoreShared
  let appender: StoreAppender
  let runs: any RunFiles
  let options: StoreOptions
  let checkpointer: Checkpointer
  /// What is pending of erasures, as of a catalog of this number.
  var erasing: (number: UInt64, pending: PendingErasures?)?
  /// Files that could not be read.
  var obstacles = CompactionObstacles()
  /// After an erasure failed: when it is tried again.
  var erasesFrom: MonotonicTime?
  /// When it was last seen whether horizons are to be raised, and F of those that stood then.
  var horizonsSeen: (at: MonotonicTime, standing: [ViewVersionID: LSN])?
  private let compactor: Compactor
  private var isAsked = false
  /// The store is being closed, and the unit is left undone.
  private var isInterrupted = false
  private var pacedByteCount = 0
  private var pacedSince: MonotonicTime?

  init(
    _ log: LogReader, _ shared: StoreShared, _ appender: StoreAppender, _ runs: any RunFiles,
    _ compactor: Compactor, _ checkpointer: Checkpointer, _ options: StoreOptions
  ) {
    self.checkpointer = checkpointer
    self.log = log
    self.shared = shared
    self.appender = appender
    self.runs = runs
    self.compactor = compactor
    self.options = options
  }

  /// What is to be done now; nil for nothing. `erases`: erasures that are not due, too.
  func next(isAsked: Bool, erases: Bool) throws(StoreError) -> CompactionUnit? {
    // Nobody kept what was before the floor.
    guard log.view.floor <= .first || !log.view.ledgers.isEmpty else { return nil }
    if let last = try dueErasure(erases: erases) { return .erase(last) }
    if let unit = choice(isAsked: isAsked).next() { return unit }
    return CompactionChoice.fold(log.view, try horizons(isAsked: isAsked), options)
  }

  func choice(isAsked: Bool) -> CompactionChoice {
    CompactionChoice(
      view: log.view, complete: complete, now: shared.clock.wall(), options: options, isAsked: isAsked,
      passing: obstacles.files)
  }

  /// Up to where the index has everything; *none* while there is none.
  private var complete: LSN {
    guard let index = shared.newest.1.index, var reader = try? index.reader() else { return .none }
    defer { reader.reset() }
    guard (try? reader.renew()) != nil else { return .none }
    return reader.complete
  }

  func indexIsComplete(through last: LSN) -> Bool { complete >= last }

  func perform(
    _ unit: CompactionUnit, isAsked: Bool, _ report: inout CompactionReport
  ) throws(StoreError) {
    self.isAsked = isAsked
    isInterrupted = false
    pacedSince = nil
    switch unit {
    case .pack(let segments, let lsns):
      try passing(segments) { () throws(StoreError) in try pack(segments, lsns, &report) }
    case .merge(let records):
      try passing(records) { () throws(StoreError) in
        if records.first?.kind == .ledger {
          try mergeLedgers(records, &report)
        } else {
          try mergeRuns(records, &report)
        }
      }
    case .settle(let loss): try settle(loss, &report)
    case .erase(let last):
      do throws(StoreError) {
        erasesFrom = nil
        try erase(through: last, &report)
      } catch {
        erasesFrom = shared.clock.monotonic()
        throw error
      }
    }
  }

  // MARK: Packs

  func pack(
    _ segments: [FileRecord], _ lsns: LSNRange, _ report: inout CompactionReport
  ) throws(StoreError) {
    // Behind lost records the state cannot be followed; it can be taken as it stands, at the end of all there is.
    if log.view.accepted.ranges.contains(where: { $0.first <= lsns.last && lsns.first <= $0.last }) {
      return try settle(PersonsLoss(), &report)
    }
    let before = try HistoryView(log, runs).state() ?? StoreState()
    let scan = PackScan(
      lsns, from: before, shared.newest.1.catalog.erasures, handled: try lastingLetters())
    try pack(segments, scan, in: [lsns], speakingFor: lsns, PersonsLoss(), &report)
  }

  /// Makes runs of what a scan finds, for each part of its range, and one ledger of all, which speaks for these LSNs. No more is held in
  /// memory than the events of one part.
  func pack(
    _ segments: [FileRecord], _ scan: consuming PackScan, in parts: [LSNRange], speakingFor range: LSNRange,
    _ loss: PersonsLoss, _ report: inout CompactionReport
  ) throws(StoreError) {
    var scan = scan
    var events = 0
    var outputs: [HistoryOutput] = []
    do throws(StoreError) {
      for part in parts where !part.isEmpty {
        try scan.run(part, log) { (byteCount) throws(StoreError) in
          guard pace(byteCount) else { throw .closed }
        }
        events += scan.events.count
        outputs += try makeRuns(of: scan, part)
      }
      if let id = try reserve(1).first { outputs.append(try makeLedger(of: scan, range, loss.saved, id)) }
      try exchange(
        outputs, for: segments + (loss.file.map { [$0] } ?? []), floor: range.last.next, givingUp: loss.note)
    } catch {
      discard(outputs, after: error)
      throw error
    }
    report.packs += 1
    report.events += UInt64(events)
    report.erasedEvents += scan.erasedEvents
    report.takenByteCount += segments.reduce(0) { $0 + ($1.seal?.byteCount ?? 0) }
    report.writtenByteCount += outputs.reduce(0) { $0 + $1.byteCount }
  }

  /// One of each view version that has events in the part.
  private func makeRuns(of scan: PackScan, _ part: LSNRange) throws(StoreError) -> [HistoryOutput] {
    let views = scan.events.viewVersions
    guard !views.isEmpty else { return [] }
    var outputs: [HistoryOutput] = []
    do throws(StoreError) {
      for (view, id) in zip(views, try reserve(views.count)) {
        guard let subject = RunSubject(view, in: scan.state.registry) else {
          throw .recordUnreadable(part.last, .unknownView(view))
        }
        if let run = try makeRun(scan.events.events(of: view), subject, part, id) { outputs.append(run) }
      }
    } catch {
      discard(outputs, after: error)
      throw error
    }
    return outputs
  }

  private func makeLedger(
    of scan: PackScan, _ range: LSNRange, _ saved: LedgerSalvage?, _ id: FileID
  ) throws(StoreError) -> HistoryOutput {
    var note = ByteWriter()
    scan.state.writeNote(into: &note)
    let bytes = note.bytes.copied()
    return try makeLedger(range, id, note: bytes) { (writer) throws(HistoryError) in
      for letter in saved?.letters ?? [] where !scan.isHandled(letter.lsn) {
        try writer.letter(
          letter.lsn, appendNanoseconds: letter.nanoseconds, body: unsafe letter.body.span.bytes)
      }
      for letter in scan.waitingLetters {
        try writer.letter(
          letter.lsn, appendNanoseconds: letter.nanoseconds, body: unsafe letter.body.span.bytes)
      }
      for frame in saved?.frames ?? [] { try writer.frame(frame.lsns, appendNanoseconds: frame.nanoseconds) }
      for frame in scan.frames { try writer.frame(frame.lsns, appendNanoseconds: frame.nanoseconds) }
    }
  }

  /// The state at the floor is in the newest ledger.
  private var isNewestLedgerReadable: Bool {
    log.view.ledgers.last.map { obstacles[$0.id] == nil } ?? true
  }

  // MARK: Merges

  /// A run has the features that the newest ledger's note knows of its view version, however many there are by now: an index is made of
  /// both, before the log behind them is read.
  func subject(_ view: ViewVersionID) throws(StoreError) -> RunSubject {
    guard let state = try HistoryView(log, runs).state(), let subject = RunSubject(view, in: state.registry)
    else {
      throw .recordUnreadable(log.view.floor, .unknownView(view))
    }
    return subject
  }

  private func mergeRuns(_ records: [FileRecord], _ report: inout CompactionReport) throws(StoreError) {
    guard let first = records.first, let last = records.last?.covered?.lsns.last,
      let view = first.covered.map({ ViewVersionID($0.view) })
    else { return }
    let catalog = shared.newest.1.catalog
    let subject = try subject(view)
    guard let definition = catalog[view] else { throw .recordUnreadable(last, .unknownView(view)) }
    let horizon = try horizon(of: view)
    // Every event from the floor on was admitted under the horizon that stood there; all others are in these runs. Where they are all, a delete
    // that is older than its D has nothing to hide any more.
    let isAll = log.view.runs[view]?.map(\.id) == records.map(\.id) && isNewestLedgerReadable
    let settled = isAll ? try HistoryView(log, runs).state()?.horizons[view]?.oldest : nil
    let lsns = LSNRange(first.first, through: last)
    let ids = try reserve(1)
    var dropped: HorizonCursor?
    var outputs: [HistoryOutput] = []
    do throws(StoreError) {
      // Its pin must be let go of before the exchange.
      let history = HistoryView(log, runs)
      var cursors: [any EventCursor] = []
      for record in records { cursors.append(try history.events(of: record, subject)) }
      var events: any EventCursor = RunMerge(cursors)
      if !catalog.erasures.isEmpty { events = UnerasedEvents(events, definition, catalog.erasures) }
      if let horizon {
        var used = horizon
        used.oldest = settled
        let cursor = HorizonCursor(events, used, layout: subject.layout, isAll: settled != nil)
        dropped = cursor
        events = cursor
      }
      let folded = horizon?.through ?? .none
      if let id = ids.first, let run = try makeRun(events, subject, lsns, id, folded: folded) {
        outputs.append(run)
      }
    } catch {
      discard(outputs, after: error)
      throw error
    }
    do throws(StoreError) { try exchange(outputs, for: records) } catch {
      discard(outputs, after: error)
      throw error
    }
    report.merges += 1
    report.droppedEvents += dropped?.tally.events ?? 0
    report.writtenByteCount += outputs.reduce(0) { $0 + $1.byteCount }
  }

  /// Which letters were handled, by records that are durable: what is left out for them is nowhere else.
  func lastingLetters() throws(StoreError) -> DeadLetterSums {
    try appender.perform { (core) throws(StoreError) in
      do throws(LogError) { try core.log.sync() } catch { throw core.met(error) }
      return core.applier.state.deadLetters
    }
  }

  func mergeLedgers(_ records: [FileRecord], _ report: inout CompactionReport) throws(StoreError) {
    guard let first = records.first, let last = records.last?.covered?.lsns.last else { return }
    let letters = try lastingLetters()
    let ids = try reserve(1)
    guard let id = ids.first else { return }
    let output = try makeMergedLedger(records, LSNRange(first.first, through: last), id, letters)
    do throws(StoreError) { try exchange([output], for: records) } catch {
      discard([output], after: error)
      throw error
    }
    report.merges += 1
    report.writtenByteCount += output.byteCount
  }

  private func makeMergedLedger(
    _ records: [FileRecord], _ lsns: LSNRange, _ id: FileID, _ sums: DeadLetterSums
  ) throws(StoreError) -> HistoryOutput {
    let history = HistoryView(log, runs)
    var readers: [LedgerReader] = []
    for record in records { readers.append(try history.ledger(record)) }
    guard let newest = readers.last else { throw .closed }
    let note: [UInt8]
    do throws(HistoryError) { note = try newest.note() } catch { throw .history(error) }
    return try makeLedger(lsns, id, note: note) { (writer) throws(HistoryError) in
      for reader in readers {
        var letters: [PackScan.Letter] = []
        try reader.forEachLetter { lsn, nanoseconds, body in
          if !sums.isHandled(lsn) {
            letters.append(PackScan.Letter(lsn: lsn, nanoseconds: nanoseconds, body: body.copied()))
          }
          return true
        }
        for letter in letters {
          try writer.letter(
            letter.lsn, appendNanoseconds: letter.nanoseconds, body: unsafe letter.body.span.bytes)
        }
        var frames: [(LSNRange, Int64)] = []
        try reader.forEachFrame { lsns, nanoseconds in
          frames.append((lsns, nanoseconds))
          return true
        }
        for (lsns, nanoseconds) in frames { try writer.frame(lsns, appendNanoseconds: nanoseconds) }
      }
    }
  }
}

// MARK: Outputs

extension CompactionWork {
  /// Writes a run, and reads it again; nil when there is nothing to be in it. `folded`: its events up to there were folded already.
  func makeRun(
    _ events: any EventCursor, _ subject: RunSubject, _ lsns: LSNRange, _ id: FileID, folded: LSN = .none
  ) throws(StoreError) -> HistoryOutput? {
    let file = HistoryFileID(store: log.view.storeID.bytes, file: id.rawValue)
    let digested = DigestedEvents(events) { [self] byteCount in pace(byteCount) }
    var made: RunAttributes?
    let name = RunFormat.name(view: subject.name, version: subject.number, lsns: lsns, file: id.rawValue)
    do throws(HistoryError) {
      let output = try HistoryOutput(.run, id, name, first: lsns.first, in: log.view.folder) {
        (disk) throws(HistoryError) in
        var attributes = try runs.write(digested, of: subject, lsns: lsns, as: file, into: disk)
        attributes.folded = folded
        made = attributes
        return (attributes.encoded, attributes.size)
      }
      guard let made, !digested.isCut, digested.count > 0 else {
        output.discard()
        if digested.isCut { isInterrupted = true }
        return nil
      }
      do throws(HistoryError) {
        let again = DigestedEvents(
          try runs.events(of: subject, first: lsns.first, made, as: file, in: output.reopen())
        ) { [self] byteCount in pace(byteCount) }
        while try again.advance() {}
        if again.isCut {
          isInterrupted = true
          output.discard()
          return nil
        }
        guard made.events == digested.count, again.count == digested.count, made.digest == digested.digest,
          again.digest == digested.digest, made.last == lsns.last, made.viewVersion == subject.view
        else { throw HistoryError.damaged(path: name, at: 0, "what was read back is not what was written") }
      } catch {
        output.discard()
        throw error
      }
      return output
    } catch {
      throw Self.told(error)
    }
  }

  private func makeLedger(
    _ lsns: LSNRange, _ id: FileID, note: [UInt8],
    _ fill: (inout LedgerWriter) throws(HistoryError) -> Void
  ) throws(StoreError) -> HistoryOutput {
    let file = HistoryFileID(store: log.view.storeID.bytes, file: id.rawValue)
    var made: LedgerAttributes?
    let name = LedgerFormat.name(lsns: lsns, file: id.rawValue)
    do throws(HistoryError) {
      let output = try HistoryOutput(.ledger, id, name, first: lsns.first, in: log.view.folder) {
        (disk) throws(HistoryError) in
        var writer = try LedgerWriter.begin(disk, file, lsns: lsns)
        try fill(&writer)
        let attributes = try writer.finish(note: unsafe note.span.bytes)
        made = attributes
        return (attributes.encoded, attributes.size)
      }
      do throws(HistoryError) {
        guard let made else { return output }
        let reader = try LedgerReader(output.reopen(), file, first: lsns.first, made)
        try reader.verify()
        guard try reader.note() == note else {
          throw HistoryError.damaged(path: name, at: 0, "what was read back is not what was written")
        }
      } catch {
        output.discard()
        throw error
      }
      return output
    } catch {
      throw Self.told(error)
    }
  }

  /// Names the outputs, and has the manifest list them in place of what they replace.
  func exchange(
    _ outputs: [HistoryOutput], for gone: [FileRecord], floor: LSN? = nil, givingUp lost: GivenUp? = nil
  ) throws(StoreError) {
    do throws(HistoryError) {
      for output in outputs { try output.reveal() }
      let folder = log.view.folder
      try HistoryOutput.wrapping { () throws(SystemError) in try folder.disk.syncFolder(folder.history) }
    } catch {
      throw Self.told(error)
    }
    if isInterrupted { throw .closed }
    let (added, removed) = (outputs.map(\.record), gone.map(\.id))
    try appender.perform { (core) throws(StoreError) in
      do throws(LogError) {
        try core.log.rearrange(adding: added, removing: removed, floor: floor, givingUp: lost)
      } catch {
        throw core.met(error)
      }
    }
  }

  /// Removes what was made in vain. When the log stopped, nobody knows which manifest a restart finds: one that lists the outputs needs
  /// them, and one that does not has them moved aside.
  func discard(_ outputs: [HistoryOutput], after error: StoreError) {
    if case .stopped = error { return }
    for output in outputs { output.discard() }
  }

  func reserve(_ count: Int) throws(StoreError) -> [FileID] {
    try appender.perform { (core) throws(StoreError) in
      do throws(LogError) { return try core.log.reserveFiles(count) } catch { throw core.met(error) }
    }
  }

  private static func told(_ error: HistoryError) -> StoreError {
    if let refusal = error.refusal, refusal.errno.meansDiskFull { return .diskFull(refusal) }
    return .history(error)
  }

  /// After so many bytes it rests for as long as they took, so that half a core is left to others; who asked waits for no rest. False
  /// when the store is being closed.
  func pace(_ byteCount: Int) -> Bool {
    pacedByteCount += byteCount
    guard pacedByteCount >= Self.stepByteCount else { return true }
    pacedByteCount = 0
    let now = shared.clock.monotonic()
    let took = now.nanoseconds &- (pacedSince ?? now).nanoseconds
    defer { pacedSince = shared.clock.monotonic() }
    if isAsked { return !compactor.isClosing }
    return !compactor.mailbox.wait(for: min(took, Self.restNanosecondsMax)) { $0.isClosing }
  }

  private static let stepByteCount = 1 << 20
  private static let restNanosecondsMax: UInt64 = 100_000_000
}
