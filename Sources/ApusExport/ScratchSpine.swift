// A spine that came over a wire: an Arrow stream in a file without a name. It is read from its beginning as often as needed.

import ApusColumnar
package import ApusSystem

package final class ScratchSpine: SpineSource {
  package var name: String { "the spine" }
  package let isText: Bool
  private let file: any DiskFile
  private let byteCount: UInt64
  private let batchByteCountMax: Int

  /// A batch that is longer is refused, since one is held at a time.
  package init(_ file: any DiskFile, byteCount: UInt64, isText: Bool, batchByteCountMax: Int) {
    self.file = file
    self.byteCount = byteCount
    self.isText = isText
    self.batchByteCountMax = batchByteCountMax
  }

  package func open() throws(ExportError) -> any SpineReading {
    try ArrowReading(FileBytes(file, byteCount), batchByteCountMax: batchByteCountMax)
  }

  private final class FileBytes: ByteSource {
    let name = "the spine"
    private let file: any DiskFile
    private let end: UInt64
    private var at: UInt64 = 0

    init(_ file: any DiskFile, _ end: UInt64) {
      self.file = file
      self.end = end
    }

    func read(into buffer: inout MutableRawSpan) throws(SystemError) -> Int {
      let left = Int(clamping: end - at)
      guard left > 0 else { return 0 }
      var room = buffer._mutatingExtracting(..<min(buffer.byteCount, left))
      let count = try file.read(into: &room, at: at)
      at += UInt64(count)
      return count
    }
  }
}

/// One reading of an Arrow stream from anywhere.
final class ArrowReading: SpineReading {
  private var stream: ArrowStreamReader
  let schema: ColumnSchema

  init(_ source: any ByteSource, batchByteCountMax: Int? = nil) throws(ExportError) {
    let reader: ArrowStreamReader
    do throws(ColumnarError) {
      if let most = batchByteCountMax {
        reader = try ArrowStreamReader(source, expandedBytesMax: most, batchBytesMax: most)
      } else {
        reader = try ArrowStreamReader(source)
      }
    } catch {
      throw .columns(error)
    }
    schema = reader.schema
    stream = reader
  }

  func next() throws(ExportError) -> ColumnBatch? {
    do throws(ColumnarError) { return try stream.next() } catch { throw .columns(error) }
  }
}
