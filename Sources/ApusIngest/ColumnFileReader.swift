// Rows of a file of columns, Parquet or an Arrow stream, in the file's order. A column that the file does not have is absent, a
// null is null, and whether the columns can be what they are wanted for is decided by their types, before any row.
//
// Memory is one batch: the wanted columns of one row group, or of as many rows of it as the pages let be read alone.

import ApusBytes
import ApusColumnar
import ApusContracts
import ApusSystem

struct ColumnFileReader: RowReader, ~Copyable {
  /// Rows that are asked of a row group at once, where its pages have an index.
  static let windowRowsMax = 65_536
  static let sumByteCount = 1_048_576
  /// Large blocks, because nobody waits for a row of a file: what a frame costs beside its rows then hardly counts.
  static let blockRowsMax = 16_384

  let name: String
  private(set) var position: UInt64 = 0
  private(set) var checksum: UInt32 = 0
  private(set) var byteCount: UInt64 = 0
  /// Asked for before the first row, by the columns' types.
  var wantedUnit: (column: String, value: String)? { nil }
  static var counts: LoadOffset.Counts { .rows }

  private let batches: Batches
  private let plan: ColumnPlan
  /// The wanted columns, in the file's order, and what each is for.
  private let wanted: [WantedColumn]
  private var cells: ColumnCells
  private var parts: RowParts
  private var window: ColumnWindow
  private var batch: [Column] = []
  private var rowsOfBatch = 0
  private var group = 0
  /// In the batch.
  private var row = 0
  /// About what a row takes.
  private var rowByteCount: UInt64 = 1

  var columns: [String] { plan.features.map(\.name) }
  var assumedUTC: Int { cells.times.assumedUTC }
  /// Rows are counted from 1, as lines are.
  var line: Int { Int(clamping: position) + 1 }

  /// `isSummed` says whether the file shall be known again.
  init(
    _ file: any DiskFile, _ name: String, _ target: LoadTarget, _ options: LoadOptions, isSummed: Bool
  ) throws(ReadError) {
    let source = ParquetSource.file(file)
    let reader: ParquetReader
    do throws(ColumnarError) { reader = try ParquetReader(source) } catch { throw ReadError(error) }
    let chosen = try Chosen(reader.schema.fields, reader.refused, target, options)
    var sum: UInt32 = 0
    if isSummed {
      do throws(SystemError) { sum = try Self.sum(of: file) } catch { throw .system(error) }
    }
    // Nothing is thrown from here on.
    self.name = name
    checksum = sum
    plan = chosen.plan
    wanted = chosen.wanted
    cells = ColumnCells(TimeReader(zone: options.zone, unit: options.timeUnit))
    parts = RowParts(chosen.plan)
    window = ColumnWindow(
      chosen.wanted, inputs: chosen.plan.features.count, parts: chosen.plan.keyTypes.count)
    batches = .parquet(ParquetBatches(reader, columns: chosen.wanted.map(\.name)))
  }

  init(stream input: consuming Input, _ target: LoadTarget, _ options: LoadOptions) throws(ReadError) {
    let source = InputSource(input)
    var reader: ArrowStreamReader
    do throws(ColumnarError) { reader = try ArrowStreamReader(source, leavesOut: true) } catch {
      throw ReadError(error)
    }
    let chosen = try Chosen(reader.schema.fields, reader.refused, target, options)
    reader.narrow(to: Set(chosen.wanted.map(\.name)))
    name = source.name
    plan = chosen.plan
    wanted = chosen.wanted
    cells = ColumnCells(TimeReader(zone: options.zone, unit: options.timeUnit))
    parts = RowParts(chosen.plan)
    window = ColumnWindow(
      chosen.wanted, inputs: chosen.plan.features.count, parts: chosen.plan.keyTypes.count)
    checksum = source.input.checksum
    batches = .arrow(ArrowBatches(reader, source))
  }

  /// Of all of the file's bytes.
  private static func sum(of file: any DiskFile) throws(SystemError) -> UInt32 {
    var bytes = [UInt8](repeating: 0, count: sumByteCount)
    var sum: UInt32 = 0
    var at: UInt64 = 0
    while true {
      var elements = bytes.mutableSpan
      var memory = unsafe elements.mutableBytes
      let count = try file.readFully(into: &memory, at: at)
      if count == 0 { return sum }
      sum = CRC32C.extend(sum, unsafe bytes.span.bytes.extracting(..<count))
      at += UInt64(count)
    }
  }

  // MARK: Rows

  mutating func next() throws(ReadError) -> FileItem {
    while row == rowsOfBatch {
      guard try load() else { return .end }
    }
    let at = row
    row += 1
    position += 1
    byteCount += rowByteCount
    let line = Int(clamping: position)
    if !window.rows.contains(at) {
      window.fill(at..<min(at + ColumnWindow.rowsMax, rowsOfBatch), of: batch, wanted, &cells)
    }
    if let row = window.row(at, line: line, group: group) { return .row(row) }
    parts.clear()
    // Its times were counted when the window was filled.
    var cells = cells
    cells.clear()
    for (column, wanted) in zip(batch, wanted) { Self.fill(&parts, &cells, column, wanted, at) }
    return .row(parts.finished(line: line, group: group, hasMisfit: cells.hasMisfit))
  }

  private static func fill(
    _ parts: inout RowParts, _ cells: inout ColumnCells, _ column: Column, _ wanted: WantedColumn, _ row: Int
  ) {
    let use = wanted.use
    if column.isNull(row) {
      if let input = use.input { parts.set(input: input, .null) }
      return
    }
    if let input = use.input { parts.set(input: input, .value(cells.value(column, row, wanted.featureWay))) }
    if let part = use.part { parts.set(part: part, cells.value(column, row, wanted.keyWay)) }
    if use.isEventTime || use.isCreatedAt || use.isKnownAt {
      parts.set(use, wanted.name, cells.moment(column, row)) { ColumnCells.plain(column, row) }
    }
  }

  /// The next batch that has rows; false at the end.
  private mutating func load() throws(ReadError) -> Bool {
    let found: LoadedBatch?
    do throws(ColumnarError) { found = try batches.next() } catch { throw ReadError(error) }
    guard let found else { return false }
    batch = found.columns
    rowsOfBatch = found.rowCount
    group = found.group
    row = 0
    window.clear()
    if let sum = found.checksum { checksum = sum }
    let size = batch.reduce(0) { $0 + $1.values.count + 1 }
    rowByteCount = UInt64(max(1, size / max(1, rowsOfBatch)))
    return true
  }

  mutating func pass(to offset: LoadOffset) throws(ReadError) -> Int? {
    var left = offset.position
    if case .parquet(let found) = batches {
      // The sum is of the whole file, so that its rows are those that were counted.
      guard offset.checksum == checksum, let row = Int(exactly: left), row <= found.reader.rowCount else {
        throw .refused(.changedSource(name))
      }
      found.begin(at: row)
      position = offset.position
      return row
    }
    while left > 0 {
      if row == rowsOfBatch {
        guard try load() else { throw .refused(.changedSource(name)) }
      }
      let count = min(left, UInt64(rowsOfBatch - row))
      row += Int(truncatingIfNeeded: count)
      left -= count
    }
    guard checksum == offset.checksum else { throw .refused(.changedSource(name)) }
    position = offset.position
    return Int(clamping: position)
  }
}

extension ReadError {
  init(_ error: ColumnarError) {
    if case .system(let error) = error {
      self = .system(error)
    } else {
      self = .refused(.columnar("\(error)"))
    }
  }
}
