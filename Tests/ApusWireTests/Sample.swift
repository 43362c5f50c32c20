// Messages to try everything with: their bytes, and what they were made to say.

import ApusBytes
import ApusContracts
import ApusTestSupport
import ApusWire
import Testing

struct Sample: Sendable, CustomTestStringConvertible {
  var name: String
  var type: UInt8
  var body: [UInt8]
  /// As the sender meant it.
  var said: Plain
  /// Of a reply to GET.
  var question: Question?

  struct Question: Sendable {
    var columns: [PrepareReply.Column]
    var rows: Int
    var layout: ReplyLayout
    var options: GetOptions

    func plain() throws -> PlainQuestion {
      PlainQuestion(
        types: try columns.map {
          try PlainType(Int($0.type.element.rawValue), Int($0.type.shape.rawValue), $0.type.count)
        },
        hasDefault: columns.map(\.hasDefault), rows: rows, layout: Int(layout.rawValue),
        options: Int(options.rawValue))
    }
  }

  init(_ name: String, _ type: MessageType, isReply: Bool, _ said: Plain, _ write: (inout ByteWriter) -> Void)
  {
    var writer = ByteWriter()
    write(&writer)
    (self.name, self.type, self.said) = (name, isReply ? type.reply : type.rawValue, said)
    body = writer.bytes.copied()
  }

  var testDescription: String { name }

  /// What ApusWire reads in such a body.
  func ours(_ body: [UInt8]) throws(WireError) -> Plain {
    guard let question else { return try Ours.message(type, body) }
    var map = GetReplyMap(ReplyShape(question.columns))
    return try Ours.getReply(
      body, &map, rows: question.rows, layout: question.layout, options: question.options)
  }

  /// What the plain reader reads in such a body.
  func plain(_ body: [UInt8], isOurs: Bool = false) throws -> Plain {
    guard let question else { return try PlainReader.message(type, body) }
    return try PlainReader.getReply(body, try question.plain(), isOurs: isOurs)
  }

  /// A whole frame.
  var frame: [UInt8] {
    var writer = ByteWriter()
    let header = FrameHeader(length: UInt32(body.count), type: type, id: type & 127 == 1 ? 0 : 7)
    header.encode(into: &writer)
    writer.write(body)
    writer.writeZeroes(FrameHeader.padding(behind: header.length))
    return writer.bytes.copied()
  }
}

/// Whatever a sender may say.
struct Chance {
  var random: SplitMix64

  init(seed: UInt64) { random = SplitMix64(seed: seed) }

  mutating func below(_ bound: Int) -> Int { random.below(bound) }
  mutating func flag() -> Bool { random.coin() }
  mutating func u32() -> UInt32 { UInt32(truncatingIfNeeded: random.next()) }
  mutating func lsn() -> LSN { LSN(rawValue: flag() ? UInt64(below(1000)) : random.next()) }
  mutating func i64() -> Int64 { flag() ? Int64(below(2000)) - 1000 : Int64(bitPattern: random.next()) }
  mutating func bytes(_ most: Int) -> [UInt8] { random.bytes(below(most + 1)) }

  mutating func text() -> String {
    var text = ""
    for _ in 0..<below(9) {
      text.append(random.pick(["a", "z", "_", "@", "é", "日", "🜁", "\u{301}", "\0", "\""]))
    }
    return text
  }

  mutating func texts(_ most: Int) -> [String] { (0..<below(most + 1)).map { _ in text() } }

  mutating func type() -> FeatureType {
    let element = random.pick(ElementType.allCases)
    switch below(3) {
    case 0: return .scalar(element)
    case 1: return .list(of: element)
    default: return FeatureType.vector(of: element, count: 1 + below(5)) ?? .scalar(element)
    }
  }

  mutating func value(_ type: FeatureType) -> Value {
    if type.shape == .scalar {
      switch type.element {
      case .bool: return .bool(flag())
      case .int32: return .int32(Int32(truncatingIfNeeded: i64()))
      case .int64: return .int64(i64())
      case .float32: return .float32(Float(bitPattern: u32()))
      case .float64: return .float64(Double(bitPattern: random.next()))
      case .string: return .string(text())
      case .bytes: return .bytes(bytes(9))
      case .timestamp: return .timestamp(nanoseconds: i64())
      }
    }
    let count = type.shape == .vector ? type.count : below(4)
    let elements: Value.Elements =
      switch type.element {
      case .bool: .bool((0..<count).map { _ in flag() })
      case .int32: .int32((0..<count).map { _ in Int32(truncatingIfNeeded: i64()) })
      case .int64: .int64((0..<count).map { _ in i64() })
      case .float32: .float32((0..<count).map { _ in Float(bitPattern: u32()) })
      case .float64: .float64((0..<count).map { _ in Double(bitPattern: random.next()) })
      case .string: .string((0..<count).map { _ in text() })
      case .bytes: .bytes((0..<count).map { _ in bytes(5) })
      case .timestamp: .timestamp(nanoseconds: (0..<count).map { _ in i64() })
      }
    return type.shape == .vector ? .vector(elements) : .list(elements)
  }
}
