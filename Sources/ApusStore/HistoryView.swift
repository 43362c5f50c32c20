// What lies below the log's floor, at one moment: the runs and ledgers that the manifest lists. While this exists none of them goes,
// and the log keeps all that it had.

import ApusBytes
import ApusContracts
import ApusHistory
import ApusLog
import ApusSystem

final class HistoryView: Sendable {
  let view: LogView
  private let pin: LogPin
  let runs: (any RunFiles)?

  init(_ log: LogReader, _ runs: (any RunFiles)?) {
    // Pinned first, then looked: otherwise a file could go in between.
    pin = log.pinHistory()
    view = log.view
    self.runs = runs
  }

  var floor: LSN { view.floor }
  /// In the order of their ranges.
  var ledgers: [FileRecord] { view.ledgers }

  func fileID(_ record: FileRecord) -> HistoryFileID {
    HistoryFileID(store: view.storeID.bytes, file: record.id.rawValue)
  }

  func ledger(_ record: FileRecord) throws(StoreError) -> LedgerReader {
    let path = view.folder.at(record.name)
    do throws(HistoryError) {
      let attributes = try LedgerAttributes(unsafe record.attributes.span.bytes, path: path)
      return try LedgerReader(open(path), fileID(record), first: record.first, attributes)
    } catch {
      throw .history(error)
    }
  }

  /// The state as of the floor; nil where the log reaches back to its first record, or nobody kept what was before.
  func state() throws(StoreError) -> StoreState? {
    guard let newest = ledgers.last else { return nil }
    let reader = try ledger(newest)
    let note: [UInt8]
    do throws(HistoryError) { note = try reader.note() } catch { throw .history(error) }
    do throws(RecordFault) { return try StoreState(note: unsafe note.span.bytes) } catch {
      throw .recordUnreadable(floor.previous, error)
    }
  }

  func events(
    of record: FileRecord, _ subject: RunSubject, from key: [UInt8]? = nil
  ) throws(StoreError) -> any EventCursor {
    guard let runs else { throw .log(.unsupported(path: view.folder.at(record.name), what: "runs")) }
    let path = view.folder.at(record.name)
    do throws(HistoryError) {
      let attributes = try RunAttributes(unsafe record.attributes.span.bytes, path: path)
      return try runs.events(
        of: subject, first: record.first, attributes, as: fileID(record), in: open(path), from: key)
    } catch {
      throw .history(error)
    }
  }

  func lookup(_ record: FileRecord) throws(StoreError) -> any RunLookup {
    guard let runs else { throw .log(.unsupported(path: view.folder.at(record.name), what: "runs")) }
    let path = view.folder.at(record.name)
    do throws(HistoryError) {
      let attributes = try RunAttributes(unsafe record.attributes.span.bytes, path: path)
      return try runs.lookup(first: record.first, attributes, as: fileID(record), in: open(path))
    } catch {
      throw .history(error)
    }
  }

  func open(_ path: String) throws(HistoryError) -> any DiskFile {
    do throws(SystemError) { return try view.folder.disk.open(path, .read) } catch { throw .system(error) }
  }
}

extension LogView {
  /// In the order of their ranges, which follow one another.
  var ledgers: [FileRecord] { history.filter { $0.kind == .ledger }.sorted { $0.first < $1.first } }

  /// The runs of each view version, in the order of their ranges.
  var runs: [ViewVersionID: [FileRecord]] {
    var runs: [ViewVersionID: [FileRecord]] = [:]
    for record in history where record.kind == .run {
      guard let view = record.covered?.view else { continue }
      runs[ViewVersionID(view), default: []].append(record)
    }
    return runs.mapValues { $0.sorted { $0.first < $1.first } }
  }
}
