// Rows as arrays, because `#expect` takes neither spans nor noncopyable values.

import ApusBytes
import ApusContracts
import ApusTestSupport

typealias Bytes = [UInt8]

/// Looks at a row that must be one: structure and content.
func withRow<T>(_ bytes: Bytes, _ layout: RowLayout, _ body: (RowView) throws -> T) throws -> T {
  let row = try RowView(unsafe bytes.span.bytes, layout: layout)
  try row.checkContent(layout)
  return try body(row)
}

func rowError(_ bytes: Bytes, _ layout: RowLayout) -> RowError? {
  do throws(RowError) {
    let row = try RowView(unsafe bytes.span.bytes, layout: layout)
    try row.checkContent(layout)
    return nil
  } catch {
    return error
  }
}

func layout(_ types: [FeatureType]) throws -> RowLayout {
  guard let layout = RowLayout(types) else { throw TestError.noLayout }
  return layout
}

enum TestError: Error { case noLayout, notWhatItWas(String) }

func stamp(_ event: Int64, _ created: Int64 = 0, _ lsn: UInt64) -> Stamp {
  Stamp(
    eventTime: EventTime(nanoseconds: event), createdAt: CreatedAt(nanoseconds: created), lsn: LSN(lsn))
}

func row(_ inputs: [FeatureInput], _ layout: RowLayout, at stamp: Stamp) throws -> Bytes {
  var builder = RowBuilder(layout)
  for input in inputs { try builder.append(input) }
  var writer = ByteWriter()
  builder.writeRow(at: stamp, into: &writer)
  return writer.bytes.copied()
}

func deletedRow(at stamp: Stamp) -> Bytes {
  var writer = ByteWriter()
  RowView(deletedAt: stamp).write(into: &writer)
  return writer.bytes.copied()
}

var emptyRow: Bytes {
  var writer = ByteWriter()
  RowView().write(into: &writer)
  return writer.bytes.copied()
}

/// Folds two rows; what stands before in the writer must not matter.
func fold(_ a: Bytes, _ b: Bytes, _ layout: RowLayout, after count: Int = 0) throws -> Bytes {
  var writer = ByteWriter()
  writer.writeZeroes(count)
  let first = try RowView(unsafe a.span.bytes, layout: layout)
  let second = try RowView(unsafe b.span.bytes, layout: layout)
  switch Fold.fold(first, second, layout: layout, into: &writer) {
  case .unchanged:
    guard writer.count == count else { throw TestError.notWhatItWas("unchanged, and yet written") }
    return a
  case .written:
    return Array(writer.bytes.copied()[count...])
  }
}

func inputs(_ bytes: Bytes, _ layout: RowLayout) throws -> [FeatureInput] {
  try withRow(bytes, layout) { row in
    var all: [FeatureInput] = []
    for slot in layout.slots { all.append(try row.cells.input(slot)) }
    return all
  }
}

func hex(_ bytes: Bytes) -> String {
  let digits = Array("0123456789abcdef")
  return String(bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] })
}

extension SplitMix64 {
  mutating func element() -> ElementType { pick(ElementType.allCases) }

  mutating func type() -> FeatureType {
    switch below(6) {
    case 0: return .list(of: element())
    case 1: return .vector(of: pick([.int32, .int64, .float32, .float64]), count: within(1...5)) ?? .bool
    default: return .scalar(element())
    }
  }

  mutating func number() -> Int64 {
    switch below(4) {
    case 0: pick([0, 1, -1, .min, .max])
    case 1: Int64(within(-3...3))
    default: Int64(bitPattern: next())
    }
  }

  /// Any bits, so NaN with payloads, infinities and negative zero are among them.
  mutating func double() -> Double {
    coin()
      ? Double(bitPattern: next())
      : pick([0.0, -0.0, .nan, -.nan, .signalingNaN, .infinity, -.infinity, .leastNonzeroMagnitude, 1.5])
  }
  mutating func float() -> Float {
    coin() ? Float(bitPattern: UInt32(truncatingIfNeeded: next())) : pick([0, -0.0, .nan, .infinity, 0.25])
  }

  mutating func text() -> String {
    String((0..<below(6)).map { _ in pick(["a", "é", "e\u{301}", "\0", "\u{1}", "漢", "🦉", " "]) })
  }

  mutating func value(_ type: FeatureType) -> Value {
    switch type.shape {
    case .scalar:
      switch type.element {
      case .bool: .bool(coin())
      case .int32: .int32(Int32(truncatingIfNeeded: number()))
      case .int64: .int64(number())
      case .float32: .float32(float())
      case .float64: .float64(double())
      case .string: .string(text())
      case .bytes: .bytes(bytes(below(5)))
      case .timestamp: .timestamp(nanoseconds: number())
      }
    case .list: .list(elements(type.element, below(4)))
    case .vector: .vector(elements(type.element, type.count))
    }
  }

  mutating func elements(_ type: ElementType, _ count: Int) -> Value.Elements {
    let range = 0..<count
    return switch type {
    case .bool: .bool(range.map { _ in coin() })
    case .int32: .int32(range.map { _ in Int32(truncatingIfNeeded: number()) })
    case .int64: .int64(range.map { _ in number() })
    case .float32: .float32(range.map { _ in float() })
    case .float64: .float64(range.map { _ in double() })
    case .string: .string(range.map { _ in text() })
    case .bytes: .bytes(range.map { _ in bytes(below(5)) })
    case .timestamp: .timestamp(nanoseconds: range.map { _ in number() })
    }
  }

  mutating func input(_ type: FeatureType, absent: Double = 0.4, null: Double = 0.2) -> FeatureInput {
    if chance(absent) { return .absent }
    return chance(null) ? .null : .value(value(type))
  }
}
