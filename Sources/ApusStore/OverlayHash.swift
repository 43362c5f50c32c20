// SipHash-1-3 with a key of 128 random bits. Producers choose the keys that are hashed, so the function has to be
// one whose collisions cannot be made by somebody who does not know the seed; the overlay never shows a hash.

/// The hash of keys in one overlay. The same seed gives the same hashes, so one seed is one story.
package struct OverlayHash: Sendable, Equatable {
  let k0: UInt64
  let k1: UInt64

  package init(seed: (UInt64, UInt64)) {
    k0 = seed.0
    k1 = seed.1
  }

  /// A seed that nobody can guess. `SystemRandomNumberGenerator` asks the kernel.
  package static func random() -> OverlayHash {
    var generator = SystemRandomNumberGenerator()
    return OverlayHash(seed: (generator.next(), generator.next()))
  }

  @inline(__always)
  package func hash(_ key: RawSpan) -> UInt64 {
    var state = State(k0, k1)
    let count = key.byteCount
    var at = 0
    // `at` plus what is loaded never passes `count`.
    while at &+ 8 <= count {
      state.take(unsafe key.unsafeLoadUnaligned(fromUncheckedByteOffset: at, as: UInt64.self).littleEndian)
      at &+= 8
    }
    var last = UInt64(truncatingIfNeeded: count) &<< 56
    if at < count {
      if count >= 8 {
        // The last eight bytes overlap those already taken, which are shifted out.
        let word = unsafe key.unsafeLoadUnaligned(fromUncheckedByteOffset: count &- 8, as: UInt64.self)
        last |= word.littleEndian &>> UInt64(truncatingIfNeeded: 8 &* (8 &- (count &- at)))
      } else {
        var shift: UInt64 = 0
        while at < count {
          last |= UInt64(unsafe key.unsafeLoad(fromUncheckedByteOffset: at, as: UInt8.self)) &<< shift
          shift &+= 8
          at &+= 1
        }
      }
    }
    state.take(last)
    return state.finish()
  }

  /// Aumasson and Bernstein's four words; one round for each word taken, three at the end.
  struct State {
    var v0, v1, v2, v3: UInt64

    @inline(__always)
    init(_ k0: UInt64, _ k1: UInt64) {
      v0 = k0 ^ 0x736f_6d65_7073_6575
      v1 = k1 ^ 0x646f_7261_6e64_6f6d
      v2 = k0 ^ 0x6c79_6765_6e65_7261
      v3 = k1 ^ 0x7465_6462_7974_6573
    }

    @inline(__always)
    mutating func take(_ word: UInt64) {
      v3 ^= word
      round()
      v0 ^= word
    }

    @inline(__always)
    mutating func finish() -> UInt64 {
      v2 ^= 0xff
      round()
      round()
      round()
      return v0 ^ v1 ^ v2 ^ v3
    }

    @inline(__always)
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
}
