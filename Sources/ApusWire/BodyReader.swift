// A cursor over a body: what is missing, too long, not text or not zero is an error that names it. Nothing traps and
// nothing is allocated from a claimed length: a count is held against the bytes that are there before anything is kept.

import ApusBytes

package struct BodyReader: ~Escapable {
  private var reader: ByteReader

  @_lifetime(copy body)
  package init(_ body: RawSpan) { reader = ByteReader(body) }

  package var offset: Int { reader.offset }
  package var remaining: Int { reader.remaining }

  @_lifetime(self: copy self)
  package mutating func number<T: FixedWidthInteger & BitwiseCopyable>(
    _ what: StaticString, as type: T.Type = T.self
  ) throws(WireError) -> T {
    do throws(BytesError) { return try reader.read(T.self) } catch { throw cut(what) }
  }

  /// So many bytes as they are.
  @_lifetime(copy self) @_lifetime(self: copy self)
  package mutating func span(_ count: Int, _ what: StaticString) throws(WireError) -> RawSpan {
    do throws(BytesError) { return try reader.readBytes(count) } catch { throw cut(what) }
  }

  /// After a length of 4 bytes.
  @_lifetime(copy self) @_lifetime(self: copy self)
  package mutating func bytes(_ what: StaticString) throws(WireError) -> RawSpan {
    let count = Int(clamping: try number(what, as: UInt32.self))
    return try span(count, what)
  }

  /// After a length of 2 bytes.
  @_lifetime(copy self) @_lifetime(self: copy self)
  package mutating func shortBytes(_ what: StaticString) throws(WireError) -> RawSpan {
    let count = Int(clamping: try number(what, as: UInt16.self))
    return try span(count, what)
  }

  @_lifetime(self: copy self)
  package mutating func text(_ what: StaticString) throws(WireError) -> String {
    let start = offset
    return try Self.text(try bytes(what), what, at: start)
  }

  @_lifetime(self: copy self)
  package mutating func short(_ what: StaticString) throws(WireError) -> String {
    let start = offset
    return try Self.text(try shortBytes(what), what, at: start)
  }

  /// How many items follow, each of at least `byteCount` bytes, which must be there.
  @_lifetime(self: copy self)
  package mutating func count<T: FixedWidthInteger & UnsignedInteger & BitwiseCopyable>(
    _ what: StaticString, as type: T.Type, ofAtLeast byteCount: Int
  ) throws(WireError) -> Int {
    let start = offset
    let count = Int(clamping: try number(what, as: T.self))
    guard count <= remaining / byteCount else {
      throw .malformed("\(count) \(what) cannot be in \(remaining) bytes", at: start)
    }
    return count
  }

  /// That so many bytes are zero.
  @_lifetime(self: copy self)
  package mutating func zero(_ count: Int) throws(WireError) {
    let start = offset
    let bytes = try span(count, "zero")
    if let at = bytes.firstNonZeroByte {
      throw .malformed("a byte that must be zero is not", at: start &+ at)
    }
  }

  /// Zeroes up to the next multiple of 8 from the body's first byte.
  @_lifetime(self: copy self)
  package mutating func align() throws(WireError) {
    try zero((0 &- offset) & (FrameHeader.alignment &- 1))
  }

  /// That nothing follows.
  package func finish(_ what: StaticString) throws(WireError) {
    guard reader.isAtEnd else {
      throw .malformed("\(reader.remaining) bytes follow \(what)", at: reader.offset)
    }
  }

  private func cut(_ what: StaticString) -> WireError {
    .malformed("\(what) is cut off", at: reader.offset)
  }

  private static func text(_ bytes: RawSpan, _ what: StaticString, at start: Int) throws(WireError) -> String
  {
    guard let text = bytes.validatedString() else { throw .malformed("\(what) is no UTF-8", at: start) }
    return text
  }
}

extension RawSpan {
  /// Where the first byte stands that is not zero.
  var firstNonZeroByte: Int? {
    var at = 0
    while at < byteCount {
      // Below the span's size.
      if unsafe unsafeLoad(fromUncheckedByteOffset: at, as: UInt8.self) != 0 { return at }
      at &+= 1
    }
    return nil
  }
}
