internal import CChecksum

/// The digest that names things by what they contain: fingerprints of definitions, identities of training sets.
///
/// Taking bytes in pieces comes to the same as taking them at once.
package struct SHA256: Sendable {
  private var state = sha256()

  package init() {
    unsafe sha256_begin(&state)
  }

  package mutating func update(_ bytes: RawSpan) {
    // C reads exactly the span's bytes and keeps no pointer.
    unsafe bytes.withUnsafeBytes { unsafe sha256_update(&state, $0.baseAddress, $0.count) }
  }

  /// The digest of what was taken so far; more may follow.
  package var digest: Digest {
    var last = state
    var bytes = [UInt8](repeating: 0, count: Digest.byteCount)
    // C writes exactly `Digest.byteCount` bytes.
    unsafe bytes.withUnsafeMutableBufferPointer { unsafe sha256_finish(&last, $0.baseAddress) }
    return Digest(unchecked: bytes)
  }

  package static func digest(of bytes: RawSpan) -> Digest {
    var sha = SHA256()
    sha.update(bytes)
    return sha.digest
  }
}

extension SHA256 {
  /// Always 32 bytes. Prints as 64 hexadecimal digits.
  package struct Digest: Hashable, Sendable, CustomStringConvertible {
    package static let byteCount = 32
    package let bytes: [UInt8]

    fileprivate init(unchecked bytes: [UInt8]) { self.bytes = bytes }

    /// Nil unless there are 32 bytes.
    package init?(_ bytes: [UInt8]) {
      guard bytes.count == Self.byteCount else { return nil }
      self.bytes = bytes
    }

    /// Nil unless these are 64 hexadecimal digits.
    package init?(_ text: some StringProtocol) {
      let digits = text.compactMap(\.hexDigitValue)
      guard digits.count == text.utf8.count, digits.count == 2 * Self.byteCount else { return nil }
      bytes = (0..<Self.byteCount).map { UInt8(digits[2 * $0] << 4 | digits[2 * $0 + 1]) }
    }

    package var description: String {
      bytes.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
    }
  }
}
