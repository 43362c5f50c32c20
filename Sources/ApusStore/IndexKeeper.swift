// The index of a store while one thread writes it: opened or begun anew, checkpointed generation by generation, and given
// up when it is damaged. Whatever is wrong with it, the log can make it again.
//
// `complete` is the LSN up to which the index has everything; it only rises, but for `abandon`.

import ApusBytes
import ApusContracts
import ApusHistory
import ApusIndex
import ApusLog
import ApusSystem

/// What a checkpoint did.
package struct CheckpointReport: Equatable, Sendable {
  package var transactions = 0
  package var written = 0
  package var unchanged = 0
}

/// Owned by the thread that opens the store, then by the checkpointer.
struct IndexKeeper: ~Copyable {
  private let parent: String
  private let storeID: [UInt8]
  private let options: IndexOptions
  /// Of the index in use, or of the next one to be built.
  private(set) var epoch: UInt64
  private(set) var index: Index?
  private var writer: IndexWriter?
  /// Everything up to here is in the index, and nothing after *touched*.
  private(set) var complete = LSN.none
  private(set) var touched = LSN.none

  /// Why there was no usable index; nil when there was, or none at all.
  private(set) var suspicion: String?
  /// Of another store or a newer program: not ours to remove.
  private var spared: Set<UInt64> = []
  /// Opened or built by this process, so ours whoever has them open.
  private var mine: Set<UInt64> = []

  /// Opens the newest index of the store, or none.
  init(in parent: String, storeID: [UInt8], options: IndexOptions) throws(IndexError) {
    self.parent = parent
    self.storeID = storeID
    self.options = options
    epoch = 0
    index = nil
    writer = nil
    try search()
  }

  /// A keeper of no index yet: its first one gets the epoch behind the other's, which stays as it is.
  init(beside other: borrowing IndexKeeper) {
    parent = other.parent
    storeID = other.storeID
    options = other.options
    epoch = other.epoch
    spared = other.spared
    mine = other.mine
    index = nil
    writer = nil
  }

  private mutating func search() throws(IndexError) {
    let listing = try Self.list(parent)
    epoch = (listing.ready + listing.building + listing.retired).max() ?? 0
    guard let newest = listing.ready.last else { return }
    switch try Index.open(IndexFolder(in: parent, epoch: newest), of: storeID, options: options) {
    case .usable(let found):
      epoch = newest
      mine.insert(newest)
      do throws(IndexError) { writer = try found.writer() } catch {
        guard error.meansRebuild else { throw error }
        return distrust(found, "\(error)")
      }
      index = found
      (complete, touched) = (found.completeAtOpening, found.touchedAtOpening)
    case .missing: break
    case .suspect(let why): suspicion = "\(why)"
    case .foreign:
      suspicion = "it is another store's"
      spared.insert(newest)
    case .unsupported(let what):
      suspicion = "this program does not know \(what)"
      spared.insert(newest)
    }
  }

  /// What an opening finds damaged is not opened again, even when it comes to no rebuild now.
  private mutating func distrust(_ found: Index, _ why: String) {
    try? found.markSuspect(why)
    suspicion = why
    close()
    (complete, touched) = (.none, .none)
  }

  /// Removes what is left of indexes but the one in use, as far as nobody has them open and they are ours.
  mutating func removeOthers() {
    guard let listing = try? Self.list(parent) else { return }
    for other in Set(listing.ready + listing.building + listing.retired)
    where other != epoch || index == nil {
      let folder = IndexFolder(in: parent, epoch: other)
      if listing.ready.contains(other), !isOurs(folder) { continue }
      try? folder.remove()
    }
  }

  /// Removes every index but the one in use, whoever reads it. The names of those that are left: a newer program made them, or another store
  /// did.
  mutating func removeOthersInUse() throws(StoreError) -> [String] {
    var left: [String] = []
    do throws(IndexError) {
      let listing = try Self.list(parent)
      for other in Set(listing.ready + listing.building + listing.retired).sorted() where other != epoch {
        let folder = IndexFolder(in: parent, epoch: other)
        if listing.ready.contains(other), !mine.contains(other), !isOurs(folder) {
          left.append(folder.path)
          continue
        }
        try folder.remove(evenInUse: true)
        mine.remove(other)
      }
    } catch {
      throw .index(error)
    }
    return left
  }

  private mutating func isOurs(_ folder: IndexFolder) -> Bool {
    if spared.contains(folder.epoch) { return false }
    switch try? Index.open(folder, of: storeID, options: options) {
    case .foreign, .unsupported:
      spared.insert(folder.epoch)
      return false
    case nil: return false
    case .usable, .suspect, .missing: return true
    }
  }

