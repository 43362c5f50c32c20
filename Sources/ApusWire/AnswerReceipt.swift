// What an answer is known by again: which definition, which moment of which log, which moment of the clock, and whose features. It
// proves nothing and needs no secret; it is long enough that one which is not of what it is held against does not fit by chance.
//
// As text, `r1_` and 80 hexadecimal digits, it survives logs, JSON and shells. The digit tells this form from a later one.

package import ApusBytes
package import ApusContracts

package struct AnswerReceipt: Hashable, Sendable {
  package static let byteCount = 40
  /// Of each digest and of the timeline so many bytes, the first ones.
  package static let prefixByteCount = 8
  private static let prefix = "r1_"

  package let timeline: [UInt8]
  package let fingerprint: [UInt8]
  package let lsn: LSN
  package let time: ReadTime
  package let keys: [UInt8]

  /// `timeline` and `fingerprint` are whole; `keys` are those of the request, one after another as they stand in it.
  package init(timeline: [UInt8], fingerprint: [UInt8], lsn: LSN, time: ReadTime, keys: RawSpan) {
    self.timeline = Self.first(of: timeline)
    self.fingerprint = Self.first(of: fingerprint)
    self.lsn = lsn
    self.time = time
    self.keys = Self.digest(ofKeys: keys)
  }

  /// What a receipt has of a request's keys.
  package static func digest(ofKeys keys: RawSpan) -> [UInt8] { first(of: SHA256.digest(of: keys).bytes) }

  /// As many bytes of a digest as a receipt has of it.
  package static func first(of digest: [UInt8]) -> [UInt8] {
    let kept = digest.prefix(prefixByteCount)
    return Array(kept) + Array(repeating: 0, count: prefixByteCount - kept.count)
  }

  // MARK: Bytes

  package func encode(into writer: inout ByteWriter) {
    writer.write(timeline)
    writer.write(fingerprint)
    writer.write(lsn.rawValue)
    writer.write(time.nanoseconds)
    writer.write(keys)
  }

  @_lifetime(reader: copy reader)
  init(_ reader: inout BodyReader) throws(WireError) {
    timeline = try reader.span(Self.prefixByteCount, "the receipt's timeline").copied()
    fingerprint = try reader.span(Self.prefixByteCount, "the receipt's fingerprint").copied()
    lsn = LSN(rawValue: try reader.number("the receipt's LSN"))
    time = ReadTime(nanoseconds: try reader.number("the receipt's time"))
    keys = try reader.span(Self.prefixByteCount, "the receipt's keys").copied()
  }

  package var bytes: [UInt8] {
    var writer = ByteWriter(capacity: Self.byteCount)
    encode(into: &writer)
    return writer.bytes.copied()
  }

  /// Nil unless there are 40 bytes.
  package init?(_ bytes: [UInt8]) {
    guard bytes.count == Self.byteCount else { return nil }
    var reader = unsafe BodyReader(bytes.span.bytes)
    do throws(WireError) { self = try AnswerReceipt(&reader) } catch { return nil }
  }

  // MARK: Text

  package var text: String { Self.prefix + Self.digits(bytes) }

  /// Nil for anything but what `text` gives.
  package init?(_ text: some StringProtocol) {
    guard text.hasPrefix(Self.prefix) else { return nil }
    guard let bytes = Self.bytes(text.utf8.dropFirst(Self.prefix.utf8.count)) else { return nil }
    self.init(bytes)
  }
}

extension AnswerReceipt {
  /// How PREPARE and a command line call the service version of a receipt.
  package static func name(ofFingerprint bytes: [UInt8]) -> String {
    fingerprintPrefix + digits(first(of: bytes))
  }

  package static let fingerprintPrefix = "fingerprint:"

  /// The first bytes of the fingerprint that such a name has; nil for any other name.
  package static func fingerprint(ofName name: String) -> [UInt8]? {
    guard name.hasPrefix(fingerprintPrefix) else { return nil }
    let found = bytes(name.utf8.dropFirst(fingerprintPrefix.utf8.count))
    return found?.count == prefixByteCount ? found : nil
  }

  // MARK: Hexadecimal, lower case

  private static func digits(_ bytes: [UInt8]) -> String {
    bytes.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
  }

  private static func bytes(_ text: some Collection<UInt8>) -> [UInt8]? {
    let digits = text.compactMap { byte -> UInt8? in
      switch byte {
      case 0x30...0x39: byte - 0x30
      case 0x61...0x66: byte - 0x61 + 10
      default: nil
      }
    }
    guard digits.count == text.count, digits.count % 2 == 0 else { return nil }
    return stride(from: 0, to: digits.count, by: 2).map { digits[$0] << 4 | digits[$0 + 1] }
  }
}
