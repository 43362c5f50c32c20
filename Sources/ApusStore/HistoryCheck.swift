// Every file of history that the manifest lists is read whole and compared with what the manifest says of it. All that are not as they were
// written are told, not only the first; nothing is changed. What keeps from finding out, the kernel's refusal or a newer program's file,
// is thrown and is no damage.

import ApusBytes
import ApusHistory
package import ApusLog
package import ApusSystem

package struct HistoryCheck: Equatable, Sendable {
  /// A file that is not as it was written.
  package struct Fault: Equatable, Sendable {
    package let file: FileRecord
    package let isMissing: Bool
    /// Where; nil where it is no one place.
    package let at: UInt64?
    package let what: String
    /// What cannot be read; nil when that could not be found out.
    package let loss: HistoryLoss?

    package var description: String { "\(file.name)\(at.map { ", byte \($0)" } ?? ""): \(what)" }
  }

  package private(set) var runs = 0
  package private(set) var ledgers = 0
  /// What the manifest says that they take.
  package private(set) var byteCount: UInt64 = 0
  package private(set) var faults: [Fault] = []

  /// Of a store that no process writes; of one file alone, when it is named.
  package static func run(
    _ path: String, on disk: any Disk, only: FileID? = nil
  ) throws(LogError) -> HistoryCheck {
    try StoreFolder(path, on: disk).whileLocked { folder throws(LogError) in
      let manifest = try ManifestReading(in: folder, syncing: false)
      var check = HistoryCheck()
      for record in manifest.state.history where only.map({ $0 == record.id }) ?? true {
        if record.kind == .run { check.runs += 1 } else { check.ledgers += 1 }
        check.byteCount &+= record.historyByteCount ?? 0
        try check.verify(record, of: manifest.storeID, in: folder)
      }
      return check
    }
  }

  private mutating func verify(
    _ record: FileRecord, of store: StoreID, in folder: StoreFolder
  ) throws(LogError) {
    let path = folder.at(record.name)
    do throws(SystemError) {
      guard let entry = try folder.disk.entry(at: path) else {
        add(record, isMissing: true, nil, "it is not there", of: store, in: folder)
        return
      }
      guard entry.isFile else {
        add(record, isMissing: false, nil, StoreFolder.noFileWords, of: store, in: folder)
        return
      }
    } catch {
      throw .system(error)
    }
    do throws(HistoryError) {
      try Self.read(record, HistoryFileID(store: store.bytes, file: record.id.rawValue), path, folder.disk)
    } catch {
      if let refusal = error.refusal { throw .system(refusal) }
      let (at, what): (UInt64?, String)
      switch error {
      case .newer(let path, let what): throw .unsupported(path: path, what: what)
      case .damaged(_, let place, let words): (at, what) = (place, words)
      case .columns(_, let error): (at, what) = (nil, "\(error)")
      default: (at, what) = (nil, "\(error)")
      }
      add(record, isMissing: false, at, what, of: store, in: folder)
    }
  }

  private mutating func add(
    _ record: FileRecord, isMissing: Bool, _ at: UInt64?, _ what: String, of store: StoreID,
    in folder: StoreFolder
  ) {
    let loss = try? SavedHistory(record, of: store, in: folder).loss(of: record)
    faults.append(Fault(file: record, isMissing: isMissing, at: at, what: what, loss: loss))
  }

  private static func read(
    _ record: FileRecord, _ id: HistoryFileID, _ path: String, _ disk: any Disk
  ) throws(HistoryError) {
    let file: any DiskFile
    do throws(SystemError) { file = try disk.open(path, .read) } catch { throw .system(error) }
    defer { file.close() }
    if record.kind == .run {
      let attributes = try RunAttributes(unsafe record.attributes.span.bytes, path: path)
      try RunReader(file, id, first: record.first, attributes).verify()
    } else {
      let attributes = try LedgerAttributes(unsafe record.attributes.span.bytes, path: path)
      try LedgerReader(file, id, first: record.first, attributes).verify()
    }
  }
}
