package import ApusBytes
package import ApusSystem

/// What readers see of the log at one moment: a value, so that a reader never waits for the writer.
package struct LogView: Sendable {
  package var folder: StoreFolder
  package var storeID: StoreID
  package var floor: LSN
  package var finished: [SegmentView]
  package var unfinished: SegmentView?
  package var gaps: [LSNRange]
  /// Runs and ledgers, by id: what is below the floor.
  package var history: [FileRecord]
  /// Records whose loss a person accepted.
  package var accepted: LSNRanges
  /// The same, each with when it was accepted; and of which the newest rows lack nothing.
  package var acceptances: [AcceptedLoss] = []
  package var held = LSNRanges()
  /// Records that no file holds and none was given up.
  var absent: [LSNRange] = []
  /// What a person gave up of history.
  package var givenUp: [GivenUp] = []
  /// Erasures that lost records must not take with them, by their LSNs, and from where on all of the log are among them.
  package var keptErasures: [KeptErasure] = []
  package var erasuresKeptFrom: LSN?
  package var timelines: Timelines
  /// The last LSN in a file, and the last that is durable.
  package var written: LSN
  package var durable: LSN

  /// How far a reader wants to see.
  package enum Extent: Sendable {
    /// Only what a power cut leaves.
    case durable
    /// What a killed process leaves, too.
    case written
  }

  /// The timeline that gives out this log's LSNs.
  package var timeline: TimelineID { timelines.current }

  /// All segments, in order.
  package var segments: [SegmentView] { unfinished.map { finished + [$0] } ?? finished }

  /// Records that are known not to be readable, and whose loss nobody accepted. The index may hold what they said last.
  package var standing: LSNRanges {
    let damaged = segments.flatMap(\.damages).map(\.lsns) + absent.filter { $0.last >= floor }
    return LSNRanges(damaged.filter { !$0.isEmpty && !accepted.covers($0) })
  }

  func end(_ extent: Extent) -> LSN {
    switch extent {
    case .durable: durable
    case .written: written
    }
  }
}

/// A segment as readers see it.
package struct SegmentView: Sendable {
  /// As the manifest lists it.
  package internal(set) var record: FileRecord
  package var damages: [Damage]
  /// Behind the last frame with records that is in the file, and behind the last that is durable.
  package var writtenEnd: UInt64
  package var durableEnd: UInt64
  package var seal: FileSeal?
  /// The writer's own file, while the segment is unfinished.
  package var file: (any DiskFile)?

  /// Where a walk to this extent ends. A finished segment is walked through its seal.
  func end(_ extent: LogView.Extent) -> UInt64 {
    if let seal { return seal.byteCount }
    switch extent {
    case .durable: return durableEnd
    case .written: return writtenEnd
    }
  }
}
