import ApusBytes
import ApusSystem

// The bytes of a frame, on the way out. What is written here is what `FrameFormat` accepts.

extension FrameFormat {
  /// Appends a frame to `writer` and returns its header. `draft` gives every field but the lengths and checksums.
  ///
  /// The payload's checksum is made while it is copied, of the caller's bytes: it covers the copying too.
  @inline(__always)
  static func encode(
    _ draft: FrameHeader, payload: RawSpan, seed: FrameSeed, into writer: inout ByteWriter
  ) -> FrameHeader {
    precondition(payload.byteCount <= Format.payloadByteCountMax, "the caller keeps to the limit")
    let start = writer.count
    let padding = Format.aligned(payload.byteCount) - payload.byteCount
    let seedCRC = seed.at(draft.offset)
    var header = draft
    header.payloadByteCount = payload.byteCount
    var words = HeaderWords(header)
    unsafe writer.write(words.span.bytes)
    header.payloadCRC = writer.write(payload, extending: seedCRC)
    if padding > 0 { header.payloadCRC = pad(&writer, padding, header.payloadCRC) }

    words[payloadCRCAt / 8] |= UInt64(header.payloadCRC).littleEndian
    header.headerCRC = unsafe CRC32C.extend(seedCRC, words.span.bytes.extracting(typeAt...))
    words[0] |= (UInt64(header.headerCRC) << 32).littleEndian
    writer.overwrite(UInt64(littleEndian: words[payloadCRCAt / 8]), at: start + payloadCRCAt)
    writer.overwrite(UInt64(littleEndian: words[0]), at: start)
    return header
  }

  private static func pad(_ writer: inout ByteWriter, _ count: Int, _ crc: UInt32) -> UInt32 {
    let zeroes: InlineArray<1, UInt64> = [0]
    return unsafe writer.write(zeroes.span.bytes.extracting(..<count), extending: crc)
  }
}

/// A header as it is written: words of eight bytes, because a processor reads back at once what it wrote in one piece, and
/// waits for what it wrote in several. The checksums read it back.
typealias HeaderWords = InlineArray<7, UInt64>

extension HeaderWords {
  /// All of the header but its checksums.
  @inline(__always)
  init(_ header: FrameHeader) {
    let low = UInt64(header.type.rawValue) | UInt64(header.flags.rawValue) << 8
    self = [
      UInt64(Format.frameMagic).littleEndian,
      (low | UInt64(UInt32(header.payloadByteCount)) << 32).littleEndian,
      header.base.rawValue.littleEndian,
      (UInt64(UInt32(header.recordCount)) | UInt64(header.epoch) << 32).littleEndian,
      header.durable.rawValue.littleEndian,
      UInt64(bitPattern: header.appendTime.nanoseconds).littleEndian,
      (UInt64(header.chain) << 32).littleEndian,
    ]
  }
}
