// Which events a read of the past sees: SEMANTICS' table as one question to one event. Online reads see all that is visible, so they
// do not ask; everybody else asks here.
//
// What lies behind `through` is not there at all. What is there and not seen is *not yet known*.

package import ApusBytes

package struct Sight: Equatable, Sendable {
  package enum Line: Sendable {
    /// Everything that is there.
    case all
    /// What a reader could have seen by the time: `known_at`.
    case known
    /// What had become true by the time, whether anybody knew or not: `event_time`.
    case happened
  }

  package var line: Line
  /// No event behind this LSN is there.
  package var through: LSN
  /// The moment that ages are judged at, and that *known* and *happened* are compared with.
  package var time: ReadTime
  /// Whether the moment itself is left out.
  package var isStrict: Bool

  package init(_ line: Line, through: LSN, at time: ReadTime, isStrict: Bool = false) {
    self.line = line
    self.through = through
    self.time = time
    self.isStrict = isStrict
  }

  /// Whether an event that is there is seen.
  package func sees(_ eventTime: EventTime, _ knownAt: KnownAt) -> Bool {
    switch line {
    case .all: true
    case .known: isPast(knownAt.nanoseconds)
    case .happened: isPast(eventTime.nanoseconds)
    }
  }

  private func isPast(_ nanoseconds: Int64) -> Bool {
    isStrict ? nanoseconds < time.nanoseconds : nanoseconds <= time.nanoseconds
  }
}
