// The payload of a frame as a list of records: in order, without gaps, each inside of the bytes.

package import ApusBytes

/// Walks over the records of a payload. It never traps, and after an error it stands still.
package struct RecordWalker: ~Escapable {
  private var reader: ByteReader
  private var nextLSN: LSN

  /// One record; its body is borrowed from the payload.
  package struct Record: ~Escapable {
    /// Nil for a kind that this program does not know.
    package let kind: RecordKind?
    package let rawKind: UInt8
    package let lsn: LSN
    package let body: RawSpan

    @_lifetime(copy body)
    fileprivate init(_ rawKind: UInt8, _ lsn: LSN, _ body: RawSpan) {
      kind = RecordKind(rawValue: rawKind)
      self.rawKind = rawKind
      self.lsn = lsn
      self.body = body
    }
  }

  /// `base` is the LSN of the first record.
  @_lifetime(copy payload)
  package init(_ payload: RawSpan, base: LSN) {
    reader = ByteReader(payload)
    nextLSN = base
  }

  /// Nil at the end.
  @_lifetime(copy self) @_lifetime(self: copy self)
  package mutating func next() throws(EventError) -> Record? {
    guard !reader.isAtEnd else { return nil }
    var ahead = reader
    let at = ahead.offset
    let word: UInt32
    let body: RawSpan
    var length = 0
    do throws(BytesError) {
      word = try ahead.read()
      length = Int(clamping: try ahead.read(UInt32.self))
      body = try ahead.readBytes(length)
    } catch {
      throw .truncated(
        at: at, needed: EventFormat.recordHeaderByteCount + length, available: reader.remaining)
    }
    // The kind lies in the lowest byte; the three above it are zero.
    let above = word & ~0xff
    guard above == 0 else { throw .notZero(at: at + above.trailingZeroBitCount / 8) }
    guard word != 0 else { throw .unknownKind(at: at, 0) }
    let record = Record(UInt8(truncatingIfNeeded: word), nextLSN, body)
    reader = ahead
    // Behind the last LSN that there can be stands no record; a sum that trapped would lose that one.
    nextLSN = LSN(nextLSN.rawValue &+ 1)
    return record
  }
}
