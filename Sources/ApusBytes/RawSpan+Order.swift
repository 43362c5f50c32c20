// The order of bytes: the first that differ decide, unsigned; else the shorter comes first. It is the order
// of `memcmp`, and of every index that keeps our keys.

extension RawSpan {
  /// Below, at or above zero when these bytes come before, equal, or come after the other's.
  @inlinable
  package func compare(to other: RawSpan) -> Int {
    let shared = min(byteCount, other.byteCount)
    var at = 0
    // `at` plus what is loaded never passes `shared`, which both spans have.
    while at &+ 8 <= shared {
      let a = UInt64(bigEndian: unsafe unsafeLoadUnaligned(fromUncheckedByteOffset: at, as: UInt64.self))
      let b = UInt64(
        bigEndian: unsafe other.unsafeLoadUnaligned(fromUncheckedByteOffset: at, as: UInt64.self))
      if a != b { return a < b ? -1 : 1 }
      at &+= 8
    }
    while at < shared {
      let a = unsafe unsafeLoad(fromUncheckedByteOffset: at, as: UInt8.self)
      let b = unsafe other.unsafeLoad(fromUncheckedByteOffset: at, as: UInt8.self)
      if a != b { return a < b ? -1 : 1 }
      at &+= 1
    }
    return (byteCount > other.byteCount ? 1 : 0) - (byteCount < other.byteCount ? 1 : 0)
  }

  /// Whether both hold the same bytes.
  @inlinable
  package func isEqual(to other: RawSpan) -> Bool {
    byteCount == other.byteCount && compare(to: other) == 0
  }
}
