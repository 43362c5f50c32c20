internal import CZstd

/// What can be known of a frame before any of it is decompressed.
internal enum ZstdFrame {
  /// How many bytes the frame claims to hold, or nil when it does not say. Throws unless the bytes are exactly one
  /// complete frame, made with the dictionary of that number or with none.
  static func claimedByteCount(
    of frame: RawSpan, dictionaryID: UInt32?
  ) throws(BytesError) -> UInt64? {
    var reader = ByteReader(frame)
    guard let magic = try? reader.read(UInt32.self) else { throw .decompress(.incomplete) }
    // Skippable frames have other numbers; nobody who stores data means one.
    guard magic == ZSTD_MAGICNUMBER else { throw .decompress(.notAFrame) }

    let length = try byteCount(of: frame)
    guard length == frame.byteCount else {
      throw .decompress(.trailingBytes(frame.byteCount - length))
    }

    // C reads exactly the span's bytes and keeps no pointer; so below.
    let needed = unsafe frame.withUnsafeBytes { unsafe ZSTD_getDictID_fromFrame($0.baseAddress, $0.count) }
    guard needed == 0 || needed == dictionaryID else {
      throw .decompress(.wrongDictionary(needed: needed, present: dictionaryID))
    }

    let claimed = unsafe frame.withUnsafeBytes {
      unsafe ZSTD_getFrameContentSize($0.baseAddress, $0.count)
    }
    switch claimed {
    case UInt64(bitPattern: -1): return nil  // ZSTD_CONTENTSIZE_UNKNOWN
    case UInt64(bitPattern: -2): throw .decompress(.incomplete)  // ZSTD_CONTENTSIZE_ERROR
    default: return claimed
    }
  }

  /// Where the first frame ends, found by walking over its blocks' headers.
  private static func byteCount(of frame: RawSpan) throws(BytesError) -> Int {
    let code = unsafe frame.withUnsafeBytes {
      unsafe ZSTD_findFrameCompressedSize($0.baseAddress, $0.count)
    }
    guard ZSTD_isError(code) != 0 else { return code }
    guard ZSTD_getErrorCode(code) == ZSTD_error_srcSize_wrong else {
      throw .decompress(.refused(zstdErrorName(code)))
    }
    throw .decompress(.incomplete)
  }
}
