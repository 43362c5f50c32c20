// The index is a pure function of the log, and here that is proved: the log is replayed into a second index, elsewhere, and
// both must have one state hash. The store is not touched.

import ApusBytes
import ApusContracts
import ApusIndex
import ApusLog
import ApusSystem

/// What came of replaying the whole log.
package struct StoreReplayed: Equatable, Sendable {
  package enum Comparison: Equatable, Sendable {
    case equal(hash: String)
    case different(index: String, log: String)
    /// There is nothing to compare with, because.
    case none(because: String)
  }

  package var records: UInt64
  package var comparison: Comparison
}

extension StoreLook {
  /// Replays runs, ledgers and the log into an index below `scratch`, a folder that the caller made and removes, and compares the state hashes at the
  /// LSN up to which the store's own index is complete.
  package func replay(in scratch: String) throws(StoreError) -> StoreReplayed {
    let store = log.reader.view.storeID
    var keeper: IndexKeeper
    do throws(IndexError) {
      keeper = try IndexKeeper(in: scratch, storeID: store.bytes, options: IndexOptions())
    } catch {
      throw .index(error)
    }
    defer { keeper.close() }
    let state = try keeper.beginFromHistory(log.reader, StoreOptions().runs)
    var replay = StoreReplay(
      state ?? StoreState(), after: keeper.complete, losing: [], fullAt: StoreOptions().openingByteCount,
      StoreOptions())
    let middle = index.index == nil ? last : index.complete
    try replay.run(log.reader, through: middle, into: &keeper)
    try replay.checkpoint(into: &keeper)
    let comparison = try compare(keeper.index, losses: replay.losses)
    // What lies behind must be readable, too; the store's index does not have it yet.
    try replay.run(log.reader, through: last, into: &keeper)
    return StoreReplayed(records: replay.records, comparison: comparison)
  }

  private func compare(
    _ made: Index?, losses: [LSNRange]
  ) throws(StoreError) -> StoreReplayed.Comparison {
    guard let own = index.index else { return .none(because: "there is no usable index") }
    if let loss = losses.first { return .none(because: "\(loss) cannot be read") }
    guard index.touched == index.complete else {
      return .none(
        because: "a checkpoint was cut short: some rows are of LSNs up to \(index.touched), "
          + "the next start brings all of them there")
    }
    let view = log.reader.view
    guard view.floor <= .first || view.ledgers.first.map({ $0.first <= .first }) ?? false else {
      return .none(because: "the log does not reach back to LSN 1")
    }
    guard let made else { return .none(because: "the log holds nothing") }
    do throws(IndexError) {
      let (found, expected) = (try own.stateHash(), try made.stateHash())
      return found == expected
        ? .equal(hash: "\(found)") : .different(index: "\(found)", log: "\(expected)")
    } catch {
      throw .index(error)
    }
  }

  /// Removes what `replay` left in its folder, and the folder.
  package static func removeScratch(_ scratch: String) throws(StoreError) {
    do throws(IndexError) {
      let listing = try Self.list(scratch)
      for epoch in listing { try IndexFolder(in: scratch, epoch: epoch).remove() }
    } catch {
      throw .index(error)
    }
    do throws(SystemError) { try RealDisk().removeFolder(scratch) } catch { throw .log(.system(error)) }
  }

  private static func list(_ scratch: String) throws(IndexError) -> [UInt64] {
    do throws(SystemError) {
      let listing = try IndexFolder.list(in: scratch)
      return listing.ready + listing.building + listing.retired
    } catch {
      throw .system(error)
    }
  }
}
