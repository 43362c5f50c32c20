// A frame that is being written at the end of a send buffer: the header's place is kept, the body follows, and `finish`
// patches the length and pads. Between `begin` and `finish` or `cancel` nobody else writes to the buffer.

package import ApusBytes

@usableFromInline
package struct FrameWriter: Sendable {
  /// Where the header stands in the buffer.
  package let headerAt: Int

  /// Where offsets of the body count from.
  package var bodyAt: Int { headerAt + FrameHeader.byteCount }

  /// Begins a request.
  package static func begin(
    _ type: MessageType, id: UInt64, deadline: UInt16 = 0, in buffer: inout ByteWriter
  ) -> FrameWriter {
    begin(type: type.rawValue, id: id, deadline: deadline, in: &buffer)
  }

  /// Begins the reply to a request.
  package static func begin(
    replyTo type: MessageType, id: UInt64, in buffer: inout ByteWriter
  ) -> FrameWriter {
    begin(type: type.reply, id: id, deadline: 0, in: &buffer)
  }

  private static func begin(
    type: UInt8, id: UInt64, deadline: UInt16, in buffer: inout ByteWriter
  ) -> FrameWriter {
    let frame = FrameWriter(headerAt: buffer.count)
    FrameHeader(length: 0, type: type, deadline: deadline, id: id).encode(into: &buffer)
    return frame
  }

  /// Bytes of the body so far.
  package func bodyByteCount(in buffer: borrowing ByteWriter) -> Int { buffer.count - bodyAt }

  /// Makes the frame whole.
  package func finish(flags: FrameHeader.Flags = [], in buffer: inout ByteWriter) {
    let length = UInt32(bodyByteCount(in: buffer))
    buffer.overwrite(length, at: headerAt)
    buffer.overwrite(flags.rawValue, at: headerAt + FrameHeader.flagsAt)
    buffer.writeZeroes(FrameHeader.padding(behind: length))
  }

  /// Takes back what was written of the frame.
  package func cancel(in buffer: inout ByteWriter) {
    buffer.truncate(to: headerAt)
  }

  /// Writes a whole frame with an error.
  package static func write(_ refusal: WireRefusal, id: UInt64, into buffer: inout ByteWriter) {
    let frame = begin(type: MessageType.error, id: id, deadline: 0, in: &buffer)
    refusal.encode(into: &buffer)
    frame.finish(in: &buffer)
  }
}
