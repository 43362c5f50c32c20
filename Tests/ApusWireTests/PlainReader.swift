// A second reader of the protocol, written from Protocol.md alone and using nothing of ApusWire: slow, plain, and strict where
// the page is. It answers with names and words.

struct PlainFault: Error, CustomStringConvertible {
  let description: String
}

/// A type of the table *Values*.
struct PlainType: Equatable, Sendable {
  let element: Int
  let shape: Int
  let count: Int

  init(_ element: Int, _ shape: Int, _ count: Int) throws {
    guard (1...8).contains(element), (0...2).contains(shape) else { throw PlainFault(description: "no type") }
    let isVector = shape == 2
    guard isVector ? (2...5).contains(element) && count > 0 : count == 0 else {
      throw PlainFault(description: "no type")
    }
    (self.element, self.shape, self.count) = (element, shape, count)
  }

  /// Of one element; 0 when sizes differ.
  var elementSize: Int { [1: 1, 2: 4, 3: 8, 4: 4, 5: 8, 8: 8][element] ?? 0 }
  /// Of a value; 0 when sizes differ.
  var fixedSize: Int { shape == 1 ? 0 : shape == 2 ? elementSize * count : elementSize }
  var isTexts: Bool { shape == 1 && elementSize == 0 }
  var plain: Plain { .list([.number(element), .number(shape), .number(count)]) }
}

final class PlainReader {
  let bytes: [UInt8]
  var at = 0

  init(_ bytes: [UInt8]) { self.bytes = bytes }

  func take(_ count: Int) throws -> [UInt8] {
    guard count >= 0, count <= bytes.count - at else { throw PlainFault(description: "cut at \(at)") }
    at += count
    return Array(bytes[(at - count)..<at])
  }

  func u(_ size: Int) throws -> UInt64 { PlainReader.number(try take(size)) }

  static func number(_ bytes: [UInt8]) -> UInt64 { bytes.reversed().reduce(0) { $0 << 8 | UInt64($1) } }

  func int(_ size: Int) throws -> Int {
    let number = try u(size)
    guard let int = Int(exactly: number) else { throw PlainFault(description: "\(number) is too much") }
    return int
  }

  func number(_ size: Int) throws -> Plain { .number(try u(size)) }
  func signed() throws -> Plain { .number(Int64(bitPattern: try u(8))) }
  func long() throws -> [UInt8] { try take(try int(4)) }
  func short() throws -> [UInt8] { try take(try int(2)) }
  func text() throws -> Plain { try Self.text(try long()) }
  func name() throws -> Plain { try Self.text(try short()) }

