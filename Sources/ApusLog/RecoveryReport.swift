package import ApusBytes
package import ApusSystem

/// What an opening found, kept, cut, and why. For people and for `--json`.
package struct RecoveryReport: Equatable, Sendable {
  /// What became of the unfinished segment's tail.
  package enum Tail: Equatable, Sendable {
    /// No segment was unfinished: the store was closed in good order, or never written.
    case none
    case clean
    case sealed
    case torn(Survey.Cut)
  }

  package var folder: String
  package var created: Bool
  package var storeID: StoreID
  package var manifest: String
  package var manifestTail: Survey.Tail
  package var epoch: UInt32
  package var segments: Int
  /// The LSNs of records that the log holds, first to last, gaps among them included.
  package var lsns: LSNRange
  package var tailSegment: String?
  package var tail: Tail
  package var damages: [Damage]
  /// Damage that was already known and written down.
  package var knownDamages: [Damage]
  /// Of all damage, what took records that nothing else holds and that no person accepted.
  package var losses: [Damage]
  /// Losses that a person accepted.
  package var accepted: [AcceptedLoss]
  /// Files of history that the manifest lists and that are not there.
  package var missing: [String]
  package var timelines: Timelines
  package var gap: LSNRange?
  package var movedAside: [String] = []
  package var unlinked: [String] = []
  package var nextLSN: LSN
  /// The last append time that the manifest knows; nil where there is none.
  package var lastAppendTime: WallTime?

  init(
    folder: String, created: Bool, manifest: ManifestReading, tail: Opening.Tail?, damages: [Damage],
    losses: [Damage], missing: [String]
  ) {
    let state = manifest.state
    self.folder = folder
    self.created = created
    storeID = manifest.storeID
    self.manifest = manifest.name
    manifestTail = manifest.survey.tail
    epoch = state.epoch
    segments = state.segments.count
    // A segment that was begun and never written holds nothing, though the LSNs before it were skipped.
    let written = tail.flatMap { $0.survey.tally.frames == 0 && $0.survey.damages.isEmpty ? nil : $0.survey }
    let last =
      written?.place.lastLSN ?? state.segments.last { $0.seal != nil }?.seal?.last ?? state.floor.previous
    lsns = LSNRange(state.floor, through: last)
    tailSegment = tail?.record.name
    switch tail?.survey.tail {
    case nil: self.tail = .none
    case .clean: self.tail = .clean
    case .sealed: self.tail = .sealed
    case .torn(let cut): self.tail = .torn(cut)
    }
    self.damages = damages
    knownDamages = state.damages
    self.losses = losses
    accepted = state.accepted
    self.missing = missing
    timelines = Timelines(of: manifest.storeID, forks: state.forks)
    nextLSN = state.ceiling
    lastAppendTime = state.lastAppendTime
  }

  /// Whether a loss keeps the log from writing.
  package var isReadOnly: Bool { !losses.isEmpty }
  package var timeline: TimelineID { timelines.current }
}

extension RecoveryReport: CustomStringConvertible {
  /// One line for each thing an operator wants to know.
  package var description: String { lines.joined(separator: "\n") }

  private var lines: [String] {
    var lines = ["store \(storeID) in \(folder)" + (created ? ": made" : "")]
    lines.append(
      "manifest \(manifest), epoch \(epoch), \(segments) segment\(segments == 1 ? "" : "s"), \(lsns)")
    if case .torn(let cut) = manifestTail {
      lines.append("manifest: an edit at byte \(cut.at) was cut short and never took effect (\(cut.fault))")
    }
    switch tail {
    case .none: break
    case .clean: lines.append("\(tailSegment ?? "tail"): ends cleanly at LSN \(lsns.last)")
    case .sealed: lines.append("\(tailSegment ?? "tail"): was sealed, the manifest did not know it yet")
    case .torn(let cut):
      lines.append(
        "\(tailSegment ?? "tail"): torn at byte \(cut.at), \(cut.contentEnd - min(cut.at, cut.contentEnd)) bytes cut: "
          + "\(cut.fault); nothing behind LSN \(lsns.last) was durable"
          + (cut.wholeFrames > 0
            ? ", \(cut.wholeFrames) whole frames up to LSN \(cut.lastLSN) among them" : ""))
    }
    lines += damages.map { "damage: \($0)" }
    lines += knownDamages.map { "damage, known: \($0)" }
    lines += accepted.map { "\($0)" }
    lines += missing.map { "\($0): is not there; what only it holds cannot be read" }
    if let fork = timelines.forks.last { lines.append("\(fork)") }
    if let gap { lines.append("\(gap) are skipped and will never be used") }
    lines += unlinked.map { "\($0): removed, as begun before" }
    lines += movedAside.map { "\($0): was in no manifest, moved aside" }
    lines.append(
      isReadOnly
        ? "read-only: nothing else holds " + losses.map { "\($0.lsns)" }.joined(separator: ", ")
        : "next LSN \(nextLSN)")
    return lines
  }
}
