// Answers come in the order of keys and go out in the order of the spine. The spine is cut into ranges of rows; what belongs to a range waits with it,
// in memory as long as there is room and else in a file without a name. Then a range at a time is put in order. So the order of arrival,
// the number of threads and the memory there is cannot be seen in what comes out.

import ApusBytes
package import ApusColumnar
import ApusSystem

/// How the spine is cut, and what its cells are.
struct SpoolRanges: Sendable {
  let rowCount: Int
  let rangeRows: Int
  /// The columns of each group.
  let schemas: [ColumnSchema]

  var count: Int { (rowCount + rangeRows - 1) / rangeRows }
  func rows(of range: Int) -> Range<Int> {
    (range * rangeRows)..<min(rowCount, (range + 1) * rangeRows)
  }

  /// The cells of some rows, in any order, range by range.
  func cut(_ group: Int, rows: [Int], _ columns: [Column]) throws(ExportError) -> [SpoolPart] {
    if count == 1 {
      return [SpoolPart(group, 0, rows.map { Int32(truncatingIfNeeded: $0) }, columns)]
    }
    var picks: [[ColumnPick]] = Array(repeating: [], count: count)
    for (place, row) in rows.enumerated() {
      picks[row / rangeRows].append(ColumnPick(0, Int32(truncatingIfNeeded: place)))
    }
    var parts: [SpoolPart] = []
    for (range, own) in picks.enumerated() where !own.isEmpty {
      var cut: [Column] = []
      for (column, field) in zip(columns, schemas[group].fields) {
        cut.append(try Self.gather(own.span, [column], field))
      }
      let places = own.map { Int32(truncatingIfNeeded: rows[Int($0.row)] - range * rangeRows) }
      parts.append(SpoolPart(group, range, places, cut))
    }
    return parts
  }

  static func gather(
    _ picks: Span<ColumnPick>, _ columns: [Column], _ field: ColumnField
  ) throws(ExportError) -> Column {
    var builder = ColumnBuilder(field.type, named: field.name, capacity: picks.count)
    do throws(ColumnarError) {
      try builder.append(picks, of: columns)
      return try builder.finish()
    } catch {
      throw .columns(error)
    }
  }
}

/// Some rows of a range, for one group of columns.
struct SpoolPart: Sendable {
  let group: Int
  let range: Int
  /// Places in the range.
  let rows: [Int32]
  let columns: [Column]
  let byteCount: Int

  init(_ group: Int, _ range: Int, _ rows: [Int32], _ columns: [Column]) {
    self.group = group
    self.range = range
    self.rows = rows
    self.columns = columns
    byteCount = columns.reduce(rows.count * 4) { $0 + $1.byteCount }
  }
}

/// Used by one thread at a time: whoever holds the lock of its owner.
struct CellSpool: Sendable {
  /// A part in the file.
  private struct Extent: Sendable {
    var offset: UInt64
    var byteCount: Int
    var crc: UInt32
    var rows: [Int32]
  }

  let ranges: SpoolRanges
  private let memory: Int
  private let scratch: ScratchFiles
  private var file: (any DiskFile)?
  private var fileEnd: UInt64 = 0
  /// By range and group.
  private var held: [[SpoolPart]]
  private var spilled: [[Extent]]
  private var heldByteCount = 0

  init(_ ranges: SpoolRanges, memory: Int, _ scratch: ScratchFiles) {
    self.ranges = ranges
    self.memory = memory
    self.scratch = scratch
    held = Array(repeating: [], count: ranges.count * ranges.schemas.count)
    spilled = Array(repeating: [], count: ranges.count * ranges.schemas.count)
  }

  var spilledByteCount: UInt64 { fileEnd }

  mutating func keep(_ parts: [SpoolPart]) throws(ExportError) {
    for part in parts {
      held[part.range * ranges.schemas.count + part.group].append(part)
      heldByteCount += part.byteCount
    }
    if heldByteCount > memory { try spill() }
  }

  // MARK: The file

