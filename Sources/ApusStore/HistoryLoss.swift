// What of a file of history cannot be read, and what can. A file that the kernel refuses for another reason than that it is not there, or that
// the disk fails, is not judged.

package import ApusBytes
package import ApusContracts
import ApusHistory
package import ApusLog
import ApusSystem

package struct HistoryLoss: Equatable, Sendable {
  package let file: FileRecord
  /// Of a run; 0 of a ledger.
  package let view: UInt32
  package let lsns: LSNRange
  /// Events, or frames and letters of a ledger; and how many there were.
  package let lost: UInt64
  package let of: UInt64
  /// Bounds of the keys of lost events; both empty where nobody can say.
  package let least: [UInt8]
  package let greatest: [UInt8]
  /// What these keys are made of; empty where nobody can say.
  package let keys: [(name: String, type: KeyType)]
  let knownBy: KnownAt
  let newestEvent: EventTime
  /// Of a ledger: the state as of its last LSN cannot be read.
  package let isWithoutNote: Bool

  package static func == (a: HistoryLoss, b: HistoryLoss) -> Bool {
    a.file == b.file && a.lost == b.lost && a.least == b.least && a.greatest == b.greatest
      && a.isWithoutNote == b.isWithoutNote
  }

  /// Of a run.
  init(
    _ file: FileRecord, _ attributes: RunAttributes, _ loss: RunLoss, keys: [RunSchema.Key]
  ) {
    self.file = file
    view = attributes.viewVersion.rawValue
    lsns = LSNRange(file.first, through: attributes.last)
    lost = loss.events
    of = attributes.events
    (least, greatest) = (loss.least, loss.greatest)
    self.keys = keys.map { ($0.name, $0.type) }
    knownBy = attributes.greatestKnownAt
    newestEvent = attributes.greatestEventTime
    isWithoutNote = false
  }

  /// Of a ledger.
  init(_ file: FileRecord, _ attributes: LedgerAttributes, _ salvage: LedgerSalvage) {
    self.file = file
    view = 0
    lsns = LSNRange(file.first, through: attributes.last)
    lost = salvage.lost(of: attributes)
    of = attributes.frames &+ attributes.letters
    (least, greatest, keys) = ([], [], [])
    knownBy = KnownAt(nanoseconds: .max)
    newestEvent = EventTime(nanoseconds: .min)
    isWithoutNote = salvage.note == nil
  }

  /// The lost records, for who looks for their traces in an index.
  var records: LostRecords {
    LostRecords(
      run: LostRecords.Run(
        view: ViewVersionID(view), lsns: lsns, least: least, greatest: greatest, knownBy: knownBy))
  }

  func given(up time: WallTime, isHeld: Bool) -> GivenUp {
    GivenUp(
      file: file.id, kind: file.kind, view: view, lsns: lsns, lost: lost, time: time,
      newestEvent: WallTime(nanoseconds: newestEvent.nanoseconds), isHeld: isHeld, least: least,
      greatest: greatest)
  }
}

/// What can be read of a file of history.
enum SavedHistory {
  case run(RunReader?, RunAttributes)
  case ledger(LedgerSalvage, LedgerAttributes)

  /// Opens a file that may be damaged, or not be there.
  init(
    _ record: FileRecord, of store: StoreID, in folder: StoreFolder
  ) throws(HistoryError) {
    let path = folder.at(record.name)
    let id = HistoryFileID(store: store.bytes, file: record.id.rawValue)
    if record.kind == .run {
      let attributes = try RunAttributes(unsafe record.attributes.span.bytes, path: path)
      let reader: RunReader? = try Self.readable(path, folder.disk) { (file) throws(HistoryError) in
        try RunReader(file, id, first: record.first, attributes)
      }
      self = .run(reader, attributes)
    } else {
      let attributes = try LedgerAttributes(unsafe record.attributes.span.bytes, path: path)
      let found: LedgerSalvage? = try Self.readable(path, folder.disk) { (file) throws(HistoryError) in
        try LedgerReader(file, id, first: record.first, attributes).salvage()
      }
      self = .ledger(found ?? LedgerSalvage(), attributes)
    }
  }

  /// Nil where the file is damaged throughout, or not there.
  private static func readable<T>(
    _ path: String, _ disk: any Disk, _ body: (any DiskFile) throws(HistoryError) -> T
  ) throws(HistoryError) -> T? {
    do throws(HistoryError) {
      let file: any DiskFile
      do throws(SystemError) {
        // What is no file may be opened, and then keeps its reader waiting, as a pipe does.
        guard let entry = try disk.entry(at: path), entry.isFile else { return nil }
        file = try disk.open(path, .read)
      } catch {
        throw .system(error)
      }
      return try body(file)
    } catch {
      if case .newer = error { throw error }
      if let refusal = error.refusal, refusal.errno != .inputOutput { throw error }
      return nil
    }
  }

  /// What of it is lost, found by reading all of it.
  func loss(of record: FileRecord) throws(HistoryError) -> HistoryLoss {
    switch self {
    case .run(nil, let attributes):
      return HistoryLoss(record, attributes, RunLoss(events: attributes.events), keys: [])
    case .run(let reader?, let attributes):
      let events = reader.salvage()
      while try events.advance() {}
      return HistoryLoss(record, attributes, events.loss, keys: reader.schema.keys)
    case .ledger(let salvage, let attributes): return HistoryLoss(record, attributes, salvage)
    }
  }
}
