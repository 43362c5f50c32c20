// Bytes as text, by RFC 4648: the usual alphabet, padded, nothing in between. One text has one meaning, and the bits that
// padding leaves over are zero, so that one meaning has one text.

enum Base64 {
  static func decode(_ text: Span<UInt8>) -> [UInt8]? {
    guard text.count % 4 == 0 else { return nil }
    var bytes: [UInt8] = []
    bytes.reserveCapacity(text.count / 4 * 3)
    var at = 0
    while at < text.count {
      let isLast = at + 4 == text.count
      let padding = isLast ? (text[at + 3] != 0x3D ? 0 : text[at + 2] != 0x3D ? 1 : 2) : 0
      var group: UInt32 = 0
      for place in 0..<4 - padding {
        guard let value = sextet(text[at + place]) else { return nil }
        group |= UInt32(value) << UInt32(18 - 6 * place)
      }
      let rest = padding == 0 ? 0 : padding == 1 ? group & 0xFF : group & 0xFFFF
      guard rest == 0 else { return nil }
      bytes.append(UInt8(truncatingIfNeeded: group >> 16))
      if padding < 2 { bytes.append(UInt8(truncatingIfNeeded: group >> 8)) }
      if padding < 1 { bytes.append(UInt8(truncatingIfNeeded: group)) }
      at += 4
    }
    return bytes
  }

  private static func sextet(_ byte: UInt8) -> UInt8? {
    switch byte {
    case 0x41...0x5A: byte - 0x41
    case 0x61...0x7A: byte - 0x61 + 26
    case 0x30...0x39: byte - 0x30 + 52
    case 0x2B: 62
    case 0x2F: 63
    default: nil
    }
  }
}
