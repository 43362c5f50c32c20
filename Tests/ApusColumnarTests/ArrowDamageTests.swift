// Damaged streams: whatever the bytes, the reader throws or gives a batch that holds, and never traps, hangs or grows without end.
//
// What comes out is gone through cell by cell, so that a column that breaks its promise would trap here.

import ApusBytes
import ApusColumnar
import ApusSystem
import ApusTestSupport
import Testing

@Suite struct ArrowDamageTests {
  /// Streams of all layouts, a few hundred bytes to a few kilobytes each.
  private static func samples() throws -> [[UInt8]] {
    var dice = SplitMix64(seed: 11)
    var samples: [[UInt8]] = []
    for types in [
      [ColumnType(.int32), ColumnType(.string)], [ColumnType(.string, .list), ColumnType(.bool)],
      [ColumnType(.float32, .vector(3)), ColumnType(.null)],
      [ColumnType(.date), ColumnType(.bytes, .vector(2))],
    ] {
      let schema = ArrowStreams.schema(types, metadata: [ColumnMetadata(key: "k", value: "v")])
      let batch = try ArrowStreams.batch(schema, rows: 20, nulls: 0.3, using: &dice)
      samples.append(try ArrowStreams.write(schema, [batch]))
      samples.append(try ArrowStreams.write(schema, [batch], compression: .fast))
    }
    // What only others write.
    return try samples + ArrowVectors.others.map { try ArrowVectors.bytes($0) }
  }

  /// True when the bytes were read as a stream to the end.
  @discardableResult
  private func survives(_ bytes: [UInt8]) -> Bool {
    do {
      var reader = try ArrowStreamReader(BytesSource(bytes), expandedBytesMax: 1 << 20)
      while let batch = try reader.next() {
        for column in batch.columns { look(at: column) }
      }
      return true
    } catch {
      return false
    }
  }

  private func look(at column: Column) {
    // Columns of no bytes may claim any number of rows.
    for row in 0..<min(column.count, 1000) where !column.isNull(row) {
      for element in column.elements(of: row).prefix(1000) {
        switch column.type.element {
        case .null: break
        case .bool: _ = column.bool(element)
        case .string:
          let isText = column.bytes(element).isUTF8
          #expect(isText)
        case .bytes: _ = column.bytes(element).byteCount
        case .float32, .float64: _ = column.float64(element)
        default: _ = column.int64(element)
        }
      }
    }
  }

  @Test("every bit flipped: an error, or columns that hold")
  func bits() throws {
    for sample in try Self.samples() {
      var bytes = sample
      for bit in 0..<(bytes.count * 8) {
        bytes[bit / 8] ^= 1 << UInt8(bit % 8)
        survives(bytes)
        bytes[bit / 8] = sample[bit / 8]
      }
    }
  }

  @Test("a hostile number at every place: an error, or columns that hold")
  func numbers() throws {
    let words: [UInt64] = [
      0, 1, 0x7fff_ffff, 0x8000_0000, 0x8000_0001, 0xffff_ffff, 0x1_0000_0000, 1 << 62, 1 << 63, .max,
      .max - 7,
    ]
    for sample in try Self.samples() {
      for place in stride(from: 0, to: sample.count - 8, by: 4) {
        for word in words {
          var wide = sample
          for byte in 0..<8 { wide[place + byte] = UInt8(truncatingIfNeeded: word >> UInt64(8 * byte)) }
          survives(wide)
          // The half of it, beside which the other number stays.
          for byte in 4..<8 { wide[place + byte] = sample[place + byte] }
          survives(wide)
        }
      }
    }
  }

  @Test("streams changed at random: an error, or columns that hold")
  func mutations() throws {
    let settings = SystemProcess.environment
    let seed = settings["APUS_COLUMNAR_SEED"].flatMap { UInt64($0) } ?? 1
    let count = settings["APUS_COLUMNAR_MUTATIONS"].flatMap { Int($0) } ?? 100_000
    var dice = SplitMix64(seed: seed)
    let samples = try Self.samples()
    var read = 0
    for _ in 0..<count {
      var bytes = dice.pick(samples)
      for _ in 0..<dice.within(1...4) {
        let place = dice.below(bytes.count)
        switch dice.below(6) {
        case 0: bytes[place] ^= 1 << UInt8(dice.below(8))
        case 1: bytes[place] = UInt8(truncatingIfNeeded: dice.next())
        case 2: bytes[place] = dice.pick([0, 1, 0x7f, 0x80, 0xff])
        case 3: bytes.removeSubrange(place..<min(bytes.count, place + 1 + dice.below(8)))
        case 4: bytes.insert(contentsOf: dice.bytes(1 + dice.below(8)), at: place)
        default:
          let from = dice.below(bytes.count)
          let length = min(1 + dice.below(16), bytes.count - max(from, place))
          bytes.replaceSubrange(place..<(place + length), with: Array(bytes[from..<(from + length)]))
        }
        if bytes.isEmpty { bytes = [0] }
      }
      if survives(bytes) { read += 1 }
    }
    // Mutations that nobody notices, and those that all are refused, would both attack nothing.
    #expect(read > count / 100 && read < count, "\(read) of \(count) were read, seed \(seed)")
  }
}
