// A file of history is given up by a person, by its name. What can be read of it is written into a new file first, what only the index still
// says is written into the log, and what is lost is noted in the manifest for good. The file itself is moved aside.
//
// A crash before the edit leaves the store as it was, but for events that say again what the index said; after it, all is done.

package import ApusBytes
import ApusContracts
import ApusHistory
import ApusIndex
package import ApusLog
package import ApusSystem

/// What became of a request to give up a file of history.
package enum GivingUp: Equatable, Sendable {
  /// History has no such file; it has these.
  case unknown([String])
  /// It is as it was written: there is nothing to give up.
  case sound
  /// The newest ledger: nothing else says what the store was when the log began.
  case stateLost(HistoryLoss)
  /// The log has lost records, too. Only when that is accepted can the index say what it still knows of the file's events.
  case logFirst([LSNRange])
  case done(GivenUp, Rescue?, movedTo: String?)
}

extension Store {
  package static func giveUp(
    _ name: String, in folder: String, clock: any Clock = SystemClock(),
    random: inout some RandomNumberGenerator
  ) throws(StoreError) -> GivingUp {
    let disk = RealDisk()
    let found: HistoryLoss?
    do throws(LogError) {
      let overview = try LogOverview.manifest(folder, on: disk)
      let all = overview.state.history
      guard let record = all.first(where: { $0.name.lastPart == name.lastPart }) else {
        return .unknown(all.map(\.name))
      }
      let check = try HistoryCheck.run(folder, on: disk, only: record.id)
      guard let fault = check.faults.first else { return .sound }
      found = fault.loss
    } catch {
      throw .log(error)
    }
    guard let loss = found else {
      throw .history(.damaged(path: folder + "/" + name, at: 0, "what is left of it could not be found out"))
    }
    if let lost = try lostLSNs(in: folder) { return .logFirst(lost) }
    let isWhole = try isIndexWhole(in: folder, through: loss.lsns.last)
    if loss.isWithoutNote, try isNewest(loss.file, in: folder, disk) {
      guard isWhole else { return .stateLost(loss) }
      let note = loss.given(up: clock.wall(), isHeld: true)
      let saved = try saved(loss.file, in: folder, disk)
      try whileOpen(folder, clock, &random) { (store) throws(StoreError) in
        try store.settle(PersonsLoss(file: loss.file, note: note, saved: saved))
      }
      return .done(note, nil, movedTo: nil)
    }
    var rescue: Rescue?
    // Of a store that is made anew from what is left the index is no witness.
    if loss.file.kind == .run, isWhole {
      rescue = try whileOpen(folder, clock, &random) { (store) throws(StoreError) in
        try store.rescue(loss.records)
      }
    }
    let surgery: HistorySurgery
    do throws(LogError) { surgery = try HistorySurgery(folder, on: disk, clock: clock) } catch {
      throw .log(error)
    }
    defer { surgery.close() }
    guard surgery.state.history.contains(loss.file) else {
      return .unknown(surgery.state.history.map(\.name))
    }
    let replacement = try HistoryRemains(surgery).write(loss.file)
    // What a ledger said besides its note, no row is made of.
    let note = loss.given(up: clock.wall(), isHeld: loss.file.kind != .run || rescue != nil)
    do throws(LogError) {
      let place = try surgery.giveUp(loss.file, for: replacement, note)
      return .done(note, rescue, movedTo: place)
    } catch {
      throw .log(error)
    }
  }

  private static func isNewest(
    _ file: FileRecord, in folder: String, _ disk: any Disk
  ) throws(StoreError) -> Bool {
    do throws(LogError) {
      let ledgers = try LogOverview.manifest(folder, on: disk).state.history.filter { $0.kind == .ledger }
      return ledgers.max { $0.first < $1.first }?.id == file.id
    } catch {
      throw .log(error)
    }
  }

  /// What can be read of a ledger.
  private static func saved(
    _ file: FileRecord, in folder: String, _ disk: any Disk
  ) throws(StoreError) -> LedgerSalvage {
    let store: StoreID
    do throws(LogError) { store = try LogOverview.manifest(folder, on: disk).storeID } catch {
      throw .log(error)
    }
    do throws(HistoryError) {
      guard case .ledger(let saved, _) = try SavedHistory(file, of: store, in: StoreFolder(folder, on: disk))
      else { return LedgerSalvage() }
      return saved
    } catch {
      throw .history(error)
    }
  }

  /// Whether the index has everything up to an LSN, can be read, and belongs to a log that can be written.
  static func isIndexWhole(in folder: String, through last: LSN) throws(StoreError) -> Bool {
    do throws(StoreError) {
      guard let look = try StoreLook.open(folder), case .usable = look.index.verdict,
        look.index.complete >= last, look.losses.isEmpty
      else { return false }
      return try look.index.scrub()?.damageCount == 0
    } catch {
      // Without an index the look itself needs what is damaged.
      if case .history = error { return false }
      throw error
    }
  }

