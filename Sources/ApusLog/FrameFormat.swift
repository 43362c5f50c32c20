import ApusBytes
import ApusSystem

/// The checksum with which every checksum of a file begins: it binds bytes to their store, file and offset.
package struct FrameSeed: Sendable {
  private let prefix: UInt32

  init(prefix: UInt32) { self.prefix = prefix }

  package init(storeID: StoreID, fileID: FileID) {
    var writer = ByteWriter(capacity: StoreID.byteCount + 8)
    writer.write(storeID.bytes)
    writer.write(fileID.rawValue)
    prefix = CRC32C.checksum(writer.bytes)
  }

  package func at(_ offset: UInt64) -> UInt32 {
    let word: InlineArray<1, UInt64> = [offset.littleEndian]
    // Eight bytes of an integer, without padding or pointers.
    return unsafe CRC32C.extend(prefix, word.span.bytes)
  }
}

/// The bytes of a frame, on the way in: judged, never believed. `FrameEncoder.swift` has the way out.
package enum FrameFormat {
  static let headerCRCAt = 4
  static let typeAt = headerCRCAt + 4
  static let payloadCRCAt = 48

  /// Judges the 56 bytes of a header. The payload is not looked at. `seedCRC` is the seed's at `offset`.
  ///
  /// Fields are read only after the checksum matched; one that no program of this version writes is a fault.
  @inline(__always)
  package static func decodeHeader(
    _ bytes: RawSpan, at offset: UInt64, seedCRC: UInt32
  ) throws(FrameFault) -> FrameHeader {
    guard bytes.byteCount >= Format.frameHeaderByteCount else { throw .beyondEnd }
    let header = bytes.extracting(..<Format.frameHeaderByteCount)
    let first = word(0, of: header)
    guard low(first) == Format.frameMagic else { throw .magic }
    guard high(first) == CRC32C.extend(seedCRC, header.extracting(typeAt...)) else { throw .headerChecksum }

    let kind = word(1, of: header)
    let rawType = UInt8(truncatingIfNeeded: kind)
    let rawFlags = UInt8(truncatingIfNeeded: kind >> 8)
    let length = high(kind)
    let base = word(2, of: header)
    let count = low(word(3, of: header))
    let durable = word(4, of: header)
    guard length <= Format.payloadByteCountMax else { throw .length(Int(clamping: length)) }
    guard let type = FrameType(rawValue: rawType) else { throw .unknownType(rawType) }
    let flags = FrameFlags(rawValue: rawFlags)
    guard flags.isSubset(of: .known) else { throw .unknownFlags(rawFlags) }
    guard UInt16(truncatingIfNeeded: kind >> 16) == 0 else { throw .notZero }
    guard type.takesLSN == (count > 0) else { throw .recordCount(Int(clamping: count)) }
    // Later sums of LSNs cannot overflow: no log comes near this bound.
    guard base > 0, base < 1 << 62 else { throw .base(expected: .first, found: LSN(base)) }
    guard durable < base else { throw .durable(LSN(durable), base: LSN(base)) }
    let checks = word(6, of: header)
    return FrameHeader(
      offset: offset, type: type, flags: flags, payloadByteCount: Int(clamping: length), base: LSN(base),
      recordCount: Int(clamping: count), epoch: high(word(3, of: header)), durable: LSN(durable),
      appendTime: WallTime(nanoseconds: Int64(bitPattern: word(5, of: header))), payloadCRC: low(checks),
      chain: high(checks), headerCRC: high(first))
  }

  /// The `index`th of the header's seven words.
  @inline(__always)
  private static func word(_ index: Int, of header: RawSpan) -> UInt64 {
    // Eight bytes of any kind are an integer, and the span checks that they are there.
    UInt64(littleEndian: unsafe header.unsafeLoadUnaligned(fromByteOffset: index &* 8, as: UInt64.self))
  }

  @inline(__always) private static func low(_ word: UInt64) -> UInt32 { UInt32(truncatingIfNeeded: word) }
  @inline(__always) private static func high(_ word: UInt64) -> UInt32 {
    UInt32(truncatingIfNeeded: word >> 32)
  }

  /// Whether `payload`, padding included, is what the header's checksum was made of.
  @inline(__always)
  package static func payloadMatches(_ payload: RawSpan, _ header: FrameHeader, seedCRC: UInt32) -> Bool {
    CRC32C.extend(seedCRC, payload) == header.payloadCRC
  }
}
