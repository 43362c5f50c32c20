import ApusBytes

/// Files as a program of the future may write them: whole, with checksums that match, and not for us.
enum Newer {
  static func version(of bytes: [UInt8], isLine: Bool) -> [UInt8] {
    guard isLine else { return sealed(bytes) { $0[8] = 9 } }
    let fields = String(decoding: bytes, as: UTF8.self).split(separator: " ")
    let body = "\(fields[0]) 9 \(fields[2]) \(fields[3]) "
    let digits = String(checksum(Array(body.utf8)), radix: 16)
    return Array("\(body)\(String(repeating: "0", count: 8 - digits.count))\(digits)\n".utf8)
  }

  static func feature(in bytes: [UInt8]) -> [UInt8] { sealed(bytes) { $0[16] = 4 } }

  /// A file whose header was changed and given its checksum, as `Format.md` says.
  private static func sealed(_ bytes: [UInt8], _ change: (inout [UInt8]) -> Void) -> [UInt8] {
    var bytes = bytes
    change(&bytes)
    let crc = checksum(Array(bytes[0..<12] + bytes[16..<4096]))
    for at in 0..<4 { bytes[12 + at] = UInt8(truncatingIfNeeded: crc >> (8 * UInt32(at))) }
    return bytes
  }

  private static func checksum(_ bytes: [UInt8]) -> UInt32 {
    // An array's elements are all there, and a UInt8 has no padding.
    unsafe CRC32C.checksum(bytes.span.bytes)
  }
}
