import ApusBytes
import ApusSystem

// The bytes of a frame, on the way out. What is written here is what `FrameFormat` accepts.

extension FrameFormat {
  /// Appends a frame to `writer` and returns its header. `write` puts the payload.
  ///
  /// `draft` gives every field but the lengths and checksums.
  static func encode(
    _ draft: FrameHeader, seed: FrameSeed, into writer: inout ByteWriter,
    payload write: (inout ByteWriter) -> Void
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
}
