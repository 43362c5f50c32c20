// Reads of history's files: all the bytes that were asked for, or damage.

import ApusBytes
import ApusSystem

extension DiskFile {
  /// Exactly so many bytes from an offset on. What is asked for must have been compared with the file's size: it is allocated.
  func block(_ byteCount: Int, at offset: UInt64, path: String) throws(HistoryError) -> ByteBlock {
    var block = ByteBlock(byteCount: byteCount)
    var bytes = block.mutableBytes
    let found: Int
    do throws(SystemError) { found = try readFully(into: &bytes, at: offset) } catch { throw .system(error) }
    guard found == byteCount else {
      // Both are sizes inside of a file.
      throw .damaged(path: path, at: offset &+ UInt64(found), "the file ends before its time")
    }
    return block
  }

  func checkedSize() throws(HistoryError) -> UInt64 {
    do throws(SystemError) { return try size() } catch { throw .system(error) }
  }

  func forgetCache() throws(HistoryError) {
    do throws(SystemError) { try dropCache() } catch { throw .system(error) }
  }

  /// The digest of bytes of the file, read in pieces.
  func digest(of range: Range<UInt64>, path: String) throws(HistoryError) -> SHA256.Digest {
    var sha = SHA256()
    var at = range.lowerBound
    while at < range.upperBound {
      let count = Int(clamping: min(range.upperBound &- at, 262_144))
      let block = try block(count, at: at, path: path)
      sha.update(block.bytes)
      at &+= UInt64(count)
    }
    return sha.digest
  }
}
