// Frames from outside: the header before a body, and a body that is compressed.

import ApusBytes
import ApusWire

enum Frames {
  static func header(_ bytes: RawSpan) {
    guard let header = try? FrameHeader.decode(bytes) else { return }
    var writer = ByteWriter()
    header.encode(into: &writer)
    agree(writer.bytes, bytes.extracting(first: FrameHeader.byteCount), "a header is written otherwise")
    agree(
      header.frameByteCount % FrameHeader.alignment == 0 && header.frameByteCount >= Int(header.length),
      "a frame of \(header.length) bytes takes \(header.frameByteCount)")
  }

  /// The most that a body may become here.
  private static let limit = 65_536

  static func compressed(_ bytes: RawSpan) {
    guard var decompressor = try? BodyDecompressor(), var compressor = try? BodyCompressor() else {
      disagreement("there is no memory for a decompressor")
    }
    guard let raw = try? decompressor.decompress(bytes, atMost: limit).copied() else { return }
    agree(raw.count <= limit, "\(raw.count) bytes came out, where \(limit) are allowed")
    // Both ways again: the zstd frame may be another one, what it stands for not.
    var writer = ByteWriter()
    let frame = FrameWriter.begin(replyTo: .describe, id: 1, in: &writer)
    writer.write(raw)
    guard (try? compressor.finish(frame, in: &writer)) != nil,
      let header = try? FrameHeader.decode(writer.bytes)
    else { disagreement("\(raw.count) bytes cannot be compressed") }
    guard header.flags == .compressed else { return }
    let body = writer.bytes.extracting(FrameHeader.byteCount..<(FrameHeader.byteCount + Int(header.length)))
      .copied()
    guard let again = try? decompressor.decompress(unsafe body.span.bytes, atMost: limit).copied() else {
      disagreement("what was compressed cannot be decompressed")
    }
    agree(again == raw, "a body is another after having been compressed")
  }
}
