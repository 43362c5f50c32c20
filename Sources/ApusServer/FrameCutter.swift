// Where a frame ends. A frame is handed out if and only if its length is allowed, all of it is there, and its padding is zero;
// nothing else of it is believed here. The length is held against the limit as soon as the header is there, so that no room is ever
// made for a claim.

import ApusBytes
package import ApusWire

package enum FrameCutter {
  package enum Cut: Equatable {
    /// The first so many bytes are one whole frame.
    case frame(FrameHeader, byteCount: Int)
    /// To know more, so many bytes from the frame's first on must be there.
    case needs(Int)
  }

  /// What begins with the first of `bytes`.
  package static func cut(_ bytes: RawSpan, bodyByteCountMax: Int) throws(WireError) -> Cut {
    guard let header = try FrameHeader.decode(bytes) else { return .needs(FrameHeader.byteCount) }
    guard UInt64(header.length) <= UInt64(clamping: bodyByteCountMax) else {
      throw .tooLong(UInt64(header.length), max: UInt64(clamping: bodyByteCountMax))
    }
    // Not above sixteen mebibytes and a little, by the limit.
    let byteCount = header.frameByteCount
    guard bytes.byteCount >= byteCount else { return .needs(byteCount) }
    var at = FrameHeader.byteCount + Int(header.length)
    while at < byteCount {
      guard bytes[at] == 0 else { throw .malformed("a frame's padding is not zero", at: at) }
      at += 1
    }
    return .frame(header, byteCount: byteCount)
  }

  /// Of a frame that was cut.
  @_lifetime(copy frame)
  package static func body(of header: FrameHeader, in frame: RawSpan) -> RawSpan {
    frame.extracting(FrameHeader.byteCount..<(FrameHeader.byteCount + Int(header.length)))
  }
}

extension RawSpan {
  /// The byte there, which must exist.
  fileprivate subscript(_ offset: Int) -> UInt8 {
    precondition(offset >= 0 && offset < byteCount, "a byte is asked for that is not there")
    return unsafe unsafeLoad(fromUncheckedByteOffset: offset, as: UInt8.self)
  }
}
