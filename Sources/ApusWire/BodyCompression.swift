// Compressed bodies. How long a body will be is read, and held against the limit, before a byte of it is made; what comes out
// must be exactly so long. Both sides keep their memory from body to body.

package import ApusBytes

package struct BodyCompressor: ~Copyable {
  /// Raw length and zero, before the zstd frame.
  package static let headByteCount = 8
  private var compressor: ZstdCompressor
  private var scratch = ByteWriter()

  package init(level: ZstdLevel = .fast) throws(BytesError) { compressor = try ZstdCompressor(level: level) }

  /// Finishes a frame, with its body compressed if that makes it shorter. The body is at least as long as both sides want.
  package mutating func finish(_ frame: FrameWriter, in buffer: inout ByteWriter) throws(BytesError) {
    let rawByteCount = frame.bodyByteCount(in: buffer)
    scratch.removeAll()
    scratch.write(UInt32(rawByteCount))
    scratch.write(0 as UInt32)
    try compressor.compress(buffer.bytes.extracting(frame.bodyAt...), into: &scratch)
    if scratch.count < rawByteCount {
      buffer.truncate(to: frame.bodyAt)
      buffer.write(scratch.bytes)
      frame.finish(flags: .compressed, in: &buffer)
    } else {
      frame.finish(in: &buffer)
    }
  }
}

package struct BodyDecompressor: ~Copyable {
  private var decompressor: ZstdDecompressor
  private var raw = ByteWriter()

  package init() throws(BytesError) { decompressor = try ZstdDecompressor() }

  /// The body that a compressed one stands for, lent until the next call.
  @_lifetime(&self)
  package mutating func decompress(_ body: RawSpan, atMost limit: Int) throws(WireError) -> RawSpan {
    var reader = BodyReader(body)
    let claimed = try reader.number("the raw length", as: UInt32.self)
    try reader.zero(4)
    // widens UInt32
    let byteCount = Int(claimed)
    guard byteCount <= limit else { throw .tooLong(UInt64(claimed), max: UInt64(clamping: limit)) }
    let frame = try reader.span(reader.remaining, "the compressed body")
    raw.removeAll()
    do throws(BytesError) {
      try decompressor.decompress(frame, atMost: byteCount, into: &raw)
    } catch {
      throw .malformed("the body cannot be decompressed", at: BodyCompressor.headByteCount)
    }
    guard raw.count == byteCount else {
      throw .malformed("the body has \(raw.count) bytes, and claims \(byteCount)", at: 0)
    }
    return raw.bytes
  }
}
