// What a message says, without any type of ours: names and words in the order in which they are sent.

indirect enum Plain: Equatable, Sendable, CustomStringConvertible {
  /// A number, or bytes in hexadecimal.
  case word(String)
  case text(String)
  case list([Plain])
  case fields([Field])

  struct Field: Equatable, Sendable {
    var name: String
    var value: Plain
  }

  static func number(_ number: some BinaryInteger) -> Plain { .word("\(number)") }
  static func bits(_ value: Double) -> Plain { .word("f64:" + String(value.bitPattern, radix: 16)) }
  static func bits(_ value: Float) -> Plain { .word("f32:" + String(value.bitPattern, radix: 16)) }
  static let nothing = Plain.word("-")

  static func bytes(_ bytes: some Sequence<UInt8>) -> Plain { .word("0x" + hex(bytes)) }

  static func of(_ fields: KeyValuePairs<String, Plain>) -> Plain {
    .fields(fields.map { Field(name: $0.key, value: $0.value) })
  }

  /// By bytes: two texts that look the same may differ.
  static func == (a: Plain, b: Plain) -> Bool {
    switch (a, b) {
    case (.word(let a), .word(let b)): a == b
    case (.text(let a), .text(let b)): a.utf8.elementsEqual(b.utf8)
    case (.list(let a), .list(let b)): a == b
    case (.fields(let a), .fields(let b)): a == b
    default: false
    }
  }

  var description: String {
    switch self {
    case .word(let word): word
    case .text(let text): text.debugDescription
    case .list(let all): "[" + all.map(\.description).joined(separator: ", ") + "]"
    case .fields(let all): "{" + all.map { "\($0.name): \($0.value)" }.joined(separator: ", ") + "}"
    }
  }
}

func hex(_ bytes: some Sequence<UInt8>) -> String {
  let digits = Array("0123456789abcdef".utf8)
  return String(decoding: bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
}
