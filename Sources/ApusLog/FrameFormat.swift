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

/// The bytes of a frame, both ways.
package enum FrameFormat {
  private static let headerCRCAt = 4
  private static let typeAt = headerCRCAt + 4
  private static let payloadCRCAt = 48

  /// Appends a frame to `writer` and returns its header. `write` puts the payload.
  ///
  /// `draft` gives every field but the lengths and checksums.
  static func encode(
    _ draft: FrameHeader, seed: FrameSeed, into writer: inout ByteWriter, payload write: (inout ByteWriter) -> Void
  ) -> FrameHeader {
    var header = draft
    let start = writer.count
    writer.write(Format.frameMagic)
    writer.write(UInt32(0))
    writer.write(header.type.rawValue)
    writer.write(header.flags.rawValue)
    writer.write(UInt16(0))
    writer.write(UInt32(0))
    writer.write(header.base.rawValue)
    writer.write(UInt32(header.recordCount))
    writer.write(header.epoch)
    writer.write(header.durable.rawValue)
    writer.write(header.appendTime.nanoseconds)
    writer.write(UInt32(0))
    writer.write(header.chain)
    let payloadStart = start + Format.frameHeaderByteCount
    precondition(writer.count == payloadStart, "the header's fields add up to its size")
    write(&writer)
    header.payloadByteCount = writer.count - payloadStart
    precondition(header.payloadByteCount <= Format.payloadByteCountMax, "the caller keeps to the limit")
    writer.writeZeroes(Format.aligned(header.payloadByteCount) - header.payloadByteCount)

    let seedCRC = seed.at(header.offset)
    header.payloadCRC = CRC32C.extend(seedCRC, writer.bytes.extracting(payloadStart..<writer.count))
    writer.overwrite(UInt32(header.payloadByteCount), at: start + 12)
    writer.overwrite(header.payloadCRC, at: start + payloadCRCAt)
    header.headerCRC = CRC32C.extend(seedCRC, writer.bytes.extracting(start + typeAt..<payloadStart))
    writer.overwrite(header.headerCRC, at: start + headerCRCAt)
    return header
  }

  /// Judges the 56 bytes of a header. The payload is not looked at. `seedCRC` is the seed's at `offset`.
  ///
  /// Fields are read only after the checksum matched; one that no program of this version writes is a fault.
  package static func decodeHeader(
    _ bytes: RawSpan, at offset: UInt64, seedCRC: UInt32
  ) throws(FrameFault) -> FrameHeader {
    guard bytes.byteCount >= Format.frameHeaderByteCount else { throw .beyondEnd }
    let header = bytes.extracting(..<Format.frameHeaderByteCount)
    let outcome: Result<FrameHeader, FrameFault>
    do throws(BytesError) {
      outcome = try parse(header, at: offset, seedCRC: seedCRC)
    } catch {
      outcome = .failure(.beyondEnd)
    }
    return try outcome.get()
  }

  private static func parse(
    _ bytes: RawSpan, at offset: UInt64, seedCRC: UInt32
  ) throws(BytesError) -> Result<FrameHeader, FrameFault> {
    var reader = ByteReader(bytes)
    guard try reader.read(UInt32.self) == Format.frameMagic else { return .failure(.magic) }
    let headerCRC: UInt32 = try reader.read()
    guard headerCRC == CRC32C.extend(seedCRC, bytes.extracting(typeAt...)) else {
      return .failure(.headerChecksum)
    }
    let rawType: UInt8 = try reader.read()
    let rawFlags: UInt8 = try reader.read()
    let zero: UInt16 = try reader.read()
    let length: UInt32 = try reader.read()
    let base: UInt64 = try reader.read()
    let count: UInt32 = try reader.read()
    let epoch: UInt32 = try reader.read()
    let durable: UInt64 = try reader.read()
    let appendTime: Int64 = try reader.read()
    let payloadCRC: UInt32 = try reader.read()
    let chain: UInt32 = try reader.read()

    guard length <= Format.payloadByteCountMax else { return .failure(.length(Int(clamping: length))) }
    guard let type = FrameType(rawValue: rawType) else { return .failure(.unknownType(rawType)) }
    let flags = FrameFlags(rawValue: rawFlags)
    guard flags.isSubset(of: .known) else { return .failure(.unknownFlags(rawFlags)) }
    guard zero == 0 else { return .failure(.notZero) }
    guard type.takesLSN == (count > 0) else { return .failure(.recordCount(Int(clamping: count))) }
    // Later sums of LSNs cannot overflow: no log comes near this bound.
    guard base > 0, base < 1 << 62 else { return .failure(.base(expected: .first, found: LSN(base))) }
    guard durable < base else { return .failure(.durable(LSN(durable), base: LSN(base))) }
    return .success(
      FrameHeader(
        offset: offset, type: type, flags: flags, payloadByteCount: Int(clamping: length), base: LSN(base),
        recordCount: Int(clamping: count), epoch: epoch, durable: LSN(durable),
        appendTime: WallTime(nanoseconds: appendTime), payloadCRC: payloadCRC, chain: chain, headerCRC: headerCRC))
  }

  /// Whether `payload`, padding included, is what the header's checksum was made of.
  package static func payloadMatches(_ payload: RawSpan, _ header: FrameHeader, seedCRC: UInt32) -> Bool {
    CRC32C.extend(seedCRC, payload) == header.payloadCRC
  }
}
