import ApusBytes
import ApusSystem

// The bytes of a frame, on the way out. What is written here is what `FrameFormat` accepts.

extension FrameFormat {
  /// Appends a frame to `writer` and returns its header. `draft` gives every field but the lengths and checksums.
  ///
  /// The checksums are made of the caller's bytes and not of their copy, so they cover the copying too.
  @inline(__always)
  static func encode(
    _ draft: FrameHeader, payload: RawSpan, seed: FrameSeed, into writer: inout ByteWriter
  ) -> FrameHeader {
    precondition(payload.byteCount <= Format.payloadByteCountMax, "the caller keeps to the limit")
    let padding = Format.aligned(payload.byteCount) - payload.byteCount
    let seedCRC = seed.at(draft.offset)
    var header = draft
    header.payloadByteCount = payload.byteCount
    header.payloadCRC = CRC32C.extend(seedCRC, payload)
    if padding > 0 { header.payloadCRC = extend(header.payloadCRC, zeroes: padding) }

    var words = HeaderWords(header)
    header.headerCRC = unsafe CRC32C.extend(seedCRC, words.span.bytes.extracting(typeAt...))
    words[0] |= (UInt64(header.headerCRC) << 32).littleEndian
    writer.reserve(Format.frameHeaderByteCount + payload.byteCount + padding)
    unsafe writer.write(words.span.bytes)
    writer.write(payload)
    if padding > 0 { writer.writeZeroes(padding) }
    return header
  }

  private static func extend(_ crc: UInt32, zeroes count: Int) -> UInt32 {
    let zeroes: InlineArray<1, UInt64> = [0]
    return unsafe CRC32C.extend(crc, zeroes.span.bytes.extracting(..<count))
  }
}

/// A header as it is written: words of eight bytes, because a processor reads back at once what it wrote in one piece, and
/// waits for what it wrote in several. The checksums read it back.
typealias HeaderWords = InlineArray<7, UInt64>

extension HeaderWords {
  /// All of the header but its own checksum.
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
      (UInt64(header.payloadCRC) | UInt64(header.chain) << 32).littleEndian,
    ]
  }
}
