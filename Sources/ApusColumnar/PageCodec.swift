internal import ApusBytes

/// How a page's bytes were made smaller, of the ways that we take.
enum PageCodec: Sendable, Equatable {
  case none, snappy, gzip, zstd

  /// The codec of that number, or a refusal that names it.
  static func named(_ codec: ParquetCodec) throws(PageFault) -> PageCodec {
    switch codec {
    case .uncompressed: .none
    case .snappy: .snappy
    case .gzip: .gzip
    case .zstd: .zstd
    default: throw .unsupported("its pages are compressed by \(codec)", advice: PageFault.rewrite)
    }
  }
}

/// Undoes what a codec did, page after page, in one buffer that is kept. Owned by one thread at a time.
///
/// What a page claims is checked before room is made for it, against the limit, and afterwards against what came out.
struct PageDecompressor: ~Copyable {
  private var zstd: ZstdDecompressor?
  private var content = ByteWriter()

  init() {
    zstd = nil
  }

  /// What the last call gave.
  var bytes: RawSpan {
    @_lifetime(borrow self) get { content.bytes }
  }

  mutating func decompress(
    _ bytes: RawSpan, by codec: PageCodec, to byteCount: Int, limit: Int
  ) throws(PageFault) {
    content.removeAll()
    guard byteCount >= 0 else { throw .corrupt("a page of \(byteCount) bytes") }
    guard byteCount <= limit else {
      throw .tooLarge("a page of \(byteCount) bytes; at most \(limit) are read")
    }
    switch codec {
    case .none:
      guard bytes.byteCount == byteCount else {
        throw .mismatch("bytes of a page that is not compressed", claimed: byteCount, found: bytes.byteCount)
      }
      content.write(bytes)
    case .snappy:
      // Before the room is made: a copy of three bytes gives 64, and nothing gives more.
      guard byteCount / 64 <= bytes.byteCount else {
        throw .corrupt("a snappy page claims more than it can hold")
      }
      try unsafe content.append(atMost: byteCount) { (target) throws(PageFault) in
        try unsafe SnappyDecoder.decompress(bytes, into: target)
        return byteCount
      }
    case .gzip:
      // Deflate makes at most 1032 bytes of one.
      guard byteCount / 1032 <= bytes.byteCount else {
        throw .corrupt("a gzip page claims more than it can hold")
      }
      try unsafe content.append(atMost: byteCount) { (target) throws(PageFault) in
        try unsafe GzipDecoder.decompress(bytes, into: target)
        return byteCount
      }
    case .zstd:
      do throws(BytesError) {
        if zstd == nil { zstd = try ZstdDecompressor() }
        try zstd?.decompress(bytes, atMost: byteCount, expecting: byteCount, into: &content)
      } catch {
        throw .corrupt("\(error)")
      }
      guard content.count == byteCount else {
        throw .mismatch("bytes in a zstd page", claimed: byteCount, found: content.count)
      }
    }
  }
}
