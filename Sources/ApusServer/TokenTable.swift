// The tokens that a server knows: who made them may do what, and of each secret only its SHA-256. As text, a line each,
// between a line that names the format and a checksum; what is not exactly so is refused, and never read in part
// (Tokens.md).

package import ApusBytes
import ApusContracts
package import ApusSystem
import ApusWire

extension Scope {
  private static let words: [(name: String, scope: Scope)] = [
    ("read", .read), ("ingest", .ingest), ("admin", .admin),
  ]

  /// Nil for a word that is none of them, for one that comes twice, and for none at all.
  package init?(_ text: String) {
    var all: Scope = []
    for word in text.split(separator: ",", omittingEmptySubsequences: false) {
      guard let scope = Self.words.first(where: { $0.name == word })?.scope, !all.contains(scope) else {
        return nil
      }
      all.insert(scope)
    }
    self = all
  }
}

package struct TokenRecord: Equatable, Sendable {
  package let id: String
  /// Chosen by a person; no two tokens have the same.
  package let name: String
  package let digest: SHA256.Digest
  package let scopes: Scope
  /// Nil: every project.
  package let project: String?
  package let created: WallTime

  package init(
    id: String, name: String, digest: SHA256.Digest, scopes: Scope, project: String?, created: WallTime
  ) {
    self.id = id
    self.name = name
    self.digest = digest
    self.scopes = scopes
    self.project = project
    self.created = created
  }
}

package struct TokenTable: Equatable, Sendable {
  package static let tokensMax = 10_000
  package static let byteCountMax = 4 << 20
  package static let nameByteCountMax = 64

  package private(set) var records: [TokenRecord] = []

  package init() {}

  package subscript(id: String) -> TokenRecord? { records.first { $0.id == id } }

  /// By its name or its id.
  package func find(_ word: String) -> TokenRecord? {
    records.first { $0.name == word } ?? records.first { $0.id == word }
  }

  package mutating func add(_ record: TokenRecord) { records.append(record) }
  package mutating func remove(_ id: String) { records.removeAll { $0.id == id } }

  /// A name is letters, digits, `.`, `-` and `_`, and does not look like an id.
  package static func isName(_ text: some StringProtocol) -> Bool {
    1...nameByteCountMax ~= text.utf8.count && !AccessToken.isID(text)
      && text.utf8.allSatisfy { byte in
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2E, 0x2D, 0x5F: true
        default: false
        }
      }
  }
}

// MARK: As text

extension TokenTable {
  private static let head = "apus-tokens 1"
  private static let checksum = "crc32c "

  package var bytes: [UInt8] {
    var text = Self.head + "\n"
    for record in records {
      text += "\(record.id) \(record.digest) \(record.scopes) \(record.project ?? "*") "
      text += "\(record.created.nanoseconds) \(record.name)\n"
    }
    let body = Array(text.utf8)
    return body + Array((Self.checksum + Self.checksumText(body) + "\n").utf8)
  }

  /// Nil when they are not exactly what some table writes.
  package init?(_ bytes: [UInt8]) {
    guard bytes.count <= Self.byteCountMax, bytes.allSatisfy({ $0 == 0x0A || 0x20...0x7E ~= $0 }) else {
      return nil
    }
    var lines = String(decoding: bytes, as: UTF8.self).split(
      separator: "\n", omittingEmptySubsequences: false)
    guard lines.count >= 3, lines.removeLast().isEmpty, let last = lines.popLast(), lines[0] == Self.head,
      last.hasPrefix(Self.checksum)
    else { return nil }
    let body = Array(bytes.dropLast(last.utf8.count + 1))
    guard last.dropFirst(Self.checksum.count) == Self.checksumText(body) else { return nil }
    for line in lines.dropFirst() {
      guard let record = Self.record(line), find(record.name) == nil, self[record.id] == nil else {
        return nil
      }
      records.append(record)
    }
    guard records.count <= Self.tokensMax else { return nil }
  }

  private static func record(_ line: Substring) -> TokenRecord? {
    let words = line.split(separator: " ", omittingEmptySubsequences: false)
    guard words.count == 6, AccessToken.isID(words[0]), let digest = SHA256.Digest(words[1]),
      let scopes = Scope(String(words[2])), let nanoseconds = Int64(words[4]), isName(words[5]),
      words[3] == "*" || DefinitionName.fault(in: String(words[3])) == nil
    else { return nil }
    return TokenRecord(
      id: String(words[0]), name: String(words[5]), digest: digest, scopes: scopes,
      project: words[3] == "*" ? nil : String(words[3]), created: WallTime(nanoseconds: nanoseconds))
  }

  private static func checksumText(_ bytes: [UInt8]) -> String {
    let digits = String(unsafe CRC32C.checksum(bytes.span.bytes), radix: 16)
    return String(repeating: "0", count: 8 - digits.count) + digits
  }
}
