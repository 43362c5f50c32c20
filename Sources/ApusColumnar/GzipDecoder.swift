internal import CZlib

/// Decompresses gzip members (or a zlib stream) one after the other, until exactly as many bytes have come out as the caller expects.
///
/// zlib never writes beyond the room it is given; a stream that has more to say, or less, is refused.
enum GzipDecoder {
  static func decompress(_ bytes: RawSpan, into target: UnsafeMutableRawBufferPointer) throws(PageFault) {
    guard let inputCount = UInt32(exactly: bytes.byteCount), let room = UInt32(exactly: target.count) else {
      throw .tooLarge("a gzip page of 4 GiB or more")
    }
    var stream = unsafe z_stream()
    // 15 is the largest window; 32 more means that a gzip or a zlib header tells which it is.
    guard
      unsafe inflateInit2_(
        &stream, 15 + 32, ZLIB_VERSION, Int32(truncatingIfNeeded: MemoryLayout<z_stream>.size)) == Z_OK
    else { throw .corrupt("gzip: zlib cannot begin") }
    defer { _ = unsafe inflateEnd(&stream) }
    // zlib reads exactly the span's bytes, though its struct wants a pointer that could be written through.
    let status = unsafe bytes.withUnsafeBytes { input in
      unsafe stream.next_in = UnsafeMutablePointer(
        mutating: input.baseAddress?.assumingMemoryBound(to: UInt8.self))
      unsafe stream.avail_in = inputCount
      unsafe stream.next_out = target.baseAddress?.assumingMemoryBound(to: UInt8.self)
      unsafe stream.avail_out = room
      return unsafe run(&stream)
    }
    let (left, missing) = unsafe (stream.avail_in, stream.avail_out)
    guard status == Z_STREAM_END else {
      throw status == Z_BUF_ERROR && missing > 0
        ? .truncated("gzip data") : .corrupt("gzip: \(name(of: status))")
    }
    guard left == 0, missing == 0 else {
      throw .mismatch(
        "bytes in gzip data", claimed: target.count, found: target.count - Int(truncatingIfNeeded: missing))
    }
  }

  /// Inflates member after member: at each turn of the loop a whole member was consumed, so it ends.
  private static func run(_ stream: inout z_stream) -> Int32 {
    while true {
      let status = unsafe inflate(&stream, Z_FINISH)
      guard status == Z_STREAM_END, unsafe stream.avail_in > 0 else { return status }
      guard unsafe inflateReset(&stream) == Z_OK else { return Z_DATA_ERROR }
    }
  }

  private static func name(of status: Int32) -> String {
    switch status {
    case Z_DATA_ERROR: "the data are damaged"
    case Z_BUF_ERROR: "more comes out than the header says"
    case Z_MEM_ERROR: "no memory"
    case Z_NEED_DICT: "a preset dictionary is asked for"
    default: "zlib's status \(status)"
    }
  }
}
