/// An open file. Reads and writes name their offset; there is no cursor to lose.
///
/// Closed when the last reference goes, or earlier by `close`, after which no other method may be called.
package protocol DiskFile: AnyObject, Sendable {
  var path: String { get }

  /// Reads up to as many bytes as `buffer` holds; 0 means the end of the file. May be short.
  func read(into buffer: inout MutableRawSpan, at offset: UInt64) throws(SystemError) -> Int

  /// Writes bytes from `bytes`; returns how many, which may be fewer than all.
  func write(_ bytes: RawSpan, at offset: UInt64) throws(SystemError) -> Int

  /// `fdatasync`: bytes written before, and the size, survive a power cut when this returns.
  func syncData() throws(SystemError)

  /// `fsync`: as `syncData`, with all other metadata.
  func syncAll() throws(SystemError)

  func size() throws(SystemError) -> UInt64

  /// Makes the file at least `size` bytes long, new bytes zero, with their space reserved.
  func allocate(_ size: UInt64) throws(SystemError)

  /// Cuts the file to `size` bytes.
  func truncate(_ size: UInt64) throws(SystemError)

  /// Asks the kernel to forget its clean cached pages of this file, so that the next read is the disk's word.
  func dropCache() throws(SystemError)

  func close()
}

extension DiskFile {
  /// Writes all of `bytes`, going on after short writes.
  ///
  /// A write that makes no progress at all is reported as a full disk: that is what the kernel
  /// means when it accepts nothing and names no error.
  package func writeAll(_ bytes: RawSpan, at offset: UInt64) throws(SystemError) {
    var done = 0
    while done < bytes.byteCount {
      let count = try write(bytes.extracting(done...), at: offset + UInt64(done))
      guard count > 0 else { throw SystemError("pwrite", .noSpace, on: path) }
      done += count
    }
  }

  /// Fills `buffer` from `offset` as far as the file goes; returns how many bytes were there.
  package func readFully(
    into buffer: inout MutableRawSpan, at offset: UInt64
  ) throws(SystemError) -> Int {
    var done = 0
    while done < buffer.byteCount {
      var rest = buffer._mutatingExtracting(done...)
      let count = try read(into: &rest, at: offset + UInt64(done))
      if count == 0 { break }
      done += count
    }
    return done
  }
}
