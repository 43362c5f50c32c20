// Where a Parquet file's bytes are. Nothing is read that the file does not have, so no claim within it costs memory
// that its bytes do not back.

internal import ApusBytes
package import ApusSystem

package enum ParquetSource: Sendable {
  case file(any DiskFile)
  case memory([UInt8])

  package func size() throws(ColumnarError) -> UInt64 {
    switch self {
    case .memory(let bytes): return UInt64(bytes.count)
    case .file(let file):
      do throws(SystemError) { return try file.size() } catch { throw .system(error) }
    }
  }

  /// Bytes that must be there; `size` is the file's, as whoever opened it found it.
  func read(_ range: Range<UInt64>, of size: UInt64, at place: ColumnarPlace) throws(ColumnarError) -> [UInt8]
  {
    guard range.upperBound <= size, let count = Int(exactly: range.upperBound - range.lowerBound) else {
      throw .damaged("bytes \(range) are wanted of a file of \(size)", at: place)
    }
    if count == 0 { return [] }
    switch self {
    case .memory(let bytes):
      // The range ends within the array.
      let start = Int(truncatingIfNeeded: range.lowerBound)
      return Array(bytes[start..<(start + count)])
    case .file(let file):
      var bytes = [UInt8](repeating: 0, count: count)
      do throws(SystemError) {
        var elements = bytes.mutableSpan
        // Any bytes are valid bytes.
        var target = unsafe elements.mutableBytes
        let found = try file.readFully(into: &target, at: range.lowerBound)
        guard found == count else {
          throw SystemError("pread", .inputOutput, on: file.path)
        }
      } catch {
        throw .system(error)
      }
      return bytes
    }
  }
}
