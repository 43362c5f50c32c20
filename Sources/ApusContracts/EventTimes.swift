/// The times of an event as they are recorded. Nil stands for the append time of the event's frame, which is not known
/// before the frame is written.
package struct EventTimes: Equatable, Sendable {
  package var eventTime: EventTime
  package var createdAt: CreatedAt?
  package var knownAt: KnownAt?
  /// Whether the known-at was computed from the event time, not observed.
  package var isKnownAtAssumed: Bool

  package init(
    eventTime: EventTime, createdAt: CreatedAt? = nil, knownAt: KnownAt? = nil, isKnownAtAssumed: Bool = false
  ) {
    self.eventTime = eventTime
    self.createdAt = createdAt
    self.knownAt = knownAt
    self.isKnownAtAssumed = isKnownAtAssumed
  }
}
