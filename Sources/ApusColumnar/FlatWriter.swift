// Flatbuffers, as much as Arrow's messages need: a table is told as a tree, and written front to back. Every place that a table
// points to lies behind it; every number lies at a multiple of its size from the first byte of the buffer.

import ApusBytes

/// A field of a table; its id is its place among the table's fields.
enum FlatValue {
  /// Left out: reads as the format's default.
  case absent
  case int8(Int8)
  case int16(Int16)
  case int32(Int32)
  case int64(Int64)
  case text(String)
  case table([FlatValue])
  case tables([[FlatValue]])
  /// Structs of two numbers each.
  case pairs([(Int64, Int64)])

  static func bool(_ value: Bool) -> FlatValue { .int8(value ? 1 : 0) }

  fileprivate var byteCount: Int {
    switch self {
    case .absent: 0
    case .int8: 1
    case .int16: 2
    case .int32, .text, .table, .tables, .pairs: 4
    case .int64: 8
    }
  }
}

enum FlatWriter {
  static func bytes(of root: [FlatValue]) -> [UInt8] {
    var writer = ByteWriter()
    writer.write(0 as UInt32)
    let at = write(root, into: &writer)
    point(from: 0, to: at, in: &writer)
    return writer.bytes.copied()
  }

  /// Returns where the table begins.
  private static func write(_ fields: [FlatValue], into writer: inout ByteWriter) -> Int {
    var end = 4
    var places: [Int] = []
    for field in fields {
      let size = field.byteCount
      if size > 0 { end = (end + size - 1) / size * size }
      places.append(size > 0 ? end : 0)
      end += size
    }
    let vtableCount = 4 + 2 * fields.count
    writer.align(to: 8)
    // So that the table, which follows, begins at a multiple of 8.
    writer.writeZeroes((8 - vtableCount % 8) % 8)
    writer.write(UInt16(vtableCount))
    writer.write(UInt16(end))
    for place in places { writer.write(UInt16(place)) }
    let table = writer.count
    writer.write(Int32(vtableCount))
    writer.writeZeroes(end - 4)
    for (field, place) in zip(fields, places) { write(field, at: table + place, into: &writer) }
    return table
  }

  private static func write(_ field: FlatValue, at place: Int, into writer: inout ByteWriter) {
    switch field {
    case .absent: break
    case .int8(let value): writer.overwrite(value, at: place)
    case .int16(let value): writer.overwrite(value, at: place)
    case .int32(let value): writer.overwrite(value, at: place)
    case .int64(let value): writer.overwrite(value, at: place)
    case .text(let text):
      writer.align(to: 4)
      point(from: place, to: writer.count, in: &writer)
      writer.write(UInt32(text.utf8.count))
      writer.write(utf8: text)
      writer.write(0 as UInt8)
    case .table(let fields):
      let table = write(fields, into: &writer)
      point(from: place, to: table, in: &writer)
    case .tables(let tables):
      writer.align(to: 4)
      let vector = writer.count
      point(from: place, to: vector, in: &writer)
      writer.write(UInt32(tables.count))
      writer.writeZeroes(4 * tables.count)
      for (index, fields) in tables.enumerated() {
        let table = write(fields, into: &writer)
        point(from: vector + 4 + 4 * index, to: table, in: &writer)
      }
    case .pairs(let pairs):
      // The numbers begin after the length, at a multiple of 8.
      writer.align(to: 8)
      writer.writeZeroes(4)
      point(from: place, to: writer.count, in: &writer)
      writer.write(UInt32(pairs.count))
      for (first, second) in pairs {
        writer.write(first)
        writer.write(second)
      }
    }
  }

  private static func point(from place: Int, to target: Int, in writer: inout ByteWriter) {
    writer.overwrite(UInt32(target - place), at: place)
  }
}
