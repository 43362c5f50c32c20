/// What the overlay refuses. Nothing has changed when it is thrown, and the same call may succeed later.
package enum OverlayError: Error, Equatable, Sendable {
  /// Every place for a reader is taken.
  case readersExhausted(limit: Int)
  /// The root is full: the oldest generation must be checkpointed and dropped first.
  case generationsExhausted(limit: Int)
}

extension OverlayError: CustomStringConvertible {
  package var description: String {
    switch self {
    case .readersExhausted(let limit):
      "the overlay has its \(limit) readers already; one must leave before another can be registered"
    case .generationsExhausted(let limit):
      "the overlay has its \(limit) generations already; the oldest must be checkpointed and dropped first"
    }
  }
}
