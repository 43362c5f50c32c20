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
  private var v0: UInt64 = 0x736f_6d65_7073_6575
  // What tells SipHash of 128 bits from that of 64.
  private var v1: UInt64 = 0x646f_7261_6e64_6f6d ^ 0xee
  private var v2: UInt64 = 0x6c79_6765_6e65_7261
  private var v3: UInt64 = 0x7465_6462_7974_6573

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
    var end = self
    end.v2 ^= 0xee
    for _ in 0..<3 { end.round() }
    let first = end.v0 ^ end.v1 ^ end.v2 ^ end.v3
    end.v1 ^= 0xdd
    for _ in 0..<3 { end.round() }
    return EventDigest(first: first, second: end.v0 ^ end.v1 ^ end.v2 ^ end.v3)
  }

  private static let assumedFlag: UInt64 = 1
  private static let deletedFlag: UInt64 = 2
  private static let createdAtGivenFlag: UInt64 = 4

  /// The number of bytes, then the bytes, eight in a word; the last word is filled with zeroes.
  private mutating func take(_ bytes: RawSpan) {
    let count = bytes.byteCount
    take(UInt64(count))
    var at = 0
    // `at` plus what is loaded never passes `count`.
    while at &+ 8 <= count {
      take(unsafe bytes.unsafeLoadUnaligned(fromUncheckedByteOffset: at, as: UInt64.self).littleEndian)
      at &+= 8
    }
    guard at < count else { return }
    var last: UInt64 = 0
    var shift: UInt64 = 0
    while at < count {
      last |= UInt64(unsafe bytes.unsafeLoad(fromUncheckedByteOffset: at, as: UInt8.self)) &<< shift
      shift &+= 8
      at &+= 1
    }
    take(last)
  }

  @inline(__always)
  private mutating func take(_ word: UInt64) {
    v3 ^= word
    round()
    v0 ^= word
  }

  @inline(__always)
  private mutating func round() {
    v0 &+= v1
    v1 = (v1 &<< 13) | (v1 &>> 51)
    v1 ^= v0
    v0 = (v0 &<< 32) | (v0 &>> 32)
    v2 &+= v3
    v3 = (v3 &<< 16) | (v3 &>> 48)
    v3 ^= v2
    v0 &+= v3
    v3 = (v3 &<< 21) | (v3 &>> 43)
    v3 ^= v0
    v2 &+= v1
    v1 = (v1 &<< 17) | (v1 &>> 47)
    v1 ^= v2
    v2 = (v2 &<< 32) | (v2 &>> 32)
  }
}
