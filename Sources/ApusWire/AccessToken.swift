// What a client shows in HELLO: a public id and a secret of 32 random bytes. As text, `apus_ID_SECRET`, both hexadecimal, so that it is
// found by whoever looks for leaked secrets, and survives every shell. No description of one says the secret.

package struct AccessToken: Equatable, Sendable {
  package static let idByteCount = 8
  package static let secretByteCount = 32
  private static let prefix = "apus"

  /// 16 hexadecimal digits.
  package let id: String
  package let secret: [UInt8]

  /// Nil unless both are as long as they must be.
  package init?(idBytes: [UInt8], secret: [UInt8]) {
    guard idBytes.count == Self.idByteCount, secret.count == Self.secretByteCount else { return nil }
    id = Self.digits(idBytes)
    self.secret = secret
  }

  /// As `text` spells it, blanks and newlines around it aside; nil for anything else.
  package init?(_ text: String) {
    let blanks: (Character) -> Bool = { $0 == " " || $0 == "\n" || $0 == "\r\n" || $0 == "\t" }
    var word = text[...].drop(while: blanks)
    while let last = word.last, blanks(last) { word.removeLast() }
    let parts = word.split(separator: "_", omittingEmptySubsequences: false)
    guard parts.count == 3, parts[0] == Self.prefix, Self.isID(parts[1]),
      let secret = Self.bytes(parts[2]), secret.count == Self.secretByteCount
    else { return nil }
    id = String(parts[1])
    self.secret = secret
  }

  /// To be shown once, to whoever made it.
  package var text: String { "\(Self.prefix)_\(id)_\(Self.digits(secret))" }

  package static func isID(_ text: some StringProtocol) -> Bool {
    text.utf8.count == 2 * idByteCount && text.utf8.allSatisfy { digit($0) != nil }
  }

  // MARK: Hexadecimal, lower case

  private static func digit(_ byte: UInt8) -> UInt8? {
    switch byte {
    case 0x30...0x39: byte - 0x30
    case 0x61...0x66: byte - 0x61 + 10
    default: nil
    }
  }

  private static func digits(_ bytes: [UInt8]) -> String {
    bytes.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
  }

  private static func bytes(_ text: Substring) -> [UInt8]? {
    let digits = text.utf8.compactMap(digit)
    guard digits.count == text.utf8.count, digits.count % 2 == 0 else { return nil }
    return stride(from: 0, to: digits.count, by: 2).map { digits[$0] << 4 | digits[$0 + 1] }
  }
}

extension AccessToken: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
  package var description: String { "\(Self.prefix)_\(id)_…" }
  package var debugDescription: String { description }
  package var customMirror: Mirror { Mirror(self, children: ["id": id]) }
}
