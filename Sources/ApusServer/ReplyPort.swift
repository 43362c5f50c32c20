// The way back to a session from other threads: its connection's mailbox, or in a test whatever stands for one.

package import ApusBytes
import ApusWire

package protocol ReplyPort: Sendable {
  /// Sends whole frames, behind what was posted before, and tells the session when they are with its loop (`noted`). They go nowhere
  /// when the connection has ended.
  func post(_ frames: [UInt8])
  /// Runs on the session's loop, unless the connection has ended; `output` is what it sends.
  func run(_ body: @escaping @Sendable (Session, inout ByteWriter, _ now: UInt64) -> ConnectionAction)
  /// The connection may be read again.
  func resume()
}

extension ConnectionMailbox: ReplyPort {
  package func post(_ frames: [UInt8]) {
    // Any byte is a raw byte.
    post(unsafe frames.span.bytes, note: 0)
  }

  package func run(_ body: @escaping @Sendable (Session, inout ByteWriter, _ now: UInt64) -> ConnectionAction)
  {
    post { handler, output, now in
      guard let session = handler as? Session else { return .goOn }
      return body(session, &output, now)
    }
  }
}

/// Frames that are made away from the send buffer.
enum Frames {
  /// `max` is of the body, in bytes, before it is compressed.
  static func reply(
    to type: MessageType, _ id: UInt64, atMost max: Int, compressedFrom least: Int = 0,
    _ encode: (inout ByteWriter) -> Void
  ) -> [UInt8] {
    var output = ByteWriter()
    var codec = BodyCodec()
    write(replyTo: type, id, atMost: max, into: &output, with: &codec, from: least, encode)
    return output.bytes.copied()
  }

  static func refusal(_ refusal: WireRefusal, _ id: UInt64) -> [UInt8] {
    var output = ByteWriter()
    FrameWriter.write(refusal, id: id, into: &output)
    return output.bytes.copied()
  }

  /// One of a size that no limit is below, which is never compressed.
  static func write(
    replyTo type: MessageType, _ id: UInt64, into output: inout ByteWriter,
    _ encode: (inout ByteWriter) -> Void
  ) {
    let frame = FrameWriter.begin(replyTo: type, id: id, in: &output)
    encode(&output)
    frame.finish(in: &output)
  }

  /// A reply of more than `max` bytes becomes a refusal that says so, and false comes back. `codec` compresses it from so many bytes on; 0: never.
  @discardableResult
  static func write(
    replyTo type: MessageType, _ id: UInt64, atMost max: Int, into output: inout ByteWriter,
    with codec: inout BodyCodec, from least: Int, _ encode: (inout ByteWriter) -> Void
  ) -> Bool {
    let frame = FrameWriter.begin(replyTo: type, id: id, in: &output)
    encode(&output)
    guard frame.bodyByteCount(in: output) <= max else {
      frame.cancel(in: &output)
      FrameWriter.write(.replyTooLong(type, max: max), id: id, into: &output)
      return false
    }
    codec.finish(frame, from: least, in: &output)
    return true
  }
}
