// The sixteen bytes before every body. A header that was decoded has no unknown flag; its type and length are still the peer's claims,
// which whoever reads on holds against what it knows and allows.

package import ApusBytes

@usableFromInline
package struct FrameHeader: Equatable, Sendable {
  package static let byteCount = 16
  /// Where the flags stand.
  package static let flagsAt = 5
  /// Bodies are padded to a multiple of this.
  package static let alignment = 8

  package struct Flags: OptionSet, Sendable {
    package let rawValue: UInt8
    package init(rawValue: UInt8) { self.rawValue = rawValue }
    package static let compressed = Flags(rawValue: 1)
  }

  /// Of the body, without what pads it.
  package var length: UInt32
  /// A `MessageType`, a reply's, or `MessageType.error`; not yet believed.
  package var type: UInt8
  package var flags: Flags
  /// Of a request: milliseconds after which nobody wants the answer; 0 when there is no such time, and in replies.
  package var deadline: UInt16
  package var id: UInt64

  package init(length: UInt32, type: UInt8, flags: Flags = [], deadline: UInt16 = 0, id: UInt64) {
    (self.length, self.type, self.flags, self.deadline, self.id) = (length, type, flags, deadline, id)
  }

  /// The zeroes behind a body of `length` bytes.
  package static func padding(behind length: UInt32) -> Int {
    (alignment - Int(length % UInt32(alignment))) % alignment
  }

  /// The whole frame, the header and what pads the body included.
  package var frameByteCount: Int {
    FrameHeader.byteCount + Int(length) + FrameHeader.padding(behind: length)
  }

  // Sixteen bytes are two words, little-endian as all numbers are.
  private static let typeBit: UInt64 = 32
  private static let flagsBit: UInt64 = 40
  private static let deadlineBit: UInt64 = 48

  package func encode(into writer: inout ByteWriter) {
    writer.write(
      UInt64(length) | UInt64(type) << Self.typeBit | UInt64(flags.rawValue) << Self.flagsBit
        | UInt64(deadline) << Self.deadlineBit)
    writer.write(id)
  }

  /// Nil when fewer than sixteen bytes are there yet.
  package static func decode(_ bytes: RawSpan) throws(WireError) -> FrameHeader? {
    guard bytes.byteCount >= byteCount else { return nil }
    // The sixteen bytes are there.
    let word = UInt64(littleEndian: unsafe bytes.unsafeLoadUnaligned(fromByteOffset: 0, as: UInt64.self))
    let id = UInt64(littleEndian: unsafe bytes.unsafeLoadUnaligned(fromByteOffset: 8, as: UInt64.self))
    let flags = UInt8(truncatingIfNeeded: word >> flagsBit)
    guard flags & ~Flags.compressed.rawValue == 0 else {
      throw .malformed("a frame has the unknown flags \(flags)", at: FrameHeader.flagsAt)
    }
    return FrameHeader(
      length: UInt32(truncatingIfNeeded: word), type: UInt8(truncatingIfNeeded: word >> typeBit),
      flags: Flags(rawValue: flags), deadline: UInt16(truncatingIfNeeded: word >> deadlineBit), id: id)
  }
}
