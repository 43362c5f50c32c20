// A view version is filled from another one: all that was ever said of the source is said of the target, with the same times, as if it had
// been said of both from the beginning.
//
// An event of the source is written once, whatever happens in between: how far the backfill came is in the frame of the rows. What is erased is
// not written; what the target's contract refuses is set aside, as anybody's row.

package import ApusBytes
package import ApusContracts
import ApusHistory
package import ApusSystem

package struct BackfillWish: Equatable, Sendable {
  package var source: ViewVersionID
  package var target: ViewVersionID
  package var renames: [FeatureRename]
  /// Features of the source that are not taken, whatever they are called.
  package var leavingOut: [String]
  /// Rows of one frame, at most.
  package var rows: Int
  /// It ends after the portion that is at work then; nil: when all is done.
  package var nanoseconds: UInt64?
  /// Everything is judged, and nothing written.
  package var isDryRun: Bool

  package init(
    from source: ViewVersionID, to target: ViewVersionID, _ renames: [FeatureRename] = [],
    leavingOut: [String] = [], rows: Int = StoreLimits.backfillRows, nanoseconds: UInt64? = nil,
    isDryRun: Bool = false
  ) {
    self.source = source
    self.target = target
    self.renames = renames
    self.leavingOut = leavingOut
    self.rows = rows
    self.nanoseconds = nanoseconds
    self.isDryRun = isDryRun
  }
}

package struct BackfillReport: Sendable {
  package let map: BackfillMap
  package let producer: String
  /// This time.
  package internal(set) var counts = BackfillCounts()
  /// Since the backfill began, this time included.
  package internal(set) var total = BackfillCounts()
  /// Of what was refused this time.
  package internal(set) var refused: [RefusalTally] = []
  /// All events of the source up to here were looked at.
  package internal(set) var through = LSN.none
  /// Everything was looked at that was visible when this began.
  package internal(set) var isComplete = false
  /// The source's history reaches no further back, so neither does the target's.
  package internal(set) var horizon: WallTime?
  /// The last frame that was written.
  package internal(set) var frame: FrameMoment?
  /// Why it ended early; what is counted is done.
  package internal(set) var failure: StoreError?
}

extension Store {
  /// Says of one view version what was said of another, from where the last backfill of the two ended. It waits for the disk: no loop may do
  /// it. A second one of the same two fences the first.
  package func backfill(_ wish: BackfillWish) throws(StoreError) -> BackfillReport {
    let backfill = try Backfill(self, wish)
    return backfill.run()
  }
}

extension AppenderCore {
  /// Where a view version is filled from one that reaches back to a moment, it reaches no further back itself: before it there are gaps that
  /// nobody sees. Gives that moment.
  func inheritHorizon(
    of source: ViewVersionID, by target: ViewVersionID, isDryRun: Bool
  ) throws(StoreError) -> WallTime? {
    let state = applier.state
    guard let given = state.horizons[source] else { return nil }
    let moment = WallTime(nanoseconds: given.moment.nanoseconds)
    let before = state.horizons[target]
    if let before, before.moment >= given.moment { return moment }
    // What is there under an LSN stays as it is: only moments before are gone.
    let horizon = Horizon(
      moment: given.moment, through: before?.through ?? .none, oldest: before?.oldest)
    if let pin = state.pins.listed.first(where: { !$0.allows(horizon, of: target) }) {
      throw .backfill(.pinned(pin.name))
    }
    if !isDryRun { _ = try write(recordCount: 1, at: try self.moment()) { $0.writeHorizon(target, horizon) } }
    return moment
  }
}
