// How texts and lengths are written into a body. A `short` holds at most 65,535 bytes: a longer text is no name, and is cut
// at a character, so that whoever reads it finds no such name.

package import ApusBytes

extension ByteWriter {
  /// 4 bytes length and UTF-8.
  package mutating func write(text: String) {
    write(bytes: unsafe text.utf8.span.bytes)
  }

  /// 2 bytes length and UTF-8.
  package mutating func write(short text: String) {
    let kept = text.prefix(utf8Count: Int(UInt16.max))
    write(short: unsafe kept.utf8.span.bytes)
  }

  /// 4 bytes length and the bytes.
  package mutating func write(bytes: RawSpan) {
    write(UInt32(bytes.byteCount))
    write(bytes)
  }

  /// 2 bytes length and the bytes, which are no more than it can count.
  package mutating func write(short bytes: RawSpan) {
    write(UInt16(bytes.byteCount))
    write(bytes)
  }

  /// A count of 2 bytes. More items than it can count are a bug of the caller.
  mutating func write(count: Int) {
    write(UInt16(count))
  }

  /// Zeroes up to the next multiple of 8 from `start`, the first byte of the body.
  package mutating func alignBody(from start: Int) {
    writeZeroes((start - count) & (FrameHeader.alignment - 1))
  }
}

extension String {
  /// As many whole characters (scalars) from the beginning as have at most so many bytes.
  func prefix(utf8Count limit: Int) -> String {
    guard utf8.count > limit else { return self }
    var kept = String.UnicodeScalarView()
    var byteCount = 0
    for scalar in unicodeScalars {
      byteCount += UTF8.width(scalar)
      if byteCount > limit { break }
      kept.append(scalar)
    }
    return String(kept)
  }
}
