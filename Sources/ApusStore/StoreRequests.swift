// What requests to the appender carry and what they are answered: plain values.

package import ApusBytes
package import ApusSystem

/// What becomes of a request of which rows are refused.
package enum RefusalPolicy: UInt8, Sendable {
  /// They become dead letters in the same frame; the others are appended.
  case setAside = 1
  /// The request fails and leaves no trace.
  case allOrNothing = 2
}

/// 128 bits that stand for a request's bytes.
package struct RequestDigest: Hashable, Sendable {
  package let first: UInt64
  package let second: UInt64

  package init(first: UInt64, second: UInt64) {
    self.first = first
    self.second = second
  }
}

/// How a producer numbers a request.
package struct ProducerTicket: Equatable, Sendable {
  package var producer: UInt32
  package var epoch: UInt32
  package var sequence: UInt64
  package var digest: RequestDigest
  /// How far it has read its source, in its own words.
  package var sourceOffset: [UInt8]?

  package init(
    producer: UInt32, epoch: UInt32, sequence: UInt64, digest: RequestDigest, sourceOffset: [UInt8]? = nil
  ) {
    self.producer = producer
    self.epoch = epoch
    self.sequence = sequence
    self.digest = digest
    self.sourceOffset = sourceOffset
  }
}

/// What a producer is told when it opens.
package struct ProducerOpening: Equatable, Sendable {
  package var producer: UInt32
  package var epoch: UInt32
  /// Of its last request that wrote a frame; 0 before the first.
  package var lastSequence: UInt64
  package var sourceOffset: [UInt8]?

  package init(producer: UInt32, epoch: UInt32, lastSequence: UInt64, sourceOffset: [UInt8]?) {
    self.producer = producer
    self.epoch = epoch
    self.lastSequence = lastSequence
    self.sourceOffset = sourceOffset
  }
}

/// How many rows of a request came where.
package struct RowCounts: Equatable, Sendable {
  package var accepted = 0
  package var setAside = 0
  /// Refused because their key was erased; nothing of them is kept.
  package var erased = 0
  /// Of the accepted: event times that were ahead of the clock, and are now the clock's.
  package var setBack = 0

  package init() {}
}

/// A frame of the log, as a request's answer and a replay see it.
package struct FrameMoment: Equatable, Sendable {
  package var lsns: LSNRange
  package var time: WallTime

  package init(lsns: LSNRange, time: WallTime) {
    self.lsns = lsns
    self.time = time
  }
}

/// What the sender of rows is told. A retry is told the same, but for `durable` and the tallies.
package struct AppendAnswer: Equatable, Sendable {
  package var frame: FrameMoment
  /// Up to where the log is durable now.
  package var durable: LSN
  package var counts: RowCounts
  /// Of a first answer: which rules refused rows that were set aside.
  package var refused: [RefusalTally]
  /// It was answered before.
  package var isRepeated: Bool

  package init(
    frame: FrameMoment, durable: LSN, counts: RowCounts, refused: [RefusalTally] = [],
    isRepeated: Bool = false
  ) {
    self.frame = frame
    self.durable = durable
    self.counts = counts
    self.refused = refused
    self.isRepeated = isRepeated
  }
}
