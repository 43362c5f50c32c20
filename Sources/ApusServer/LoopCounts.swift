// What a loop has done, counted by its own thread and published once a turn.

package struct LoopCounts: Equatable, Sendable {
  package internal(set) var turns: UInt64 = 0
  /// Connections that this loop served or serves.
  package internal(set) var accepted: UInt64 = 0
  /// Connections that were turned away: too many, or no descriptor for them.
  package internal(set) var refused: UInt64 = 0
  /// Connections that are there now, those that only linger included.
  package internal(set) var open = 0
  package internal(set) var frames: UInt64 = 0
  package internal(set) var bytesReceived: UInt64 = 0
  package internal(set) var bytesSent: UInt64 = 0
  /// Of receive and send buffers now.
  package internal(set) var memoryByteCount = 0
  private var ends = [UInt64](repeating: 0, count: ConnectionEnd.kindCount)

  package init() {}

  /// How many connections ended so, whatever the details.
  package func ended(_ end: ConnectionEnd) -> UInt64 { ends[end.kind] }

  mutating func count(_ end: ConnectionEnd) { ends[end.kind] += 1 }

  package static func + (a: LoopCounts, b: LoopCounts) -> LoopCounts {
    var sum = a
    sum.turns += b.turns
    sum.accepted += b.accepted
    sum.refused += b.refused
    sum.open += b.open
    sum.frames += b.frames
    sum.bytesReceived += b.bytesReceived
    sum.bytesSent += b.bytesSent
    sum.memoryByteCount += b.memoryByteCount
    for kind in sum.ends.indices { sum.ends[kind] += b.ends[kind] }
    return sum
  }
}

extension ConnectionEnd {
  static let kindCount = 12

  fileprivate var kind: Int {
    switch self {
    case .asked: 0
    case .peerClosed: 1
    case .peerGone: 2
    case .malformed: 3
    case .helloLate: 4
    case .idle: 5
    case .slowSender: 6
    case .slowReader: 7
    case .memory: 8
    case .shutdown: 9
    case .refused: 10
    case .failed: 11
    }
  }
}
