// The stamp of an event: (event time, created at, LSN), a total order. Equal stamps are the same event, because an LSN
// is given out once; all of the fold rests on that.

package import ApusBytes

/// Who wins: of two events that speak of a feature, the one with the greater stamp.
@usableFromInline
package struct Stamp: Hashable, Sendable {
  // Plain integers, so that a comparison is inlined wherever it stands.
  @usableFromInline internal let eventNanoseconds: Int64
  @usableFromInline internal let createdNanoseconds: Int64
  @usableFromInline internal let sequence: UInt64

  @inlinable
  internal init(eventNanoseconds: Int64, createdNanoseconds: Int64, sequence: UInt64) {
    self.eventNanoseconds = eventNanoseconds
    self.createdNanoseconds = createdNanoseconds
    self.sequence = sequence
  }

  package init(eventTime: EventTime, createdAt: CreatedAt, lsn: LSN) {
    self.init(
      eventNanoseconds: eventTime.nanoseconds, createdNanoseconds: createdAt.nanoseconds,
      sequence: lsn.rawValue)
  }

  package var eventTime: EventTime { EventTime(nanoseconds: eventNanoseconds) }
  package var createdAt: CreatedAt { CreatedAt(nanoseconds: createdNanoseconds) }
  package var lsn: LSN { LSN(sequence) }

  // The same as plain numbers, for code that is inlined into other rooms.
  @inlinable package var eventTimeNanoseconds: Int64 { eventNanoseconds }
  @inlinable package var lsnNumber: UInt64 { sequence }

  /// Below every event's stamp but one of LSN 0, which no event has.
  @inlinable
  internal static var least: Stamp { Stamp(eventNanoseconds: .min, createdNanoseconds: .min, sequence: 0) }
}

extension Stamp: Comparable {
  @inlinable
  package static func < (a: Stamp, b: Stamp) -> Bool {
    if a.eventNanoseconds != b.eventNanoseconds { return a.eventNanoseconds < b.eventNanoseconds }
    if a.createdNanoseconds != b.createdNanoseconds { return a.createdNanoseconds < b.createdNanoseconds }
    return a.sequence < b.sequence
  }
}

extension Stamp: CustomStringConvertible {
  @usableFromInline package var description: String {
    "(\(eventNanoseconds), \(createdNanoseconds), \(sequence))"
  }
}