  /// Folds a generation in; afterwards the index is complete up to its end. The first one of a new index is loaded in order.
  mutating func checkpoint(
    _ generation: FrozenGeneration, _ catalog: Catalog, note: RawSpan
  ) throws(IndexError) -> CheckpointReport {
    var updates = GenerationUpdates(generation, catalog)
    guard var open = writer.take() else { return try build(&updates, through: generation.range.last, note) }
    let view = updates.view
    do throws(IndexError) {
      let report = try open.checkpoint(&updates, through: generation.range.last, note: note) {
        view.fold($0, $1, &$2)
      }
      writer = consume open
      (complete, touched) = (generation.range.last, generation.range.last)
      return CheckpointReport(
        transactions: report.transactions, written: report.written, unchanged: report.unchanged)
    } catch {
      touched = max(touched, open.touched)
      writer = consume open
      throw error
    }
  }

  private mutating func build(
    _ updates: inout GenerationUpdates, through last: LSN, _ note: RawSpan
  ) throws(IndexError) -> CheckpointReport {
    var report = CheckpointReport()
    // What an earlier try left, or was given up, takes the space that this one needs.
    removeOthers()
    epoch += 1
    mine.insert(epoch)
    var builder = try IndexBuilder(IndexFolder(in: parent, epoch: epoch), of: storeID, options: options)
    while updates.next() {
      guard let lsn = updates.greatestLSN() else { throw .damaged(.row(key: updates.key.copied())) }
      try builder.append(updates.key, lsn: lsn, row: updates.row)
      report.written += 1
    }
    let built = try builder.finish(complete: last, note: note)
    report.transactions = 1
    writer = try built.writer()
    index = built
    (complete, touched) = (last, last)
    return report
  }

  /// Makes an index of rows that ascend by key: complete up to `last`, with nothing later.
  mutating func build(
    _ rows: HistoryMerge, through last: LSN, note: RawSpan
  ) throws(StoreError) {
    close()
    removeOthers()
    epoch += 1
    mine.insert(epoch)
    var failure: HistoryError?
    func next() -> HistoryRows? {
      do throws(HistoryError) { return try rows.next() } catch {
        failure = error
        return nil
      }
    }
    do throws(IndexError) {
      var builder = try IndexBuilder(IndexFolder(in: parent, epoch: epoch), of: storeID, options: options)
      while let row = next() {
        let (key, bytes) = (row.key, row.row)
        try builder.append(unsafe key.span.bytes, lsn: row.lsn, row: unsafe bytes.span.bytes)
      }
      // The folder is left half made, and removed by the next try.
      if failure == nil {
        let built = try builder.finish(complete: last, note: note)
        writer = try built.writer()
        index = built
      }
    } catch {
      throw .index(error)
    }
    if let failure { throw .history(failure) }
    (complete, touched) = (last, last)
  }

  /// Makes an index that has nothing, for a store that has nothing.
  mutating func buildEmpty(note: RawSpan) throws(IndexError) {
    removeOthers()
    epoch += 1
    mine.insert(epoch)
    let builder = try IndexBuilder(IndexFolder(in: parent, epoch: epoch), of: storeID, options: options)
    let built = try builder.finish(complete: .none, note: note)
    writer = try built.writer()
    index = built
  }

  /// Lets go of the index; its folder is unlocked when the last reader has, too.
  mutating func close() {
    writer = nil
    index = nil
  }

  /// Gives the index up: it is not written any more, and the next opening finds it suspect. The next checkpoint begins another.
  mutating func abandon(_ why: String) {
    // Where the disk takes no marker, the next opening finds the damage as we did.
    if let index { try? index.markSuspect(why) }
    writer = nil
    index = nil
    (complete, touched) = (.none, .none)
  }

  /// The state as of *complete*. Where it cannot be read the index is not used: nil.
  mutating func state() throws(IndexError) -> StoreState? {
    guard let index else { return nil }
    let noted: StoreState??
    do throws(IndexError) { noted = try Self.note(of: index) } catch {
      guard error.meansRebuild else { throw error }
      distrust(index, "\(error)")
      return nil
    }
    if let state = noted ?? nil { return state }
    // Perhaps a newer program's: it is not marked.
    suspicion = "its note cannot be read"
    close()
    (complete, touched) = (.none, .none)
    return nil
  }

  private static func note(of index: Index) throws(IndexError) -> StoreState?? {
    var reader = try index.reader()
    try reader.renew()
    defer { reader.reset() }
    return try reader.note { bytes in try? StoreState(note: bytes) }
  }

  private static func list(_ parent: String) throws(IndexError) -> IndexFolder.Listing {
    do throws(SystemError) {
      return try IndexFolder.list(in: parent)
    } catch {
      throw .system(error)
    }
  }
}
