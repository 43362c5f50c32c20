// What an answer is known by again: the definition, the moment of the log, the moment of the clock, and whose features. It holds no key
// and proves nothing; who has the keys can ask by it what was answered, and why.

import ApusContracts
package import ApusWire

/// Of one answer, in 40 bytes; in a log it is best kept as its text, `r1_` and 80 digits.
public struct Receipt: Hashable, Sendable, CustomStringConvertible {
  package let wire: AnswerReceipt

  package init(_ wire: AnswerReceipt) { self.wire = wire }

  /// Nil for anything but what `text` gives.
  public init?(_ text: String) {
    guard let wire = AnswerReceipt(text) else { return nil }
    self.wire = wire
  }

  public var text: String { wire.text }
  public var description: String { text }
  /// The moment of the log.
  public var lsn: ApusClient.LSN { ApusClient.LSN(wire.lsn) }
  /// The moment that ages were judged at, in nanoseconds since 1970.
  public var readTimeNanoseconds: Int64 { wire.time.nanoseconds }
}
