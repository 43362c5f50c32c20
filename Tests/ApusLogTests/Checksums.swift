// Checksums as a forger would make them, to plant what a newer program might write.

import ApusBytes

/// The checksum of a file header, as four bytes.
func headerChecksum(_ file: [UInt8]) -> [UInt8] {
  var writer = ByteWriter()
  writer.write(Array(file[..<12]))
  writer.write(Array(file[16..<4096]))
  let crc = CRC32C.checksum(writer.bytes)
  return (0..<4).map { UInt8(truncatingIfNeeded: crc >> (8 * $0)) }
}
