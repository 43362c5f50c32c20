// A spine that is a file of columns. Every column of it goes into the set, so one that cannot be read refuses the spine.

import ApusColumnar
package import ApusSystem

/// A Parquet file.
package final class ParquetSpine: SpineSource {
  package let name: String
  package var isText: Bool { false }
  private let disk: any Disk

  package init(_ path: String, on disk: any Disk) {
    name = path
    self.disk = disk
  }

  package func open() throws(ExportError) -> any SpineReading {
    let file: any DiskFile
    do throws(SystemError) { file = try disk.open(name, .read) } catch { throw .system(error) }
    do throws(ColumnarError) { return Reading(try ParquetReader(.file(file))) } catch {
      throw .columns(error)
    }
  }

  private final class Reading: SpineReading {
    private let reader: ParquetReader
    private var group = 0
    private var row = 0

    init(_ reader: ParquetReader) { self.reader = reader }

    var schema: ColumnSchema { reader.schema }

    func next() throws(ExportError) -> ColumnBatch? {
      if let refused = reader.refused.first {
        throw .columns(
          .unsupported(refused.reason, advice: refused.advice, at: ColumnarPlace(column: refused.column)))
      }
      while group < reader.rowGroupCount {
        let count = reader.rowCount(ofRowGroup: group)
        if row >= count {
          group += 1
          row = 0
          continue
        }
        // A row group may have many millions of rows; where it says where its pages are, it is read in pieces.
        let isCut = count > Self.rowsMax && reader.hasPageIndex(rowGroup: group)
        let rows = row..<(isCut ? min(count, row + Self.rowsMax) : count)
        row = rows.upperBound
        do throws(ColumnarError) { return try reader.read(rowGroup: group, rows: rows) } catch {
          throw .columns(error)
        }
      }
      return nil
    }

    private static let rowsMax = 1 << 18
  }
}

/// An Arrow stream in a file.
package final class ArrowSpine: SpineSource {
  package let name: String
  package var isText: Bool { false }

  package init(_ path: String) { name = path }

  package func open() throws(ExportError) -> any SpineReading {
    let stream: InputStream
    do throws(SystemError) { stream = try InputStream(path: name) } catch { throw .system(error) }
    return try ArrowReading(stream)
  }
}
