import ApusSystem

/// Which store a file belongs to: 16 random bytes, given at creation and written into every file.
package struct StoreID: Hashable, Sendable, CustomStringConvertible {
  package static let byteCount = 16

  package let bytes: [UInt8]

  /// Takes exactly 16 bytes; nil for any other count.
  package init?(_ bytes: [UInt8]) {
    guard bytes.count == StoreID.byteCount else { return nil }
    self.bytes = bytes
  }

  package init(using generator: inout some RandomNumberGenerator) {
    bytes = (0..<StoreID.byteCount).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
  }

  package var description: String { bytes.map { padded($0, width: 2, radix: 16) }.joined() }
}

/// A number in digits, zeroes in front up to `width`.
func padded(_ number: some BinaryInteger, width: Int, radix: Int = 10) -> String {
  let digits = String(number, radix: radix)
  return String(repeating: "0", count: max(0, width - digits.count)) + digits
}
