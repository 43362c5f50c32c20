// What a run says beside its columns: whose it is, what its columns are, and what its pages must be. All of it is text, so
// that people can read it with any tool.

import ApusBytes
import ApusColumnar
import ApusContracts

struct RunMetadata {
  private let id: HistoryFileID
  private let schema: RunSchema
  private let lsns: LSNRange

  init(_ id: HistoryFileID, _ schema: RunSchema, _ lsns: LSNRange) {
    self.id = id
    self.schema = schema
    self.lsns = lsns
  }

  /// What is known before the first event.
  var values: [ColumnMetadata] {
    [
      ColumnMetadata(key: Self.version, value: "\(RunFormat.version)"),
      ColumnMetadata(key: Self.store, value: id.storeText),
      ColumnMetadata(key: Self.file, value: "\(id.file)"),
      ColumnMetadata(key: Self.view, value: schema.view),
      ColumnMetadata(key: Self.viewVersion, value: "\(schema.viewVersion.rawValue)"),
      ColumnMetadata(key: Self.lsns, value: "\(lsns.first)..\(lsns.last)"),
      ColumnMetadata(key: Self.types, value: Self.list(schema.features.map(\.type.id))),
      ColumnMetadata(key: Self.keys, value: Self.list(schema.keys.map { UInt32($0.type.rawValue) })),
      ColumnMetadata(key: Self.columns, value: Self.words),
    ]
  }

  /// What is known after the last event.
  static func lastValues(events: UInt64, _ digest: EventDigest, _ crcs: [UInt32]) -> [ColumnMetadata] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(crcs.count * 4)
    for crc in crcs {
      for shift in [0, 8, 16, 24] as [UInt32] { bytes.append(UInt8(truncatingIfNeeded: crc >> shift)) }
    }
    return [
      ColumnMetadata(key: Self.events, value: "\(events)"),
      ColumnMetadata(key: Self.digest, value: "\(digest)"),
      ColumnMetadata(key: Self.pages, value: Base64.text(bytes)),
    ]
  }

  static let version = "apus.run"
  static let store = "apus.store"
  static let file = "apus.file"
  static let view = "apus.view"
  static let viewVersion = "apus.view_version"
  static let lsns = "apus.lsns"
  static let types = "apus.types"
  static let keys = "apus.keys"
  static let columns = "apus.columns"
  static let events = "apus.events"
  static let digest = "apus.digest"
  static let pages = "apus.pages"

  private static let words =
    "One row is one event; rows are sorted by _key, _event_time, _created_at, _lsn. _deleted ends the entity's row at its stamp. "
    + "F__said false: the event says nothing of F; true with F null: it says null."

  private static func list(_ numbers: [UInt32]) -> String {
    numbers.map { "\($0)" }.joined(separator: ",")
  }
}

/// Bytes as text in the alphabet of RFC 4648, filled with `=`.
enum Base64 {
  private static let digits = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

  static func text(_ bytes: [UInt8]) -> String {
    var text: [UInt8] = []
    text.reserveCapacity((bytes.count + 2) / 3 * 4)
    for start in stride(from: 0, to: bytes.count, by: 3) {
      let group = bytes[start..<min(start + 3, bytes.count)]
      var word: UInt32 = 0
      for byte in group { word = word << 8 | UInt32(byte) }
      word <<= UInt32(8 * (3 - group.count))
      for place in 0..<4 {
        let digit = digits[Int(word >> UInt32(18 - 6 * place) & 63)]
        text.append(place <= group.count ? digit : UInt8(ascii: "="))
      }
    }
    return String(decoding: text, as: UTF8.self)
  }

  /// Nil unless the text is one that `text` makes.
  static func bytes(_ text: String) -> [UInt8]? {
    let characters = Array(text.utf8)
    guard characters.count % 4 == 0 else { return nil }
    var bytes: [UInt8] = []
    bytes.reserveCapacity(characters.count / 4 * 3)
    for start in stride(from: 0, to: characters.count, by: 4) {
      var word: UInt32 = 0
      var filled = 0
      for character in characters[start..<(start + 4)] {
        if character == UInt8(ascii: "=") {
          filled += 1
          word <<= 6
        } else {
          guard filled == 0, let digit = digit(character) else { return nil }
          word = word << 6 | UInt32(digit)
        }
      }
      guard filled <= 2 else { return nil }
      for place in 0..<(3 - filled) {
        bytes.append(UInt8(truncatingIfNeeded: word >> UInt32(16 - 8 * place)))
      }
    }
    return self.text(bytes) == text ? bytes : nil
  }

  private static func digit(_ character: UInt8) -> UInt8? {
    switch character {
    case UInt8(ascii: "A")...UInt8(ascii: "Z"): character &- UInt8(ascii: "A")
    case UInt8(ascii: "a")...UInt8(ascii: "z"): character &- UInt8(ascii: "a") &+ 26
    case UInt8(ascii: "0")...UInt8(ascii: "9"): character &- UInt8(ascii: "0") &+ 52
    case UInt8(ascii: "+"): 62
    case UInt8(ascii: "/"): 63
    default: nil
    }
  }
}
