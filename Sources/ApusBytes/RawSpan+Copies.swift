// How bytes leave a span: as an array or as text of their own.

extension RawSpan {
  /// These bytes as an array of their own.
  @inlinable
  package func copied() -> [UInt8] {
    // All empty arrays share one buffer, which the initialiser below would write to.
    if byteCount == 0 { return [] }
    return unsafe [UInt8](unsafeUninitializedCapacity: byteCount) { target, count in
      // `target` has room for `byteCount` bytes, and is new: the two cannot overlap.
      unsafe withUnsafeBytes { source in
        unsafe UnsafeMutableRawBufferPointer(target).copyMemory(from: source)
      }
      count = byteCount
    }
  }

  /// Whether these bytes are UTF-8 as Unicode defines it: shortest forms, no surrogates.
  package var isUTF8: Bool {
    // Any byte is a valid UInt8, so a raw span may be seen as a span of them.
    (try? UTF8Span(validating: Span<UInt8>(_bytes: self))) != nil
  }

  /// These bytes as text, or nil when they are not UTF-8.
  package func validatedString() -> String? {
    // Any byte is a valid UInt8, so a raw span may be seen as a span of them.
    guard let text = try? UTF8Span(validating: Span<UInt8>(_bytes: self)) else { return nil }
    return String(copying: text)
  }
}
