// SipHash-1-3 with a key of 128 random bits. Producers choose the keys that are hashed, so the function has to be
// one whose collisions cannot be made by somebody who does not know the seed; the overlay never shows a hash.

import ApusBytes

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
    var state = SipHash(k0, k1)
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
}
