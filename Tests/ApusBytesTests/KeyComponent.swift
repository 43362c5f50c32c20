import ApusBytes

/// A typed component and a kind of it, so that tests can make tuples of any schema. The order here is the order
/// that encoded keys must have, and is written without a look at the encoding.
enum KeyComponent: Equatable, CustomStringConvertible {
  case bool(Bool)
  case int32(Int32)
  case int64(Int64)
  case timestamp(Int64)
  /// As UTF-8: Swift compares strings by what they mean, keys by what they are.
  case string([UInt8])
  case bytes([UInt8])

  enum Kind: CaseIterable { case bool, int32, int64, timestamp, string, bytes }

  func precedes(_ other: KeyComponent) -> Bool {
    switch (self, other) {
    case (.bool(let a), .bool(let b)): !a && b
    case (.int32(let a), .int32(let b)): a < b
    case (.int64(let a), .int64(let b)), (.timestamp(let a), .timestamp(let b)): a < b
    case (.string(let a), .string(let b)), (.bytes(let a), .bytes(let b)): a.lexicographicallyPrecedes(b)
    default: preconditionFailure("components of one schema have the same kinds")
    }
  }

  var description: String {
    switch self {
    case .bool(let value): "\(value)"
    case .int32(let value): "int32 \(value)"
    case .int64(let value): "int64 \(value)"
    case .timestamp(let value): "timestamp \(value)"
    case .string(let value): "string \(value)"
    case .bytes(let value): "bytes \(value)"
    }
  }
}

func precedes(_ a: [KeyComponent], _ b: [KeyComponent]) -> Bool {
  for (a, b) in zip(a, b) where a != b { return a.precedes(b) }
  return false
}

func encode(_ key: [KeyComponent]) throws(BytesError) -> [UInt8] {
  var encoder = KeyEncoder()
  for component in key {
    switch component {
    case .bool(let value): try encoder.append(value)
    case .int32(let value): try encoder.append(int32: value)
    case .int64(let value): try encoder.append(int64: value)
    case .timestamp(let value): try encoder.append(timestamp: value)
    case .string(let value): try encoder.append(string: String(decoding: value, as: UTF8.self))
    case .bytes(let value): try encoder.append(bytes: unsafe value.span.bytes)
    }
  }
  return encoder.bytes.copied()
}

func decode(_ bytes: [UInt8], as kinds: [KeyComponent.Kind]) throws(BytesError) -> [KeyComponent] {
  var decoder = try KeyDecoder(unsafe bytes.span.bytes)
  var key: [KeyComponent] = []
  for kind in kinds {
    switch kind {
    case .bool: key.append(.bool(try decoder.readBool()))
    case .int32: key.append(.int32(try decoder.readInt32()))
    case .int64: key.append(.int64(try decoder.readInt64()))
    case .timestamp: key.append(.timestamp(try decoder.readTimestamp()))
    case .string: key.append(.string(Array(try decoder.readString().utf8)))
    case .bytes: key.append(.bytes(try decoder.readBytes()))
    }
  }
  try decoder.finish()
  return key
}

extension SplitMix64 {
  mutating func kinds() -> [KeyComponent.Kind] {
    let all = KeyComponent.Kind.allCases
    return (0...below(4)).map { _ in all[below(all.count)] }
  }

  mutating func key(of kinds: [KeyComponent.Kind]) -> [KeyComponent] {
    kinds.map { component(of: $0) }
  }

  /// Values where encodings go wrong: near zero, near the ends, short strings of the bytes with a meaning.
  private mutating func component(of kind: KeyComponent.Kind) -> KeyComponent {
    switch kind {
    case .bool: .bool(flip())
    case .int32: .int32(Int32(truncatingIfNeeded: integer()))
    case .int64: .int64(integer())
    case .timestamp: .timestamp(integer())
    case .string: .string(text())
    case .bytes: .bytes(content())
    }
  }

  private mutating func integer() -> Int64 {
    let edges: [Int64] = [0, 255, 256, Int64(Int32.max), Int64(Int32.min), .max, .min]
    return switch below(3) {
    case 0: Int64(bitPattern: next()) >> Int64(below(64))
    case 1: edges[below(edges.count)] &+ Int64(below(5) - 2)
    default: Int64(below(7) - 3)
    }
  }

  private mutating func content() -> [UInt8] {
    let edges: [UInt8] = [0x00, 0x01, 0x02, 0x61, 0x7f, 0x80, 0xfe, 0xff]
    return (0..<below(5)).map { _ in flip() ? edges[below(edges.count)] : UInt8(truncatingIfNeeded: next()) }
  }

  private mutating func text() -> [UInt8] {
    let edges: [Unicode.Scalar] = [
      "\0", "\u{1}", "\u{2}", "a", "b", "1", "é", "e\u{301}".unicodeScalars.last ?? "x", "世", "🌍",
    ]
    var text = String.UnicodeScalarView()
    for _ in 0..<below(5) { text.append(edges[below(edges.count)]) }
    return Array(String(text).utf8)
  }
}
