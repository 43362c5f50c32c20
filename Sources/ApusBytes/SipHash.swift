// SipHash-1-3, over words of eight bytes: one round for each word taken, three at the end. Who hashes bytes says how their length gets into the words.
// Under a key that nobody can guess its collisions cannot be made; under a known one it only tells things apart.

/// Aumasson and Bernstein's four words.
@frozen @usableFromInline
package struct SipHash: Sendable {
  @usableFromInline var v0, v1, v2, v3: UInt64

  /// For `finish`.
  @inlinable @inline(__always)
  package init(_ k0: UInt64, _ k1: UInt64) {
    v0 = k0 ^ 0x736f_6d65_7073_6575
    v1 = k1 ^ 0x646f_7261_6e64_6f6d
    v2 = k0 ^ 0x6c79_6765_6e65_7261
    v3 = k1 ^ 0x7465_6462_7974_6573
  }

  /// For `finishWide`: an output of 128 bits is another function, not the longer half of one.
  @inlinable @inline(__always)
  package init(wide k0: UInt64, _ k1: UInt64) {
    self.init(k0, k1)
    v1 ^= 0xee
  }

  @inlinable @inline(__always)
  package mutating func take(_ word: UInt64) {
    v3 ^= word
    round()
    v0 ^= word
  }

  /// The number of bytes, then the bytes, eight in a word; the last word is filled with zeroes.
  @inlinable
  package mutating func take(counted bytes: RawSpan) {
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

  @inlinable @inline(__always)
  package mutating func finish() -> UInt64 {
    v2 ^= 0xff
    round()
    round()
    round()
    return v0 ^ v1 ^ v2 ^ v3
  }

  @inlinable
  package mutating func finishWide() -> (first: UInt64, second: UInt64) {
    v2 ^= 0xee
    for _ in 0..<3 { round() }
    let first = v0 ^ v1 ^ v2 ^ v3
    v1 ^= 0xdd
    for _ in 0..<3 { round() }
    return (first, v0 ^ v1 ^ v2 ^ v3)
  }

  @inlinable @inline(__always)
  mutating func round() {
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
