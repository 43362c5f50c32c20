/// Reads BYTE_STREAM_SPLIT: the first bytes of all values, then all second bytes, and so on, put together again.
enum StreamSplitDecoder {
  /// The values as PLAIN would have them.
  static func plain(_ bytes: RawSpan, count: Int, size: Int) throws(PageFault) -> [UInt8] {
    guard size > 0, count <= bytes.byteCount / size else { throw .truncated("split values") }
    // Values that are missing would shift every stream but the first.
    guard bytes.byteCount == count &* size else {
      throw .mismatch("bytes of \(count) split values", claimed: bytes.byteCount, found: count &* size)
    }
    var values: [UInt8] = []
    try unsafe values.grow(atMost: count &* size) { (target) throws(PageFault) in
      guard let base = target.baseAddress else { return 0 }
      let out = UnsafeMutableRawPointer(base)
      try unsafe bytes.lend { (source) throws(PageFault) in
        switch size {
        case 4: unsafe join(UInt32.self, source, count, out)
        case 8: unsafe join(UInt64.self, source, count, out)
        default:
          for stream in 0..<size {
            for index in 0..<count {
              let byte = unsafe source.load(fromByteOffset: stream &* count &+ index, as: UInt8.self)
              unsafe out.storeBytes(of: byte, toByteOffset: index &* size &+ stream, as: UInt8.self)
            }
          }
        }
      }
      return count &* size
    }
    return values
  }

  private static func join<T: FixedWidthInteger & BitwiseCopyable>(
    _: T.Type, _ source: UnsafeRawPointer, _ count: Int, _ out: UnsafeMutableRawPointer
  ) {
    for index in 0..<count {
      var value: T = 0
      for stream in 0..<MemoryLayout<T>.size {
        let byte = unsafe source.load(fromByteOffset: stream &* count &+ index, as: UInt8.self)
        value |= T(truncatingIfNeeded: byte) &<< T(truncatingIfNeeded: 8 &* stream)
      }
      unsafe out.storeBytes(of: value.littleEndian, toByteOffset: index &* MemoryLayout<T>.size, as: T.self)
    }
  }
}
