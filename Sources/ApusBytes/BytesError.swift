/// What was wrong with bytes that came from a peer or a disk, and where.
///
/// Every `at` is the offset, in the span that was read, of the first byte of the item that was refused.
@usableFromInline
package enum BytesError: Error, Equatable, Sendable {
  /// The item at `at` takes `needed` bytes and only `available` are left.
  case truncated(at: Int, needed: Int, available: Int)
  /// A length that was read, or computed from what was read, is below zero.
  case negativeCount(at: Int, count: Int)
  /// A bool that is neither 0 nor 1.
  case badBool(at: Int, found: UInt8)
  /// More than ten bytes, or more than 64 bits.
  case varintTooLong(at: Int)
  /// A varint whose last byte says nothing: the same number has a shorter form.
  case varintNotMinimal(at: Int)
  case invalidUTF8(at: Int)

  /// A key of at least `byteCount` bytes, where at most `limit` are allowed.
  case keyTooLong(byteCount: Int, limit: Int)
  case badKey(at: Int, KeyFault)

  case compress(ZstdFault)
  case decompress(ZstdFault)
  case dictionary(ZstdFault)
}

/// Why bytes are not a key, or not this key.
@usableFromInline
package enum KeyFault: Equatable, Sendable {
  /// The escape byte is followed by something that is never written after it.
  case badEscape(UInt8)
  /// A string or a run of bytes does not end before the key does.
  case unterminated
  /// This many bytes follow the last component.
  case trailingBytes(Int)
}

/// Why bytes could not be compressed, decompressed or used as a dictionary.
@usableFromInline
package enum ZstdFault: Equatable, Sendable {
  /// The first bytes are not those of a frame.
  case notAFrame
  /// The frame ends after the bytes do, or its header says so.
  case incomplete
  /// This many bytes follow the frame.
  case trailingBytes(Int)
  /// The frame claims, or has, more bytes than the caller allows; `claimed` is nil when it does not say.
  case tooLarge(claimed: UInt64?, limit: Int)
  /// The frame came out with another length than its header says; `found` is nil when with more.
  case lengthMismatch(claimed: UInt64, found: Int?)
  /// The frame asks for a dictionary other than the one at hand; nil is none.
  case wrongDictionary(needed: UInt32, present: UInt32?)
  /// The bytes are no trained dictionary.
  case notADictionary
  case outOfMemory
  /// What the library says itself.
  case refused(String)
}
