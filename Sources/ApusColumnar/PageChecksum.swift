/// CRC-32 as gzip has it, over polynomial 0x04C11DB7 reflected: what Parquet's page headers carry.
///
/// Eight bytes a step, by eight tables: entry b of table k is the checksum of byte b with k zero bytes behind it.
package enum PageChecksum {
  package static func checksum(_ bytes: RawSpan) -> UInt32 {
    var crc: UInt32 = ~0
    var at = 0
    let end = bytes.byteCount
    let tables = Self.tables.span
    while end &- at >= 8 {
      // `at + 8 ≤ end`, and every index is table (0 to 7) times 256 plus a byte, below 2048.
      let word = UInt64(
        littleEndian: unsafe bytes.unsafeLoadUnaligned(fromUncheckedByteOffset: at, as: UInt64.self))
      let low = word ^ UInt64(crc)
      crc = unsafe tables[unchecked: 1792 &+ byte(low, 0)] ^ tables[unchecked: 1536 &+ byte(low, 8)]
      crc ^= unsafe tables[unchecked: 1280 &+ byte(low, 16)] ^ tables[unchecked: 1024 &+ byte(low, 24)]
      crc ^= unsafe tables[unchecked: 768 &+ byte(low, 32)] ^ tables[unchecked: 512 &+ byte(low, 40)]
      crc ^= unsafe tables[unchecked: 256 &+ byte(low, 48)] ^ tables[unchecked: byte(low, 56)]
      at &+= 8
    }
    while at < end {
      let next = unsafe bytes.unsafeLoad(fromUncheckedByteOffset: at, as: UInt8.self)
      crc = (crc >> 8) ^ tables[Int((crc ^ UInt32(next)) & 0xff)]
      at &+= 1
    }
    return ~crc
  }

  @inline(__always)
  private static func byte(_ word: UInt64, _ shift: UInt64) -> Int {
    Int(truncatingIfNeeded: (word >> shift) & 0xff)
  }

  private static let tables: [UInt32] = {
    var tables = [UInt32](repeating: 0, count: 8 * 256)
    for byte in 0..<256 {
      var crc = UInt32(byte)
      for _ in 0..<8 { crc = crc & 1 == 1 ? (crc >> 1) ^ 0xedb8_8320 : crc >> 1 }
      tables[byte] = crc
    }
    for at in 256..<(8 * 256) {
      let before = tables[at - 256]
      tables[at] = (before >> 8) ^ tables[Int(before & 0xff)]
    }
    return tables
  }()
}
