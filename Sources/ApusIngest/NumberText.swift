// Numbers as files spell them. A whole number is exact or none; a decimal is the float nearest to it, or none where it is
// beyond the largest.

enum NumberText {
  /// Digits, perhaps behind a minus. Nil for anything else, and for what 64 bits do not hold.
  static func int64(_ text: Span<UInt8>) -> Int64? {
    var at = 0
    let isNegative = text.count > 0 && text[0] == 0x2D
    if isNegative { at = 1 }
    guard at < text.count else { return nil }
    // Eighteen digits cannot overflow.
    if text.count - at <= 18 {
      var value: Int64 = 0
      while at < text.count {
        let digit = text[at] &- 0x30
        guard digit < 10 else { return nil }
        value = value &* 10 &+ Int64(digit)
        at += 1
      }
      return isNegative ? -value : value
    }
    var value: Int64 = 0
    while at < text.count {
      let digit = text[at] &- 0x30
      guard digit < 10 else { return nil }
      let (product, overflow) = value.multipliedReportingOverflow(by: 10)
      // Towards the sign, so that the least of all is read, too.
      let (sum, carry) =
        isNegative
        ? product.subtractingReportingOverflow(Int64(digit)) : product.addingReportingOverflow(Int64(digit))
      guard !overflow, !carry else { return nil }
      value = sum
      at += 1
    }
    return value
  }

  /// A decimal as JSON spells it, but for zeros before it, which are free; nil for anything else, and where the nearest
  /// float would be infinite.
  static func float64(_ text: Span<UInt8>) -> Double? {
    var at = 0
    let isNegative = text.count > 0 && text[0] == 0x2D
    if isNegative { at = 1 }
    var mantissa: UInt64 = 0
    var isExact = true
    var power = 0

    func digits(_ isFraction: Bool) -> Bool {
      let start = at
      while at < text.count {
        let digit = text[at] &- 0x30
        guard digit < 10 else { break }
        // 19 digits fit into 64 bits.
        if mantissa < 1_000_000_000_000_000_000 {
          mantissa = mantissa &* 10 &+ UInt64(digit)
          if isFraction { power -= 1 }
        } else {
          isExact = false
        }
        at += 1
      }
      return at > start
    }
    guard digits(false) else { return nil }
    if at < text.count, text[at] == 0x2E {
      at += 1
      guard digits(true) else { return nil }
    }
    if at < text.count, text[at] | 0x20 == 0x65 {
      at += 1
      var isDown = false
      if at < text.count, text[at] == 0x2B || text[at] == 0x2D {
        isDown = text[at] == 0x2D
        at += 1
      }
      let start = at
      var exponent = 0
      while at < text.count {
        let digit = text[at] &- 0x30
        guard digit < 10 else { break }
        // Far beyond any float, and far from overflowing.
        if exponent < 100_000 { exponent = exponent * 10 + Int(digit) }
        at += 1
      }
      guard at > start else { return nil }
      power += isDown ? -exponent : exponent
    }
    guard at == text.count else { return nil }
    // Clinger's fast path: both are exact in a double, so that one rounding is all there is.
    if isExact, mantissa <= 1 << 53, power >= -22, power <= 22 {
      let whole = Double(mantissa)
      let value = power < 0 ? whole / powers[-power] : whole * powers[power]
      return isNegative ? -value : value
    }
    guard let spelled = Texts.string(text), let value = Double(spelled), value.isFinite else { return nil }
    return value
  }

  private static let powers: [Double] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18,
    1e19, 1e20, 1e21, 1e22,
  ]

  /// `nan`, `inf`, `infinity`, in any case, perhaps behind a sign.
  static func notFinite(_ text: Span<UInt8>) -> Double? {
    var at = 0
    var isNegative = false
    if text.count > 0, text[0] == 0x2D || text[0] == 0x2B {
      isNegative = text[0] == 0x2D
      at = 1
    }
    let word = text.extracting(at...)
    if Texts.reads(word, "inf") || Texts.reads(word, "infinity") {
      return isNegative ? -Double.infinity : Double.infinity
    }
    return Texts.reads(word, "nan") ? Double.nan : nil
  }
}

enum Texts {
  /// Nil unless it is valid UTF-8: nothing is repaired.
  static func string(_ text: Span<UInt8>) -> String? {
    guard let checked = try? UTF8Span(validating: text) else { return nil }
    return String(copying: checked)
  }

  /// Whether it is an ASCII word in small letters, in whatever case.
  static func reads(_ text: Span<UInt8>, _ word: StaticString) -> Bool {
    guard text.count == word.utf8CodeUnitCount else { return false }
    return word.withUTF8Buffer { letters in
      for at in 0..<text.count {
        let byte = text[at]
        let lowered = byte >= 0x41 && byte <= 0x5A ? byte | 0x20 : byte
        guard unsafe lowered == letters[at] else { return false }
      }
      return true
    }
  }

  static func bytes(_ text: Span<UInt8>) -> [UInt8] {
    var copy: [UInt8] = []
    copy.reserveCapacity(text.count)
    for at in 0..<text.count { copy.append(text[at]) }
    return copy
  }
}
