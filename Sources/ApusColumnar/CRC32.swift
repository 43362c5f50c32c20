internal import CZlib

/// The CRC that Parquet's page headers carry: the one of gzip and Ethernet (polynomial 04C11DB7), 0 of nothing.
///
/// It is not the Castagnoli CRC of our own formats; see ``CRC32C`` in ApusBytes.
package enum CRC32 {
  package static func checksum(_ bytes: RawSpan) -> UInt32 {
    extend(0, bytes)
  }

  package static func extend(_ crc: UInt32, _ bytes: RawSpan) -> UInt32 {
    // To zlib, no pointer means: begin anew.
    if bytes.isEmpty { return crc }
    // zlib reads exactly the span's bytes and keeps no pointer.
    return unsafe bytes.withUnsafeBytes {
      UInt32(truncatingIfNeeded: unsafe crc32_z(UInt(crc), $0.baseAddress, $0.count))
    }
  }
}