  private mutating func spill() throws(ExportError) {
    do throws(SystemError) {
      if file == nil { file = try scratch.make() }
    } catch {
      throw .system(error)
    }
    guard let file else { return }
    for place in held.indices {
      for part in held[place] {
        let schema = ranges.schemas[place % ranges.schemas.count]
        let sink = MemorySink()
        do throws(ColumnarError) {
          let batch = try ColumnBatch(schema, part.columns, rowCount: part.rows.count)
          var stream = try ArrowStreamWriter(schema, to: sink)
          try stream.write(batch)
          try stream.finish()
        } catch {
          throw .columns(error)
        }
        let bytes = sink.copied()
        do throws(SystemError) { try file.writeAll(unsafe bytes.span.bytes, at: fileEnd) } catch {
          throw .system(error)
        }
        spilled[place].append(
          Extent(
            offset: fileEnd, byteCount: bytes.count, crc: CRC32C.checksum(unsafe bytes.span.bytes),
            rows: part.rows))
        fileEnd += UInt64(bytes.count)
      }
      held[place] = []
    }
    heldByteCount = 0
  }

  private func read(_ extent: Extent) throws(ExportError) -> [Column] {
    guard let file else { return [] }
    var bytes = [UInt8](repeating: 0, count: extent.byteCount)
    do throws(SystemError) {
      var span = bytes.mutableSpan
      var raw = unsafe span.mutableBytes
      let count = try file.readFully(into: &raw, at: extent.offset)
      guard count == extent.byteCount else { throw SystemError("pread", .inputOutput, on: scratch.folder) }
    } catch {
      throw .system(error)
    }
    guard CRC32C.checksum(unsafe bytes.span.bytes) == extent.crc else {
      throw .scratchDamaged(scratch.folder)
    }
    do throws(ColumnarError) {
      var stream = try ArrowStreamReader(HeldBytes(bytes, named: scratch.folder))
      return try stream.next()?.columns ?? []
    } catch {
      throw .columns(error)
    }
  }

  // MARK: In order

  /// The columns of a group for a range of rows, in the order of the spine. What was put is let go of.
  mutating func take(_ range: Int, _ group: Int, _ crew: Crew = .alone) throws(ExportError) -> [Column] {
    let place = range * ranges.schemas.count + group
    var parts = held[place]
    held[place] = []
    heldByteCount -= parts.reduce(0) { $0 + $1.byteCount }
    for extent in spilled[place] {
      parts.append(SpoolPart(group, range, extent.rows, try read(extent)))
    }
    spilled[place] = []
    var picks = [ColumnPick](repeating: .null, count: ranges.rows(of: range).count)
    var next: Int32 = 0
    for part in parts {
      for row in part.rows {
        picks[Int(row)] = ColumnPick(0, next)
        next += 1
      }
    }
    let (fields, own, places) = (ranges.schemas[group].fields, parts, picks)
    return try crew.map(fields.count) { (index) throws(ExportError) in
      let field = fields[index]
      let all: Column
      if own.count == 1 {
        all = own[0].columns[index]
      } else {
        var builder = ColumnBuilder(field.type, named: field.name, capacity: places.count)
        do throws(ColumnarError) {
          for part in own { try builder.append(all: part.columns[index]) }
          all = try builder.finish()
        } catch {
          throw .columns(error)
        }
      }
      return try SpoolRanges.gather(places.span, [all], field)
    }
  }
}

extension Column {
  /// What it takes in memory.
  package var byteCount: Int {
    values.count + validity.count + 4 * (valueOffsets.count + listOffsets.count)
  }
}

/// Bytes as a source. Used by one thread.
final class HeldBytes: ByteSource {
  let name: String
  private let bytes: [UInt8]
  private var at = 0

  init(_ bytes: [UInt8], named name: String) {
    self.bytes = bytes
    self.name = name
  }

  func read(into buffer: inout MutableRawSpan) throws(SystemError) -> Int {
    let count = min(buffer.byteCount, bytes.count - at)
    let held = bytes
    for index in 0..<count { buffer.storeBytes(of: held[at + index], toByteOffset: index, as: UInt8.self) }
    at += count
    return count
  }
}
