// Damaged and hostile files: whatever the bytes, the reader throws or gives columns that hold, and never traps, hangs or holds more
// than its limits allow. What comes out is gone through cell by cell, so that a column that breaks its promise would trap here.

import ApusBytes
import ApusColumnar
import ApusSystem
import ApusTestSupport
import Testing

@Suite("Damaged Parquet files") struct ParquetDamageTests {
  /// Small, so that a hostile file can ask for more than they allow in a few bytes.
  private static let limits: ParquetLimits = {
    var limits = ParquetLimits()
    limits.footerBytesMax = 1 << 20
    limits.pageBytesMax = 1 << 20
    limits.pageValuesMax = 1 << 16
    limits.chunkBytesMax = 1 << 20
    limits.columnBytesMax = 1 << 20
    return limits
  }()

  /// How many columns could be read in all.
  @discardableResult
  private func survives(_ bytes: [UInt8], _ limits: ParquetLimits = Self.limits) -> Int {
    var held = 0
    guard let reader = try? ParquetReader(.memory(bytes), limits: limits) else { return 0 }
    for group in 0..<min(reader.rowGroupCount, 8) {
      for field in reader.schema.fields.prefix(32) {
        guard let batch = try? reader.read(rowGroup: group, columns: [field.name]) else { continue }
        held += 1
        look(at: batch.columns[0])
        let rows = batch.rowCount / 3..<batch.rowCount / 2
        if let part = try? reader.read(rowGroup: group, columns: [field.name], rows: rows) {
          look(at: part.columns[0])
        }
        let range = ParquetRange.integers(1000...5000)
        _ = try? reader.rows(inRowGroup: group, where: [ParquetPredicate(field.name, in: range)])
      }
    }
    return held
  }

  private func look(at column: Column) {
    for row in 0..<min(column.count, 500) where !column.isNull(row) {
      for element in column.elements(of: row).prefix(100) {
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

  @Test("the samples are whole", arguments: ParquetSamples.files.map(\.name))
  func whole(name: String) throws {
    let bytes = try #require(ParquetSamples.files.first { $0.name == name }?.bytes)
    let reader = try ParquetReader(.memory(bytes))
    #expect(survives(bytes) == reader.rowGroupCount * reader.schema.fields.count)
  }

  @Test("a file cut after any byte is refused")
  func cut() {
    for (name, bytes) in ParquetSamples.files {
      for end in 0..<bytes.count {
        #expect(throws: ColumnarError.self, "\(name) at \(end)") {
          _ = try ParquetReader(.memory(Array(bytes[..<end])), limits: Self.limits)
        }
      }
    }
  }

  @Test("every byte of a file, set to what is most hostile there, does no harm")
  func everyByte() {
    for (_, bytes) in ParquetSamples.files {
      for at in bytes.indices {
        for value in [0, 1, 0x7f, 0x80, 0xfe, 0xff, bytes[at] ^ 1, bytes[at] ^ 0x40] as [UInt8]
        where value != bytes[at] {
          var damaged = bytes
          damaged[at] = value
          survives(damaged)
        }
      }
    }
  }

  @Test("a flipped bit in a page that has a checksum is found before the values are used")
  func checksums() throws {
    let bytes = ParquetSamples.files[0].bytes
    let reader = try ParquetReader(.memory(bytes))
    let whole = try (0..<reader.rowGroupCount).map { group throws(ColumnarError) in
      try reader.read(rowGroup: group)
    }
    let footer = reader.footer
    let end =
      footer.rowGroups.flatMap(\.columns).compactMap(\.metadata)
      .map {
        Int(min($0.dictionaryPageOffset ?? $0.dataPageOffset, $0.dataPageOffset) + $0.compressedByteCount)
      }
      .max() ?? 0
    #expect(end > 100)
    for at in 4..<end {
      for bit in 0..<8 {
        var damaged = bytes
        damaged[at] ^= 1 << UInt8(bit)
        let damagedReader = try ParquetReader(.memory(damaged))
        var found: [ColumnBatch] = []
        do {
          for group in 0..<damagedReader.rowGroupCount {
            found.append(try damagedReader.read(rowGroup: group))
          }
        } catch { continue }
        // A header's field that nobody needs, such as a statistic, may change: no value may.
        #expect(found == whole, "byte \(at), bit \(bit)")
      }
    }
  }

  @Test("a hundred thousand mutations do no harm", arguments: [1, 2, 3, 4] as [UInt64])
  func mutations(seed: UInt64) {
    var dice = SplitMix64(seed: seed)
    let hostile: [[UInt8]] = [
      [0xff, 0xff, 0xff, 0xff, 0x0f], [0x80, 0x80, 0x80, 0x80, 0x08], [0xff, 0xff, 0xff, 0x7f],
      [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01], [0xfe, 0xff, 0xff, 0xff, 0x0f],
      [0, 0, 0, 0x80],
      [0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01], [0xff, 0xff, 0xff, 0xff], [0],
    ]
    var held = 0
    for _ in 0..<25_000 {
      var bytes = dice.pick(ParquetSamples.files.map(\.bytes))
      for _ in 0...dice.below(3) {
        let at = dice.below(bytes.count)
        switch dice.below(5) {
        case 0: bytes[at] = UInt8(truncatingIfNeeded: dice.next())
        case 1: bytes[at] ^= 1 << UInt8(dice.below(8))
        case 2:
          for (index, byte) in dice.pick(hostile).enumerated() where at + index < bytes.count {
            bytes[at + index] = byte
          }
        case 3:
          let from = dice.below(bytes.count)
          for index in 0..<min(dice.below(16), bytes.count - max(at, from)) {
            bytes[at + index] = bytes[from + index]
          }
        default: bytes.insert(contentsOf: dice.pick(hostile), at: at)
        }
      }
      held += survives(bytes)
    }
    #expect(held > 0, "seed \(seed)")
  }
}
