// The batches of a file of columns, one after the other, and where each stands. An Arrow stream is read once and summed as it is
// read; of a Parquet file any row can be the first.

import ApusColumnar
import ApusSystem

/// Some rows of the wanted columns, at least one.
struct LoadedBatch {
  var columns: [Column]
  var rowCount: Int
  /// The row group or batch, counted from 0.
  var group: Int
  /// Of a stream, the CRC-32C of its bytes up to the end of this batch.
  var checksum: UInt32?
}

enum Batches {
  case parquet(ParquetBatches)
  case arrow(ArrowBatches)

  func next() throws(ColumnarError) -> LoadedBatch? {
    switch self {
    case .parquet(let batches): try batches.next()
    case .arrow(let batches): try batches.next()
    }
  }
}

final class ParquetBatches {
  let reader: ParquetReader
  private let columns: [String]
  private var group = 0
  /// In the row group.
  private var row = 0

  init(_ reader: ParquetReader, columns: [String]) {
    self.reader = reader
    self.columns = columns
  }

  /// Goes to a row that the file has, or behind the last.
  func begin(at wanted: Int) {
    group = 0
    row = wanted
    while group < reader.rowGroupCount, row >= reader.rowCount(ofRowGroup: group) {
      row -= reader.rowCount(ofRowGroup: group)
      group += 1
    }
  }

  func next() throws(ColumnarError) -> LoadedBatch? {
    while group < reader.rowGroupCount {
      let count = reader.rowCount(ofRowGroup: group)
      guard row < count else {
        group += 1
        row = 0
        continue
      }
      let step = reader.hasPageIndex(rowGroup: group) ? ColumnFileReader.windowRowsMax : count
      let rows = row..<min(count, row + step)
      let batch = try reader.read(rowGroup: group, columns: columns, rows: rows)
      row = rows.upperBound
      return LoadedBatch(columns: batch.columns, rowCount: rows.count, group: group)
    }
    return nil
  }
}

final class ArrowBatches {
  private var reader: ArrowStreamReader
  private let source: InputSource
  private var group = -1

  init(_ reader: consuming ArrowStreamReader, _ source: InputSource) {
    self.reader = reader
    self.source = source
  }

  func next() throws(ColumnarError) -> LoadedBatch? {
    while let batch = try reader.next() {
      group += 1
      // What stands behind the last row says nothing of it.
      if batch.rowCount == 0 { continue }
      return LoadedBatch(
        columns: batch.columns, rowCount: batch.rowCount, group: group,
        checksum: source.input.checksum)
    }
    return nil
  }
}

/// An input as a source: what is taken of it is consumed, and nothing else.
final class InputSource: ByteSource {
  private(set) var input: Input
  var name: String { input.name }

  init(_ input: consuming Input) { self.input = input }

  func read(into buffer: inout MutableRawSpan) throws(SystemError) -> Int {
    if input.count == 0, try !input.fill() { return 0 }
    return input.take(into: &buffer)
  }
}
