// 128 bits that stand for the events of a run in their order: equal for equal events, wherever and however they are stored.
// It is made from what goes into a run and again from what comes out; it is no defence against somebody who forges runs.
//
// SipHash-1-3 of 128 bits under a key of zeroes, over words of 8 bytes. A number of bytes stands before the bytes, so no two
// lists of events are the same words.

import ApusBytes
import ApusContracts

/// The digest of a run, complete.
package struct EventDigest: Hashable, Sendable, CustomStringConvertible {
  package let first: UInt64
  package let second: UInt64

  package init(first: UInt64, second: UInt64) {
    self.first = first
    self.second = second
  }

  /// 32 hexadecimal digits, of the 16 bytes in their order on disk.
  package var description: String {
    [first, second].map { HistoryText.hexadecimal($0.byteSwapped, digits: 16) }.joined()
  }
}

/// A digest that is being made.
package struct EventDigester: Sendable {
  private var state = SipHash(wide: 0, 0)

  package init() {}

  package mutating func take(_ event: HistoryEventView) {
    let head = event.head
    take(event.key)
    take(UInt64(bitPattern: head.eventTime.nanoseconds))
    take(UInt64(bitPattern: head.createdAt.nanoseconds))
    take(UInt64(bitPattern: head.knownAt.nanoseconds))
    take(head.lsn.rawValue)
    var flags: UInt64 = 0
    if head.isKnownAtAssumed { flags |= Self.assumedFlag }
    if head.isDelete { flags |= Self.deletedFlag }
    if head.isCreatedAtGiven { flags |= Self.createdAtGivenFlag }
    take(flags)
    take(event.cells)
  }

  /// The digest of what was taken so far; more may follow.
  package var digest: EventDigest {
    var end = state
    let (first, second) = end.finishWide()
    return EventDigest(first: first, second: second)
  }

  private static let assumedFlag: UInt64 = 1
  private static let deletedFlag: UInt64 = 2
  private static let createdAtGivenFlag: UInt64 = 4

  private mutating func take(_ bytes: RawSpan) { state.take(counted: bytes) }

  @inline(__always)
  private mutating func take(_ word: UInt64) { state.take(word) }
}