  /// What the log has lost and nobody has accepted; nil when there is nothing, or when it cannot be found out.
  private static func lostLSNs(in folder: String) throws(StoreError) -> [LSNRange]? {
    do throws(StoreError) {
      guard let look = try StoreLook.open(folder), !look.losses.isEmpty else { return nil }
      return look.losses
    } catch {
      if case .history = error { return nil }
      throw error
    }
  }

  /// Opens the store for one thing to be done, and closes it.
  static func whileOpen<T>(
    _ folder: String, _ clock: any Clock, _ random: inout some RandomNumberGenerator,
    _ body: (Store) throws(StoreError) -> T
  ) throws(StoreError) -> T {
    var options = StoreOptions()
    options.scrubPeriodNanoseconds = nil
    let store = try Store.open(folder, clock: clock, random: &random, options: options)
    let result: T
    do throws(StoreError) { result = try body(store) } catch {
      // What was refused is what is told.
      try? store.close()
      throw error
    }
    try store.close()
    return result
  }
}

extension String {
  /// Whatever folder it was typed with.
  fileprivate var lastPart: Substring { split(separator: "/").last ?? "" }
}

/// Writes what can be read of a damaged file into another one, which takes its place.
private struct HistoryRemains {
  private let surgery: HistorySurgery

  init(_ surgery: HistorySurgery) { self.surgery = surgery }

  /// Nil when nothing is left of a run; a ledger is always followed by another, because they follow one another without a hole.
  func write(_ record: FileRecord) throws(StoreError) -> FileRecord? {
    do throws(HistoryError) {
      let saved = try SavedHistory(record, of: surgery.storeID, in: surgery.folder)
      let output: HistoryOutput?
      switch saved {
      case .run(nil, _): output = nil
      case .run(let reader?, _): output = try write(reader)
      case .ledger(let salvage, let attributes):
        output = try write(salvage, LSNRange(record.first, through: attributes.last))
      }
      guard let output else { return nil }
      try output.reveal()
      let folder = surgery.folder
      try HistoryOutput.wrapping { () throws(SystemError) in try folder.disk.syncFolder(folder.history) }
      return output.record
    } catch {
      throw .history(error)
    }
  }

  private var file: HistoryFileID {
    HistoryFileID(store: surgery.storeID.bytes, file: surgery.nextFile.rawValue)
  }

  private func write(_ reader: RunReader) throws(HistoryError) -> HistoryOutput? {
    let schema = reader.schema
    let view = schema.view.split(separator: "/").last.map { $0.split(separator: "@") } ?? []
    let name = RunFormat.name(
      view: view.first.map(String.init) ?? "view", version: view.last.flatMap { UInt32($0) } ?? 0,
      lsns: reader.lsns, file: surgery.nextFile.rawValue)
    var made: RunAttributes?
    let output = try HistoryOutput(.run, surgery.nextFile, name, first: reader.lsns.first, in: surgery.folder)
    {
      [file] (disk) throws(HistoryError) in
      let writer = try RunWriter(disk, file, schema, lsns: reader.lsns)
      try writer.append(all: reader.salvage())
      let attributes = try writer.finish()
      made = attributes
      return (attributes.encoded, attributes.size)
    }
    guard let made, made.events > 0 else {
      output.discard()
      return nil
    }
    do throws(HistoryError) {
      try RunReader(output.reopen(), file, first: reader.lsns.first, made).verify()
    } catch {
      output.discard()
      throw error
    }
    return output
  }

  private func write(_ salvage: LedgerSalvage, _ lsns: LSNRange) throws(HistoryError) -> HistoryOutput {
    var empty = ByteWriter()
    // Only the newest ledger's note is ever read, and of that one it is there.
    StoreState().writeNote(into: &empty)
    let note = salvage.note ?? empty.bytes.copied()
    let name = LedgerFormat.name(lsns: lsns, file: surgery.nextFile.rawValue)
    var made: LedgerAttributes?
    let output = try HistoryOutput(.ledger, surgery.nextFile, name, first: lsns.first, in: surgery.folder) {
      [file] (disk) throws(HistoryError) in
      var writer = try LedgerWriter.begin(disk, file, lsns: lsns)
      for letter in salvage.letters {
        try writer.letter(
          letter.lsn, appendNanoseconds: letter.nanoseconds, body: unsafe letter.body.span.bytes)
      }
      for frame in salvage.frames { try writer.frame(frame.lsns, appendNanoseconds: frame.nanoseconds) }
      let attributes = try writer.finish(note: unsafe note.span.bytes)
      made = attributes
      return (attributes.encoded, attributes.size)
    }
    do throws(HistoryError) {
      if let made { try LedgerReader(output.reopen(), file, first: lsns.first, made).verify() }
    } catch {
      output.discard()
      throw error
    }
    return output
  }
}
