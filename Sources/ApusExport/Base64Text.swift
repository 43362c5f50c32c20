// Bytes as text, both ways, by RFC 4648: the same bytes have one text, and what is another is none.

import ApusBytes

enum Base64Text {
  private static let digits = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

  static func text(_ bytes: RawSpan) -> String {
    let all = bytes.copied()
    var text: [UInt8] = []
    var at = 0
    while at < all.count {
      let (first, second, third) = (
        all[at], at + 1 < all.count ? all[at + 1] : 0, at + 2 < all.count ? all[at + 2] : 0
      )
      let word = UInt32(first) << 16 | UInt32(second) << 8 | UInt32(third)
      for place in 0..<4 {
        let isPadding = at + place > all.count
        text.append(isPadding ? UInt8(ascii: "=") : digits[Int(word >> UInt32(18 - 6 * place) & 63)])
      }
      at += 3
    }
    return String(decoding: text, as: UTF8.self)
  }

  /// Nil for what is none, padding left out included.
  static func bytes(_ text: String) -> [UInt8]? {
    let all = Array(text.utf8)
    guard all.count % 4 == 0 else { return nil }
    let padding = all.suffix(2).reversed().prefix { $0 == UInt8(ascii: "=") }.count
    var bytes: [UInt8] = []
    var word: UInt32 = 0
    for (place, character) in all.enumerated() {
      var value: UInt32 = 0
      if place < all.count - padding {
        guard let digit = digits.firstIndex(of: character) else { return nil }
        value = UInt32(truncatingIfNeeded: digit)
      }
      word = word << 6 | value
      guard place % 4 == 3 else { continue }
      bytes.append(UInt8(truncatingIfNeeded: word >> 16))
      bytes.append(UInt8(truncatingIfNeeded: word >> 8))
      bytes.append(UInt8(truncatingIfNeeded: word))
      word = 0
    }
    // What padding stands for has no bits.
    guard bytes.suffix(padding).allSatisfy({ $0 == 0 }) else { return nil }
    return bytes.dropLast(padding)
  }
}
