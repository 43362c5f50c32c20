internal import CZstd

/// Makes zstd frames, one after the other, in one context that is set up once.
///
/// Every frame says how many bytes it holds, carries a checksum of them, and names its dictionary. It is owned by
/// one thread at a time.
@safe package struct ZstdCompressor: ~Copyable {
  /// Owned by this compressor alone, from `init` to `deinit`.
  private let context: OpaquePointer

  package init(level: ZstdLevel = .standard, dictionary: ZstdDictionary? = nil) throws(BytesError) {
    unsafe context = try Self.makeContext(level, dictionary)
  }

  deinit {
    _ = unsafe ZSTD_freeCCtx(context)
  }

  /// Appends one frame that holds `bytes`; on an error nothing is appended.
  package mutating func compress(
    _ bytes: RawSpan, into writer: inout ByteWriter
  ) throws(BytesError) {
    let bound = ZSTD_compressBound(bytes.byteCount)
    guard ZSTD_isError(bound) == 0 else { throw .compress(.refused("more bytes than one frame can hold")) }
    try unsafe writer.append(atMost: bound) { (target) throws(BytesError) in
      // C reads exactly the span's bytes, writes at most `target.count`, and keeps neither pointer.
      let written = unsafe bytes.withUnsafeBytes {
        unsafe ZSTD_compress2(context, target.baseAddress, target.count, $0.baseAddress, $0.count)
      }
      try Self.check(written)
      return written
    }
  }

  package mutating func compress(_ bytes: RawSpan) throws(BytesError) -> [UInt8] {
    var writer = ByteWriter()
    try compress(bytes, into: &writer)
    return writer.bytes.copied()
  }

  private static func makeContext(
    _ level: ZstdLevel, _ dictionary: ZstdDictionary?
  ) throws(BytesError) -> OpaquePointer {
    guard let context = unsafe ZSTD_createCCtx() else { throw .compress(.outOfMemory) }
    do throws(BytesError) {
      try check(unsafe ZSTD_CCtx_setParameter(context, ZSTD_c_compressionLevel, level.rawValue))
      try check(unsafe ZSTD_CCtx_setParameter(context, ZSTD_c_contentSizeFlag, 1))
      try check(unsafe ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 1))
      try check(unsafe ZSTD_CCtx_setParameter(context, ZSTD_c_dictIDFlag, 1))
      if let dictionary {
        // The context keeps a copy of its own.
        let code = unsafe dictionary.bytes.withUnsafeBytes {
          unsafe ZSTD_CCtx_loadDictionary(context, $0.baseAddress, $0.count)
        }
        try check(code)
      }
    } catch {
      _ = unsafe ZSTD_freeCCtx(context)
      throw error
    }
    return unsafe context
  }

  private static func check(_ code: Int) throws(BytesError) {
    guard ZSTD_isError(code) == 0 else { throw .compress(.refused(zstdErrorName(code))) }
  }
}

/// A compressor is the only owner of its context; to move it is to move that.
extension ZstdCompressor: @unchecked Sendable {}

/// What the library calls this error.
internal func zstdErrorName(_ code: Int) -> String {
  // The name is a constant of the library.
  unsafe String(cString: ZSTD_getErrorName(code)).lowercased()
}
