import ApusBytes

/// The one line that names the manifest in force.
struct CurrentFile: Equatable {
  var storeID: StoreID
  var manifest: String

  private static let word = "apus-current"

  var line: String {
    let body = "\(CurrentFile.word) \(Format.version) \(storeID) \(manifest) "
    return body + CurrentFile.checksum(body) + "\n"
  }

  private static func checksum(_ body: String) -> String {
    var writer = ByteWriter(capacity: body.utf8.count)
    writer.write(utf8: body)
    return padded(CRC32C.checksum(writer.bytes), width: 8, radix: 16)
  }

  enum Fault: Error, Equatable {
    case unreadable(String)
    case unsupportedVersion(String)
  }

  /// Reads the line; every character of it is checked.
  static func parse(_ text: String) throws(Fault) -> CurrentFile {
    guard text.hasSuffix("\n") else { throw .unreadable("its line is cut short") }
    let fields = text.dropLast().split(separator: " ", omittingEmptySubsequences: false)
    guard fields.count == 5, fields[0] == word else { throw .unreadable("it is not the line it must be") }
    let body = text.dropLast(1 + fields[4].count)
    guard checksum(String(body)) == fields[4] else { throw .unreadable("its checksum does not match") }
    guard fields[1] == String(Format.version) else { throw .unsupportedVersion(String(fields[1])) }
    guard let storeID = StoreID(hexadecimal: fields[2]) else { throw .unreadable("it names no store id") }
    return CurrentFile(storeID: storeID, manifest: String(fields[3]))
  }
}

extension StoreID {
  init?(hexadecimal text: Substring) {
    let digits = Array(text.utf8)
    guard digits.count == 2 * StoreID.byteCount else { return nil }
    var bytes: [UInt8] = []
    for at in stride(from: 0, to: digits.count, by: 2) {
      guard let byte = UInt8(String(decoding: digits[at...at + 1], as: UTF8.self), radix: 16) else {
        return nil
      }
      bytes.append(byte)
    }
    self.init(bytes)
  }
}
