// When a call is made again. Only where that is safe: what reads, and writes that carry a producer's sequence, may be
// repeated; any other write only when it is certain that nothing came of it. Never beyond the call's deadline.

public struct RetryPolicy: Equatable, Sendable {
  /// The first attempt included; 1: never again.
  public var attemptsMax = 5
  /// Before the second attempt; doubled before each that follows.
  public var firstWait = Duration.milliseconds(10)
  public var waitMax = Duration.seconds(1)

  public init() {}

  public static var never: RetryPolicy {
    var policy = RetryPolicy()
    policy.attemptsMax = 1
    return policy
  }

  package enum Decision: Equatable, Sendable {
    case fail
    case again(afterNanoseconds: UInt64)
  }

  /// What to do about an error after so many attempts.
  ///
  /// `isRepeatable`: it may be done twice without harm.
  ///
  /// `dice`: from 0 up to 1, so that many clients do not come back in step.
  package func decide(
    after error: ClientError, attempts: Int, isRepeatable: Bool, now: UInt64, deadline: UInt64, dice: Double
  ) -> Decision {
    guard attempts < attemptsMax, error.isRetryable, error.code != .deadlinePassed else { return .fail }
    guard isRepeatable || !error.mayBeDone else { return .fail }
    let doublings = UInt64(min(max(attempts - 1, 0), 32))
    let (doubled, over) = firstWait.clampedNanoseconds.multipliedReportingOverflow(by: 1 << doublings)
    let backoff = min(over ? .max : doubled, waitMax.clampedNanoseconds)
    // Half of it for certain, the other half by the dice.
    let half = backoff / 2
    let thrown = half + UInt64(Double(half) * min(max(dice, 0), 0.999))
    let asked = UInt64(max(error.waitMilliseconds, 0)).multipliedReportingOverflow(by: 1_000_000)
    let wait = max(thrown, asked.overflow ? .max : asked.partialValue)
    guard now.later(by: wait) < deadline else { return .fail }
    return .again(afterNanoseconds: wait)
  }
}

extension ClientError {
  /// Whether a server that says so has not begun to write.
  var provesNothingWritten: Bool {
    switch code {
    case .overloaded, .shuttingDown, .rebuilding, .deadLettersFull, .clockJump, .diskFull, .readOnly,
      .deadline:
      true
    default: !isRetryable
    }
  }
}
