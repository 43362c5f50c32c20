// Loads from places that the caller has checked already: the one reason for `unsafe` in loops over values.

extension RawSpan {
  /// The byte at `at`, which must be below `byteCount`.
  @inline(__always)
  func unsafeByte(_ at: Int) -> UInt8 {
    unsafe unsafeLoad(fromUncheckedByteOffset: at, as: UInt8.self)
  }

  /// The little-endian integer at `at`, all of whose bytes must be in the span.
  @inline(__always)
  func unsafeInteger<T: FixedWidthInteger & BitwiseCopyable>(_ at: Int, as type: T.Type) -> T {
    T(littleEndian: unsafe unsafeLoadUnaligned(fromUncheckedByteOffset: at, as: T.self))
  }
}
