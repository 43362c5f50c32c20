// Bytes as people read them.

enum Hex {
  /// Two hexadecimal digits, as ASCII.
  static func digits(_ byte: UInt8) -> [UInt8] { [digit(byte >> 4), digit(byte & 0xF)] }

  private static func digit(_ value: UInt8) -> UInt8 { value < 10 ? 0x30 + value : 0x61 + value - 10 }

  /// A checksum, always eight digits wide.
  static func text(_ number: UInt32) -> String { padded(String(number, radix: 16), 8) }
  static func text(_ number: UInt64) -> String { padded(String(number, radix: 16), 16) }

  private static func padded(_ digits: String, _ width: Int) -> String {
    String(repeating: "0", count: max(0, width - digits.count)) + digits
  }

  /// All of `bytes`, in one run of digits.
  static func text(_ bytes: RawSpan) -> String {
    // Any byte is a valid UInt8, so a raw span may be seen as a span of them.
    let span = Span<UInt8>(_bytes: bytes)
    var digits: [UInt8] = []
    digits.reserveCapacity(2 * span.count)
    for at in span.indices {
      digits.append(digit(span[at] >> 4))
      digits.append(digit(span[at] & 0xF))
    }
    return String(decoding: digits, as: UTF8.self)
  }

  /// The bytes of such a run; nil when it is none.
  static func bytes(_ text: String) -> [UInt8]? {
    let digits = Array(text.utf8)
    guard digits.count % 2 == 0 else { return nil }
    var bytes: [UInt8] = []
    for at in stride(from: 0, to: digits.count, by: 2) {
      guard let high = value(digits[at]), let low = value(digits[at + 1]) else { return nil }
      bytes.append(high << 4 | low)
    }
    return bytes
  }

  private static func value(_ digit: UInt8) -> UInt8? {
    switch digit {
    case 0x30...0x39: digit - 0x30
    case 0x41...0x46: digit - 0x41 + 10
    case 0x61...0x66: digit - 0x61 + 10
    default: nil
    }
  }

  /// Rows of sixteen bytes: where, in digits, and as ASCII. Ends when the output does.
  static func dump(_ bytes: RawSpan, into output: Output) {
    let span = Span<UInt8>(_bytes: bytes)
    for start in stride(from: 0, to: span.count, by: 16) where output.goesOn {
      var row = padded(String(start, radix: 16), 8) + " "
      var ascii = ""
      for at in start..<start + 16 {
        if at % 8 == 0 { row += " " }
        guard at < span.count else {
          row += "   "
          continue
        }
        row += String(decoding: digits(span[at]), as: UTF8.self) + " "
        ascii += 0x20..<0x7F ~= span[at] ? String(UnicodeScalar(span[at])) : "."
      }
      output.line("    \(row) |\(ascii)|")
    }
  }
}