  static func text(_ bytes: [UInt8]) throws -> Plain {
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw PlainFault(description: "no UTF-8")
    }
    return .text(text)
  }

  func zero(_ count: Int) throws {
    guard try take(count).allSatisfy({ $0 == 0 }) else { throw PlainFault(description: "not zero") }
  }

  func align() throws { while at % 8 != 0 { try zero(1) } }

  func flag() throws -> Bool { try one(of: 0...1, size: 1) == 1 }

  func one(of range: ClosedRange<Int>, size: Int) throws -> Int {
    let number = try int(size)
    guard range.contains(number) else { throw PlainFault(description: "\(number) is not known") }
    return number
  }

  func list(_ size: Int, _ item: () throws -> Plain) throws -> Plain {
    var all: [Plain] = []
    for _ in 0..<(try int(size)) { all.append(try item()) }
    return .list(all)
  }

  func type() throws -> PlainType { try PlainType(try int(1), try int(1), try int(2)) }

  func end() throws {
    guard at == bytes.count else { throw PlainFault(description: "too long") }
  }

  // MARK: Values

  static func scalar(_ bytes: [UInt8], _ element: Int) throws -> Plain {
    let sizes = [1: 1, 2: 4, 3: 8, 4: 4, 5: 8, 8: 8]
    if let size = sizes[element], size != bytes.count { throw PlainFault(description: "a value's size") }
    switch element {
    case 1:
      guard bytes[0] <= 1 else { throw PlainFault(description: "no bool") }
      return .number(bytes[0])
    case 2: return .number(Int32(truncatingIfNeeded: number(bytes)))
    case 3, 8: return .number(Int64(bitPattern: number(bytes)))
    case 4: return .bits(Float(bitPattern: UInt32(number(bytes))))
    case 5: return .bits(Double(bitPattern: number(bytes)))
    case 6: return try text(bytes)
    default: return .bytes(bytes)
    }
  }

  /// A value that stands alone.
  static func value(_ bytes: [UInt8], _ type: PlainType) throws -> Plain {
    if type.shape == 0 { return try scalar(bytes, type.element) }
    if type.isTexts {
      let reader = PlainReader(bytes)
      let count = try reader.int(4)
      var ends: [Int] = [0]
      for _ in 0..<count { ends.append(try reader.int(4)) }
      let rest = try reader.take(bytes.count - reader.at)
      return .list(try slices(rest, ends).map { try scalar($0, type.element) })
    }
    guard bytes.count % type.elementSize == 0, type.shape == 1 || bytes.count == type.fixedSize else {
      throw PlainFault(description: "a value's size")
    }
    return .list(
      try stride(from: 0, to: bytes.count, by: type.elementSize).map {
        try scalar(Array(bytes[$0..<($0 + type.elementSize)]), type.element)
      })
  }

  /// What lies between the ends, which begin at 0, ascend, and end where the bytes do.
  static func slices(_ bytes: [UInt8], _ ends: [Int]) throws -> [[UInt8]] {
    guard ends.first == 0, ends.last == bytes.count, zip(ends, ends.dropFirst()).allSatisfy({ $0 <= $1 })
    else {
      throw PlainFault(description: "ends")
    }
    return zip(ends, ends.dropFirst()).map { Array(bytes[$0..<$1]) }
  }

  // MARK: Columns

  /// Section 1 of a column: the values, or the ends.
  func section1(_ type: PlainType, rows: Int) throws -> (values: [[UInt8]], ends: [Int]) {
    if type.fixedSize > 0 {
      var values: [[UInt8]] = []
      for _ in 0..<rows { values.append(try take(type.fixedSize)) }
      try align()
      return (values, [])
    }
    var ends: [Int] = []
    for _ in 0...rows { ends.append(try int(4)) }
    try align()
    return ([], ends)
  }

  /// Section 2, and each row's value in the form in which it stands alone.
  func section2(_ type: PlainType, _ first: (values: [[UInt8]], ends: [Int])) throws -> [[UInt8]] {
    if type.fixedSize > 0 { return first.values }
    guard first.ends.first == 0, zip(first.ends, first.ends.dropFirst()).allSatisfy({ $0 <= $1 }) else {
      throw PlainFault(description: "ends")
    }
    let counted = first.ends[first.ends.count - 1]
    let texts: [[UInt8]]
    if type.isTexts {
      var ends: [Int] = []
      for _ in 0...counted { ends.append(try int(4)) }
      try align()
      texts = try Self.slices(try take(ends[counted]), ends)
    } else {
      let size = max(type.shape == 1 ? type.elementSize : 1, 1)
      var all: [[UInt8]] = []
      for _ in 0..<counted { all.append(try take(size)) }
      texts = all
    }
    try align()
    return zip(first.ends, first.ends.dropFirst()).map { start, end in
      let mine = texts[start..<end]
      guard type.isTexts else { return Array(mine.joined()) }
      var sum: UInt32 = 0
      var alone = Self.little(UInt32(mine.count))
      for one in mine {
        sum += UInt32(one.count)
        alone += Self.little(sum)
      }
      return alone + mine.joined()
    }
  }

  private static func little(_ number: UInt32) -> [UInt8] {
    (0..<4).map { UInt8(truncatingIfNeeded: number >> UInt32(8 * $0)) }
  }
}
