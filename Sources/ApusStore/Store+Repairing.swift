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

  /// Accepts the loss of records for good, as `Log.acceptLoss` says; the records that the index holds are not lost.
  package static func acceptLoss(
    of range: LSNRange, in folder: String, clock: any Clock = SystemClock(),
    random: inout some RandomNumberGenerator
  ) throws(StoreError) -> LossAcceptance {
    var failure: StoreError?
    do throws(LogError) {
      return try Log.acceptLoss(of: range, in: folder, on: RealDisk(), clock: clock, random: &random) {
        (id) throws(LogError) in
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
