// Space is reserved by writing where a file system cannot reserve it otherwise.

extension RealFile {
  private static let zeroesLength = 256 * 1024

  /// Appends zeroes up to `size`. Does nothing when the file is as long already.
  ///
  /// A full disk leaves the file longer than it was, with zeroes: nobody's bytes.
  package func fillWithZeroes(to size: UInt64) throws(SystemError) {
    let zeroes = [UInt8](repeating: 0, count: Self.zeroesLength)
    var end = try self.size()
    while end < size {
      let count = min(size - end, UInt64(Self.zeroesLength))
      try unsafe writeAll(zeroes.span.bytes.extracting(first: Int(count)), at: end)
      end += count
    }
  }
}
