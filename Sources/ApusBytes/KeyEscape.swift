/// The bytes with a meaning inside of an encoded string; `KeyEncoding.md` says why these.
internal enum KeyEscape {
  /// Ends a string; occurs nowhere else in it.
  static let end: UInt8 = 0x00
  /// Stands before what is written for a content byte of 00 or 01.
  static let mark: UInt8 = 0x01
  /// What follows the mark is the content byte plus this.
  static let shift: UInt8 = 0x01

  /// Whether this content byte is written as two.
  static func isNeeded(for byte: UInt8) -> Bool { byte <= mark }

  /// The content byte written as the mark and `shifted`, or nil when none is.
  static func contentByte(of shifted: UInt8) -> UInt8? {
    guard shifted >= shift, isNeeded(for: shifted - shift) else { return nil }
    return shifted - shift
  }
}

extension RawSpan {
  /// How many of these bytes, seen as content, are written as two; none, seen as encoded, if nothing is escaped.
  internal var escapeCount: Int {
    var count = 0
    for at in 0..<byteCount {
      // The range is the span's own.
      let byte = unsafe unsafeLoad(fromUncheckedByteOffset: at, as: UInt8.self)
      if KeyEscape.isNeeded(for: byte) { count &+= 1 }
    }
    return count
  }

  /// Where these bytes, seen as encoded, have their first end mark.
  internal var endOfContent: Int? {
    for at in 0..<byteCount {
      // The range is the span's own.
      let byte = unsafe unsafeLoad(fromUncheckedByteOffset: at, as: UInt8.self)
      if byte == KeyEscape.end { return at }
    }
    return nil
  }
}
