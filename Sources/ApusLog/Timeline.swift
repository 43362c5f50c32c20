package import ApusBytes

/// Which history of a store gave out an LSN: 16 bytes, the store's id for the first, and random ones for every later.
///
/// An LSN alone names a state of the store only as long as nothing was taken back. Where records are given up for
/// lost, or an older state is restored, a new timeline begins.
package struct TimelineID: Hashable, Sendable, CustomStringConvertible {
  package static let byteCount = 16

  package let bytes: [UInt8]

  /// Takes exactly 16 bytes; nil for any other count.
  package init?(_ bytes: [UInt8]) {
    guard bytes.count == TimelineID.byteCount else { return nil }
    self.bytes = bytes
  }

  /// The first timeline of a store.
  package init(firstOf store: StoreID) { bytes = store.bytes }

  package init(using generator: inout some RandomNumberGenerator) {
    bytes = (0..<TimelineID.byteCount).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
  }

  package var description: String { bytes.map { padded($0, width: 2, radix: 16) }.joined() }
}

/// Where a timeline left its parent.
package struct Fork: Equatable, Sendable, CustomStringConvertible {
  package var timeline: TimelineID
  package var parent: TimelineID
  /// Up to here an LSN of the parent means the same in both.
  package var lastShared: LSN

  package init(timeline: TimelineID, parent: TimelineID, lastShared: LSN) {
    self.timeline = timeline
    self.parent = parent
    self.lastShared = lastShared
  }

  package var description: String {
    lastShared == .none
      ? "timeline \(timeline) shares nothing with its parent \(parent)"
      : "timeline \(timeline) shares all up to LSN \(lastShared) with its parent \(parent)"
  }
}

/// The timelines of a store, each the child of the one before it.
package struct Timelines: Equatable, Sendable {
  package let first: TimelineID
  package let forks: [Fork]

  package init(of store: StoreID, forks: [Fork]) {
    first = TimelineID(firstOf: store)
    self.forks = forks
  }

  package var current: TimelineID { forks.last?.timeline ?? first }

  /// Whether an LSN that `timeline` gave out names the same state in the current one. Of an unknown timeline it does not.
  package func shares(_ lsn: LSN, of timeline: TimelineID) -> Bool {
    if timeline == current { return true }
    guard let left = forks.firstIndex(where: { $0.parent == timeline }) else { return false }
    return forks[left...].allSatisfy { lsn <= $0.lastShared }
  }
}
