// What a person may have mended while nobody has the store open. Nothing here is done unasked, and nothing gives up what the
// index alone still holds.

package import ApusBytes
import ApusIndex
package import ApusLog
package import ApusSystem

extension Store {
  /// Makes the index anew from the log, in a folder beside it, and only then removes the one there was: a log that no index can be made from
  /// keeps what it has. A crash between the two leaves none, which the next opening mends.
  ///
  /// The caller has seen that the log lost nothing: what it lost would be gone from the index, too.
  package static func rebuildIndex(
    of folder: String, clock: any Clock = SystemClock(), random: inout some RandomNumberGenerator,
    options: StoreOptions = StoreOptions()
  ) throws(StoreError) -> StoreReport {
    do throws(LogError) {
      guard try StoreFolder(folder, on: RealDisk()).holdsStore() else { throw .noStore(folder: folder) }
    } catch {
      throw .log(error)
    }
    let (old, new) = (folder + "/index", folder + "/index-rebuilt")
    try removeIndexes(in: new)
    let store = try Store.open(folder, indexes: new, clock: clock, random: &random, options: options)
    let report = store.report
    try store.close()
    let held: any FileLock
    do throws(LogError) { held = try StoreFolder(folder, on: RealDisk()).lock(.exclusive) } catch {
      throw .log(error)
    }
    defer { held.release() }
    try removeIndexes(in: old)
    do throws(SystemError) {
      let disk = RealDisk()
      if try disk.entry(at: old) == nil { try disk.makeFolder(old) }
      for epoch in try IndexFolder.list(in: new).ready {
        try disk.rename(
          IndexFolder(in: new, epoch: epoch).path, to: IndexFolder(in: old, epoch: epoch).path)
      }
      try disk.syncFolder(old)
      try disk.removeFolder(new)
      try disk.syncFolder(folder)
    } catch {
      throw .log(.system(error))
    }
    return report
  }

  private static func removeIndexes(in parent: String) throws(StoreError) {
    let listing: IndexFolder.Listing
    do throws(SystemError) { listing = try IndexFolder.list(in: parent) } catch {
      throw .log(.system(error))
    }
    do throws(IndexError) {
      for epoch in Set(listing.ready + listing.building + listing.retired).sorted() {
        try IndexFolder(in: parent, epoch: epoch).remove()
      }
    } catch {
      throw .index(error)
    }
  }

  /// What came of accepting a loss.
  package struct Acceptance: Sendable {
    package let log: LossAcceptance
    /// What of the lost records the index alone still said, and the log says now; nil where no index could be asked.
    package let rescue: Rescue?
    /// The newest rows and the state lack nothing: the index had everything, and goes on as it is.
    package let isHeld: Bool
    /// What kept the log from becoming history; it is tried again by whoever compacts.
    package let trouble: StoreError?
  }

  /// Accepts the loss of records for good, as `Log.acceptLoss` says. `lost` are the records in the range that are lost; those of a segment that
  /// is not there among them.
  ///
  /// Where the index has everything up to the last of them, it goes on as it is, and nothing that is newest is lost: what it alone says is
  /// written into the log before, and everything becomes history afterwards with the state as it stands.
  package static func acceptLoss(
    of range: LSNRange, lost: [LSNRange], in folder: String, clock: any Clock = SystemClock(),
    random: inout some RandomNumberGenerator
  ) throws(StoreError) -> Acceptance {
    do throws(LogError) {
      _ = try StoreFolder.replaceAbsentSegments(of: range, in: folder, on: RealDisk())
    } catch {
      throw .log(error)
    }
    let records = LostRecords(log: lost)
    let isWhole =
      try records.last.map { (last) throws(StoreError) in
        try isIndexWhole(in: folder, through: last)
      } ?? false
    var rescue: Rescue?
    var isHeld = false
    if isWhole {
      (rescue, isHeld) = try whileOpen(folder, clock, &random) { (store) throws(StoreError) in
        (try store.rescue(records), try !store.facts().state.isDefined(in: records.log))
      }
    }
    let accepted = try acceptLoss(of: range, held: isHeld, in: folder, clock, &random)
    var trouble: StoreError?
    if isWhole {
      trouble = try whileOpen(folder, clock, &random) { (store) throws(StoreError) in
        do throws(StoreError) {
          try store.settle(PersonsLoss())
          return nil
        } catch {
          return error
        }
      }
    } else if accepted.remaining.isEmpty, try isIndexWhole(in: folder, through: .none) {
      // It was complete up to an LSN inside of the range, and says what it had by then.
      rescue = try whileOpen(folder, clock, &random) { (store) throws(StoreError) in try store.rescue(records)
      }
    }
    return Acceptance(log: accepted, rescue: rescue, isHeld: isWhole, trouble: trouble)
  }

  private static func acceptLoss(
    of range: LSNRange, held: Bool, in folder: String, _ clock: any Clock,
    _ random: inout some RandomNumberGenerator
  ) throws(StoreError) -> LossAcceptance {
    var failure: StoreError?
    do throws(LogError) {
      return try Log.acceptLoss(
        of: range, held: held, in: folder, on: RealDisk(), clock: clock, random: &random
      ) { (id) throws(LogError) in
        do throws(StoreError) { return try IndexLook.open(in: folder + "/index", of: id).0.complete } catch {
          failure = error
          throw .closed
        }
      }
    } catch {
      throw failure ?? .log(error)
    }
  }
}

extension StoreState {
  /// Whether definitions changed at one of these LSNs: rows behind it are none without them.
  fileprivate func isDefined(in lost: LSNRanges) -> Bool { definitions.contains { lost.contains($0.lsn) } }
}
