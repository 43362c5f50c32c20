internal import CZstd

/// Reads zstd frames from anyone, one after the other, in one context that is set up once.
///
/// The caller names the most bytes that may come out, and room for more is never made, whatever a frame claims or
/// does. What is given must be one frame and nothing else. A frame's own checksum is verified, and
/// a frame that names a dictionary is read with that one or not at all. It is owned by one thread at a time.
@safe package struct ZstdDecompressor: ~Copyable {
  /// Owned by this decompressor alone, from `init` to `deinit`.
  private let context: OpaquePointer
  private let dictionaryID: UInt32?

  package init(dictionary: ZstdDictionary? = nil) throws(BytesError) {
    unsafe context = try Self.makeContext(dictionary)
    dictionaryID = dictionary?.id
  }

  deinit {
    _ = unsafe ZSTD_freeDCtx(context)
  }

  /// Appends what the frame holds, at most `limit` bytes; on an error nothing is appended. The limit is memory
  /// that the caller is ready to give. Who knows better than a frame that does not say how much it holds says what to
  /// expect, so that one try does.
  package mutating func decompress(
    _ frame: RawSpan, atMost limit: Int, expecting expected: Int = ZstdDecompressor.roomMin,
    into writer: inout ByteWriter
  ) throws(BytesError) {
    precondition(limit >= 0, "a limit cannot be negative")
    guard let claimed = try ZstdFrame.claimedByteCount(of: frame, dictionaryID: dictionaryID) else {
      return try decompressUnsized(frame, atMost: limit, expecting: expected, into: &writer)
    }
    guard let byteCount = Int(exactly: claimed), byteCount <= limit else {
      throw .decompress(.tooLarge(claimed: claimed, limit: limit))
    }
    guard let found = try attempt(frame, atMost: byteCount, into: &writer) else {
      throw .decompress(.lengthMismatch(claimed: claimed, found: nil))
    }
    guard found == byteCount else {
      writer.truncate(to: writer.count - found)
      throw .decompress(.lengthMismatch(claimed: claimed, found: found))
    }
  }

  package mutating func decompress(_ frame: RawSpan, atMost limit: Int) throws(BytesError) -> [UInt8] {
    var writer = ByteWriter()
    try decompress(frame, atMost: limit, into: &writer)
    return writer.bytes.copied()
  }

  /// Reads a frame that does not say how much it holds; not one of ours, as those do. Tried with more and more
  /// room, so that a generous limit costs no memory; all tries together take about twice as long as the last.
  private mutating func decompressUnsized(
    _ frame: RawSpan, atMost limit: Int, expecting expected: Int, into writer: inout ByteWriter
  ) throws(BytesError) {
    var room = min(limit, max(expected, Self.roomMin))
    while true {
      if try attempt(frame, atMost: room, into: &writer) != nil { return }
      guard room < limit else { throw .decompress(.tooLarge(claimed: nil, limit: limit)) }
      room = room > limit / 2 ? limit : room * 2
    }
  }

  /// Appends what the frame holds and says how much that was; nil, and nothing appended, when `room` is too little.
  private mutating func attempt(
    _ frame: RawSpan, atMost room: Int, into writer: inout ByteWriter
  ) throws(BytesError) -> Int? {
    var fits = true
    let before = writer.count
    try unsafe writer.append(atMost: room) { (target) throws(BytesError) in
      // C reads exactly the span's bytes, writes at most `target.count`, and keeps neither pointer.
      let code = unsafe frame.withUnsafeBytes {
        unsafe ZSTD_decompressDCtx(context, target.baseAddress, target.count, $0.baseAddress, $0.count)
      }
      guard ZSTD_isError(code) != 0 else { return code }
      guard ZSTD_getErrorCode(code) == ZSTD_error_dstSize_tooSmall else {
        throw .decompress(.refused(zstdErrorName(code)))
      }
      fits = false
      return 0
    }
    return fits ? writer.count - before : nil
  }

  /// The first try's room where nobody knows what to expect.
  package static let roomMin = 64 * 1024

  private static func makeContext(_ dictionary: ZstdDictionary?) throws(BytesError) -> OpaquePointer {
    guard let context = unsafe ZSTD_createDCtx() else { throw .decompress(.outOfMemory) }
    guard let dictionary else { return unsafe context }
    // The context keeps a copy of its own.
    let code = unsafe dictionary.bytes.withUnsafeBytes {
      unsafe ZSTD_DCtx_loadDictionary(context, $0.baseAddress, $0.count)
    }
    guard ZSTD_isError(code) == 0 else {
      _ = unsafe ZSTD_freeDCtx(context)
      throw .decompress(.refused(zstdErrorName(code)))
    }
    return unsafe context
  }
}

/// A decompressor is the only owner of its context; to move it is to move that.
extension ZstdDecompressor: @unchecked Sendable {}
