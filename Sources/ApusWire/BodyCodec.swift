// What one side of a connection compresses and decompresses with, once both have said in HELLO that they do. Memory is made when
// it is first needed, and that of one long body is not kept for short ones.

package import ApusBytes

/// Owned by one thread at a time.
package struct BodyCodec: ~Copyable, Sendable {
  private var compressor: BodyCompressor?
  private var decompressor: BodyDecompressor?

  /// More than this is given back after a body.
  static let byteCountKept = 1 << 20

  package init() {}

  /// What HELLO's reply says: the shortest body that is sent compressed, the larger of what both sides named; 0 when one of them
  /// named none.
  package static func agreed(_ a: UInt32, _ b: UInt32) -> UInt32 { a == 0 || b == 0 ? 0 : max(a, b) }

  /// Finishes a frame: with its body compressed if it has at least `least` bytes and that makes it shorter. `least` 0: never. Where
  /// there is no memory to compress with, it goes as it is.
  package mutating func finish(_ frame: FrameWriter, from least: Int, in buffer: inout ByteWriter) {
    let byteCount = frame.bodyByteCount(in: buffer)
    guard least > 0, byteCount >= least else { return frame.finish(in: &buffer) }
    do throws(BytesError) {
      var taken: BodyCompressor? = nil
      swap(&taken, &compressor)
      var worker = if let taken { taken } else { try BodyCompressor() }
      try worker.finish(frame, in: &buffer)
      if byteCount <= Self.byteCountKept { compressor = consume worker }
    } catch {
      frame.finish(in: &buffer)
    }
  }

  /// The body that a compressed one stands for: at least `least` bytes, or it should not have been compressed, and at most `most`.
  package mutating func decompress(
    _ body: RawSpan, atLeast least: Int, atMost most: Int
  ) throws(WireError) -> [UInt8] {
    var taken: BodyDecompressor? = nil
    swap(&taken, &decompressor)
    var worker: BodyDecompressor
    if let taken {
      worker = taken
    } else {
      do throws(BytesError) { worker = try BodyDecompressor() } catch {
        throw .malformed("there is no memory to decompress the body with", at: 0)
      }
    }
    let raw = try worker.decompress(body, atMost: most).copied()
    guard raw.count >= least else {
      throw .malformed("a body of \(raw.count) bytes is compressed, where \(least) are the least", at: 0)
    }
    if raw.count <= Self.byteCountKept { decompressor = consume worker }
    return raw
  }
}
