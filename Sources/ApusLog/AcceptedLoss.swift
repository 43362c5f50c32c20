package import ApusBytes
package import ApusSystem

/// Records that are lost, and that a person accepted as lost. It is never taken back: what was lost then stays lost.
package struct AcceptedLoss: Equatable, Sendable, CustomStringConvertible {
  package var lsns: LSNRange
  /// The wall time of the acceptance; no earlier than the last append that is known. Nothing lost became true after it, but where a person
  /// had set the clock back.
  package var time: WallTime

  package init(lsns: LSNRange, time: WallTime) {
    self.lsns = lsns
    self.time = time
  }

  package var description: String { "the loss of \(lsns) was accepted at \(time)" }
}

/// What became of a request to accept a loss.
package struct LossAcceptance: Equatable, Sendable {
  package var accepted: [AcceptedLoss]
  package var fork: Fork
  /// Losses that still keep the store read-only.
  package var remaining: [Damage]
}

extension Log {
  /// Writes down that a person accepts the loss of all damaged records from `range.first` to `range.last`, so that the store opens for
  /// writing if no other loss stands. A new timeline begins with it.
  ///
  /// Damage is taken whole or not at all, and a store without a loss stays as it is. One edit of the manifest holds all
  /// of it, so a crash leaves the loss accepted or not; besides, only strays are moved aside. Finished segments that the range touches are read in
  /// full, because an opening alone does not find what is damaged inside of them. `held`: the newest rows lack nothing of what is lost.
  package static func acceptLoss(
    of range: LSNRange, held: Bool = false, in folder: String, on disk: any Disk, clock: any Clock,
    random: inout some RandomNumberGenerator, checkpoint: (StoreID) throws(LogError) -> LSN = { _ in .none }
  ) throws(LogError) -> LossAcceptance {
    let folder = StoreFolder(folder, on: disk)
    guard try folder.holdsStore() else { throw .noStore(folder: folder.path) }
    let lock = try folder.lock(.exclusive)
    defer { lock.release() }
    let opening = try Opening(
      folder, created: false, options: LogOptions(), walking: range, checkpoint: checkpoint)
    defer { opening.close() }
    try opening.checkLosses(within: range)
    return try opening.accept(range, held: held, clock: clock, timeline: TimelineID(using: &random))
  }
}

extension Opening {
  /// Refuses unless something is lost in `range`, and no damage reaches out of it.
  fileprivate func checkLosses(within range: LSNRange) throws(LogError) {
    let touched = (manifest.state.damages + damages).filter { damage in
      isStanding(damage) && damage.lsns.first <= range.last && range.first <= damage.lsns.last
    }
    guard !touched.isEmpty || !losses.isEmpty else { throw .noLoss(folder: folder.path) }
    guard !touched.isEmpty, !range.isEmpty else { throw .noLossWithin(range, losses: losses) }
    guard touched.allSatisfy({ range.contains($0.lsns.first) && range.contains($0.lsns.last) }) else {
      throw .lossReachesOut(of: range, whole: touched)
    }
    let ceiling = manifest.state.ceiling
    guard touched.allSatisfy({ $0.lsns.first >= .first && $0.lsns.last < ceiling }) else {
      throw .manifestWrong(
        path: folder.at(manifest.name),
        why: "it calls LSNs damaged that were never given out, or lets a segment hold such")
    }
  }

  fileprivate func accept(
    _ range: LSNRange, held: Bool, clock: any Clock, timeline: TimelineID
  ) throws(LogError) -> LossAcceptance {
    let state = manifest.state
    func isTaken(_ damage: Damage) -> Bool {
      isStanding(damage) && range.contains(damage.lsns.first) && range.contains(damage.lsns.last)
    }
    let new = damages.filter(isTaken)
    let ranges = LSNRanges((state.damages.filter(isTaken) + new).map(\.lsns)).ranges
    try checkCount(adding: new.count + ranges.count)
    let appends = [state.lastAppendTime, tail.map { $0.survey.tally.lastTime }].compactMap { $0 }
    let time = appends.reduce(clock.wall()) { max($0, $1) }
    let accepted = ranges.map { AcceptedLoss(lsns: $0, time: time) }
    // Whoever read at a lost LSN, or behind it, read what is not there any more.
    let fork = Fork(
      timeline: timeline, parent: Timelines(of: manifest.storeID, forks: state.forks).current,
      lastShared: ranges.first?.first.previous ?? .none)
    // A manifest that must be rolled takes the next name, which may be a stray's.
    _ = try wrapping { () throws(SystemError) in try folder.moveAside(strays) }
    let continued = Manifest(manifest, in: folder, clock: clock)
    try continued.commit(
      new.map { .damage($0) } + accepted.map { .accepted($0) }
        + (held ? ranges.map { .held($0) } : []) + [.fork(fork)])
    continued.close()
    let after = continued.state
    return LossAcceptance(
      accepted: accepted, fork: fork,
      remaining: losses.filter { !after.acceptedLSNs.covers($0.lsns) })
  }
}
