// When an event became true, when its producer revised it, when it could be known: decided once, before it is encoded,
// from the clock alone. After this, event time <= known-at <= append time.

/// Which moment a push gives its events as the one at which they could first be known.
package enum KnownAtChoice: Equatable, Sendable {
  /// A live push: when it is appended. Only live pushes are judged by `max_lateness`.
  case live
  /// A load of older rows that nobody could have read before: when it is appended.
  case now
  /// As if each row had been known when it became true.
  case eventTime
  /// So long after the event time, but not after the append time.
  case eventTimePlus(nanoseconds: Int64)
  /// Each row says it itself.
  case column
}

/// Why the times of an event are refused.
package enum EventTimeError: Error, Equatable, Sendable {
  case eventTimeInFuture(aheadNanoseconds: UInt64)
  case createdAtInFuture(aheadNanoseconds: UInt64)
  /// It was to be given by a column, and this row has none.
  case knownAtMissing
  /// It was given, and the choice of the push was another.
  case knownAtNotChosen
  case knownAtBeforeEventTime(KnownAt, EventTime)
  case knownAtAfterAppend(KnownAt)
  /// A negative delay would make an event known before it was true.
  case negativeDelay(nanoseconds: Int64)
}

/// The times of an admitted event, and what was done to them.
package struct AdmittedTimes: Equatable, Sendable {
  package let times: EventTimes
  /// The event time was ahead of the clock, within the skew, and is now the clock's. Counted.
  package let isEventTimeSetBack: Bool
  package let isCreatedAtSetBack: Bool

  package init(times: EventTimes, isEventTimeSetBack: Bool, isCreatedAtSetBack: Bool) {
    self.times = times
    self.isEventTimeSetBack = isEventTimeSetBack
    self.isCreatedAtSetBack = isCreatedAtSetBack
  }
}

/// What a row says of its own times.
package struct GivenTimes: Equatable, Sendable {
  /// Nil: it becomes true when it is admitted.
  package var eventTime: EventTime?
  package var createdAt: CreatedAt?
  package var knownAt: KnownAt?
  /// Of a known-at that is copied from another event: it was assumed there.
  package var isKnownAtAssumed: Bool

  package init(
    eventTime: EventTime? = nil, createdAt: CreatedAt? = nil, knownAt: KnownAt? = nil,
    isKnownAtAssumed: Bool = false
  ) {
    self.eventTime = eventTime
    self.createdAt = createdAt
    self.knownAt = knownAt
    self.isKnownAtAssumed = isKnownAtAssumed
  }
}

extension KnownAtChoice {
  /// Judges a row's times. The append time that follows must not be before `now`: `EventFormat.md` says what would happen.
  /// The append clock alone does not promise that, since a wall clock may step back between the two.
  ///
  /// `maxFutureSkewNanoseconds` is the view's; it is not negative.
  package func admit(
    _ given: GivenTimes, nowNanoseconds now: Int64, maxFutureSkewNanoseconds skew: Int64
  ) throws(EventTimeError) -> AdmittedTimes {
    let givenEventTime = given.eventTime?.nanoseconds ?? now
    let ahead = Self.ahead(givenEventTime, of: now)
    guard ahead <= UInt64(clamping: skew) else { throw .eventTimeInFuture(aheadNanoseconds: ahead) }
    let createdAhead = given.createdAt.map { Self.ahead($0.nanoseconds, of: now) } ?? 0
    guard createdAhead <= UInt64(clamping: skew) else {
      throw .createdAtInFuture(aheadNanoseconds: createdAhead)
    }
    let eventTime = EventTime(nanoseconds: min(givenEventTime, now))
    let knownAt = try knownAt(given.knownAt, eventTime, now)
    let times = EventTimes(
      eventTime: eventTime,
      createdAt: given.createdAt.map { CreatedAt(nanoseconds: min($0.nanoseconds, now)) },
      knownAt: knownAt, isKnownAtAssumed: isAssumption || given.isKnownAtAssumed)
    return AdmittedTimes(
      times: times, isEventTimeSetBack: ahead > 0, isCreatedAtSetBack: createdAhead > 0)
  }

  /// Whether the moment is computed from the event time instead of having been observed.
  package var isAssumption: Bool {
    switch self {
    case .live, .now, .column: false
    case .eventTime, .eventTimePlus: true
    }
  }

  /// Nil for the append time.
  private func knownAt(
    _ given: KnownAt?, _ eventTime: EventTime, _ now: Int64
  ) throws(EventTimeError) -> KnownAt? {
    if self == .column {
      guard let given else { throw .knownAtMissing }
      guard given.nanoseconds >= eventTime.nanoseconds else {
        throw .knownAtBeforeEventTime(given, eventTime)
      }
      guard given.nanoseconds <= now else { throw .knownAtAfterAppend(given) }
      return given
    }
    guard given == nil else { throw .knownAtNotChosen }
    switch self {
    case .live, .now, .column: return nil
    case .eventTime: return KnownAt(nanoseconds: eventTime.nanoseconds)
    case .eventTimePlus(let delay):
      guard delay >= 0 else { throw .negativeDelay(nanoseconds: delay) }
      let (sum, overflow) = eventTime.nanoseconds.addingReportingOverflow(delay)
      // Capped at the append time. A sum between `now` and the append time is taken for it too: the later moment is
      // the safe one, because it shows the event to fewer labels.
      return overflow || sum > now ? nil : KnownAt(nanoseconds: sum)
    }
  }

  /// By how much a moment is later than another; 0 if it is not. The difference of two Int64 always fits.
  private static func ahead(_ moment: Int64, of now: Int64) -> UInt64 {
    moment > now ? UInt64(bitPattern: moment &- now) : 0
  }
}
